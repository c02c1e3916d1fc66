//! `heap`: blocks that are alive, and the history of one.

mod alive;
mod around;
mod check;
mod rows;

use super::{Argument, Command, CommandError, Form, Group, Kind};

/// Blocks or lines shown when nobody says how many.
const COUNT: u64 = 50;

/// `heap`.
pub static HEAP: Command = Command {
    name: "heap",
    aliases: &["info heap"],
    group: Group::History,
    arguments: &[
        Argument::at_most("at most N rows, the newest blocks; 50 if left out"),
        Argument {
            name: "BY",
            form: Form::Option,
            short: None,
            kind: Kind::Text,
            help: "line: count blocks and bytes by the line that allocated them",
        },
        Argument {
            name: "--check",
            form: Form::Word,
            short: None,
            kind: Kind::Text,
            help: "look through all of history for uses of blocks after their free instead",
        },
        Argument {
            name: "ADDRESS",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "tell of the block there instead: an address, a pointer, or a variable",
        },
    ],
    help: "list the blocks of memory allocated here, or tell who allocated, freed and used one",
    details: "Blocks are what malloc and its kin returned, in whatever module they are, by the \
              names of their symbols. Double frees, frees of what is no block, and frees by \
              another kind of function than allocated are named; uses after free are looked for \
              of the block whose address is given, or with --check of all, by other code than the \
              allocator's. At the end, what is alive was never freed.",
    run: |session, arguments| {
        let heap = session.heap()?;
        if !heap.functions {
            let what = "no function of this trace is called malloc or the like: without symbols, \
                        the heap is not known";
            return Err(CommandError::Other(what.to_owned()));
        }
        if heap.more {
            return Err(CommandError::Other("too many calls of malloc and free".to_owned()));
        }
        let by = arguments.get("BY");
        if let Some(by) = by.filter(|by| *by != "line") {
            return Err(arguments.error(format!("{by:?} is not line")));
        }
        let count = arguments.held_rows(COUNT);
        if arguments.get("--check").is_some() {
            return check::check(session, &heap, count);
        }
        match arguments.get("ADDRESS").filter(|text| !text.is_empty()) {
            Some(text) => {
                let address = session.address(text)?;
                around::around(session, &heap, address)
            }
            None => alive::alive(session, &heap, count, by.is_some()),
        }
    },
};
