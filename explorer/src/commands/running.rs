//! Running to the next breakpoint, both ways.

use super::position::Position;
use super::{Command, Group};
use crate::timeline::Direction;

/// `continue-reverse`.
pub static CONTINUE_REVERSE: Command = Command {
    name: "continue-reverse",
    aliases: &["cr", "reverse-continue"],
    group: Group::Moving,
    arguments: &[],
    help: "go back to the last hit of an enabled breakpoint, else to the beginning",
    details: "",
    run: |session, _| {
        session.run(Direction::Backward)?;
        Position::result(session)
    },
};

/// `replay-continue`.
pub static REPLAY_CONTINUE: Command = Command {
    name: "replay-continue",
    aliases: &["rc", "continue", "c"],
    group: Group::Moving,
    arguments: &[],
    help: "go forward to the next hit of an enabled breakpoint or the next signal, else to the end",
    details: "Signals that programs get in the normal course of things (SIGALRM, SIGCHLD, SIGURG, \
              SIGWINCH, SIGIO, SIGPROF, SIGVTALRM), and ignored ones, do not stop it.",
    run: |session, _| {
        session.run(Direction::Forward)?;
        Position::result(session)
    },
};
