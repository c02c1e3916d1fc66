//! Commands: every one is a value in one table. Parsing, help, completion, the
//! reference and every front end read it.

mod about_code;
mod ahead;
mod argument;
mod asked;
mod bookmarks;
mod breaking;
mod breakpoints;
mod calls;
mod compare;
mod conditions;
mod defined;
mod disassemble;
mod display;
mod each;
mod examine;
mod executions;
mod export;
mod find;
mod frames;
mod heap;
mod help;
mod index;
mod info;
mod jumping;
mod leaving;
mod list;
mod locals;
mod locating;
mod maps;
mod modifications;
mod modules;
mod more;
mod operands;
mod output;
mod position;
mod print;
mod processes;
mod quit;
mod reads;
mod reference;
mod registers;
mod resolve;
mod returned;
mod rows;
mod running;
mod settings;
mod shown;
mod signals;
mod stack;
mod stepping;
mod syscalls;
mod threads;
mod total;
mod types;
mod unmapped;
mod watching;
mod why;
mod why_not;

pub use argument::{Argument, Arguments, Form, Kind};
pub use reference::reference;
pub use resolve::{Resolved, candidates, resolve};

use crate::expression::ExpressionError;
use crate::render::Page;
use crate::session::{BookmarkError, LocationError, Session};
use crate::timeline::StateError;

/// What a command answers: data for `--json`, and text for people.
pub trait Output: erased_serde::Serialize {
    /// Renders it as text.
    fn render(&self, page: &mut Page);

    /// What kept it from being shown to its end. Long lists are made while they are rendered or
    /// serialized, which is once: this is asked behind that.
    fn stopped(&self) -> Option<CommandError> {
        None
    }

    /// Whether it says that two things differ that were compared.
    fn differs(&self) -> bool {
        false
    }
}

erased_serde::serialize_trait_object!(Output);

/// What running a command gives.
pub type CommandResult = Result<Box<dyn Output>, CommandError>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No such command.
    #[error("undefined command: {0:?}; try \"help\"")]
    Unknown(String),
    /// Several commands begin like this.
    #[error("ambiguous command {0:?}: {1}")]
    Ambiguous(String, String),
    /// Arguments the command does not take.
    #[error("{0}; usage: {1}")]
    Usage(String, String),
    /// History cannot be read.
    #[error("{0}")]
    State(#[from] StateError),
    /// An expression without a value.
    #[error("{0}")]
    Expression(#[from] ExpressionError),
    /// A location that is nowhere.
    #[error("{0}")]
    Location(#[from] LocationError),
    /// What cannot be done with bookmarks.
    #[error("{0}")]
    Bookmark(#[from] BookmarkError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    /// Whether it is that somebody asked to stop.
    pub fn is_interruption(&self) -> bool {
        let state = match self {
            Self::State(error) | Self::Location(LocationError::State(error)) => error,
            _ => return self.to_string() == StateError::Interrupted.to_string(),
        };
        matches!(state, StateError::Interrupted)
    }

    /// The expression at fault.
    fn expression(&self) -> Option<&ExpressionError> {
        match self {
            Self::Expression(error) | Self::Location(LocationError::Expression(error)) => {
                Some(error)
            }
            _ => None,
        }
    }

    /// The expression at fault, and a line with a caret under the fault.
    pub fn pointed(&self) -> Option<[String; 2]> {
        self.expression().map(ExpressionError::pointed)
    }

    /// Characters of the expression before the fault.
    pub fn column(&self) -> Option<usize> {
        self.expression().map(|error| error.column)
    }
}

/// Groups of commands, as help and the reference list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Where am I, what is this.
    Position,
    /// Moving through history.
    Moving,
    /// Breakpoints and bookmarks.
    Breakpoints,
    /// Registers, memory, code, stack.
    State,
    /// Questions over all of history.
    History,
    /// The session itself.
    Session,
}

impl Group {
    /// All groups, in the order of help.
    pub const ALL: [Self; 6] = [
        Self::Position,
        Self::Moving,
        Self::Breakpoints,
        Self::State,
        Self::History,
        Self::Session,
    ];

    /// Its name, as `help` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Moving => "moving",
            Self::Breakpoints => "breakpoints",
            Self::State => "state",
            Self::History => "history",
            Self::Session => "session",
        }
    }

    /// One line about it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Position => "Where the cursor is, and what the trace is",
            Self::Moving => "Moving through recorded time",
            Self::Breakpoints => "Breakpoints, respected in both directions, and bookmarks",
            Self::State => "The program's state at the cursor",
            Self::History => "Questions over the whole history",
            Self::Session => "Settings, help, leaving",
        }
    }
}

/// A command.
pub struct Command {
    /// Its name: one word, or two as in `info breakpoints`.
    pub name: &'static str,
    /// Other names. An exact alias wins over any prefix.
    pub aliases: &'static [&'static str],
    /// Where help lists it.
    pub group: Group,
    /// What it takes, in order.
    pub arguments: &'static [Argument],
    /// One line.
    pub help: &'static str,
    /// What the line leaves out.
    pub details: &'static str,
    /// Runs it.
    pub run: fn(&mut Session, &Arguments) -> CommandResult,
}

impl Command {
    /// `jump N`, `x[/FMT] [ADDRESS]`.
    pub fn usage(&self) -> String {
        let arguments = self.arguments.iter().map(Argument::usage);
        arguments.fold(self.name.to_owned(), |usage, argument| usage + &argument)
    }
}

/// The command table, in the order of help.
pub static COMMANDS: &[&Command] = &[
    &info::INFO,
    &position::WHERE,
    &processes::PROCESSES,
    &processes::PROCESS,
    &jumping::JUMP,
    &stepping::STEP_BACK,
    &stepping::STEP_BACK_INST,
    &stepping::REVERSE_NEXT,
    &stepping::REVERSE_NEXTI,
    &leaving::STEP_BACK_UNTIL_OUT,
    &leaving::STEP_BACK_UNTIL_LINE,
    &leaving::REVERSE_UNTIL,
    &leaving::REVERSE_ADVANCE,
    &leaving::STEP_BACK_UNTIL_ADDRESS,
    &jumping::STEP_BACK_UNTIL_START,
    &running::CONTINUE_REVERSE,
    &stepping::REPLAY,
    &stepping::REPLAY_INST,
    &stepping::NEXT,
    &stepping::NEXTI,
    &leaving::REPLAY_UNTIL_OUT,
    &leaving::REPLAY_UNTIL_LINE,
    &leaving::UNTIL,
    &leaving::ADVANCE,
    &leaving::REPLAY_UNTIL_ADDRESS,
    &jumping::REPLAY_UNTIL_END,
    &running::REPLAY_CONTINUE,
    &breaking::BREAK,
    &breaking::TBREAK,
    &breaking::RBREAK,
    &watching::WATCH,
    &watching::RWATCH,
    &watching::AWATCH,
    &conditions::CONDITION,
    &breaking::IGNORE,
    &breakpoints::DELETE,
    &breakpoints::CLEAR,
    &breakpoints::ENABLE,
    &breakpoints::ENABLE_ONCE,
    &breakpoints::DISABLE,
    &breakpoints::INFO_BREAKPOINTS,
    &bookmarks::BOOKMARK,
    &bookmarks::CREATE,
    &bookmarks::JUMP,
    &bookmarks::MOVE,
    &bookmarks::RENAME,
    &bookmarks::DELETE,
    &print::PRINT,
    &types::WHATIS,
    &types::PTYPE,
    &locals::INFO_LOCALS,
    &locals::INFO_ARGS,
    &display::DISPLAY,
    &display::UNDISPLAY,
    &display::INFO_DISPLAY,
    &threads::THREADS,
    &threads::THREAD,
    &threads::THREAD_APPLY,
    &frames::FRAME,
    &frames::UP,
    &frames::DOWN,
    &registers::REGS,
    &examine::EXAMINE,
    &find::FIND,
    &disassemble::DISASSEMBLE,
    &list::LIST,
    &stack::BACKTRACE,
    &maps::MAPS,
    &modules::MODULES,
    &defined::INFO_FUNCTIONS,
    &defined::INFO_VARIABLES,
    &defined::INFO_TYPES,
    &defined::INFO_SOURCES,
    &locating::INFO_LINE,
    &locating::INFO_SYMBOL,
    &locating::INFO_ADDRESS,
    &about_code::INFO_SOURCE,
    &about_code::INFO_SCOPE,
    &syscalls::SYSCALLS,
    &signals::INFO_SIGNALS,
    &modifications::MODIFICATION,
    &modifications::LAST,
    &reads::READS,
    &executions::EXECUTIONS,
    &calls::CALLS,
    &each::PRINT_EACH,
    &output::OUTPUT,
    &why::WHY,
    &why_not::WHY_NOT,
    &heap::HEAP,
    &compare::COMPARE,
    &index::INDEX,
    &export::EXPORT,
    &settings::SET,
    &settings::SHOW,
    &help::HELP,
    &quit::QUIT,
];

/// Runs one command line.
///
/// # Errors
/// [`CommandError`].
pub fn run(session: &mut Session, line: &str) -> CommandResult {
    let Resolved { command, rest } = resolve(line)?;
    let arguments = Arguments::parse(command, rest)?;
    session.interrupt.clear();
    let result = (command.run)(session, &arguments);
    session.keep();
    result.map_err(|error| unmapped::explain(session, error))
}

#[cfg(test)]
mod tests;
