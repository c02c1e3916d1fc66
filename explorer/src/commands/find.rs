//! `find`: bytes in memory, here or whenever they came to stand there.

use super::executions::place_cells;
use super::more;
use super::total::total;
use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Appearance, Session, find_pattern};
use serde::Serialize;

/// Addresses shown when nobody says how many.
const COUNT: u64 = 100;

#[derive(Serialize)]
struct Found {
    found: Vec<Address>,
    more: bool,
}

#[derive(Serialize)]
struct Address {
    #[serde(serialize_with = "crate::render::serialize_hex")]
    address: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
}

impl Output for Found {
    fn render(&self, page: &mut Page) {
        if self.found.is_empty() {
            return page.line("Not in memory here.");
        }
        for Address { address, symbol } in &self.found {
            page.put(Style::Address, hex(*address));
            if let Some(symbol) = symbol {
                page.plain(" ").put(Style::Function, symbol);
            }
            page.end();
        }
        more::say_held(page, self.more, self.found.len());
    }
}

#[derive(Serialize)]
struct Appeared {
    found: Vec<Appearance>,
    more: bool,
}

impl Output for Appeared {
    fn render(&self, page: &mut Page) {
        if self.found.is_empty() {
            return page.line("Never in memory.");
        }
        let mut table =
            Table::new(&["tracepoint", "address", "symbol", "by", "where"]).numbers(&[0]);
        for Appearance { tracepoint, place, address, symbol } in &self.found {
            let start = || "from the start".to_owned();
            let at = tracepoint.map_or_else(start, |t| format!("#{}", thousands(t)));
            let mut cells = vec![at, hex(*address), symbol.clone().unwrap_or_default()];
            cells.extend(place.as_ref().map(place_cells).unwrap_or_default());
            table.row(cells);
        }
        table.render(page);
        more::say_held(page, self.more, self.found.len());
    }
}

fn find(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let text = arguments.get("BYTES").unwrap_or_default();
    let pattern = find_pattern(text).map_err(|why| arguments.error(why))?;
    let limit = arguments.held_rows(COUNT);
    match arguments.get(OVER.name) {
        None => {}
        Some("all") if pattern.iter().all(|byte| *byte == 0) => {
            return Err(arguments.error("zeros come to stand wherever something is mapped"));
        }
        Some("all") if limit == 0 => {
            return total(session.appearance_count(&pattern)?, "appearances");
        }
        Some("all") => {
            let (found, more) = session.appearances(&pattern, limit)?;
            return Ok(Box::new(Appeared { found, more }));
        }
        Some(other) => return Err(arguments.error(format!("{other:?} is not all"))),
    }
    if limit == 0 {
        return total(session.find_count_at(session.cursor(), &pattern)?, "places");
    }
    let (found, more) = session.find_bytes(&pattern, limit)?;
    let address = |address| Address { address, symbol: session.symbol(address) };
    Ok(Box::new(Found { found: found.into_iter().map(address).collect(), more }))
}

const OVER: Argument = Argument {
    name: "OVER",
    form: Form::Option,
    short: None,
    kind: Kind::Text,
    help: "all: list when they came to stand in memory, over all of history",
};

/// `find`.
pub static FIND: Command = Command {
    name: "find",
    aliases: &[],
    group: Group::State,
    arguments: &[
        Argument::at_most("at most N addresses; 100 if left out"),
        OVER,
        Argument {
            name: "BYTES",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Text,
            help: "\"a string\", bytes such as 7f 45 4c 46, or a number such as 0x1234",
        },
    ],
    help: "list the addresses at which bytes stand in memory at the cursor",
    details: "A number takes 1, 2, 4 or 8 bytes, as many as it needs. Give an address to last to \
              learn who wrote there; --over all lists every time at which a store, a system call \
              or a new mapping completed the bytes somewhere.",
    run: find,
};
