//! `regs`.

use super::{Argument, Command, CommandError, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::Session;
use crate::session::registers::{Class, Value, flags_text, names, read, similar};
use crate::symbols::did_you_mean;
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

struct Registers(Vec<Register>);

struct Register {
    name: String,
    /// None: not known in the selected frame.
    value: Option<Value>,
    /// What it points at: `<main+4>`.
    note: Option<String>,
}

struct Map<'a>(&'a [Register]);

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for register in self.0 {
            map.serialize_entry(&register.name, &register.value.as_ref().map(Value::hex))?;
        }
        map.end()
    }
}

impl Serialize for Registers {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_struct("Registers", 1)?;
        object.serialize_field("registers", &Map(&self.0))?;
        object.end()
    }
}

impl Output for Registers {
    fn render(&self, page: &mut Page) {
        for Register { name, value, note } in &self.0 {
            page.put(Style::Heading, format!("{name:<8}"));
            let Some(value) = value else {
                page.plain(" ").put(Style::Dim, "<not known in this frame>").end();
                continue;
            };
            page.put(Style::Address, format!(" {:<18}", value.hex()));
            if value.name == "eflags" {
                page.plain(" ").plain(flags_text(value.low()));
            } else if let Some(note) = note {
                page.plain(" ").put(Style::Function, note);
            } else if value.bytes.len() == 8 {
                page.plain(format!(" {}", value.low().cast_signed()));
            }
            page.end();
        }
    }
}

/// The names that words ask for.
fn wanted(words: &str, xcr0: u64) -> Vec<String> {
    let of = |word: &str| match word {
        "general" => names(Class::General, xcr0),
        "float" => names(Class::Float, xcr0),
        "vector" => names(Class::Vector, xcr0),
        "all" => [Class::General, Class::Float, Class::Vector]
            .into_iter()
            .flat_map(|class| names(class, xcr0))
            .collect(),
        name => vec![name.trim_start_matches('$').to_owned()],
    };
    let words = if words.trim().is_empty() { "general" } else { words };
    words.split([' ', ',']).filter(|word| !word.is_empty()).flat_map(of).collect()
}

fn note(session: &Session, value: &Value) -> Option<String> {
    (value.bytes.len() == 8).then(|| session.symbol(value.low())).flatten()
}

/// `regs`.
pub static REGS: Command = Command {
    name: "regs",
    aliases: &["info registers", "registers"],
    group: Group::State,
    arguments: &[Argument {
        name: "NAMES",
        form: Form::Rest,
        short: None,
        kind: Kind::Registers,
        help: "names, or general, float, vector, all; general if left out",
    }],
    help: "show registers",
    details: "Those of the selected frame, as they will be when what it called has returned. Parts \
              have their own names (eax, al, xmm0). JSON gives each as a hexadecimal string, or null.",
    run: |session, arguments| {
        let xcr0 = session.timeline().header().host.xcr0;
        let (scene, innermost) = (session.scene()?, session.registers()?);
        let mut registers = Vec::new();
        for name in wanted(arguments.get("NAMES").unwrap_or(""), xcr0) {
            let unknown = || {
                CommandError::Other(format!(
                    "no register {name:?}{}",
                    did_you_mean(&similar(&name, xcr0))
                ))
            };
            let name = read(&innermost, &name).ok_or_else(unknown)?.name;
            let value = scene.register_value(&name);
            let note = value.as_ref().and_then(|value| note(session, value));
            registers.push(Register { name, value, note });
        }
        Ok(Box::new(Registers(registers)))
    },
};
