//! Steps by lines and by instructions, both ways.

use super::position::Position;
use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind};
use crate::session::{Calls, Session};
use crate::timeline::Direction;

const COUNT: Argument = Argument {
    name: "N",
    form: Form::Optional,
    short: Some("-c"),
    kind: Kind::Count,
    help: "how often; 1 if left out",
};

fn lines(
    session: &mut Session,
    arguments: &Arguments,
    direction: Direction,
    calls: Calls,
) -> CommandResult {
    session.step_lines(arguments.count("N").unwrap_or(1), direction, calls)?;
    Position::result(session)
}

fn instructions(
    session: &mut Session,
    arguments: &Arguments,
    direction: Direction,
    calls: Calls,
) -> CommandResult {
    session.step_instructions(arguments.count("N").unwrap_or(1), direction, calls)?;
    Position::result(session)
}

/// `step-back`.
pub static STEP_BACK: Command = Command {
    name: "step-back",
    aliases: &["sb", "prev", "ps", "reverse-step", "rstep"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go back N source lines, into calls",
    details: "From the middle of a line it goes to the line's start first. Code without line \
              information is passed over. Stops early at breakpoints, and where signals stop \
              `step`.",
    run: |session, arguments| lines(session, arguments, Direction::Backward, Calls::Into),
};

/// `step-back-inst`.
pub static STEP_BACK_INST: Command = Command {
    name: "step-back-inst",
    aliases: &["sbi", "pi", "reverse-stepi", "rsi"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go back N instructions",
    details: "One execution of a rep-prefixed instruction is one step. Stops early at \
              breakpoints.",
    run: |session, arguments| instructions(session, arguments, Direction::Backward, Calls::Into),
};

/// `replay`.
pub static REPLAY: Command = Command {
    name: "replay",
    aliases: &["rs", "step", "s"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go forward N source lines, into calls",
    details: "Entering a function, it stops where the parameters are in place. Code without \
              line information is passed over, and what the dynamic linker does to find a \
              function. A line that goes on elsewhere is no other line. Stops early at \
              breakpoints and signals.",
    run: |session, arguments| lines(session, arguments, Direction::Forward, Calls::Into),
};

/// `replay-inst`.
pub static REPLAY_INST: Command = Command {
    name: "replay-inst",
    aliases: &["ri", "stepi", "si"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go forward N instructions",
    details: "Stops early at breakpoints and signals.",
    run: |session, arguments| instructions(session, arguments, Direction::Forward, Calls::Into),
};

/// `next`.
pub static NEXT: Command = Command {
    name: "next",
    aliases: &["n"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go forward N source lines, over calls",
    details: "A call is passed over however it ends: by a return, by that of a function it was \
              handed on to, or by longjmp. Inlined functions are frames: they are passed over \
              too, from the call, where `step` enters them. Stops early at breakpoints and \
              signals.",
    run: |session, arguments| lines(session, arguments, Direction::Forward, Calls::Over),
};

/// `reverse-next`.
pub static REVERSE_NEXT: Command = Command {
    name: "reverse-next",
    aliases: &["rn"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go back N source lines, over calls",
    details: "From the middle of a line it goes to the line's start first. Stops early at \
              breakpoints.",
    run: |session, arguments| lines(session, arguments, Direction::Backward, Calls::Over),
};

/// `nexti`.
pub static NEXTI: Command = Command {
    name: "nexti",
    aliases: &["ni"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go forward N instructions, over calls",
    details: "A call is one step, to where it has returned. Stops early at breakpoints and \
              signals.",
    run: |session, arguments| instructions(session, arguments, Direction::Forward, Calls::Over),
};

/// `reverse-nexti`.
pub static REVERSE_NEXTI: Command = Command {
    name: "reverse-nexti",
    aliases: &["rni"],
    group: Group::Moving,
    arguments: &[COUNT],
    help: "go back N instructions, over calls",
    details: "From behind a call it goes to the call. Stops early at breakpoints.",
    run: |session, arguments| instructions(session, arguments, Direction::Backward, Calls::Over),
};
