//! The command line of rdb-record.

use crate::output::default_path;
use clap::{CommandFactory, Parser, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Exit codes of rdb-record's own failures; otherwise it exits as the program
/// did, with 128 + signal if a signal killed it.
pub mod exit_code {
    /// Wrong usage.
    pub const USAGE: u8 = 2;
    /// The kernel forbids tracing.
    pub const PTRACE: u8 = 120;
    /// The trace cannot be written; found before the program starts.
    pub const OUTPUT: u8 = 121;
    /// The disk became full, and `--on-full stop` killed the program.
    pub const FULL: u8 = 122;
    /// Not a 64-bit x86 program.
    pub const UNSUPPORTED: u8 = 123;
    /// A failure inside rdb-record.
    pub const INTERNAL: u8 = 125;
    /// The program is there but cannot be executed.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// There is no such program.
    pub const NOT_FOUND: u8 = 127;
}

const EXIT_CODES: &str = "\
Exit status: the program's own, or 128 + signal when a signal killed it.
Failures of rdb-record itself:
  2    wrong usage
  120  tracing is forbidden here (the message says how to allow it)
  121  the trace cannot be written (the program was not started)
  122  the disk became full and --on-full stop ended the program
  123  not a 64-bit x86 Linux program
  125  internal failure
  126  the program cannot be executed
  127  the program was not found";

/// Records a program: every instruction's effects, into one file.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "rdb-record",
    version,
    max_term_width = 80,
    after_help = EXIT_CODES,
    override_usage = "rdb-record [OPTIONS] PROGRAM [ARGS]...\n       rdb-record PROGRAM [OPTIONS] [-- ARGS...]"
)]
pub struct Options {
    /// The trace to write [default: PROGRAM.trace in the working directory]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How to record
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub engine: Engine,

    /// Compare the recorded state with the process at each chunk's end and at exit
    #[arg(long)]
    pub audit: bool,

    /// End the recording after N instructions and let the program run on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub stop_after: Option<u64>,

    /// When the trace can no longer be written: let the program go on unrecorded, or stop it
    #[arg(long, value_enum, default_value_t = OnFull::Continue)]
    pub on_full: OnFull,

    /// Bytes of log after which the translate engine stops the program: the fewer,
    /// the sooner code that is executed often is joined. For tests.
    #[arg(long, value_name = "BYTES", hide = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1 << 13..))]
    pub log_bytes: Option<u64>,

    /// Make the trace's index afterwards, as `rdb-explore TRACE index` does
    #[arg(long)]
    pub index: bool,

    /// Say at the end where the time went, and what the program was stopped for
    #[arg(long)]
    pub timings: bool,

    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    pub program: Vec<OsString>,
}

impl Options {
    /// Where the trace goes.
    pub fn trace(&self) -> PathBuf {
        let program = self.program.first().map(Path::new).unwrap_or(Path::new(""));
        self.output.clone().unwrap_or_else(|| default_path(program))
    }
}

/// Recording engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Run translated copies of the program's code; single-step the rest
    Auto,
    /// Single-step every instruction: exact and slow
    Step,
}

/// What to do when the trace can no longer be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFull {
    /// The program goes on unrecorded
    Continue,
    /// The program is killed
    Stop,
}

/// Parses a command line, program name included.
///
/// Options may also stand behind PROGRAM: up to `--`, or to the end if nothing
/// but options follows it. Everything else behind PROGRAM belongs to it.
///
/// # Errors
/// clap's, which prints usage or help.
pub fn parse(arguments: &[OsString]) -> Result<Options, clap::Error> {
    let options = Options::try_parse_from(arguments)?;
    let mut command = options.program.iter();
    let Some(program) = command.next() else { return Ok(options) };
    // `-- PROGRAM …` says where options end.
    let leading = arguments.len() - options.program.len();
    let explicit = arguments[..leading].last().is_some_and(|a| a == "--");
    if !explicit && program.as_encoded_bytes().starts_with(b"-") {
        let words = format!("unexpected argument '{}'", program.display());
        return Err(Options::command().error(clap::error::ErrorKind::UnknownArgument, words));
    }
    let rest: Vec<&OsString> = command.collect();
    let separator = rest.iter().position(|a| *a == "--");
    let own = &rest[..separator.unwrap_or(rest.len())];
    let theirs = separator.map_or(&[][..], |at| &rest[at + 1..]);
    let asks_for_help = |a: &&OsString| ["-h", "--help", "-V", "--version"].iter().any(|h| *a == h);
    if own.is_empty() && separator.is_none() || own.iter().any(asks_for_help) {
        return Ok(options);
    }
    let first = arguments[..leading].iter().filter(|a| *a != "--");
    let all = first.chain(own.iter().copied()).chain([program]).chain(theirs.iter().copied());
    match Options::try_parse_from(insert_separator(all, program, theirs)) {
        Ok(moved) if !explicit && moved.program.len() == 1 + theirs.len() => Ok(moved),
        Err(error) if separator.is_some() && !explicit => Err(error),
        _ => Ok(options),
    }
}

/// The same words with `--` before the program, which ends the options.
fn insert_separator<'a>(
    words: impl Iterator<Item = &'a OsString>,
    program: &'a OsString,
    theirs: &[&'a OsString],
) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.cloned().collect();
    let at = words.len() - theirs.len() - 1;
    debug_assert_eq!(&words[at], program);
    words.insert(at, "--".into());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Options {
        let words: Vec<OsString> =
            std::iter::once("rdb-record").chain(words.split(' ')).map(Into::into).collect();
        parse(&words).unwrap()
    }

    fn program(options: &Options) -> String {
        options.program.iter().map(|w| w.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_may_stand_before_the_program() {
        let options = parsed("-o x.trace --audit ls -l --all");
        assert_eq!(program(&options), "ls -l --all");
        assert_eq!(options.output, Some("x.trace".into()));
        assert!(options.audit);
    }

    #[test]
    fn options_may_stand_alone_behind_the_program() {
        let options = parsed("./prog -o run.trace");
        assert_eq!(program(&options), "./prog");
        assert_eq!(options.output, Some("run.trace".into()));
    }

    #[test]
    fn behind_the_program_a_separator_ends_the_options() {
        let options = parsed("prog -o run.trace -- -o out --audit");
        assert_eq!(program(&options), "prog -o out --audit");
        assert_eq!(options.output, Some("run.trace".into()));
        assert!(!options.audit);
    }

    #[test]
    fn what_the_program_understands_stays_with_it() {
        assert_eq!(program(&parsed("gcc -o x y.c")), "gcc -o x y.c");
        assert_eq!(program(&parsed("ls --help")), "ls --help");
        assert_eq!(program(&parsed("-- sort -o out")), "sort -o out");
    }

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
    }
}
