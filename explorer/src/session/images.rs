//! Where the modules of a trace are, or were, mapped.

use crate::symbols::{DebugSearch, Layout, ModuleAddr, ModuleSymbols};
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::space::{AddressSpace, Base, Mapping, MappingChange, PROT_EXEC};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A mapped part of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// First address.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Index of the module.
    pub module: u32,
    /// Run-time minus module addresses.
    pub bias: u64,
    /// Whether it was executable: others are data, though a file of code may be in them.
    pub code: bool,
}

/// The symbols of all modules, each read when first needed, and their images.
pub struct Images {
    paths: Vec<(u32, String)>,
    symbols: Vec<OnceLock<Option<ModuleSymbols>>>,
    search: DebugSearch,
    known: Mutex<Known>,
    /// Where the kernel mapped the program's interpreter; 0 if it has none.
    interpreter: u64,
    /// Set when those of the first and the last state are known.
    usual: OnceLock<()>,
    /// The program's own, once it was looked for.
    program: OnceLock<Option<Image>>,
}

/// Where the program is entered, in its auxiliary vector (getauxval(3)).
const AT_ENTRY: u64 = 9;

#[derive(Default)]
struct Known {
    images: Vec<Image>,
    /// Whether all mappings of the history are in.
    complete: bool,
}

impl Images {
    /// None yet: reading a module's file takes time, so each is found when it
    /// is asked for.
    pub fn new(timeline: &Timeline, search: DebugSearch) -> Self {
        let paths: Vec<_> = timeline.modules().iter().map(|m| (m.index, m.path.clone())).collect();
        let symbols = paths.iter().map(|_| OnceLock::new()).collect();
        const AT_BASE: u64 = 7;
        let interpreter = auxiliary(&timeline.header().start.auxv, AT_BASE).unwrap_or(0);
        Self {
            paths,
            symbols,
            search,
            known: Mutex::default(),
            usual: OnceLock::new(),
            interpreter,
            program: OnceLock::new(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change leaves it consistent, so a panic elsewhere does no harm.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds those mapped at the first and the last state.
    fn find_usual(&self, timeline: &Timeline) {
        // Who comes while they are looked for waits.
        self.usual.get_or_init(|| {
            for state in [0, timeline.end()] {
                if let Ok(space) = timeline.shared_space(state) {
                    self.add_space(timeline, &space);
                }
            }
        });
    }

    /// The symbols of module `index`; `None` if its file cannot be had.
    pub fn symbols(&self, timeline: &Timeline, index: u32) -> Option<&ModuleSymbols> {
        let place = self.paths.iter().position(|(module, _)| *module == index)?;
        let path = &self.paths.get(place)?.1;
        let parse = || {
            let bytes = timeline.module_bytes(index).ok()?;
            Some(ModuleSymbols::parse(path, bytes, &self.search))
        };
        self.symbols.get(place)?.get_or_init(parse).as_ref()
    }

    /// Path of module `index`.
    pub fn path(&self, index: u32) -> Option<&str> {
        self.paths.iter().find(|(module, _)| *module == index).map(|(_, path)| path.as_str())
    }

    /// Indexes of all modules.
    pub fn modules(&self) -> impl Iterator<Item = u32> {
        self.paths.iter().map(|(index, _)| *index)
    }

    /// The image that holds `address` at `state`: bytes of its file, or the memory behind them
    /// that its segment has more than the file.
    pub fn at(&self, timeline: &Timeline, state: u64, address: u64) -> Option<Image> {
        let space = timeline.shared_space(state).ok()?;
        let mapping = space.find(address)?;
        match mapping.base {
            Base::Module(_) => self.of_mapping(timeline, mapping, &space),
            // inode 0: of no file.
            _ if mapping.inode == 0 => self.before(timeline, mapping, address, &space),
            _ => None,
        }
    }

    /// The image of a mapping of `space`.
    fn of_mapping(
        &self,
        timeline: &Timeline,
        mapping: &Mapping,
        space: &AddressSpace,
    ) -> Option<Image> {
        let Base::Module(module) = mapping.base else { return None };
        let known = |images: &Images| images.find(module, mapping.start, mapping.end);
        known(self).or_else(|| {
            self.add(timeline, mapping, Some(space));
            known(self)
        })
    }

    /// The image of the module that an `address` of anonymous memory belongs to: the loader
    /// maps what a segment has in memory and not in the file behind the file's last page (ELF
    /// gABI, "Program Header": `p_memsz`).
    fn before(
        &self,
        timeline: &Timeline,
        anonymous: &Mapping,
        address: u64,
        space: &AddressSpace,
    ) -> Option<Image> {
        let is_file = |mapping: &&Mapping| matches!(mapping.base, Base::Module(_));
        let mapping = space.up_to(address).find(is_file)?;
        let image = self.of_mapping(timeline, mapping, space)?;
        let layout = self.symbols(timeline, image.module)?.layout();
        let of = |address| ModuleAddr::of_runtime(address, image.bias);
        let code = anonymous.protection & PROT_EXEC != 0;
        let (start, end) = (anonymous.start, anonymous.end);
        layout.is_behind_file(of(address), of(mapping.end)).then_some(Image {
            start,
            end,
            code,
            ..image
        })
    }

    /// Whether an image is of the dynamic linker: AT_BASE is its load bias.
    pub fn is_linker(&self, image: Image) -> bool {
        self.is_linkers(image.bias)
    }

    /// Whether a load bias is the dynamic linker's.
    pub fn is_linkers(&self, bias: u64) -> bool {
        self.interpreter != 0 && bias == self.interpreter
    }

    /// Whether an image is of the program itself.
    pub fn is_program(&self, timeline: &Timeline, image: Image) -> bool {
        let program = self.program(timeline);
        program.is_some_and(|own| (own.module, own.bias) == (image.module, image.bias))
    }

    /// Whether these are the symbols of the program itself.
    pub fn are_of_program(&self, timeline: &Timeline, symbols: &ModuleSymbols) -> bool {
        let program = self.program(timeline);
        let own = program.and_then(|own| self.symbols(timeline, own.module));
        own.is_some_and(|own| std::ptr::eq(own, symbols))
    }

    /// The variables of another module than the program that the program has copies of, with
    /// the program's bias; `None` if there are none.
    pub fn copies(
        &self,
        timeline: &Timeline,
        symbols: &ModuleSymbols,
    ) -> Option<(&BTreeMap<String, ModuleAddr>, u64)> {
        let program = self.program(timeline)?;
        let own = self.symbols(timeline, program.module)?;
        let is_other = !std::ptr::eq(own, symbols) && !own.copies().is_empty();
        is_other.then(|| (own.copies(), program.bias))
    }

    /// The image that the program is entered in.
    fn program(&self, timeline: &Timeline) -> Option<Image> {
        *self.program.get_or_init(|| {
            let entry = auxiliary(&timeline.header().start.auxv, AT_ENTRY)?;
            self.at(timeline, 0, entry)
        })
    }

    /// The load biases of the code of module `index`: those usual, and all others found so far.
    pub fn biases(&self, timeline: &Timeline, index: u32) -> Vec<u64> {
        self.find_usual(timeline);
        let known = self.known();
        let mut biases: Vec<_> =
            known.images.iter().filter(|i| i.module == index && i.code).map(|i| i.bias).collect();
        biases.sort_unstable();
        biases.dedup();
        biases
    }

    /// Looks through the whole history for mappings of modules, once.
    ///
    /// # Errors
    /// The timeline's; what was found until then stays.
    pub fn complete(
        &self,
        timeline: &Timeline,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), StateError> {
        if self.known().complete {
            return Ok(());
        }
        let mut stopped = false;
        timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
            for change in &event.mappings {
                match change {
                    MappingChange::Map(mapping) => self.add(timeline, mapping, None),
                    MappingChange::Protect { start, protection, .. }
                        if protection & PROT_EXEC != 0 =>
                    {
                        self.add_protected(timeline, event.tracepoint + 1, *start);
                    }
                    _ => {}
                }
            }
            stopped = interrupted();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if stopped {
            return Err(StateError::Interrupted);
        }
        self.known().complete = true;
        Ok(())
    }

    fn find(&self, module: u32, start: u64, end: u64) -> Option<Image> {
        let known = self.known();
        let holds = |i: &&Image| i.module == module && i.start <= start && end <= i.end;
        let mut all = known.images.iter().filter(holds);
        let first = all.next().copied();
        // Code within what is mapped as data first, as the dynamic linker does it.
        let mut code = |first: Image| all.find(|i| i.code && i.bias == first.bias).copied();
        first.map(|first| if first.code { first } else { code(first).unwrap_or(first) })
    }

    /// Adds the mapping that was made executable before `state`, at `start`.
    fn add_protected(&self, timeline: &Timeline, state: u64, start: u64) {
        if let Ok(space) = timeline.shared_space(state.min(timeline.end()))
            && let Some(mapping) = space.find(start)
        {
            self.add(timeline, mapping, Some(&space));
        }
    }

    fn add_space(&self, timeline: &Timeline, space: &AddressSpace) {
        for mapping in space.iter() {
            self.add(timeline, mapping, Some(space));
        }
    }

    /// The load biases of a module's code in an address space, and of its code known so far.
    fn code_biases(&self, module: u32, layout: &Layout, space: Option<&AddressSpace>) -> Vec<u64> {
        let mapped = space.into_iter().flat_map(AddressSpace::iter);
        let bias = |code: &Mapping| layout.bias_of_mapping(code.start, code.end, code.file_offset);
        let mapped = mapped.filter(|mapping| is_code_of(mapping, module)).filter_map(bias);
        let known = self.known();
        let images = known.images.iter().filter(|image| image.module == module && image.code);
        mapped.chain(images.map(|image| image.bias)).collect()
    }

    /// Adds a mapping, which is one of `space`.
    fn add(&self, timeline: &Timeline, mapping: &Mapping, space: Option<&AddressSpace>) {
        let Base::Module(module) = mapping.base else { return };
        let (start, end) = (mapping.start, mapping.end);
        let code = mapping.protection & PROT_EXEC != 0;
        if self.find(module, start, end).is_some_and(|known| known.code || !code) {
            return;
        }
        let Some(layout) = self.symbols(timeline, module).map(ModuleSymbols::layout) else {
            return;
        };
        let fitting = layout.biases_of_mapping(start, end, mapping.file_offset);
        // What is data is where the code says: the dynamic linker splits data segments.
        let of_code = || {
            let biases = self.code_biases(module, layout, space);
            fitting.iter().find(|bias| biases.contains(bias))
        };
        let chosen = if code || fitting.len() < 2 { None } else { of_code() };
        let Some(bias) = chosen.or(fitting.first()).copied() else { return };
        self.known().images.push(Image { start, end, module, bias, code });
    }
}

/// Whether a mapping is code of a module.
fn is_code_of(mapping: &Mapping, module: u32) -> bool {
    matches!(mapping.base, Base::Module(own) if own == module)
        && mapping.protection & PROT_EXEC != 0
}

/// A value of an auxiliary vector (getauxval(3)): pairs of little-endian words.
pub(super) fn auxiliary(auxv: &[u8], wanted: u64) -> Option<u64> {
    let (words, _) = auxv.as_chunks::<8>();
    let mut pairs = words.chunks_exact(2).filter_map(|pair| match pair {
        [key, value] => Some((u64::from_le_bytes(*key), u64::from_le_bytes(*value))),
        _ => None,
    });
    pairs.find(|(key, _)| *key == wanted).map(|(_, value)| value)
}
