//! From what was typed to a command: exact names and aliases, else unique
//! prefixes.

use super::info::INFO;
use super::{COMMANDS, Command, CommandError};

/// A command, and what stands behind its name.
#[derive(Clone, Copy)]
pub struct Resolved<'a> {
    /// The command.
    pub command: &'static Command,
    /// Its arguments as typed, `/FMT` included.
    pub rest: &'a str,
}

/// The command of a line.
///
/// # Errors
/// [`CommandError::Unknown`] and [`CommandError::Ambiguous`].
pub fn resolve(line: &str) -> Result<Resolved<'_>, CommandError> {
    let (word, rest) = split(line);
    let command = find(word, &one_word())?;
    let family = two_words(command.name);
    let (second, after) = split(rest);
    if family.is_empty() || second.is_empty() {
        return Ok(Resolved { command, rest });
    }
    // Behind a command that stands alone as well, the beginning of a second word may
    // be an argument.
    let whole = |name: &str| command.arguments.is_empty() || name == second;
    let of_family: Names = family.into_iter().filter(|(name, _)| whole(name)).collect();
    match find(second, &of_family) {
        Ok(command) => Ok(Resolved { command, rest: after }),
        // What `info` shows that stands alone as well: `info regs`.
        Err(CommandError::Unknown(_)) if command.arguments.is_empty() => {
            let unknown = || CommandError::Unknown(format!("{} {second}", command.name));
            let names = if command.name == INFO.name { one_word() } else { Names::new() };
            let command = find(second, &names).map_err(|_| unknown())?;
            Ok(Resolved { command, rest: after })
        }
        Err(CommandError::Unknown(_)) => Ok(Resolved { command, rest }),
        Err(other) => Err(other),
    }
}

/// All names that begin with `prefix`, for completion.
pub fn candidates(prefix: &str) -> Vec<&'static str> {
    COMMANDS.iter().map(|command| command.name).filter(|name| name.starts_with(prefix)).collect()
}

type Names = Vec<(&'static str, &'static Command)>;

/// Names and aliases of one word.
fn one_word() -> Names {
    let of = |command: &&'static Command| {
        let command = *command;
        let names = std::iter::once(command.name).chain(command.aliases.iter().copied());
        names.map(move |name| (name, command))
    };
    COMMANDS.iter().flat_map(of).filter(|(name, _)| !name.contains(' ')).collect()
}

/// Second words of the names and aliases that begin with `first`.
fn two_words(first: &str) -> Names {
    let of = |command: &&'static Command| {
        let command = *command;
        let names = std::iter::once(command.name).chain(command.aliases.iter().copied());
        names.filter_map(move |name| Some((name.split_once(' ')?, command)))
    };
    let all = COMMANDS.iter().flat_map(of);
    all.filter(|((head, _), _)| *head == first)
        .map(|((_, tail), command)| (tail, command))
        .collect()
}

fn find(word: &str, names: &Names) -> Result<&'static Command, CommandError> {
    if let Some((_, command)) = names.iter().find(|(name, _)| *name == word) {
        return Ok(command);
    }
    let begins = |(name, _): &&(&'static str, _)| !word.is_empty() && name.starts_with(word);
    let mut found: Vec<&'static Command> = Vec::new();
    for (_, command) in names.iter().filter(begins) {
        if !found.iter().any(|known| known.name == command.name) {
            found.push(command);
        }
    }
    match found.as_slice() {
        [] => Err(CommandError::Unknown(word.to_owned())),
        [command] => Ok(command),
        several => {
            let names: Vec<_> = several.iter().map(|command| command.name).collect();
            Err(CommandError::Ambiguous(word.to_owned(), names.join(", ")))
        }
    }
}

/// The first word and the rest. A word ends at a blank or, `x/4x`, a slash.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}
