//! `rdb-explore`: walks a recorded history from a terminal, a script or a pipe.

mod options;

use options::{Color, Options, Source};
use rdb_explorer::commands;
use rdb_explorer::repl::{Answerer, Outcome, lines, prompt, stop_queries_at_sigint};
use rdb_explorer::session::Session;
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::{OpenError, Timeline};
use rdb_explorer::trace::sigbus;
use rdb_schema::container::OpenError as Format;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

/// Documented in `--help`.
mod code {
    pub const COMMAND_FAILED: u8 = 1;
    pub const NOT_A_TRACE: u8 = 3;
    pub const TOO_NEW: u8 = 4;
    pub const TOO_OLD: u8 = 5;
    pub const UNUSABLE: u8 = 6;
    pub const IO: u8 = 7;
    pub const DIFFERENT: u8 = 8;
}

fn main() -> ExitCode {
    sigbus::install();
    let options = Options::parse();
    if options.reference {
        return finish(io::stdout().write_all(commands::reference().as_bytes()).map(|()| 0));
    }
    let timeline = match Timeline::open(&options.trace) {
        Ok(timeline) => timeline,
        Err(error) => {
            complain(&error);
            return ExitCode::from(open_code(&error));
        }
    };
    for notice in timeline.notices() {
        complain(notice);
    }
    let mut session = Session::new(timeline, DebugSearch::system());
    configure(&mut session, options.color);
    finish(explore(session, &options))
}

fn open_code(error: &OpenError) -> u8 {
    match error {
        OpenError::Io(..) => code::IO,
        OpenError::Format(_, Format::NotATrace) => code::NOT_A_TRACE,
        OpenError::Format(_, Format::TooNew(_)) => code::TOO_NEW,
        OpenError::Format(_, Format::TooOld(_)) => code::TOO_OLD,
        OpenError::Unusable(..) => code::UNUSABLE,
    }
}

/// One line on standard error; nobody is left to tell if that fails.
fn complain(text: &dyn std::fmt::Display) {
    let text = rdb_explorer::render::escape(&text.to_string());
    let _ = writeln!(io::stderr(), "rdb-explore: {text}");
}

/// A reader that has gone away wants no more, and is no failure.
fn finish(result: io::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(code::IO)
        }
    }
}

fn configure(session: &mut Session, color: Color) {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let on = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stdout().is_terminal() && !no_color,
    };
    let setting = rdb_explorer::session::SETTINGS.iter().find(|setting| setting.name == "color");
    if let Some(setting) = setting {
        let _ = session.set(setting, if on { "on" } else { "off" });
    }
}

/// The terminal's width and height, 80 and 24 if it does not say; `None` when standard
/// output is none, so that a pipe gets tables whole.
fn terminal_size() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    // SAFETY: an all-zero winsize is valid.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ fills the winsize it is given (ioctl_tty(2)).
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &mut size) };
    let or = |known: u16, usual| if result == 0 && known > 0 { known.into() } else { usual };
    Some((or(size.ws_col, 80), or(size.ws_row, 24)))
}

fn explore(mut session: Session, options: &Options) -> io::Result<u8> {
    let mut out = BufWriter::new(io::stdout());
    let mut errors = io::stderr();
    let size = terminal_size();
    let prompts = options.sources.is_empty() && io::stdin().is_terminal();
    let mut answerer = Answerer {
        json: options.json,
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height).filter(|_| prompts),
        script: !prompts,
        out: &mut out,
        errors: &mut errors,
    };
    stop_queries_at_sigint(&session.interrupt, !prompts);
    let interrupt = session.interrupt.clone();
    let outcome = if !options.sources.is_empty() {
        run_sources(&mut session, &mut answerer, &options.sources)?
    } else if prompts {
        prompt(session, &mut answerer)?;
        Outcome::Done
    } else {
        lines(&mut session, &mut answerer, &mut io::stdin().lock())?
    };
    if !prompts && interrupt.raised() {
        complain(&"interrupted: what follows in the script is not run");
        return Ok(code::COMMAND_FAILED);
    }
    Ok(match outcome {
        Outcome::Done => 0,
        Outcome::Differs => code::DIFFERENT,
        Outcome::Failed => code::COMMAND_FAILED,
    })
}

/// Runs `-c` and `-x` in the order they were given.
fn run_sources(
    session: &mut Session,
    answerer: &mut Answerer<'_>,
    sources: &[Source],
) -> io::Result<Outcome> {
    let mut outcome = Outcome::Done;
    for source in sources {
        if session.finished || session.interrupt.raised() {
            break;
        }
        let one = match source {
            Source::Command(command) => answerer.run(session, command)?,
            Source::File(path) => {
                let name = |error: io::Error| {
                    io::Error::new(
                        error.kind(),
                        format!("failed to read {}: {error}", path.display()),
                    )
                };
                let file = File::open(path).map_err(name)?;
                lines(session, answerer, &mut BufReader::new(file))?
            }
        };
        outcome = outcome.max(one);
    }
    Ok(outcome)
}
