//! What commands take, and how it is read from a line.

use super::{Command, CommandError};

/// How an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By position, needed.
    Required,
    /// By position, may be left out.
    Optional,
    /// The rest of the line, may be empty.
    Rest,
    /// The rest of the line, needed.
    RequiredRest,
    /// The rest of the line, needed, made up of more than the name says: as usage shows it.
    Phrase(&'static str),
    /// Its own name, typed or not: `backtrace full`.
    Word,
    /// Directly behind the command: `x/4xg`.
    Slash,
    /// `--name VALUE`.
    Option,
}

/// What an argument is: for checks and completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A count.
    Count,
    /// A count, from the other end if it is negative.
    EitherEnd,
    /// A tracepoint, as `jump` takes it.
    Tracepoint,
    /// A function, `file:line`, a line, `*address`.
    Location,
    /// An expression.
    Expression,
    /// Register names.
    Registers,
    /// A command's name.
    Command,
    /// A bookmark's name.
    Bookmark,
    /// A setting's name.
    Setting,
    /// The name of a system call.
    Syscall,
    /// The path of a file; it may begin with a slash.
    Path,
    /// A regular expression; it may begin with a slash.
    Pattern,
    /// Anything.
    Text,
}

impl Kind {
    /// Whether an argument of it can be read, if it is a number.
    fn is_met_by(self, value: &str) -> bool {
        match self {
            Self::Count => value.parse::<u64>().is_ok(),
            Self::EitherEnd => value.parse::<i64>().is_ok(),
            _ => true,
        }
    }
}

/// One argument of a command.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name, as usage shows it.
    pub name: &'static str,
    /// How it is given.
    pub form: Form,
    /// `-c` and the like, where it can be given so as well.
    pub short: Option<&'static str>,
    /// What it is.
    pub kind: Kind,
    /// What it does, one line.
    pub help: &'static str,
}

impl Argument {
    /// `-c N`: at most so many.
    pub const fn at_most(help: &'static str) -> Self {
        Self { form: Form::Option, short: Some("-c"), ..Self::number(help) }
    }

    /// A number that may be left out.
    pub const fn number(help: &'static str) -> Self {
        Self { name: "N", form: Form::Optional, short: None, kind: Kind::Count, help }
    }

    /// How usage shows it, with the space before it.
    pub fn usage(&self) -> String {
        match self.form {
            Form::Required | Form::RequiredRest => format!(" {}", self.name),
            Form::Phrase(words) => format!(" {words}"),
            Form::Optional | Form::Rest => format!(" [{}]", self.name),
            Form::Slash => format!("[/{}]", self.name),
            Form::Word => format!(" [{}]", self.name),
            Form::Option => match self.short {
                Some(short) => format!(" [{short} {}]", self.name),
                None => format!(" [--{} {}]", self.name.to_ascii_lowercase(), self.name),
            },
        }
    }

    fn is_option(&self, word: &str) -> bool {
        let long = self.form == Form::Option
            && word.strip_prefix("--").is_some_and(|name| name.eq_ignore_ascii_case(self.name));
        long || (self.form != Form::Word && self.short == Some(word))
    }

    fn is_word(&self, word: &str) -> bool {
        self.form == Form::Word && (self.name == word || self.short == Some(word))
    }

    fn is_positional(&self) -> bool {
        !matches!(self.form, Form::Slash | Form::Option | Form::Word)
    }

    fn takes_rest(&self) -> bool {
        matches!(self.form, Form::Rest | Form::RequiredRest | Form::Phrase(_))
    }
}

/// Most rows of a list that is held whole.
pub(super) const MOST_ROWS: u64 = 1 << 20;

/// The arguments of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    values: Vec<(&'static str, String)>,
    usage: String,
}

impl Arguments {
    /// Reads `rest`, what stands behind the command's name.
    ///
    /// # Errors
    /// [`CommandError::Usage`].
    pub fn parse(command: &Command, rest: &str) -> Result<Self, CommandError> {
        let mut parsed = Self { values: Vec::new(), usage: command.usage() };
        let mut rest = rest;
        let takes = |wanted: fn(&Argument) -> bool| command.arguments.iter().any(wanted);
        // Paths begin with a slash, and patterns.
        let begins = takes(|one| matches!(one.kind, Kind::Path | Kind::Location | Kind::Pattern));
        let other = begins && !takes(|one| one.form == Form::Slash);
        if let Some(after) = rest.strip_prefix('/').filter(|_| !other) {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            let (format, after) = after.split_at(end);
            parsed.slash(command, format)?;
            rest = after;
        }
        parsed.words(command, rest)?;
        parsed.check(command)?;
        Ok(parsed)
    }

    fn slash(&mut self, command: &Command, format: &str) -> Result<(), CommandError> {
        let argument = command.arguments.iter().find(|argument| argument.form == Form::Slash);
        let Some(argument) = argument else {
            return Err(self.error(format!("{} takes no /{format}", command.name)));
        };
        self.values.push((argument.name, format.to_owned()));
        Ok(())
    }

    fn words(&mut self, command: &Command, rest: &str) -> Result<(), CommandError> {
        let mut rest = self.options_behind(command, rest.trim());
        let mut positional = command.arguments.iter().filter(|argument| argument.is_positional());
        while !rest.is_empty() {
            let (word, after) = next_word(rest);
            if let Some(option) = command.arguments.iter().find(|a| a.is_option(&word)) {
                if after.is_empty() {
                    return Err(self.error(format!("{word} needs a value")));
                }
                let (value, after) = next_word(after);
                self.values.push((option.name, value));
                rest = after;
                continue;
            }
            if let Some(argument) = command.arguments.iter().find(|a| a.is_word(&word)) {
                self.values.push((argument.name, word));
                rest = after;
                continue;
            }
            let Some(argument) = positional.find(|a| self.get(a.name).is_none()) else {
                return Err(self.error(format!("unexpected argument {word:?}")));
            };
            if argument.kind == Kind::Expression && is_unknown_option(command, &word, after) {
                return Err(self.error(format!("unknown option {word}")));
            }
            let (value, after) =
                if argument.takes_rest() { (rest.to_owned(), "") } else { (word, after) };
            self.values.push((argument.name, value));
            rest = after;
        }
        Ok(())
    }

    /// Takes options that stand behind everything else, where they can mean nothing else, as in
    /// `mod list x -c 3`; what stands before them.
    fn options_behind<'t>(&mut self, command: &Command, rest: &'t str) -> &'t str {
        let mut rest = rest;
        while let Some((before, value)) = rest.rsplit_once(char::is_whitespace)
            && let Some((before, word)) = before.trim_end().rsplit_once(char::is_whitespace)
            && let Some(option) = command.arguments.iter().find(|a| a.is_option(word))
            && !before.trim().is_empty()
            && value.chars().all(char::is_alphanumeric)
            && self.get(option.name).is_none()
        {
            self.values.push((option.name, value.to_owned()));
            rest = before.trim_end();
        }
        rest
    }

    fn check(&self, command: &Command) -> Result<(), CommandError> {
        for argument in command.arguments {
            let needed =
                matches!(argument.form, Form::Required | Form::RequiredRest | Form::Phrase(_));
            match self.get(argument.name) {
                None if needed => return Err(self.error(format!("{} is missing", argument.name))),
                Some(value) if !argument.kind.is_met_by(value) => {
                    let digits = value.strip_prefix('-').unwrap_or(value);
                    let is_number =
                        digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty();
                    let why = if is_number { "out of range" } else { "not a number" };
                    return Err(self.error(format!("{value:?} is {why}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The value of an argument, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a count, if it was given.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The value of a count that may be negative, if it was given.
    pub fn either_end(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// How many rows a list may have: what `-c` says, or `default`.
    pub fn rows(&self, default: u64) -> usize {
        usize::try_from(self.count("N").unwrap_or(default)).unwrap_or(usize::MAX)
    }

    /// The same of a list that is held whole.
    pub fn held_rows(&self, default: u64) -> usize {
        self.rows(default).min(MOST_ROWS as usize)
    }

    /// An error that shows the command's usage.
    pub fn error(&self, text: impl Into<String>) -> CommandError {
        CommandError::Usage(text.into(), self.usage.clone())
    }
}

/// Whether a word before `after` that is none of a command's options looks like one of them.
fn is_unknown_option(command: &Command, word: &str, after: &str) -> bool {
    let options = command.arguments.iter().any(|argument| argument.form == Form::Option);
    let begins = |text: &str, rest: fn(char) -> bool| text.chars().next().is_some_and(rest);
    let long = word.strip_prefix("--").is_some_and(|name| begins(name, char::is_alphabetic));
    // `-x + 1` is an expression, and what stands before `at` or `if`; `-x y` is none.
    let ends = matches!(after.split_whitespace().next(), Some("at" | "if"));
    let short = word.strip_prefix('-').is_some_and(|name| {
        name.chars().count() == 1
            && begins(name, char::is_alphabetic)
            && !ends
            && begins(after, |next| next.is_alphanumeric() || matches!(next, '_' | '$'))
    });
    options && (long || short)
}

/// The first word of `text` and what follows it; quotes keep blanks.
fn next_word(text: &str) -> (String, &str) {
    let text = text.trim_start();
    if let Some(quote @ ('"' | '\'')) = text.chars().next()
        && let Some((word, rest)) = text.get(1..).and_then(|inner| inner.split_once(quote))
    {
        return (word.to_owned(), rest.trim_start());
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.to_owned(), rest.trim_start())
}
