//! `watch`, `rwatch` and `awatch`.

use super::asked::{EXPRESSION, SIZE, content_of};
use super::breakpoints::Set;
use super::conditions::{self, split_condition};
use super::{
    Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, unmapped,
};
use crate::session::{Access, CheckedAt, Session, Watch};

/// As in gdb.
const LOCATION: Argument = Argument {
    name: "-location",
    form: Form::Word,
    short: Some("-l"),
    kind: Kind::Text,
    help: "what stands at the address that EXPR has now, whatever becomes of its frame",
};

fn watch(session: &mut Session, arguments: &Arguments, access: Access) -> CommandResult {
    let text = arguments.get(EXPRESSION.name).unwrap_or_default();
    let (expression, condition) = split_condition(arguments, text)?;
    let subject = session.watched_subject(expression, arguments.count(SIZE.name));
    let subject = subject.map_err(|error| CommandError::Other(error.to_string()))?;
    if access != Access::Write && subject.addresses().is_none() {
        let text = "reads of registers cannot be watched";
        return Err(CommandError::Other(text.to_owned()));
    }
    if let Some(addresses) = subject.addresses() {
        unmapped::refuse_never(session, addresses.start)?;
    }
    conditions::check(session, condition, CheckedAt::Anywhere)?;
    let scope = match arguments.get(LOCATION.name) {
        Some(_) => None,
        None => session.scope(expression, &subject)?,
    };
    let content = content_of(session, arguments, expression);
    let number = session.add_watch(expression, Watch { subject, access, scope });
    session.set_condition(number, condition)?;
    Set::with_content(session, number, content)
}

/// `watch`.
pub static WATCH: Command = Command {
    name: "watch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[LOCATION, SIZE, EXPRESSION],
    help: "stop where something is written that changes what it holds",
    details: "Forwards it stops behind the write, backwards before it. There is no limit to how \
              many there are or how large. Addresses are evaluated at the cursor. A condition, \
              `watch EXPR if EXPR`, is looked at behind the write, in both directions. A \
              watchpoint of a local variable ends with the variable's frame: where that is left, \
              and backwards where it was called; with -l before the expression, as in gdb, it \
              is of the address and does not end. One of a register is of the selected thread's. \
              What is computed, as a+1, is kept nowhere and not watched: the error says what it \
              is made of.",
    run: |session, arguments| watch(session, arguments, Access::Write),
};

/// `rwatch`.
pub static RWATCH: Command = Command {
    name: "rwatch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[LOCATION, SIZE, EXPRESSION],
    help: "stop where memory is read",
    details: "Reads are in no index: all instructions on the way are gone through. What a masked \
              load leaves out counts as read; gathers, xrstor and what the kernel reads do not.",
    run: |session, arguments| watch(session, arguments, Access::Read),
};

/// `awatch`.
pub static AWATCH: Command = Command {
    name: "awatch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[LOCATION, SIZE, EXPRESSION],
    help: "stop where memory is read, or written whether or not that changes it",
    details: "As rwatch and watch together.",
    run: |session, arguments| watch(session, arguments, Access::Any),
};
