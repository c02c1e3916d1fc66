//! Out of a function, and to places: both ways.

use super::position::Position;
use super::returned::ReturnedValue;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind};
use crate::session::{Bound, Session};
use crate::timeline::Direction;

fn leave(session: &mut Session, direction: Direction) -> CommandResult {
    let ended = session.leave(direction)?.map_err(CommandError::Other)?;
    let returned = ended.map(|call| ReturnedValue::kept(session, &call)).transpose()?;
    Ok(Box::new(Position::of(session)?.with_returned(returned.flatten())))
}

fn until(
    session: &mut Session,
    arguments: &Arguments,
    direction: Direction,
    bound: Bound,
) -> CommandResult {
    session.until(arguments.get(LOCATION.name).unwrap_or_default(), direction, bound)?;
    Position::result(session)
}

fn until_or_further(session: &mut Session, arguments: &Arguments, bound: Bound) -> CommandResult {
    match arguments.get(OPTIONAL_LOCATION.name) {
        Some(_) => until(session, arguments, Direction::Forward, bound),
        None => {
            session.step_further()?;
            Position::result(session)
        }
    }
}

fn until_address(
    session: &mut Session,
    arguments: &Arguments,
    direction: Direction,
) -> CommandResult {
    let place = arguments.get(ADDRESS.name).unwrap_or_default();
    let bare = place.strip_prefix('*').unwrap_or(place);
    session.until(&format!("*{bare}"), direction, Bound::History)?;
    Position::result(session)
}

const LOCATION: Argument = Argument {
    name: "LOCATION",
    form: Form::RequiredRest,
    short: Some("-l"),
    kind: Kind::Location,
    help: "FILE:LINE, LINE of the current file, FUNCTION, FILE:FUNCTION, or *ADDRESS",
};

const OPTIONAL_LOCATION: Argument = Argument {
    form: Form::Rest,
    help: "FILE:LINE, LINE of the current file, FUNCTION, FILE:FUNCTION, or *ADDRESS; a line \
           further on if left out",
    ..LOCATION
};

const ADDRESS: Argument = Argument {
    name: "ADDRESS",
    form: Form::Required,
    short: Some("-a"),
    kind: Kind::Expression,
    help: "an expression, such as 0x401136 or $pc+4",
};

const EARLY: &str = "Stops early at breakpoints and signals. If history does not pass there, it \
                     goes to the end of it.";
const EARLY_BACK: &str = "Stops early at breakpoints. If history does not pass there, it goes to \
                          the beginning of it.";

/// `replay-until-out`.
pub static REPLAY_UNTIL_OUT: Command = Command {
    name: "replay-until-out",
    aliases: &["rf", "finish", "fin"],
    group: Group::Moving,
    arguments: &[],
    help: "go forward out of the function, to where it returns to",
    details: "It ends when the stack pointer rises above what it was before the call: so also \
              by longjmp, or by the return of a function it was handed on to. What the function \
              returned is shown in its type, and kept as `print` keeps values; where its type \
              does not tell how it is returned, that is said.",
    run: |session, _| leave(session, Direction::Forward),
};

/// `step-back-until-out`.
pub static STEP_BACK_UNTIL_OUT: Command = Command {
    name: "step-back-until-out",
    aliases: &["sbo", "pf", "reverse-finish"],
    group: Group::Moving,
    arguments: &[],
    help: "go back out of the function, to the call of it",
    details: "",
    run: |session, _| leave(session, Direction::Backward),
};

/// `replay-until-line`.
pub static REPLAY_UNTIL_LINE: Command = Command {
    name: "replay-until-line",
    aliases: &["rl"],
    group: Group::Moving,
    arguments: &[OPTIONAL_LOCATION],
    help: "go forward to a source line, in whatever frame",
    details: "Without LOCATION as `until`. Stops early at breakpoints and signals. If history \
              does not pass there, it goes to the end of it.",
    run: |session, arguments| until_or_further(session, arguments, Bound::History),
};

/// `until`.
pub static UNTIL: Command = Command {
    name: "until",
    aliases: &["u"],
    group: Group::Moving,
    arguments: &[OPTIONAL_LOCATION],
    help: "go forward to a source line of the selected frame, or out of that",
    details: "Calls are passed, recursive ones of the same line as well; it ends behind the \
              return of the frame at the latest (see `advance`). Without LOCATION it goes over \
              calls, as `next` does, but not back in a loop: to a line whose code is further on \
              in the function, or out of that. Stops early at breakpoints and signals.",
    run: |session, arguments| until_or_further(session, arguments, Bound::Frame),
};

/// `advance`.
pub static ADVANCE: Command = Command {
    name: "advance",
    aliases: &[],
    group: Group::Moving,
    arguments: &[LOCATION],
    help: "go forward to a source line, or out of the selected frame",
    details: "It may be in what the frame calls. Ends behind the return of the frame at the \
              latest (see `replay-until-line`). Stops early at breakpoints and signals.",
    run: |session, arguments| until(session, arguments, Direction::Forward, Bound::FrameLife),
};

/// `step-back-until-line`.
pub static STEP_BACK_UNTIL_LINE: Command = Command {
    name: "step-back-until-line",
    aliases: &["pl"],
    group: Group::Moving,
    arguments: &[LOCATION],
    help: "go back to a source line, in whatever frame",
    details: EARLY_BACK,
    run: |session, arguments| until(session, arguments, Direction::Backward, Bound::History),
};

/// `reverse-until`.
pub static REVERSE_UNTIL: Command = Command {
    name: "reverse-until",
    aliases: &[],
    group: Group::Moving,
    arguments: &[LOCATION],
    help: "go back to a source line of the selected frame, or to the call of that",
    details: "Stops early at breakpoints.",
    run: |session, arguments| until(session, arguments, Direction::Backward, Bound::Frame),
};

/// `reverse-advance`.
pub static REVERSE_ADVANCE: Command = Command {
    name: "reverse-advance",
    aliases: &[],
    group: Group::Moving,
    arguments: &[LOCATION],
    help: "go back to a source line, or to the call of the selected frame",
    details: "It may be in what the frame called. Stops early at breakpoints.",
    run: |session, arguments| until(session, arguments, Direction::Backward, Bound::FrameLife),
};

/// `replay-until-address`.
pub static REPLAY_UNTIL_ADDRESS: Command = Command {
    name: "replay-until-address",
    aliases: &["ra"],
    group: Group::Moving,
    arguments: &[ADDRESS],
    help: "go forward to an address",
    details: EARLY,
    run: |session, arguments| until_address(session, arguments, Direction::Forward),
};

/// `step-back-until-address`.
pub static STEP_BACK_UNTIL_ADDRESS: Command = Command {
    name: "step-back-until-address",
    aliases: &["pa"],
    group: Group::Moving,
    arguments: &[ADDRESS],
    help: "go back to an address",
    details: EARLY_BACK,
    run: |session, arguments| until_address(session, arguments, Direction::Backward),
};
