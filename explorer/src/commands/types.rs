//! `whatis` and `ptype`.

use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output};
use crate::expression;
use crate::render::Page;
use crate::session::Session;
use crate::symbols::datatypes::{Shape, Type};
use serde::Serialize;

#[derive(Serialize)]
struct TypeText {
    #[serde(rename = "type")]
    of: String,
    /// Bytes of a value.
    size: Option<u64>,
}

impl Output for TypeText {
    fn render(&self, page: &mut Page) {
        for (number, line) in self.of.lines().enumerate() {
            page.line(format!("{}{line}", if number == 0 { "type = " } else { "" }));
        }
    }
}

fn type_of(session: &Session, arguments: &Arguments) -> Result<Type, super::CommandError> {
    let scene = session.scene()?;
    Ok(expression::type_of(arguments.get("EXPR").unwrap_or("$"), &scene)?)
}

/// Of a typedef's name, what it stands for.
fn whatis(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let of = type_of(session, arguments)?;
    let text = arguments.get("EXPR").unwrap_or("$");
    let shown = match of.shape() {
        Shape::Alias { name, to, .. } if **name == *text.trim() => of.follow(to).name(),
        _ => of.name(),
    };
    Ok(Box::new(TypeText { of: shown, size: of.size() }))
}

fn ptype(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let of = type_of(session, arguments)?;
    Ok(Box::new(TypeText { of: of.definition_text(), size: of.size() }))
}

const EXPRESSION: Argument = Argument {
    name: "EXPR",
    form: Form::Rest,
    short: None,
    kind: Kind::Expression,
    help: "an expression, or the name of a type; the last value if left out",
};

/// `whatis`.
pub static WHATIS: Command = Command {
    name: "whatis",
    aliases: &[],
    group: Group::State,
    arguments: &[EXPRESSION],
    help: "show the type of an expression",
    details: "Of a typedef, what it stands for.",
    run: whatis,
};

/// `ptype`.
pub static PTYPE: Command = Command {
    name: "ptype",
    aliases: &[],
    group: Group::State,
    arguments: &[EXPRESSION],
    help: "show a type spelled out: bases, members, functions, constants",
    details: "",
    run: ptype,
};
