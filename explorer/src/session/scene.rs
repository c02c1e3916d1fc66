//! What an expression sees: a state, and a frame in it.

use super::{Frames, Session, View};
use crate::expression::{self, Evaluated, ExpressionError};
use crate::symbols::datatypes::{Count, Type};
use crate::symbols::location::{At, Fixed, Frame, Location, Missing};
use crate::symbols::unwind::register_name;
use crate::symbols::{DieRef, Dies, Language, ModuleAddr, ModuleSymbols, Variable};
use crate::timeline::StateError;
use crate::values::value::{Implied, gather};
use crate::values::{Format, Formatter, Place, Target, Value};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// A state, and the frame in it that names are looked up in.
pub struct Scene<'s> {
    pub(super) session: &'s Session,
    pub(super) frames: Rc<Frames<'s>>,
    level: usize,
    /// What [`Self::variables`] gives, and the language, once they were asked for.
    variables: OnceCell<Option<Rc<[Variable]>>>,
    pub(super) language: OnceCell<Language>,
}

impl Session {
    /// What expressions see at state `state` in source frame `level`, 0 the innermost, of a
    /// thread.
    ///
    /// # Errors
    /// When history cannot be read there, or the thread does not run yet.
    pub fn scene_of(&self, thread: u32, state: u64, level: usize) -> Result<Scene<'_>, StateError> {
        // One frame more: the caller knows what it passed.
        let frames = Rc::new(Frames::walk(self, thread, state, level.saturating_add(2))?);
        Ok(Scene::new(self, frames, level))
    }

    /// What expressions see at a state, in a frame of the thread that runs there.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn scene_at(&self, state: u64, level: usize) -> Result<Scene<'_>, StateError> {
        self.scene_of(self.timeline.thread(state)?, state, level)
    }

    /// What expressions see at the cursor, in the selected frame.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn scene(&self) -> Result<Scene<'_>, StateError> {
        self.scene_of(self.thread()?, self.cursor, self.selected)
    }

    /// Where execution is in the selected frame, or will return to; of the innermost frame, the
    /// program counter.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn selected_pc(&self) -> Result<u64, StateError> {
        let scene = self.scene()?;
        let code = scene.view().filter(|view| !view.is_innermost()).map(|view| view.code());
        code.map_or_else(|| self.pc(), |code| Ok(code.value()))
    }
}

impl<'s> Scene<'s> {
    fn new(session: &'s Session, frames: Rc<Frames<'s>>, level: usize) -> Self {
        let (variables, language) = (OnceCell::new(), OnceCell::new());
        Self { session, frames, level, variables, language }
    }

    /// The same state, seen from another of the frames that were walked.
    pub fn at_level(&self, level: usize) -> Self {
        Self::new(self.session, Rc::clone(&self.frames), level)
    }

    /// The selected frame, if there is one so far out.
    pub fn view(&self) -> Option<View<'_>> {
        self.frames.level(self.level)
    }

    /// The state.
    pub fn state(&self) -> u64 {
        self.frames.state()
    }

    /// The value of an expression, and what it assigned to convenience variables.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn evaluate(&self, text: &str) -> Result<Evaluated, ExpressionError> {
        expression::evaluate(text, self)
    }

    /// A value as text: as `print` shows it.
    pub fn text(&self, value: &Value, format: Format) -> String {
        Formatter::new(self, format).top(value)
    }

    /// The parameters and variables of the frame's function; `None` if nothing is known of it.
    pub fn variables(&self) -> Option<&[Variable]> {
        let find = || {
            let view = self.view()?;
            let function = view.function_dies()?;
            Some(self.session.variables_at(view.dies()?, function.own, view.address()))
        };
        self.variables.get_or_init(find).as_deref()
    }

    /// Where a variable of the frame's function has a place, if it has none here.
    pub fn alive_elsewhere(&self, name: &str) -> Option<String> {
        let variables = self.variables()?;
        let mut named = variables.iter().rev().filter(|v| v.is_visible() && &*v.name == name);
        let variable = named.next()?;
        let value = self.value_of(variable);
        value.bytes(self).wholly_missing().filter(|why| **why == Missing::OptimizedOut)?;
        let view = self.view()?;
        let ranges = view.dies()?.lifetimes(variable.die)?;
        let (symbols, _) = view.module()?;
        let line_at = |at: u64| Some(symbols.location_at(ModuleAddr(at))?.line);
        let ends = ranges.iter().filter(|(begin, end)| begin < end);
        let lines = ends.flat_map(|(begin, end)| [line_at(*begin), line_at(end - 1)]).flatten();
        let lines: Vec<u32> = lines.filter(|line| *line > 0).collect();
        let (first, last) = (lines.iter().min()?, lines.iter().max()?);
        Some(match first == last {
            true => format!("{name} has a place in line {first}"),
            false => format!("{name} has a place in lines {first} to {last}, not everywhere"),
        })
    }

    /// The value of a variable of the frame's function.
    pub fn value_of(&self, variable: &Variable) -> Value {
        let found = self.view().and_then(|view| Some((view, view.dies()?)));
        match found {
            Some((view, dies)) => self.value_at(dies, variable.die, &view),
            None => Value::missing(Type::void(), Missing::NoFrame),
        }
    }

    /// The value of the variable that `die` declares, seen from `frame`.
    pub(super) fn value_at(&self, dies: &Arc<Dies>, die: DieRef, frame: &dyn Frame) -> Value {
        let of = counted(self.session.type_of(dies, die), dies, frame);
        let location = match dies.locate(die, frame) {
            Ok(location) => location,
            Err(why) => return Value::missing(of, why),
        };
        if let [piece] = location.0.as_slice() {
            match &piece.at {
                At::Memory(address) if piece.bits.is_none() => {
                    return Value::in_memory(of, *address);
                }
                At::ImplicitPointer { die, offset } => {
                    let mut value = Value::missing(of, Missing::OptimizedOut);
                    value.implied =
                        Some(Implied { dies: Arc::clone(dies), die: *die, offset: *offset });
                    return value;
                }
                _ => {}
            }
        }
        let size = of.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let register = |number: u16| {
            let missing = || Missing::Register(register_name(number));
            frame.register(number).ok_or_else(missing)
        };
        let memory = |address, length| self.memory(address, length);
        let bytes = gather(&location, size, &register, &memory);
        Value::with_bytes(of, place(location), bytes)
    }

    /// A variable with static storage of a module.
    pub(super) fn static_value(&self, symbols: &ModuleSymbols, bias: u64, die: DieRef) -> Value {
        let state = self.state();
        let memory =
            |address, buffer: &mut [u8]| self.session.timeline.read(state, address, buffer);
        let fs_base = self.frames.registers.fs_base;
        let thread_local =
            |offset| self.session.thread_local((state, fs_base), (symbols, bias), offset);
        let fixed = Fixed { bias, memory: &memory, thread_local: &thread_local };
        if let Some(value) = self.by_symbol(symbols, bias, die) {
            return value;
        }
        let value = self.value_at(symbols.dies(), symbols.dies().defined(die), &fixed);
        let Place::Memory(address) = value.place else { return value };
        match self.session.displaced(state, (symbols, bias), address) {
            Some(module) => Value::missing(value.of, Missing::NotLoaded(module)),
            None => value,
        }
    }

    /// A variable with static storage that is not where the debug information says: of which
    /// the program has a copy that all use, or of which only a type is stated. It is where
    /// a symbol table says, that of its module or of another.
    fn by_symbol(&self, symbols: &ModuleSymbols, bias: u64, die: DieRef) -> Option<Value> {
        let (images, timeline) = (self.session.locator.images(), &self.session.timeline);
        let copies = images.copies(timeline, symbols);
        let placeless = symbols.dies().is_placeless(die);
        if copies.is_none() && !placeless {
            return None;
        }
        let name = symbols.dies().linker_name(die)?;
        let copy = || copies.and_then(|(all, bias)| Some(all.get(&name)?.to_runtime(bias)));
        let symbol = || {
            let own = symbols.data_symbol(&name).map(|(address, _)| address.to_runtime(bias));
            own.or_else(|| self.session.locator.data(timeline, &name))
        };
        let address = copy().or_else(|| symbol().filter(|_| placeless))?;
        Some(Value::in_memory(symbols.dies().type_of(die), address))
    }

    /// Modules with their biases, the selected frame's first.
    pub(super) fn modules(&self) -> Vec<(&'s ModuleSymbols, u64)> {
        let session = self.session;
        let mut found: Vec<_> = self.own_module().into_iter().collect();
        for index in session.locator.images().modules() {
            let Some(symbols) = session.locator.images().symbols(&session.timeline, index) else {
                continue;
            };
            if found.first().is_some_and(|(first, _)| std::ptr::eq(*first, symbols)) {
                continue;
            }
            let biases = session.locator.images().biases(&session.timeline, index);
            found.extend(biases.first().map(|bias| (symbols, *bias)));
        }
        found
    }

    pub(super) fn own_module(&self) -> Option<(&'s ModuleSymbols, u64)> {
        let session = self.session;
        let address = self.view()?.code().for_lookup();
        let found = session.found_at(self.state(), address)?;
        Some((found.symbols, found.image.bias))
    }
}

/// A type with the counts of its arrays as the program computed them.
fn counted(of: Type, dies: &Dies, frame: &dyn Frame) -> Type {
    let stripped = of.stripped();
    let crate::symbols::datatypes::Shape::Array { counts, .. } = stripped.shape() else {
        return of;
    };
    if !counts.iter().any(|count| matches!(count, Count::Dynamic(_))) {
        return of;
    }
    let known = |count: &Count| match count {
        Count::Dynamic(die) => dies.count(*die, frame).map_or(Count::Unknown, Count::Fixed),
        other => *other,
    };
    stripped.with_counts(counts.iter().map(known).collect())
}

/// The place of a value that is not simply in memory.
fn place(location: Location) -> Place {
    match location.0.as_slice() {
        [piece] => match &piece.at {
            At::Register(number) => Place::Register(register_name(*number)),
            _ => Place::None,
        },
        _ => Place::Pieces(location),
    }
}

impl Target for Scene<'_> {
    fn memory(&self, address: u64, length: usize) -> Vec<Option<u8>> {
        let read = self.session.timeline.memory(self.state(), address, length);
        read.unwrap_or_else(|_| vec![None; length])
    }

    fn unmapped(&self, address: u64) -> Option<String> {
        let space = self.session.timeline.shared_space(self.state()).ok()?;
        let state = crate::render::thousands(self.state());
        space.find(address).is_none().then(|| format!("{address:#x} is not mapped at #{state}"))
    }

    fn symbol(&self, address: u64) -> Option<String> {
        self.session.symbol_at(self.state(), address)
    }

    fn python_version(&self) -> Option<u64> {
        let (address, _) = self.session.locator.named(&self.session.timeline, "Py_Version")?;
        let mut word = [0; 8];
        let known = self.session.timeline.read(self.state(), address, &mut word);
        known.then(|| u64::from_le_bytes(word))
    }

    fn computed_offset(&self, dies: &Dies, die: DieRef, address: u64) -> Option<u64> {
        let memory = |at, buffer: &mut [u8]| self.session.timeline.read(self.state(), at, buffer);
        let fixed =
            Fixed { bias: 0, memory: &memory, thread_local: &|_| Err(Missing::ThreadLocal) };
        Some(dies.member_address(die, address, &fixed)?.wrapping_sub(address))
    }

    fn implied(&self, dies: &Arc<Dies>, die: DieRef) -> Option<Value> {
        let view = self.view().filter(|view| view.dies().is_some_and(|own| Arc::ptr_eq(own, dies)));
        if dies.is_declaration(die) {
            return self.definition(dies, die);
        }
        if let Some(view) = view {
            return Some(self.value_at(dies, die, &view));
        }
        let (symbols, bias) =
            self.modules().into_iter().find(|(symbols, _)| Arc::ptr_eq(symbols.dies(), dies))?;
        Some(self.static_value(symbols, bias, die))
    }
}

impl Scene<'_> {
    /// The value of a static member that is declared in its class, and defined outside or
    /// nowhere.
    fn definition(&self, dies: &Arc<Dies>, die: DieRef) -> Option<Value> {
        let name = dies.declared().qualified(die)?;
        let (symbols, bias) =
            self.modules().into_iter().find(|(symbols, _)| Arc::ptr_eq(symbols.dies(), dies))?;
        let found = dies.declared().find(crate::symbols::DeclaredKind::Variable, &name);
        // What is constant is where it is declared.
        Some(self.static_value(symbols, bias, found.first().copied().unwrap_or(die)))
    }
}
