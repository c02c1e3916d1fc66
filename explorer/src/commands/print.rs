//! `print`.

use super::shown::ShownValue;
use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::Session;
use crate::values::Format;
use serde::Serialize;

#[derive(Serialize)]
struct Printed {
    /// Its number in the value history.
    number: Option<u64>,
    #[serde(flatten)]
    shown: ShownValue,
    /// Where a variable is that is optimised out here.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Output for Printed {
    fn render(&self, page: &mut Page) {
        if let Some(number) = self.number {
            page.put(Style::Dim, format!("${number} = "));
        }
        page.plain(&self.shown.value);
        if let Some(note) = &self.note {
            page.put(Style::Dim, format!("  ({note})"));
        }
        page.end();
    }
}

fn print(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let format = Format::parse(arguments.get("FMT").unwrap_or(""));
    let format = format.map_err(|text| arguments.error(text))?;
    let (value, number) = session.print(arguments.get("EXPR").unwrap_or("$"))?;
    let scene = session.scene()?;
    let shown = ShownValue::top(&scene, &value, format);
    let note = arguments.get("EXPR").and_then(|text| scene.alive_elsewhere(text.trim()));
    Ok(Box::new(Printed { number, shown, note }))
}

/// What `print` and `display` take behind a slash.
pub const FORMAT: Argument = Argument {
    name: "FMT",
    form: Form::Slash,
    short: None,
    kind: Kind::Text,
    help: "a format letter: x d u o t z c a f s; r shows library types as they are made",
};

/// `print`.
pub static PRINT: Command = Command {
    name: "print",
    aliases: &["p", "inspect", "call"],
    group: Group::State,
    arguments: &[
        FORMAT,
        Argument {
            name: "EXPR",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "an expression; the last value if left out",
        },
    ],
    help: "show the value of an expression",
    details: "Expressions are C's, evaluated in the selected frame: operators, casts, sizeof, \
              _Alignof, -> . [] & *; $rax and other registers; ARRAY@COUNT; $_creal(Z), \
              $_cimag(Z); FILE::NAME, FUNCTION::NAME, \
              CLASS::MEMBER (of this, if there is no other object; &CLASS::MEMBER leads to it: \
              OBJECT.*POINTER); \
              values shown before as $1, $ (the last), $$ (the one before). $NAME = EXPR keeps a \
              value. Nothing of the recorded history can be changed, and functions are not called.",
    run: print,
};
