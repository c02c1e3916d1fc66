//! `find`: bytes in memory, here or whenever they came to stand there.

use super::executions::place_cells;
use super::more;
use super::rows::{ListEnd, Rows, SLOW_BATCH};
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Appearance, Appearing, Session, Span, find_pattern};
use serde::Serialize;

/// Addresses shown when nobody says how many.
const COUNT: u64 = 100;

#[derive(Serialize)]
struct Found {
    found: Rows<Address>,
    #[serde(flatten)]
    ending: ListEnd,
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
        if self.found.first().is_empty() {
            return page.line("Not in memory here.");
        }
        self.found.each(&mut |found| {
            for Address { address, symbol } in found {
                page.put(Style::Address, hex(*address));
                if let Some(symbol) = symbol {
                    page.plain(" ").put(Style::Function, symbol);
                }
                page.end();
            }
            page.is_wanted()
        });
        more::say(page, self.ending.more());
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

#[derive(Serialize)]
struct Appeared {
    found: Rows<Appearance>,
    #[serde(flatten)]
    ending: ListEnd,
}

impl Output for Appeared {
    fn render(&self, page: &mut Page) {
        if self.found.first().is_empty() {
            return page.line("Never in memory.");
        }
        let mut table =
            Table::new(&["tracepoint", "address", "symbol", "by", "where"]).numbers(&[0]);
        self.found.each(&mut |found| {
            for Appearance { tracepoint, place, address, symbol } in found {
                let start = || "from the start".to_owned();
                let at = tracepoint.map_or_else(start, |t| format!("#{}", thousands(t)));
                let mut cells = vec![at, hex(*address), symbol.clone().unwrap_or_default()];
                cells.extend(place.as_ref().map(place_cells).unwrap_or_default());
                table.row(cells);
            }
            table.part(page);
            page.is_wanted()
        });
        more::say(page, self.ending.more());
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

/// At most `limit` appearances: all that few at once, of more some at a time.
fn appeared(
    session: &Session,
    pattern: &[u8],
    limit: usize,
) -> Result<Rows<Appearance>, CommandError> {
    if limit <= SLOW_BATCH {
        let (found, more) = session.appearances(pattern, limit)?;
        return Ok(Rows::all(found, more));
    }
    let (twin, mut appearing) = (session.twin(), Appearing::new(session, pattern));
    let rows = Rows::of_parts(limit, move || Ok(appearing.next(&twin, SLOW_BATCH)?));
    Ok(rows?.until(&session.interrupt))
}

/// At most `limit` places of `pattern` in memory at the cursor.
fn places(
    session: &Session,
    pattern: Vec<u8>,
    limit: usize,
) -> Result<Rows<Address>, CommandError> {
    let (twin, state) = (session.twin(), session.cursor());
    let all = Span { times: 0..u64::MAX, left: limit, more: false };
    let rows = Rows::found_by(
        SLOW_BATCH,
        all,
        |row: &Address| row.address,
        move |addresses, most| {
            let (found, _) = twin.find_bytes_at((state, addresses.start), &pattern, most)?;
            let row = |address| Address { address, symbol: twin.symbol(address) };
            Ok(found.into_iter().map(row).collect())
        },
    );
    Ok(rows?.until(&session.interrupt))
}

fn find(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let text = arguments.get("BYTES").unwrap_or_default();
    let pattern = find_pattern(text).map_err(|why| arguments.error(why))?;
    let limit = arguments.rows(COUNT);
    match arguments.get(OVER.name) {
        None => {}
        Some("all") if pattern.iter().all(|byte| *byte == 0) => {
            return Err(arguments.error("zeros come to stand wherever something is mapped"));
        }
        Some("all") if limit == 0 => {
            return total(session.appearance_count(&pattern)?, "appearances");
        }
        Some("all") => {
            let found = appeared(session, &pattern, limit)?;
            let ending = found.ending().clone();
            return Ok(Box::new(Appeared { found, ending }));
        }
        Some(other) => return Err(arguments.error(format!("{other:?} is not all"))),
    }
    if limit == 0 {
        return total(session.find_count_at(session.cursor(), &pattern)?, "places");
    }
    let found = places(session, pattern, limit)?;
    let ending = found.ending().clone();
    Ok(Box::new(Found { found, ending }))
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
