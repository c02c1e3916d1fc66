//! `display`: expressions shown at every stop.

use super::examine::Examined;
use super::shown::ShownValue;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table};
use crate::session::{Display, DisplayFormat, Scene, Session, UnitFormat};
use crate::values::Format;
use serde::Serialize;

/// An expression with its value here.
#[derive(Serialize)]
struct Displayed {
    number: u32,
    expression: String,
    #[serde(flatten)]
    shown: Option<ShownValue>,
    /// The memory it is the address of, if that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Box<dyn Output>>,
    /// How that is asked for with `x`.
    #[serde(skip)]
    format: String,
    /// Why it has no value here.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Displayed {
    fn new(session: &Session, scene: &Scene<'_>, display: &Display) -> Self {
        let mut new = Self {
            number: display.number,
            expression: display.expression.clone(),
            shown: None,
            memory: None,
            format: display.format.to_string(),
            error: None,
        };
        let shown = match display.format {
            DisplayFormat::Value(format) => new.show_value(scene, format),
            DisplayFormat::Memory(format) => new.show_memory(session, format),
        };
        new.error = shown.err().map(|error| error.to_string());
        new
    }

    fn show_value(&mut self, scene: &Scene<'_>, format: Format) -> Result<(), CommandError> {
        let value = scene.evaluate(&self.expression)?.value;
        self.shown = Some(ShownValue::top(scene, &value, format));
        Ok(())
    }

    fn show_memory(&mut self, session: &Session, format: UnitFormat) -> Result<(), CommandError> {
        let address = session.address(&self.expression)?;
        self.memory = Some(Examined::new(session, address, format)?.output);
        Ok(())
    }

    fn heading(&self, page: &mut Page) {
        page.put(Style::Dim, format!("{}: ", self.number));
        if self.memory.is_some() {
            page.plain(format!("x/{} ", self.format));
        }
        page.put(Style::Heading, &self.expression);
    }
}

/// All displays that are on, with their values.
#[derive(Serialize)]
pub struct Displays {
    displays: Vec<Displayed>,
}

impl Displays {
    /// Evaluated at the cursor.
    pub fn of(session: &Session) -> Result<Self, CommandError> {
        if session.displays.iter().next().is_none() {
            return Ok(Self { displays: Vec::new() });
        }
        let scene = session.scene()?;
        let shown = |display: &Display| Displayed::new(session, &scene, display);
        Ok(Self { displays: session.displays.iter().map(shown).collect() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.displays.is_empty()
    }
}

impl Output for Displays {
    fn render(&self, page: &mut Page) {
        for display in &self.displays {
            display.heading(page);
            if let Some(memory) = &display.memory {
                page.end();
                memory.render(page);
                continue;
            }
            page.plain(" = ");
            match (&display.shown, &display.error) {
                (Some(shown), _) => page.plain(&shown.value),
                (None, error) => {
                    page.put(Style::Dim, format!("<{}>", error.as_deref().unwrap_or("")))
                }
            };
            page.end();
        }
    }
}

fn display(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let Some(expression) = arguments.get("EXPR") else {
        return Ok(Box::new(Displays::of(session)?));
    };
    let format = DisplayFormat::parse(arguments.get("FMT").unwrap_or(""));
    let format = format.map_err(|text| arguments.error(text))?;
    // What is not alive yet may be displayed; what makes no sense may not.
    if let Err(error) = session.evaluate(expression)
        && error.is_syntax()
    {
        return Err(error.into());
    }
    let number = session.displays.add(expression, format);
    let mut all = Displays::of(session)?;
    all.displays.retain(|display| display.number == number);
    Ok(Box::new(all))
}

#[derive(Serialize)]
struct List {
    displays: Vec<Display>,
}

impl Output for List {
    fn render(&self, page: &mut Page) {
        if self.displays.is_empty() {
            return page.line("No displays.");
        }
        let mut table = Table::new(&["num", "format", "expression"]).numbers(&[0]);
        for display in &self.displays {
            let format = display.format.to_string();
            table.row(vec![display.number.to_string(), format, display.expression.clone()]);
        }
        table.render(page);
    }
}

fn undisplay(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let wanted = arguments.count("N");
    let removed = session.displays.remove(wanted);
    match (wanted, removed) {
        (Some(number), 0) => Err(CommandError::Other(format!("no display number {number}"))),
        _ => Ok(Box::new(List { displays: session.displays.iter().cloned().collect() })),
    }
}

/// `display`.
pub static DISPLAY: Command = Command {
    name: "display",
    aliases: &[],
    group: Group::State,
    arguments: &[
        Argument {
            name: "FMT",
            form: Form::Slash,
            short: None,
            kind: Kind::Text,
            help: "a format of `print`; or i, s, a count or a unit size: the memory that the \
                   value is the address of, as `x` shows it",
        },
        Argument {
            name: "EXPR",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "an expression; all displays are shown if left out",
        },
    ],
    help: "show the value of an expression now and wherever the cursor stops",
    details: "JSON: the answers of commands that move have `displays`.",
    run: display,
};

/// `undisplay`.
pub static UNDISPLAY: Command = Command {
    name: "undisplay",
    aliases: &["delete display"],
    group: Group::State,
    arguments: &[Argument::number("the display's number; all if left out")],
    help: "no longer show an expression, or any",
    details: "",
    run: undisplay,
};

/// `info display`.
pub static INFO_DISPLAY: Command = Command {
    name: "info display",
    aliases: &[],
    group: Group::State,
    arguments: &[],
    help: "list the expressions shown wherever the cursor stops",
    details: "",
    run: |session, _| Ok(Box::new(List { displays: session.displays.iter().cloned().collect() })),
};
