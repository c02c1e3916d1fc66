//! What names in expressions mean: the frame's variables, then the program's.

use super::statics::Unit;
use super::{Scene, registers};
use crate::expression::{Environment, Fault, Tag};
use crate::symbols::cython::cython_name;
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::symbols::unwind::FrameRegisters;
use crate::symbols::{
    CodeAddr, DeclaredKind, DieRef, Language, ModuleAddr, ModuleSymbols, file_matches,
};
use crate::values::{Place, Value};

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
            let variables = symbols.dies().declared().find(DeclaredKind::Variable, name);
            let here = variables.into_iter().find(|die| symbols.is_in_file(*die, file));
            if let Some(die) = here {
                return Ok(self.static_value(symbols, bias, die));
            }
            for found in symbols.addresses_of_function(name) {
                let location = symbols.location_at(found.entry);
                if location.is_some_and(|at| file_matches(&at.file, file)) {
                    return Ok(function_value(symbols, bias, found.entry));
                }
            }
        }
        Err(self.unknown(name))
    }

    fn is_file(&self, name: &str) -> bool {
        self.modules().iter().any(|(symbols, _)| symbols.has_source_file(name))
    }

    fn is_variable_here(&self, name: &str) -> bool {
        let variables = self.variables().unwrap_or_default();
        let local = variables.iter().any(|variable| variable.in_scope && &*variable.name == name);
        let unit = || {
            let view = self.view()?;
            let (function, dies) = (view.function_dies()?.physical, view.dies()?);
            let found = dies.declared().find(DeclaredKind::Variable, name);
            found.into_iter().find(|die| dies.same_unit(*die, function))
        };
        local || unit().is_some()
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
        let found = self.modules().into_iter().find_map(|(symbols, _)| {
            let dies = symbols.dies();
            let found = dies.declared().types_named(name.trim_start_matches("::"));
            let types = found.into_iter().filter_map(|die| Type::at(dies, die)).filter(fits);
            let mut types: Vec<_> = types.collect();
            // A definition says more than a declaration.
            types.sort_by_key(|of| of.size().is_none());
            types.into_iter().next()
        });
        found.or_else(|| self.with_defaults(name).filter(fits))
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
    /// Whether the frame's function is assembly.
    pub(super) fn is_assembly(&self) -> bool {
        let of =
            |view: super::View<'_>| Some(view.dies()?.is_assembly(view.function_dies()?.physical));
        self.view().and_then(of).unwrap_or_default()
    }

    /// A variable of the frame's function, or a member of its `this`.
    fn local(&self, name: &str) -> Option<Value> {
        let variables = self.variables()?;
        let named = |wanted: &str| {
            let mut innermost_first = variables.iter().rev().filter(|v| v.in_scope);
            innermost_first.find(|variable| &*variable.name == wanted)
        };
        if let Some(variable) = named(name).or_else(|| named(&cython_name(name))) {
            return Some(self.value_of(variable));
        }
        let this = self.value_of(named("this")?);
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

    /// A constant of an enumeration.
    fn constant(&self, name: &str) -> Option<Value> {
        self.modules().into_iter().find_map(|(symbols, _)| {
            let dies = symbols.dies();
            let find =
                |name: &str| dies.declared().find(DeclaredKind::Constant, name).first().copied();
            // `Size::Large` of an unscoped enumeration.
            let beside = || {
                let (enumeration, constant) = name.rsplit_once("::")?;
                let space = enumeration.rsplit_once("::").map_or("", |(space, _)| space);
                find(format!("{space}::{constant}").trim_start_matches("::"))
            };
            let die = find(name).or_else(beside)?;
            let of = Type::at(dies, die)?;
            let Shape::Enumeration(enumeration) = of.shape() else { return None };
            let last = name.rsplit("::").next().unwrap_or(name);
            let (_, value) = enumeration.constants.iter().find(|(known, _)| &**known == last)?;
            let size = usize::try_from(enumeration.size).ok()?;
            let bytes = value.to_le_bytes().get(..size.min(16))?.to_vec();
            Some(Value::computed(of.clone(), bytes))
        })
    }

    /// The function of a name: a copy that is inlined counts only where no module has another.
    fn function(&self, name: &str) -> Option<Value> {
        [false, true].into_iter().find_map(|inlined| self.function_among(name, inlined))
    }

    fn function_among(&self, name: &str, inlined: bool) -> Option<Value> {
        self.modules_for_functions().into_iter().find_map(|(symbols, bias)| {
            let found = symbols.addresses_of_function(name);
            let found = found.iter().find(|found| found.inlined == inlined)?;
            let chosen = found.resolver.then(|| self.implementation(found.entry.to_runtime(bias)));
            let own = || match inlined {
                true => inlined_value(symbols, bias, (found.entry, name)),
                false => function_value(symbols, bias, found.entry),
            };
            Some(chosen.flatten().unwrap_or_else(own))
        })
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
                let found = named.clone().find(|v| v.in_scope).or_else(|| named.next())?;
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

    /// The same in functions of some units.
    fn global_in(&self, name: &str, units: &[Unit<'_>]) -> Option<Value> {
        let name = name.trim_start_matches("::");
        self.static_variable(name, units)
            .or_else(|| self.constant(name))
            .or_else(|| self.function(name))
            .or_else(|| self.of_function(name))
            .or_else(|| self.symbol_value(name))
    }

    /// Whether a name means something everywhere in some units, or may in some function's frame.
    pub(super) fn is_global_in(&self, name: &str, units: &[Unit<'_>]) -> bool {
        let of_function = || name.contains("::") && self.elsewhere(name).is_some();
        self.global_in(name, units).is_some() || of_function()
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

/// The copy of a function that is inlined at `entry`.
fn inlined_value(symbols: &ModuleSymbols, bias: u64, (entry, name): (ModuleAddr, &str)) -> Value {
    let copies = (0..MAX_SEARCHED).map_while(|level| symbols.function_dies(entry, level));
    let mut copies = copies.map(|dies| dies.own);
    let is = |die: &DieRef| symbols.dies().name_of(*die).is_some_and(|own| symbols_fit(&own, name));
    let function = copies.find(is).map(|die| symbols.dies().in_its_unit(die));
    with_type_of(symbols, bias, (entry, function))
}

fn with_type_of(
    symbols: &ModuleSymbols,
    bias: u64,
    (entry, die): (ModuleAddr, Option<DieRef>),
) -> Value {
    let of = die.and_then(|die| Type::at(symbols.dies(), die));
    let unknown =
        || Type::made(Shape::Opaque { name: "<text variable, no debug info>".into(), size: 1 });
    Value::in_memory(of.unwrap_or_else(unknown), entry.to_runtime(bias))
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
            returns: crate::symbols::datatypes::Link::Void,
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
