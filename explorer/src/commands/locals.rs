//! `info locals` and `info args`.

use super::shown::ShownValue;
use super::{Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Scene, Session};
use crate::symbols::Variable;
use crate::symbols::cython::{is_own, python_name};
use crate::values::Value;
use serde::Serialize;

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(flatten)]
    pub shown: ShownValue,
    /// Whether it has no parts.
    #[serde(skip)]
    pub scalar: bool,
}

#[derive(Serialize)]
struct Variables {
    variables: Vec<Named>,
    /// Names of Cython's own variables, which are not shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<String>,
    #[serde(skip)]
    none: &'static str,
}

impl Output for Variables {
    fn render(&self, page: &mut Page) {
        for variable in &self.variables {
            page.put(Style::Heading, &variable.name).plain(" = ");
            page.plain(&variable.shown.value).end();
        }
        if self.variables.is_empty() {
            page.line(self.none);
        }
        if let Some(first) = self.hidden.first() {
            let count = self.hidden.len();
            let text = format!("({count} of Cython's own not shown: print {first}, info scope)");
            page.put(Style::Dim, text).end();
        }
    }
}

fn shown(scene: &Scene<'_>, variable: &Variable) -> Named {
    named(scene, &variable.name, &scene.value_of(variable))
}

fn named(scene: &Scene<'_>, name: &str, value: &Value) -> Named {
    let whole = value.of.element().is_some() || value.of.is_record();
    let shown = ShownValue::inner(scene, value);
    Named { name: python_name(name).to_owned(), shown, scalar: !whole }
}

/// The arguments of a frame's function, in their order.
pub fn arguments(scene: &Scene<'_>) -> Option<Vec<Named>> {
    let variables = scene.variables()?;
    let own = variables.iter().filter(|variable| variable.parameter && variable.depth == 0);
    Some(own.map(|variable| shown(scene, variable)).collect())
}

/// `argc=1, argv=0x7ffe3c8`. As in gdb, only what has no parts is shown;
/// `text` may shorten values.
pub fn call_text(arguments: &[Named], text: fn(&str) -> &str) -> String {
    let shown = |argument: &Named| {
        let value = if argument.scalar { text(&argument.shown.value) } else { "..." };
        format!("{}={value}", argument.name)
    };
    arguments.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// The variables of a frame's function that are in scope: those of inner blocks first, without
/// Cython's own, and those of Python's closures last.
pub fn locals(scene: &Scene<'_>) -> Option<Vec<Named>> {
    let mut variables: Vec<_> = in_scope(scene)?.filter(|one| !is_own(&one.name)).collect();
    variables.sort_by_key(|variable| std::cmp::Reverse(variable.depth));
    let shared = scene.closure_variables();
    let shared = shared.iter().map(|(name, value)| named(scene, name, value));
    Some(variables.iter().map(|variable| shown(scene, variable)).chain(shared).collect())
}

fn in_scope<'s>(scene: &'s Scene<'_>) -> Option<impl Iterator<Item = &'s Variable>> {
    let own = scene.variables()?.iter();
    Some(own.filter(|variable| variable.in_scope && !variable.parameter))
}

/// The names of Cython's own among them.
fn hidden(scene: &Scene<'_>) -> Vec<String> {
    let own = in_scope(scene).into_iter().flatten().filter(|one| is_own(&one.name));
    own.map(|variable| variable.name.to_string()).collect()
}

fn answer(
    session: &Session,
    list: fn(&Scene<'_>) -> Option<Vec<Named>>,
    hidden: fn(&Scene<'_>) -> Vec<String>,
    none: &'static str,
) -> CommandResult {
    let unknown =
        || CommandError::Other("no debug information for the code of this frame".to_owned());
    let scene = session.scene()?;
    let variables = list(&scene).ok_or_else(unknown)?;
    Ok(Box::new(Variables { variables, hidden: hidden(&scene), none }))
}

/// `info locals`.
pub static INFO_LOCALS: Command = Command {
    name: "info locals",
    aliases: &[],
    group: Group::State,
    arguments: &[],
    help: "show the local variables of the selected frame",
    details: "Those of inner blocks first. What the program does not keep at this place is shown \
              as optimized out, what is not in the trace as not known.",
    run: |session, _| answer(session, locals, hidden, "No locals."),
};

/// `info args`.
pub static INFO_ARGS: Command = Command {
    name: "info args",
    aliases: &[],
    group: Group::State,
    arguments: &[],
    help: "show the arguments of the selected frame's function",
    details: "",
    run: |session, _| answer(session, arguments, |_| Vec::new(), "No arguments."),
};
