//! What a user types for a place: a function, `file:line`, a line, `*address`, `/pattern/`.

use super::breakpoint::Target;
use super::targets::{LineTargets, Part};
use super::{Place, Session};
use crate::expression::{ExpressionError, number};
use crate::symbols::CodeAddr;
use crate::symbols::pattern::Pattern;
use crate::timeline::StateError;

/// Most places that a pattern may mean.
const MOST_PLACES: usize = 2000;

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// Absolute name.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// Why a location is nowhere.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// No such function.
    #[error("no function {0:?} in this trace{1}")]
    Function(String, String),
    /// No such source file.
    #[error("no source file {0:?} in this trace's debug information")]
    File(String),
    /// No code there.
    #[error("no code at or after {0}:{1}")]
    Line(String, u32),
    /// Lines are counted from 1.
    #[error("lines are counted from 1: there is no line 0 of {0}")]
    Zero(String),
    /// A file without a line.
    #[error("{0}: lacks a line: say {0}:LINE")]
    LineMissing(String),
    /// Code without a source line.
    #[error("no source line is known of {0}")]
    NoLine(String),
    /// A line without a file, where there is no current file.
    #[error("no current source file: say FILE:LINE")]
    NoFile,
    /// A pattern that makes no sense.
    #[error("{0:?} is no pattern: {1}")]
    Pattern(String, String),
    /// A pattern that names no function, or too many.
    #[error("{0}")]
    Matches(String),
    /// Indirect functions without an implementation.
    #[error("{0} is chosen at run time (IFUNC), and nothing was: its resolver never returned here")]
    NeverChosen(String),
    /// An address inside of a function, where its entry is asked for.
    #[error("{0} is inside of {1}, which is not entered there: see `executions *{0}`")]
    NoEntry(String, String),
    /// An address that has no value.
    #[error("{0}")]
    Expression(#[from] ExpressionError),
    /// The timeline's.
    #[error("{0}")]
    State(#[from] StateError),
}

impl Session {
    /// All addresses a location means, over the whole history.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn resolve(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        let location = location.trim();
        if let Some(expression) = location.strip_prefix('*') {
            return Ok(vec![self.target(self.address(expression)?)]);
        }
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        if let Some(pattern) = pattern_in(location) {
            return self.matching(pattern);
        }
        if let Some((file, line)) = split_line(location) {
            return self.line_with_code(file, line);
        }
        if let Ok(line) = location.parse() {
            let file = self.current_line().ok_or(LocationError::NoFile)?.file;
            return self.line_with_code(&file, line);
        }
        let targets = self.locator.function(&self.timeline, location);
        if targets.is_empty() {
            return Err(self.no_function(location));
        }
        self.bound(targets, Part::Body)
    }

    /// The source line a location means, for `list`.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn source_line(&self, location: &str) -> Result<SourceLine, LocationError> {
        if let Some((file, line)) = split_line(location) {
            let targets = self.line_targets(file, line)?.targets;
            let file = targets.into_iter().find_map(|target| target.file);
            return Ok(SourceLine { file: file.ok_or(LocationError::NoFile)?, line });
        }
        if let Ok(line) = location.parse() {
            let file = self.current_line().ok_or(LocationError::NoFile)?.file;
            if line == 0 {
                return Err(LocationError::Zero(file));
            }
            return Ok(SourceLine { file, line });
        }
        let of = |target: Target| Some(SourceLine { file: target.file?, line: target.line? });
        let none = || LocationError::NoLine(location.trim().to_owned());
        self.resolve(location)?.into_iter().find_map(of).ok_or_else(none)
    }

    /// The line `list` continues at, else the cursor's, else that of `main`.
    pub fn current_line(&self) -> Option<SourceLine> {
        if let Some(listing) = &self.listing {
            return Some(SourceLine { file: listing.file.clone(), line: listing.next });
        }
        let place = self.place().ok();
        let here =
            place.and_then(|place| Some(SourceLine { file: place.file?, line: place.line? }));
        here.or_else(|| {
            let main = self.locator.function(&self.timeline, "main").into_iter().next()?;
            Some(SourceLine { file: main.file?, line: main.line? })
        })
    }

    /// The address a location means at the cursor, for `disassemble`: a
    /// function's own start, or an expression.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn code_address(&self, location: &str) -> Result<u64, LocationError> {
        if let Some((file, line)) = split_line(location) {
            let targets = self.line_targets(file, line)?.targets;
            return targets.first().map(|t| t.address).ok_or(LocationError::NoFile);
        }
        let plain = location.trim().trim_start_matches('*');
        let value = self.address(plain);
        match value {
            Ok(address) => Ok(address),
            Err(error) if number(plain).is_some() || plain.starts_with('$') => Err(error.into()),
            Err(error) => match self.locator.function(&self.timeline, plain).first() {
                Some(target) => Ok(target.address),
                None => Err(error.into()),
            },
        }
    }

    fn matching(&self, text: &str) -> Result<Vec<Target>, LocationError> {
        let wrong = |why| LocationError::Pattern(text.to_owned(), why);
        let pattern = Pattern::new(text).map_err(wrong)?;
        match self.locator.functions(&self.timeline, &pattern, MOST_PLACES) {
            Some(targets) if !targets.is_empty() => self.bound(targets, Part::Body),
            Some(_) => Err(LocationError::Matches(format!("no function matches {text:?}"))),
            None => {
                let text = format!("functions that match {text:?} have over {MOST_PLACES} places");
                Err(LocationError::Matches(text))
            }
        }
    }

    /// The code of a line or, which the user is told, of the next that has some.
    fn line_with_code(&self, file: &str, line: u32) -> Result<Vec<Target>, LocationError> {
        let found = self.line_targets(file, line)?;
        if found.line != line {
            let (short, next) = (file.rsplit('/').next().unwrap_or(file), found.line);
            self.notice(format!("line {line} of {short} has no code; the next is line {next}"));
        }
        Ok(found.targets)
    }

    fn line_targets(&self, file: &str, line: u32) -> Result<LineTargets, LocationError> {
        if line == 0 {
            return Err(LocationError::Zero(file.to_owned()));
        }
        let found = self.locator.line(&self.timeline, file, line);
        match (found.targets.is_empty(), found.known) {
            (false, _) => Ok(found),
            (_, true) => Err(LocationError::Line(file.to_owned(), line)),
            _ => Err(LocationError::File(file.to_owned())),
        }
    }

    /// A location as it was understood: of a line without code, the next that has some.
    pub fn understood(&self, location: &str) -> String {
        let own = || Some((self.current_line()?.file, location.trim().parse().ok()?));
        let asked = split_line(location).map(|(file, line)| (file.to_owned(), line)).or_else(own);
        let moved = asked.and_then(|(file, line)| {
            let found = self.line_targets(&file, line).ok().filter(|found| found.line != line)?;
            Some(format!("{file}:{}", found.line))
        });
        moved.unwrap_or_else(|| location.to_owned())
    }

    fn target(&self, address: u64) -> Target {
        let place: Place = self.locator.place(&self.timeline, self.cursor, CodeAddr::Pc(address));
        Target {
            address,
            function: place.function,
            file: place.file,
            line: place.line,
            ..Target::default()
        }
    }

    fn no_function(&self, name: &str) -> LocationError {
        let file = name.trim_end().strip_suffix(':').filter(|file| !file.ends_with(':'));
        if let Some(file) = file.filter(|file| !file.is_empty()) {
            return LocationError::LineMissing(file.to_owned());
        }
        let similar = || crate::symbols::did_you_mean(&self.locator.similar(&self.timeline, name));
        let others = self.locator.overloads(&self.timeline, name);
        LocationError::Function(name.to_owned(), others.unwrap_or_else(similar))
    }
}

/// What stands between slashes: `/^read_/`.
pub(super) fn pattern_in(location: &str) -> Option<&str> {
    location.strip_prefix('/')?.strip_suffix('/')
}

/// Whether a location is a line of a file.
pub(super) fn is_line(location: &str) -> bool {
    split_line(location).is_some() || location.trim().parse::<u32>().is_ok()
}

/// `file:line`; not `ns::name`.
fn split_line(location: &str) -> Option<(&str, u32)> {
    let (file, line) = location.trim().rsplit_once(':')?;
    let line = line.parse().ok()?;
    (!file.is_empty() && !file.ends_with(':')).then_some((file, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_behind_a_colon_is_a_line() {
        assert_eq!(split_line("a/b.c:12"), Some(("a/b.c", 12)));
        assert_eq!(split_line("ns::name"), None);
        assert_eq!(split_line("main"), None);
        assert_eq!(split_line(":3"), None);
    }
}
