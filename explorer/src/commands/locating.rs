//! `info line`, `info symbol` and `info address`: between lines, names and addresses.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, hex, serialize_hex};
use crate::session::{Part, Session};
use crate::values::Place;
use serde::Serialize;
use std::collections::HashSet;

#[derive(Serialize)]
struct Lines {
    lines: Vec<Code>,
}

/// The code of a row of the line table.
#[derive(Serialize)]
struct Code {
    file: String,
    line: u32,
    #[serde(serialize_with = "serialize_hex")]
    start: u64,
    #[serde(serialize_with = "serialize_hex")]
    end: u64,
    symbol: Option<String>,
}

impl Output for Lines {
    fn render(&self, page: &mut Page) {
        for Code { file, line, start, end, symbol } in &self.lines {
            page.plain(format!("Line {line} of ")).put(Style::File, file).plain(" starts at ");
            page.put(Style::Address, hex(*start));
            if let Some(symbol) = symbol {
                page.plain(" ").put(Style::Function, symbol);
            }
            page.plain(" and ends at ").put(Style::Address, hex(*end)).plain(".").end();
        }
    }
}

fn lines(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let addresses = match arguments.get(LOCATION.name) {
        Some(location) => {
            let targets = session.resolve_part(location, Part::Entry)?;
            targets.iter().map(|target| target.address).collect()
        }
        None => vec![session.pc()?],
    };
    let (timeline, cursor) = (session.timeline(), session.cursor());
    let code = |address: u64| {
        let code = session.locator().line_code(timeline, cursor, address)?;
        let (start, end) = (code.row.start, code.row.end);
        let (file, symbol) = (code.file.to_string(), session.symbol(start));
        Some(Code { file, line: code.line, start, end, symbol })
    };
    let mut lines: Vec<Code> = addresses.into_iter().filter_map(code).collect();
    let mut seen = HashSet::new();
    lines.retain(|code| seen.insert(code.start));
    if lines.is_empty() {
        let text = "no line is known of code there, or it is not loaded here";
        return Err(CommandError::Other(text.to_owned()));
    }
    Ok(Box::new(Lines { lines }))
}

#[derive(Serialize)]
struct Symbol {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    symbol: String,
    offset: u64,
    module: Option<String>,
}

impl Output for Symbol {
    fn render(&self, page: &mut Page) {
        page.put(Style::Function, &self.symbol);
        if self.offset > 0 {
            page.plain(format!(" + {}", self.offset));
        }
        if let Some(module) = &self.module {
            page.plain(" of ").put(Style::File, module);
        }
        page.end();
    }
}

fn symbol(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let address = session.address(arguments.get(ADDRESS.name).unwrap_or_default())?;
    let (timeline, cursor) = (session.timeline(), session.cursor());
    let found = session.locator().symbol(timeline, cursor, address);
    let none = || CommandError::Other(format!("no symbol is at or before {}", hex(address)));
    let (symbol, offset) = found.ok_or_else(none)?;
    let image = session.locator().images().at(timeline, cursor, address);
    let module = image.and_then(|image| session.locator().images().path(image.module));
    Ok(Box::new(Symbol { address, symbol, offset, module: module.map(str::to_owned) }))
}

#[derive(Serialize)]
struct At {
    name: String,
    /// In words.
    place: String,
}

impl Output for At {
    fn render(&self, page: &mut Page) {
        page.put(Style::Heading, &self.name).plain(" is ").plain(&self.place).plain(".").end();
    }
}

fn address(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let name = arguments.get(NAME.name).unwrap_or_default().trim().to_owned();
    let value = session.evaluate(&name)?;
    let place = match &value.place {
        Place::Memory(address) if value.of.is_function() => {
            format!("a function at {}", hex(*address))
        }
        Place::Memory(address) => format!("at {} here", hex(*address)),
        Place::Register(register) => format!("in ${register} here"),
        Place::Pieces(_) => "in several places here".to_owned(),
        Place::None => "at no address here".to_owned(),
    };
    Ok(Box::new(At { name, place }))
}

const LOCATION: Argument = Argument {
    name: "LOCATION",
    form: Form::Rest,
    short: None,
    kind: Kind::Location,
    help: "FUNCTION, FILE:LINE, LINE of the current file, or *ADDRESS; the cursor's own line if \
           left out",
};

const ADDRESS: Argument = Argument {
    name: "ADDRESS",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Expression,
    help: "an address, as an expression",
};

const NAME: Argument = Argument {
    name: "NAME",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Expression,
    help: "a variable or a function",
};

/// `info line`.
pub static INFO_LINE: Command = Command {
    name: "info line",
    aliases: &[],
    group: Group::State,
    arguments: &[LOCATION],
    help: "show at which addresses the code of a line is",
    details: "Of a function it is the line of its first address; one for each overload and each \
              inlined copy. As in gdb, the code is that of one row of the line table: a line may \
              have more.",
    run: lines,
};

/// `info symbol`.
pub static INFO_SYMBOL: Command = Command {
    name: "info symbol",
    aliases: &[],
    group: Group::State,
    arguments: &[ADDRESS],
    help: "show which symbol an address belongs to",
    details: "",
    run: symbol,
};

/// `info address`.
pub static INFO_ADDRESS: Command = Command {
    name: "info address",
    aliases: &[],
    group: Group::State,
    arguments: &[NAME],
    help: "show where a variable or function is",
    details: "",
    run: address,
};
