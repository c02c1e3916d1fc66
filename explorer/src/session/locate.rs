//! From addresses to names and lines: with `line_code` and `targets`, what knows both the
//! timeline's mappings and the modules' symbols.

use super::images::{Image, Images};
use super::position::Place;
use crate::symbols::cython::is_source;
use crate::symbols::{CodeAddr, DebugSearch, ModuleAddr, ModuleSymbols, SourceFrame};
use crate::timeline::{StateError, Timeline};

/// A run-time address in a module.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub symbols: &'a ModuleSymbols,
    pub image: Image,
    pub address: ModuleAddr,
}

/// A function around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Its name.
    pub name: String,
    /// Where it is entered; in another part, if it has several.
    pub entry: u64,
    /// First address of the part around the address.
    pub start: u64,
    /// One past the last; equal to `start` if the size is not known.
    pub end: u64,
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The program's own, or of no module.
    Program,
    /// The dynamic linker's.
    Linker,
    /// Another module's.
    Library,
}

/// Names and lines of a timeline.
pub struct Locator {
    images: Images,
}

impl Locator {
    /// For a timeline, with separate debug files from where `search` says.
    pub fn new(timeline: &Timeline, search: DebugSearch) -> Self {
        Self { images: Images::new(timeline, search) }
    }

    /// The modules.
    pub fn images(&self) -> &Images {
        &self.images
    }

    pub(super) fn find<'a>(
        &'a self,
        timeline: &Timeline,
        state: u64,
        address: u64,
    ) -> Option<Found<'a>> {
        let image = self.images.at(timeline, state, address)?;
        let symbols = self.images.symbols(timeline, image.module)?;
        Some(Found { symbols, image, address: ModuleAddr::of_runtime(address, image.bias) })
    }

    /// Everything known of a code address at `state`.
    pub fn place(&self, timeline: &Timeline, state: u64, address: CodeAddr) -> Place {
        let frames = self.places(timeline, state, address);
        frames.into_iter().next().unwrap_or_else(|| Place::bare(address.value()))
    }

    /// The source frames of a code address, innermost first: at least one.
    pub fn places(&self, timeline: &Timeline, state: u64, address: CodeAddr) -> Vec<Place> {
        let mut base = Place::bare(address.value());
        let Some(found) = self.find(timeline, state, address.for_lookup()) else {
            return vec![base];
        };
        base.module = self.images.path(found.image.module).map(str::to_owned);
        let frames = found.symbols.frames_at(found.address);
        if frames.is_empty() {
            return vec![base];
        }
        let function = found.symbols.function_at(found.address);
        let entry = function.as_ref().map(|f| f.entry.to_runtime(found.image.bias));
        // Parts of a function may lie below its entry.
        base.offset = entry.and_then(|entry| address.value().checked_sub(entry));
        frames.into_iter().map(|frame| of_frame(&base, frame)).collect()
    }

    /// `name` and distance of the nearest symbol, code or data.
    pub fn symbol(&self, timeline: &Timeline, state: u64, address: u64) -> Option<(String, u64)> {
        let found = self.find(timeline, state, address)?;
        found.symbols.symbol_near(found.address)
    }

    /// The function around an address.
    pub fn bounds(&self, timeline: &Timeline, state: u64, address: u64) -> Option<Bounds> {
        let found = self.find(timeline, state, address)?;
        let function = found.symbols.function_at(found.address)?;
        Some(Bounds {
            name: function.name,
            entry: function.entry.to_runtime(found.image.bias),
            start: function.start.to_runtime(found.image.bias),
            end: function.end.to_runtime(found.image.bias),
        })
    }

    /// Whose code is at an address.
    pub fn owner(&self, timeline: &Timeline, state: u64, address: u64) -> Owner {
        let Some(image) = self.images.at(timeline, state, address) else { return Owner::Program };
        match (self.images.is_linker(image), self.images.is_program(timeline, image)) {
            (true, _) => Owner::Linker,
            (_, true) => Owner::Program,
            _ => Owner::Library,
        }
    }

    /// Whether an address is in code that only leads to a function: see
    /// [`ModuleSymbols::is_stub`](crate::symbols::ModuleSymbols::is_stub).
    pub fn is_stub(&self, timeline: &Timeline, state: u64, address: u64) -> bool {
        self.find(timeline, state, address)
            .is_some_and(|found| found.symbols.is_stub(found.address))
    }

    /// Whether code is not what a Python program in module `own` says: see
    /// [`ModuleSymbols::is_python_machinery`]; that of other modules is, unless a Python program is.
    pub fn is_python_machinery(
        &self,
        timeline: &Timeline,
        state: u64,
        (address, own): (u64, u32),
    ) -> bool {
        self.find(timeline, state, address).is_some_and(|found| {
            let file = || found.symbols.location_at(found.address).map(|at| at.file);
            let other = found.image.module != own;
            found.symbols.is_python_machinery(found.address)
                || other && !file().is_some_and(|file| is_source(&file))
        })
    }

    /// Run-time address and size of a variable or function, by symbol name.
    pub fn named(&self, timeline: &Timeline, name: &str) -> Option<(u64, u64)> {
        let of = |index| {
            let symbols = self.images.symbols(timeline, index)?;
            let bias = *self.images.biases(timeline, index).first()?;
            let data = symbols.data_symbol(name);
            let entry = || symbols.functions_meant(name).next().map(|f| (f.entry, 0));
            data.or_else(entry).map(|(address, size)| (address.to_runtime(bias), size))
        };
        self.images.modules().find_map(of)
    }

    /// Run-time address of a variable, by symbol name.
    pub fn data(&self, timeline: &Timeline, name: &str) -> Option<u64> {
        let of = |index| {
            let (address, _) = self.images.symbols(timeline, index)?.data_symbol(name)?;
            Some(address.to_runtime(*self.images.biases(timeline, index).first()?))
        };
        self.images.modules().find_map(of)
    }

    /// Finds all places modules were ever mapped at.
    ///
    /// # Errors
    /// The timeline's.
    pub fn complete(
        &self,
        timeline: &Timeline,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), StateError> {
        self.images.complete(timeline, interrupted)
    }

    /// Whether call frame information says that an address is in a signal trampoline: where
    /// a handler returns to.
    pub fn is_signal_frame(&self, timeline: &Timeline, state: u64, address: u64) -> bool {
        let module = self.module_at(timeline, state, address);
        module.is_some_and(|(symbols, bias)| {
            symbols.is_signal_frame(ModuleAddr::of_runtime(address, bias))
        })
    }

    /// The module mapped at an address, and its bias.
    pub fn module_at(
        &self,
        timeline: &Timeline,
        state: u64,
        address: u64,
    ) -> Option<(&ModuleSymbols, u64)> {
        self.find(timeline, state, address).map(|found| (found.symbols, found.image.bias))
    }
}

fn of_frame(base: &Place, frame: SourceFrame) -> Place {
    let mut place = base.clone();
    place.function = frame.function;
    place.inlined = frame.inlined;
    // It is counted from the function that this one is inlined in.
    place.offset = base.offset.filter(|_| !frame.inlined);
    place.set_location(frame.location);
    place
}
