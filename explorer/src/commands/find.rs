//! `find`: bytes in memory.

use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, hex};
use crate::session::{Session, find_pattern};
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
        if self.more {
            page.put(Style::Dim, "There are more; say how many with -c.").end();
        }
    }
}

fn find(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let text = arguments.get("BYTES").unwrap_or_default();
    let pattern = find_pattern(text).map_err(|why| arguments.error(why))?;
    let limit = arguments.count("N").unwrap_or(COUNT).clamp(1, 1 << 20) as usize;
    let (found, more) = session.find_bytes(&pattern, limit)?;
    let address = |address| Address { address, symbol: session.symbol(address) };
    Ok(Box::new(Found { found: found.into_iter().map(address).collect(), more }))
}

/// `find`.
pub static FIND: Command = Command {
    name: "find",
    aliases: &[],
    group: Group::State,
    arguments: &[
        Argument {
            name: "N",
            form: Form::Option,
            short: Some("-c"),
            kind: Kind::Count,
            help: "at most N addresses; 100 if left out",
        },
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
              learn who wrote there.",
    run: find,
};
