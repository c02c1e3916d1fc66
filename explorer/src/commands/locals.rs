//! `info locals` and `info args`.

use super::shown::ShownValue;
use super::{Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Scene, Session};
use crate::symbols::Variable;
use crate::symbols::cython::python_name;
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
    }
}

fn shown(scene: &Scene<'_>, variable: &Variable) -> Named {
    let value = scene.value_of(variable);
    let whole = value.of.element().is_some() || value.of.is_record();
    let shown = ShownValue::inner(scene, &value);
    Named { name: python_name(&variable.name).to_owned(), shown, scalar: !whole }
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

/// The variables of a frame's function that are in scope: those of inner blocks first.
pub fn locals(scene: &Scene<'_>) -> Option<Vec<Named>> {
    let own = scene.variables()?.iter();
    let own = own.filter(|variable| variable.in_scope && !variable.parameter);
    let mut variables: Vec<_> = own.collect();
    variables.sort_by_key(|variable| std::cmp::Reverse(variable.depth));
    Some(variables.iter().map(|variable| shown(scene, variable)).collect())
}

fn answer(
    session: &Session,
    list: fn(&Scene<'_>) -> Option<Vec<Named>>,
    none: &'static str,
) -> CommandResult {
    let unknown =
        || CommandError::Other("no debug information for the code of this frame".to_owned());
    let variables = list(&session.scene()?).ok_or_else(unknown)?;
    Ok(Box::new(Variables { variables, none }))
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
    run: |session, _| answer(session, locals, "No locals."),
};

/// `info args`.
pub static INFO_ARGS: Command = Command {
    name: "info args",
    aliases: &[],
    group: Group::State,
    arguments: &[],
    help: "show the arguments of the selected frame's function",
    details: "",
    run: |session, _| answer(session, arguments, "No arguments."),
};
