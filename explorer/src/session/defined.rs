//! What the modules define, by name: functions, variables, types; and their source files.

use super::names::function_value;
use super::{Scene, Session};
use crate::symbols::pattern::Pattern;
use crate::symbols::{BreakAddress, DeclaredKind, DieRef, ModuleSymbols};
use crate::timeline::StateError;
use serde::Serialize;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// A kind of what modules define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defines {
    /// Functions, with or without debug information, but for inlined copies.
    Functions,
    /// Variables with static storage, with or without debug information.
    Variables,
    /// Named types.
    Types,
    /// Source files that line tables mention.
    Sources,
}

/// Something that a module defines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Defined {
    /// Its name, with the namespaces and classes around it.
    pub name: String,
    /// The type of a function or variable, if debug information has it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Where a function is entered or a variable is, at run time.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::render::serialize_some_hex"
    )]
    pub address: Option<u64>,
    /// The source file it stands in, whole, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The path of the module.
    pub module: String,
}

impl Defined {
    /// What is one for the user: units name the same header by different folders.
    fn identity(&self) -> Self {
        let short = |file: &String| file.rsplit('/').next().unwrap_or(file).to_owned();
        Self { file: self.file.as_ref().map(short), ..self.clone() }
    }
}

/// A module, and its load bias.
type Loaded<'s> = (&'s ModuleSymbols, u64);

type Take<'t> = dyn FnMut(Defined) -> ControlFlow<()> + 't;

impl Session {
    /// What the modules define whose names match a pattern, each once: the program's own first,
    /// those of a module in the order of names. At most `most`, and whether there are more.
    ///
    /// # Errors
    /// When history cannot be read at the cursor, or the user interrupts.
    pub fn defined(
        &self,
        kind: Defines,
        pattern: Option<&Pattern>,
        most: usize,
    ) -> Result<(Vec<Defined>, bool), StateError> {
        let scene = self.scene()?;
        let (mut found, mut known, mut more) = (Vec::new(), HashSet::new(), false);
        let mut interrupted = Ok(());
        let fits = |name: &str| pattern.is_none_or(|pattern| pattern.is_in(name));
        for module in scene.modules_by_interest() {
            scene.each_defined(kind, module, &fits, &mut |one| {
                interrupted = self.interrupt.check();
                if interrupted.is_err() {
                    return ControlFlow::Break(());
                }
                if !known.insert(one.identity()) {
                    return ControlFlow::Continue(());
                }
                more = found.len() >= most;
                if more {
                    return ControlFlow::Break(());
                }
                found.push(one);
                ControlFlow::Continue(())
            });
            if interrupted.is_err() || more {
                break;
            }
        }
        interrupted?;
        Ok((found, more))
    }
}

impl Scene<'_> {
    fn each_defined(
        &self,
        kind: Defines,
        module: Loaded<'_>,
        fits: &dyn Fn(&str) -> bool,
        take: &mut Take<'_>,
    ) {
        let _ = match kind {
            Defines::Functions => each_function(module, fits, take),
            Defines::Variables => self.each_variable(module, fits, take),
            Defines::Types => self.each_declared(DeclaredKind::Type, module, fits, take),
            Defines::Sources => each_source(module, fits, take),
        };
    }

    /// Those that debug information has, and then others that symbol tables have.
    fn each_variable(
        &self,
        module: Loaded<'_>,
        fits: &dyn Fn(&str) -> bool,
        take: &mut Take<'_>,
    ) -> ControlFlow<()> {
        let mut described = HashSet::new();
        self.each_declared(DeclaredKind::Variable, module, fits, &mut |one| {
            described.extend(one.address);
            take(one)
        })?;
        let (symbols, bias) = module;
        let mut others: Vec<_> = symbols.data_symbols().filter(|(name, _)| fits(name)).collect();
        others.sort();
        for (name, address) in others {
            let address = address.to_runtime(bias);
            if !described.contains(&address) {
                take(Defined { address: Some(address), ..new(symbols, &name) })?;
            }
        }
        ControlFlow::Continue(())
    }

    fn each_declared(
        &self,
        kind: DeclaredKind,
        (symbols, bias): Loaded<'_>,
        fits: &dyn Fn(&str) -> bool,
        take: &mut Take<'_>,
    ) -> ControlFlow<()> {
        let all = symbols.dies().declared().all(kind);
        let mut all: Vec<(&str, DieRef)> = all.filter(|(name, _)| fits(name)).collect();
        all.sort();
        for (name, die) in all {
            let mut one = new(symbols, name);
            if kind == DeclaredKind::Variable {
                let value = self.static_value(symbols, bias, die);
                one.address = value.address();
                one.of = Some(value.of.name());
            }
            one.file = symbols.file_of(die);
            one.line = symbols.line_of(die);
            take(one)?;
        }
        ControlFlow::Continue(())
    }
}

fn new(symbols: &ModuleSymbols, name: &str) -> Defined {
    let module = symbols.path().to_owned();
    Defined { name: name.to_owned(), of: None, address: None, file: None, line: None, module }
}

fn each_function(
    (symbols, bias): Loaded<'_>,
    fits: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> ControlFlow<()> {
    let mut found = symbols.addresses_of_functions(false, fits);
    found.sort_by(|a, b| (&a.function, a.entry).cmp(&(&b.function, b.entry)));
    for BreakAddress { entry, function, .. } in found {
        let place = symbols.location_at(entry);
        let of = place.is_some().then(|| function_value(symbols, bias, entry).of.name());
        take(Defined {
            of,
            address: Some(entry.to_runtime(bias)),
            line: place.as_ref().map(|place| place.line.into()),
            file: place.map(|place| place.file),
            ..new(symbols, &function.unwrap_or_default())
        })?;
    }
    ControlFlow::Continue(())
}

fn each_source(
    (symbols, _): Loaded<'_>,
    fits: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> ControlFlow<()> {
    symbols.source_files().iter().filter(|name| fits(name)).try_for_each(|name| {
        let file = Some(name.clone());
        take(Defined { file, ..new(symbols, name) })
    })
}
