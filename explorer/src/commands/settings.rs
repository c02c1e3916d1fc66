//! `set` and `show`.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::{SETTINGS, Session, Setting};
use serde::ser::{Serialize, SerializeMap, Serializer};

struct Values(Vec<(&'static Setting, String)>);

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for (setting, value) in &self.0 {
            map.serialize_entry(setting.name, value)?;
        }
        map.end()
    }
}

impl Output for Values {
    fn render(&self, page: &mut Page) {
        for (setting, value) in &self.0 {
            page.put(Style::Heading, setting.name).plain(format!(" = {value}"));
            page.put(Style::Dim, format!("  ({})", setting.help)).end();
        }
    }
}

struct Silent;

impl Serialize for Silent {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_map(Some(0))?.end()
    }
}

impl Output for Silent {
    fn render(&self, _: &mut Page) {}
}

fn find(name: &str) -> Result<&'static Setting, CommandError> {
    let found = SETTINGS.iter().find(|setting| setting.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        CommandError::Other(format!("no setting {name:?}; there are {}", names.join(", ")))
    })
}

fn set(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let setting = find(arguments.get("NAME").unwrap_or_default())?;
    let value = arguments.get("VALUE").unwrap_or_default();
    session
        .set(setting, value)
        .map_err(|text| CommandError::Other(format!("{}: {text}", setting.name)))?;
    Ok(Box::new(Silent))
}

fn show(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let wanted: Vec<&'static Setting> = match arguments.get("NAME") {
        Some(name) => vec![find(name)?],
        None => SETTINGS.iter().collect(),
    };
    let value = |setting: &'static Setting| (setting, (setting.show)(session.settings()));
    Ok(Box::new(Values(wanted.into_iter().map(value).collect())))
}

const NAME: Argument = Argument {
    name: "NAME",
    form: Form::Required,
    short: None,
    kind: Kind::Setting,
    help: "color, disassembly-flavor, listsize or substitute-path",
};

/// `set`.
pub static SET: Command = Command {
    name: "set",
    aliases: &[],
    group: Group::Session,
    arguments: &[
        NAME,
        Argument {
            name: "VALUE",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Text,
            help: "its new value",
        },
    ],
    help: "change a setting",
    details: "`show` lists the settings. `set substitute-path FROM TO` may be given several times; \
              the first that leads to a file counts.",
    run: set,
};

/// `show`.
pub static SHOW: Command = Command {
    name: "show",
    aliases: &[],
    group: Group::Session,
    arguments: &[Argument { form: Form::Optional, ..NAME }],
    help: "show a setting, or all",
    details: "",
    run: show,
};
