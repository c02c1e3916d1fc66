//! The command line.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use std::path::PathBuf;

/// What the command line says.
#[derive(Debug)]
pub struct Options {
    /// The trace; empty with `reference`.
    pub trace: PathBuf,
    /// `-c` and `-x` in the order given; last, what stands behind the trace.
    pub sources: Vec<Source>,
    /// Whether to print JSON.
    pub json: bool,
    /// When to colour.
    pub color: Color,
    /// Whether to print the command reference instead.
    pub reference: bool,
}

/// Where commands come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `-c`.
    Command(String),
    /// `-x`.
    File(PathBuf),
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

const AFTER: &str = "Without -c and -x, commands are read from a prompt, or from standard input \
line by line when it is not a terminal. Try `help` there.

With --json every command prints one object on one line: {\"command\": …, \"ok\": true, \
\"result\": {…}} or {\"command\": …, \"ok\": false, \"error\": …}. Addresses are hexadecimal \
strings, counts are numbers.

Exit status:
  0  all commands succeeded
  1  a command failed, or Ctrl-C stopped it
  2  wrong usage
  3  the file is not a trace
  4  the trace is newer than this program reads
  5  the trace is older than this program reads
  6  nothing in the trace can be used
  7  a file cannot be read or written
  8  compare found a difference";

fn command() -> Command {
    Command::new("rdb-explore")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Walks a recorded history in both directions and answers questions about it")
        .override_usage("rdb-explore [OPTIONS] TRACE [COMMAND]...")
        .max_term_width(80)
        .after_help(AFTER)
        .arg(
            Arg::new("trace")
                .value_name("TRACE")
                .value_parser(value_parser!(PathBuf))
                .required_unless_present("reference")
                .help("The recording to open"),
        )
        .arg(
            Arg::new("words")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .help("A command to run, as with -c: compare OTHER"),
        )
        .arg(
            Arg::new("command")
                .short('c')
                .long("command")
                .value_name("CMD")
                .action(ArgAction::Append)
                .help("Run a command, then quit; may be repeated"),
        )
        .arg(
            Arg::new("file")
                .short('x')
                .long("execute")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .help("Run the commands of a file, then quit; may be repeated"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object for each command"),
        )
        .arg(
            Arg::new("color")
                .long("color")
                .value_name("WHEN")
                .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
                .default_value("auto")
                .help("Colour text; auto: on a terminal, unless NO_COLOR is set"),
        )
        .arg(
            Arg::new("reference")
                .long("command-reference")
                .action(ArgAction::SetTrue)
                .hide(true)
                .help("Print the command reference as Markdown"),
        )
}

impl Options {
    /// Reads the command line; prints help or what is wrong, and exits, if that
    /// is what it comes to.
    pub fn parse() -> Self {
        Self::of(&command().get_matches())
    }

    fn of(matches: &ArgMatches) -> Self {
        Self {
            trace: matches.get_one::<PathBuf>("trace").cloned().unwrap_or_default(),
            sources: sources(matches),
            json: matches.get_flag("json"),
            color: match matches.get_one::<String>("color").map(String::as_str) {
                Some("always") => Color::Always,
                Some("never") => Color::Never,
                _ => Color::Auto,
            },
            reference: matches.get_flag("reference"),
        }
    }
}

/// `-c` and `-x` by their places on the command line.
fn sources(matches: &ArgMatches) -> Vec<Source> {
    let indexes = |name| matches.indices_of(name).into_iter().flatten();
    let commands = matches.get_many::<String>("command").into_iter().flatten();
    let files = matches.get_many::<PathBuf>("file").into_iter().flatten();
    let commands = commands.map(|command| Source::Command(command.clone()));
    let files = files.map(|file| Source::File(file.clone()));
    let mut all: Vec<(usize, Source)> =
        indexes("command").zip(commands).chain(indexes("file").zip(files)).collect();
    all.sort_by_key(|(index, _)| *index);
    let words = matches.get_many::<String>("words").into_iter().flatten();
    let words: Vec<String> = words.map(|word| quoted(word)).collect();
    let line = (!words.is_empty()).then(|| Source::Command(words.join(" ")));
    all.into_iter().map(|(_, source)| source).chain(line).collect()
}

/// A word of the shell as a word of a command.
fn quoted(word: &str) -> String {
    let bare = !word.is_empty() && !word.contains(char::is_whitespace);
    if bare { word.to_owned() } else { format!("\"{word}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_keep_their_order() {
        let words = ["rdb-explore", "t", "-c", "a", "-x", "f", "-c", "b"];
        let options = Options::of(&command().get_matches_from(words));
        let command = |text: &str| Source::Command(text.into());
        assert_eq!(options.sources, [command("a"), Source::File("f".into()), command("b")]);
        assert_eq!(options.color, Color::Auto);
    }

    #[test]
    fn words_behind_the_trace_are_one_command() {
        let words = ["rdb-explore", "--json", "t", "-c", "a", "compare", "other one", "--x"];
        let options = Options::of(&command().get_matches_from(words));
        let line = Source::Command("compare \"other one\" --x".into());
        assert_eq!(options.sources, [Source::Command("a".into()), line]);
        assert!(options.json);
    }

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }
}
