//! What names in expressions mean: the frame's variables, then the program's.

use super::statics::Unit;
use super::types::nearness;
use super::{Scene, registers};
use crate::expression::{Environment, Fault, Tag};
use crate::symbols::cython::cython_name;
use crate::symbols::datatypes::{Encoding, Link, Shape, Type};
use crate::symbols::unwind::FrameRegisters;
use crate::symbols::{
    BreakAddress, CodeAddr, DeclaredKind, DieRef, Dies, Language, Meaning, ModuleAddr,
    ModuleSymbols, Variable, file_matches,
};
use crate::values::{Place, Value};
use std::sync::Arc;

/// Variables of a module that are looked through for the one at an address.
const MAX_DECLARED: usize = 1 << 14;

/// Frames searched for `function::variable`.
const MAX_SEARCHED: usize = 1000;

impl Environment for Scene<'_> {
    fn named(&self, name: &str) -> Result<Value, Fault> {
        let is_local = !name.starts_with("::");
        let local = is_local.then(|| self.local(name)).flatten();
        local.or_else(|| self.global(name)).ok_or_else(|| self.unknown(name))
    }

    fn in_file(&self, file: &str, name: &str) -> Result<Value, Fault> {
        if !self.is_file(file) {
            return Err(Fault::File(file.to_owned()));
        }
        for (symbols, bias) in self.modules() {
            let mut variables = symbols.dies().declared().find(DeclaredKind::Variable, name);
            variables.retain(|die| symbols.is_in_file(*die, file));
            // A header's are in several units.
            variables.sort_by_key(|die| !self.is_own(symbols, *die));
            if let Some(die) = variables.first() {
                return Ok(self.static_value(symbols, bias, *die));
            }
            let is_here = |entry: ModuleAddr| {
                let location = symbols.location_at(entry);
                location.is_some_and(|at| file_matches(&at.file, file))
            };
            let functions = symbols.addresses_of_function(name).into_iter();
            let mut entries: Vec<_> = functions.map(|found| found.entry).collect();
            entries.retain(|entry| is_here(*entry));
            entries.sort_by_key(|entry| {
                let function = symbols.function_dies(*entry, 0);
                !function.is_some_and(|function| self.is_own(symbols, function.physical))
            });
            if let Some(entry) = entries.first() {
                return Ok(function_value(symbols, bias, *entry));
            }
        }
        Err(self.unknown(name))
    }

    fn is_file(&self, name: &str) -> bool {
        self.modules().iter().any(|(symbols, _)| symbols.has_source_file(name))
    }

    fn is_variable_here(&self, name: &str) -> bool {
        let variables = self.variables().unwrap_or_default();
        let local = variables.iter().any(|variable| is_meant(variable, name));
        local || self.own_unit().is_some_and(|unit| self.is_variable_first(name, unit))
    }

    fn language(&self) -> Language {
        let of =
            |view: super::View<'_>| Some(view.dies()?.language_of(view.function_dies()?.physical));
        *self.language.get_or_init(|| self.view().and_then(of).unwrap_or_default())
    }

    fn type_named(&self, tag: Tag, name: &str) -> Option<Type> {
        let fits = |of: &Type| match of.shape() {
            Shape::Record(record) => match tag {
                // In C, a tag alone is no name.
                Tag::Any => record.language != Language::C,
                Tag::Struct => record.kind.keyword() != "union",
                Tag::Union => record.kind.keyword() == "union",
                Tag::Enum => false,
            },
            Shape::Enumeration(enumeration) => match tag {
                Tag::Any => enumeration.language != Language::C,
                tag => tag == Tag::Enum,
            },
            _ => tag == Tag::Any,
        };
        self.type_meant(name, &fits).or_else(|| self.with_defaults(name).filter(fits))
    }

    fn register(&self, name: &str) -> Option<Result<Value, Fault>> {
        let innermost = registers::read(self.frames.registers(), name)?;
        let view = self.view()?;
        let of = register_type(&innermost.name, innermost.bytes.len());
        let place = Place::Register(innermost.name.clone());
        if view.is_innermost() || innermost.name.ends_with("_base") {
            let bytes = crate::values::Bytes::known(innermost.bytes);
            return Some(Ok(Value::with_bytes(of, place, bytes)));
        }
        let part = registers::part(&innermost.name);
        let bytes = part.and_then(|(hardware, offset, width)| {
            let number = FrameRegisters::number_of(hardware)?;
            let whole = view.register_bytes(number).ok()?;
            whole.get(offset..offset + width).map(<[u8]>::to_vec)
        });
        let pc = || (innermost.name == "rip" || innermost.name == "pc").then(|| view.code());
        let pc = || pc().map(|pc: CodeAddr| pc.value().to_le_bytes().to_vec());
        let missing = || crate::symbols::location::Missing::Register(innermost.name.clone());
        let bytes = bytes.or_else(pc).ok_or_else(|| Fault::Missing(missing()));
        Some(bytes.map(|bytes| Value::with_bytes(of, place, crate::values::Bytes::known(bytes))))
    }

    fn meant_register(&self, name: &str) -> Option<Vec<String>> {
        let xcr0 = self.session.timeline.header().host.xcr0;
        registers::looks_like_one(name).then(|| registers::similar(name, xcr0))
    }

    fn history(&self, number: Option<u64>, back: u64) -> Option<Value> {
        self.session.history.value(number, back)
    }

    fn convenience(&self, name: &str) -> Option<Value> {
        self.session.history.convenience(name)
    }
}

impl Scene<'_> {
    /// A register in the frame, by its canonical name; `None` if it is not known there.
    pub fn register_value(&self, name: &str) -> Option<registers::Value> {
        let value = Environment::register(self, name)?.ok()?;
        let bytes = value.bytes(self).all().ok()?.to_vec();
        Some(registers::Value { name: name.to_owned(), bytes })
    }

    /// Whether the frame's function is assembly.
    pub(super) fn is_assembly(&self) -> bool {
        let of =
            |view: super::View<'_>| Some(view.dies()?.is_assembly(view.function_dies()?.physical));
        self.view().and_then(of).unwrap_or_default()
    }

    /// The variable of the frame's function that `name` means, the innermost first; Python's
    /// names mean those that Cython made of them.
    pub(super) fn named_local(&self, name: &str) -> Option<&Variable> {
        let variables = self.variables()?;
        let named =
            |wanted: &str| variables.iter().rev().find(|variable| is_meant(variable, wanted));
        named(name).or_else(|| named(&cython_name(name)))
    }

    /// A variable of the frame's function, or a member of its `this`.
    fn local(&self, name: &str) -> Option<Value> {
        let variables = self.variables()?;
        let is_own = variables.iter().any(|variable| is_meant(variable, name));
        // What inner functions share is not where it was passed as an argument.
        if !is_own && let Some(shared) = self.closure_variable(name) {
            return Some(shared);
        }
        if let Some(variable) = self.named_local(name) {
            return Some(self.value_of(variable));
        }
        if variables.iter().any(|variable| variable.in_scope && &*variable.name == name) {
            return None;
        }
        let this = self.value_of(self.named_local("this")?);
        this.pointee(self)?.member_named(name, self)
    }

    /// The variable outside functions of that name that begins at an address or before: only the
    /// module that has the address is looked through.
    pub(super) fn static_at(&self, name: &str, address: u64) -> Option<Value> {
        let session = self.session;
        let (symbols, bias) =
            session.locator.module_at(&session.timeline, self.state(), address)?;
        let found = symbols.dies().declared().find(DeclaredKind::Variable, name);
        let mut values = found.into_iter().map(|die| self.static_value(symbols, bias, die));
        values.find(|value| has_address(value, address))
    }

    /// The thread-local variable, with its name, that has an address: of the frame's module.
    pub(super) fn thread_local_at(&self, address: u64) -> Option<(String, Value)> {
        let (symbols, bias) = self.own_module()?;
        let (size, _) = symbols.thread_local()?;
        let at = (self.state(), self.frames.registers().fs_base);
        let block = self.session.thread_local(at, (symbols, bias), 0).ok()?;
        address.checked_sub(block).filter(|inside| *inside < size)?;
        let declared = symbols.dies().declared();
        let mut names = declared.names(DeclaredKind::Variable).take(MAX_DECLARED);
        names.find_map(|name| {
            let dies = declared.find(DeclaredKind::Variable, name).into_iter();
            let mut values = dies.map(|die| self.static_value(symbols, bias, die));
            let value = values.find(|value| has_address(value, address))?;
            Some((name.to_owned(), value))
        })
    }

    /// A constant of an enumeration: of the units' own, if they have one.
    fn constant(&self, name: &str, units: &[Unit<'_>]) -> Option<Value> {
        self.modules().into_iter().find_map(|(symbols, _)| {
            let dies = symbols.dies();
            let find = |name: &str| {
                let found = dies.declared().find(DeclaredKind::Constant, name);
                found.into_iter().min_by_key(|die| nearness(symbols, *die, units))
            };
            // `Size::Large` of an unscoped enumeration.
            let beside = || {
                let (enumeration, constant) = name.rsplit_once("::")?;
                let space = enumeration.rsplit_once("::").map_or("", |(space, _)| space);
                let full = format!("{space}::{constant}");
                let rooted = name.starts_with("::");
                find(if rooted { &full } else { full.trim_start_matches("::") })
            };
            constant_of(dies, find(name).or_else(beside)?, name)
        })
    }

    /// The function of a name: of the units' own, else one that others see, else any.
    fn function(&self, name: &str, units: &[Unit<'_>], all: bool) -> Option<Value> {
        let mut modules = self.modules_for_functions();
        let of_units = |symbols| units.iter().any(|unit| std::ptr::eq(unit.symbols, symbols));
        modules.retain(|(symbols, _)| all || of_units(*symbols));
        let mut best: Option<(u32, (&ModuleSymbols, u64), BreakAddress)> = None;
        for (symbols, bias) in modules {
            for found in symbols.functions_meant(name) {
                let rank = function_rank(symbols, &found, units);
                if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                    best = Some((rank, (symbols, bias), found));
                }
            }
            if best.as_ref().is_some_and(|(rank, ..)| *rank < 2) {
                break;
            }
        }
        let (_, (symbols, bias), found) = best?;
        let chosen = found.resolver.then(|| self.implementation(found.entry.to_runtime(bias)));
        let own = || function_value(symbols, bias, found.entry);
        Some(chosen.flatten().unwrap_or_else(own))
    }

    /// The modules, with the dynamic linker's last, unless the frame is in it: what it has of the
    /// C library is for itself alone.
    fn modules_for_functions(&self) -> Vec<(&ModuleSymbols, u64)> {
        let own = self.own_module().map(|(_, bias)| bias);
        let images = self.session.locator.images();
        let mut modules = self.modules();
        modules.sort_by_key(|(_, bias)| images.is_linkers(*bias) && Some(*bias) != own);
        modules
    }

    /// What was chosen for the indirect function whose resolver is entered at `entry`.
    fn implementation(&self, entry: u64) -> Option<Value> {
        let address = self.session.implementation(entry, self.state())?;
        let (session, timeline) = (self.session, &self.session.timeline);
        let (symbols, bias) = session.locator.module_at(timeline, self.state(), address)?;
        Some(function_value(symbols, bias, ModuleAddr::of_runtime(address, bias)))
    }

    /// `function::variable`: of the innermost frame of that function, or static.
    fn of_function(&self, name: &str) -> Option<Value> {
        let (function, variable) = name.rsplit_once("::")?;
        let stack = self.session.scene_of(self.frames.thread(), self.state(), MAX_SEARCHED).ok()?;
        for level in 0..MAX_SEARCHED {
            let scene = stack.at_level(level);
            let Some(view) = scene.view() else { break };
            if scene.function_name(&view).is_some_and(|own| symbols_fit(&own, function)) {
                let variables = scene.variables()?;
                let mut named = variables.iter().rev().filter(|v| &*v.name == variable);
                let found = named.clone().find(|v| v.is_visible()).or_else(|| named.next())?;
                return Some(scene.value_of(found).kept(&scene));
            }
        }
        self.modules().into_iter().find_map(|(symbols, bias)| {
            let locals = symbols.dies().declared().find(DeclaredKind::Local, name);
            let values = locals.into_iter().map(|die| self.static_value(symbols, bias, die));
            values.into_iter().find(|value| value.address().is_some())
        })
    }

    fn function_name(&self, view: &super::View<'_>) -> Option<String> {
        let dies = view.function_dies()?;
        view.dies()?.name_of(dies.own)
    }

    /// A symbol that no debug information describes.
    fn symbol_value(&self, name: &str) -> Option<Value> {
        if self.kept_by_others(name).is_some() {
            return None;
        }
        let session = self.session;
        let (address, size) = session.locator.named(&session.timeline, name)?;
        let of = self.declared_type(name).unwrap_or_else(|| untyped(size));
        Some(Value::in_memory(of, address))
    }

    /// The type of a variable that some module declares, as one that others define.
    fn declared_type(&self, name: &str) -> Option<Type> {
        self.modules().into_iter().find_map(|(symbols, _)| {
            let found = symbols.dies().declared().find(DeclaredKind::Declaration, name);
            let of = found.into_iter().map(|die| symbols.dies().type_of(die));
            of.into_iter().find(|of| !matches!(of.shape(), Shape::Void))
        })
    }

    /// What a name means that is no variable of the frame's function.
    fn global(&self, name: &str) -> Option<Value> {
        self.global_in(name, self.own_unit().as_slice())
    }

    /// The same at some places in functions. What the debug information knows only by a longer
    /// name counts where there is nothing else.
    fn global_in(&self, name: &str, units: &[Unit<'_>]) -> Option<Value> {
        let bare = name.trim_start_matches("::");
        let mut meanings = self.meanings(name, units).into_iter();
        let known = meanings.find_map(|(symbols, meaning)| match meaning {
            Meaning::Inside(place) => self.inside(symbols?, place, name),
            Meaning::Full(full) => {
                let all = full.strip_prefix("::") == Some(bare);
                self.known_as((&full, bare.contains("::")), units, all)
            }
        });
        let rooted = name.starts_with("::");
        let longer = || self.known_as((bare, bare.contains("::")), units, true);
        known
            .or_else(|| (!rooted).then(longer).flatten())
            .or_else(|| self.of_function(bare))
            .or_else(|| self.symbol_value(bare))
    }

    /// The variable, constant or function of a name; functions of `all` modules, or of the
    /// units' alone.
    fn known_as(&self, name: (&str, bool), units: &[Unit<'_>], all: bool) -> Option<Value> {
        self.static_variable(name, units)
            .or_else(|| self.constant(name.0, units))
            .or_else(|| self.function(name.0, units, all))
    }

    /// The constant, or the value of a template's parameter, that a block or class declares.
    fn inside(&self, symbols: &ModuleSymbols, place: DieRef, name: &str) -> Option<Value> {
        let dies = symbols.dies();
        if let Some(die) = dies.constant_inside(place, name) {
            return constant_of(dies, die, name);
        }
        let die = dies.template_value(place, name)?;
        let modules = self.modules();
        let (_, bias) = modules.iter().find(|(module, _)| std::ptr::eq(*module, symbols))?;
        Some(self.static_value(symbols, *bias, die))
    }

    /// Whether a name means something everywhere in some units, or may in some function's frame.
    pub(super) fn is_global_in(&self, name: &str, units: &[Unit<'_>]) -> bool {
        let of_function = || name.contains("::") && self.elsewhere(name).is_some();
        self.global_in(name, units).is_some() || of_function()
    }
}

/// The value of an enumeration's constant.
fn constant_of(dies: &Arc<Dies>, die: DieRef, name: &str) -> Option<Value> {
    let of = Type::at(dies, die)?;
    let Shape::Enumeration(enumeration) = of.shape() else { return None };
    let last = name.rsplit("::").next().unwrap_or(name);
    let (_, value) = enumeration.constants.iter().find(|(known, _)| &**known == last)?;
    let size = usize::try_from(enumeration.size).ok()?;
    let bytes = value.to_le_bytes().get(..size.min(16))?.to_vec();
    Some(Value::computed(of.clone(), bytes))
}

/// Whether a variable of a function is what its name means there.
fn is_meant(variable: &Variable, name: &str) -> bool {
    variable.is_visible() && &*variable.name == name
}

/// Which functions of a name come first: from 0, of the units' own; 1, that others see; any.
fn function_rank(symbols: &ModuleSymbols, found: &BreakAddress, units: &[Unit<'_>]) -> u32 {
    let die = symbols.function_dies(found.entry, 0).map(|dies| dies.physical);
    let own = die.is_some_and(|die| units.iter().any(|unit| unit.has(symbols, die)));
    // Resolvers keep their own name for themselves: it is what they choose that others see.
    let shared = found.resolver || die.is_none_or(|die| symbols.dies().is_shared(die));
    match (own, shared) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    }
}

fn symbols_fit(own: &str, wanted: &str) -> bool {
    own == wanted || wanted.rsplit("::").next() == Some(own)
}

/// A function as a value: it is at its entry.
pub(super) fn function_value(symbols: &ModuleSymbols, bias: u64, entry: ModuleAddr) -> Value {
    let dies = symbols.function_dies(entry, 0);
    with_type_of(symbols, bias, (entry, dies.map(|dies| dies.physical)))
}

fn with_type_of(
    symbols: &ModuleSymbols,
    bias: u64,
    (entry, die): (ModuleAddr, Option<DieRef>),
) -> Value {
    let of = die.and_then(|die| Type::at(symbols.dies(), die));
    Value::in_memory(of.unwrap_or_else(undescribed), entry.to_runtime(bias))
}

/// The type of a function that only the symbol table knows: one that is called so.
fn undescribed() -> Type {
    let function = Shape::Function {
        returns: Link::Made(Type::base("int", 4, Encoding::Signed)),
        parameters: Vec::new(),
        variadic: false,
        prototyped: false,
    };
    let (name, to) = ("<text variable, no debug info>".into(), Link::Made(Type::made(function)));
    Type::made(Shape::Alias { name, to, alignment: None })
}

/// What is known of the type of a variable that only the symbol table knows: its size, in bytes
/// (ELF, st_size). A number where there are numbers of that size, else so many bytes.
fn untyped(size: u64) -> Type {
    const NAME: &str = "<data variable, no debug info>";
    match size {
        0 => {
            let name = "<text or data variable, no debug info>".into();
            Type::made(Shape::Opaque { name, size: 1 })
        }
        1 | 2 | 4 | 8 => Type::base(NAME, size, Encoding::Signed),
        _ => Type::base(NAME, 1, Encoding::Signed).array(size),
    }
}

/// The type gdb gives a register.
fn register_type(name: &str, size: usize) -> Type {
    match (name, size) {
        ("rip" | "pc", _) => Type::made(Shape::Function {
            returns: Link::Void,
            parameters: Vec::new(),
            variadic: false,
            prototyped: false,
        })
        .pointer(),
        ("rsp" | "rbp" | "sp" | "fp", _) => Type::void().pointer(),
        (_, 1) => Type::base("int8_t", 1, Encoding::Signed),
        (_, 2) => Type::base("int16_t", 2, Encoding::Signed),
        (_, 4) => Type::base("int", 4, Encoding::Signed),
        (_, 8) => Type::base("long", 8, Encoding::Signed),
        (_, 10) => Type::base("long double", 10, Encoding::Float),
        (_, size) => Type::base("uint8_t", 1, Encoding::Unsigned).array(size as u64),
    }
}

/// Whether a value in memory has the byte at an address.
fn has_address(value: &Value, address: u64) -> bool {
    let inside = value.address().and_then(|start| address.checked_sub(start));
    inside.is_some_and(|inside| value.size().is_some_and(|size| inside < size))
}
