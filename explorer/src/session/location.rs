//! What a user means by a place: a function, `file:line`, a line, `*address`, `/pattern/`.

use super::breakpoint::Target;
use super::linespec::Linespec;
use super::targets::{LineTargets, Part};
use super::{Place, Session};
use crate::expression::{ExpressionError, number};
use crate::symbols::pattern::Pattern;
use crate::symbols::{CodeAddr, FunctionName};
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
    /// A number that is larger than those of lines can be.
    #[error("no file has a line {0}")]
    NoSuchLine(String),
    /// A file without a line.
    #[error("{0}: lacks a line: say {0}:LINE or {0}:FUNCTION")]
    LineMissing(String),
    /// No such function in the units of a file.
    #[error("no function {0:?} in {1:?}{2}")]
    InFile(String, String, String),
    /// A quote that is not closed.
    #[error("a quote is not closed: {0}")]
    Quote(String),
    /// Something behind a quoted name.
    #[error("{0:?} stands behind the quotes")]
    Behind(String),
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
    /// All addresses a location means, over the whole history: of functions, behind their
    /// prologues.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn resolve(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        self.resolve_part(location, Part::Body)
    }

    /// The same, and each block of code of a line: whatever executes it.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn resolve_blocks(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        self.resolve_part(location, Part::Blocks)
    }

    /// All addresses a location means, over the whole history; of a line, those with which a pass
    /// of it begins.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn resolve_passes(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        self.resolve_part(location, Part::Passes)
    }

    /// All addresses a location means, over the whole history: that part of functions.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn resolve_part(&self, location: &str, part: Part) -> Result<Vec<Target>, LocationError> {
        let spec = Linespec::parse(location)?;
        if !matches!(spec, Linespec::Address(_)) {
            let interrupt = &self.interrupt;
            self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        }
        match spec {
            Linespec::Address(expression) => Ok(vec![self.target(self.address(expression)?)]),
            Linespec::Pattern(pattern) => self.matching(pattern, part),
            Linespec::Line(file, line) => self.line_with_code(&self.file(file)?, line, part),
            Linespec::Function(name) => {
                let targets = self.locator.function(&self.timeline, name, part);
                if targets.is_empty() {
                    return Err(self.no_function(name));
                }
                self.bound(targets, part)
            }
        }
    }

    /// The source line a location means, for `list`.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn source_line(&self, location: &str) -> Result<SourceLine, LocationError> {
        match Linespec::parse(location)? {
            Linespec::Line(Some(file), line) => {
                let targets = self.line_targets(file, line, Part::Body)?.targets;
                let file = targets.into_iter().find_map(|target| target.file);
                Ok(SourceLine { file: file.ok_or(LocationError::NoFile)?, line })
            }
            Linespec::Line(None, line) => {
                let file = self.file(None)?;
                match line {
                    0 => Err(LocationError::Zero(file)),
                    line => Ok(SourceLine { file, line }),
                }
            }
            _ => {
                let of =
                    |target: Target| Some(SourceLine { file: target.file?, line: target.line? });
                let none = || LocationError::NoLine(location.trim().to_owned());
                self.resolve(location)?.into_iter().find_map(of).ok_or_else(none)
            }
        }
    }

    /// `given`, else the current file.
    fn file(&self, given: Option<&str>) -> Result<String, LocationError> {
        let own = || self.current_line().map(|line| line.file);
        given.map(str::to_owned).or_else(own).ok_or(LocationError::NoFile)
    }

    /// The line `list` continues at, else the cursor's, else that of `main`.
    pub fn current_line(&self) -> Option<SourceLine> {
        if let Some(listing) = &self.listing {
            return Some(SourceLine { file: listing.file.clone(), line: listing.next });
        }
        let place = self.place().ok();
        let here =
            place.and_then(|place| Some(SourceLine { file: place.file?, line: place.line? }));
        here.or_else(|| self.main_line())
    }

    /// The line that the program's `main` begins with: of Rust's, the user's own, as the one of
    /// that name, which the C library calls, has no lines.
    fn main_line(&self) -> Option<SourceLine> {
        let main = self.main_target()?;
        Some(SourceLine { file: main.file?, line: main.line? })
    }

    /// That `main`.
    pub(super) fn main_target(&self) -> Option<Target> {
        let main = self.locator.function(&self.timeline, "main", Part::Body).into_iter().next();
        let stated = || self.locator.stated_main(&self.timeline);
        main.filter(|main| main.line.is_some()).or_else(stated)
    }

    /// The address a location means at the cursor, for `disassemble`: a
    /// function's own start, or an expression.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn code_address(&self, location: &str) -> Result<u64, LocationError> {
        let plain = location.trim().trim_start_matches('*');
        if number(plain).is_some() {
            return Ok(self.address(plain)?);
        }
        let name = match Linespec::parse(location)? {
            Linespec::Line(file, line) => {
                let targets = self.line_targets(&self.file(file)?, line, Part::Body)?.targets;
                return targets.first().map(|t| t.address).ok_or(LocationError::NoFile);
            }
            Linespec::Function(name) => name,
            Linespec::Address(_) | Linespec::Pattern(_) => plain.into(),
        };
        self.address(plain).or_else(|error| {
            let function = || self.locator.function(&self.timeline, name, Part::Entry);
            match name.file {
                _ if plain.starts_with('$') => Err(error.into()),
                None => function().first().map(|target| target.address).ok_or(error.into()),
                Some(_) => {
                    let none = || self.no_function(name);
                    function().first().map(|target| target.address).ok_or_else(none)
                }
            }
        })
    }

    fn matching(&self, text: &str, part: Part) -> Result<Vec<Target>, LocationError> {
        let wrong = |why| LocationError::Pattern(text.to_owned(), why);
        let pattern = Pattern::new(text).map_err(wrong)?;
        match self.locator.functions(&self.timeline, &pattern, (part, MOST_PLACES)) {
            Some(targets) if !targets.is_empty() => self.bound(targets, part),
            Some(_) => Err(LocationError::Matches(format!("no function matches {text:?}"))),
            None => {
                let text = format!("functions that match {text:?} have over {MOST_PLACES} places");
                Err(LocationError::Matches(text))
            }
        }
    }

    /// The code of a line or, which the user is told, of the next that has some.
    fn line_with_code(
        &self,
        file: &str,
        line: u32,
        part: Part,
    ) -> Result<Vec<Target>, LocationError> {
        let found = self.line_targets(file, line, part)?;
        if found.line != line {
            let (short, next) = (file.rsplit('/').next().unwrap_or(file), found.line);
            self.notice(format!("line {line} of {short} has no code; the next is line {next}"));
        }
        Ok(found.targets)
    }

    fn line_targets(
        &self,
        file: &str,
        line: u32,
        part: Part,
    ) -> Result<LineTargets, LocationError> {
        if line == 0 {
            return Err(LocationError::Zero(file.to_owned()));
        }
        let found = self.locator.line(&self.timeline, (file, line), part);
        match (found.targets.is_empty(), found.known) {
            (false, _) => Ok(found),
            (_, true) => Err(LocationError::Line(file.to_owned(), line)),
            _ => Err(LocationError::File(file.to_owned())),
        }
    }

    /// A location as it was understood: of a line without code, the next that has some.
    pub fn understood(&self, location: &str) -> String {
        let moved = match Linespec::parse(location) {
            Ok(Linespec::Line(file, line)) => self.file(file).ok().and_then(|file| {
                let found = self.line_targets(&file, line, Part::Body).ok();
                Some(format!("{file}:{}", found.filter(|found| found.line != line)?.line))
            }),
            _ => None,
        };
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

    fn no_function(&self, name: FunctionName<'_>) -> LocationError {
        let others = || self.locator.overloads(&self.timeline, name);
        if let Some(file) = name.file {
            let mut modules = self.locator.images().modules();
            let symbols = |index| self.locator.images().symbols(&self.timeline, index);
            let known =
                modules.any(|index| symbols(index).is_some_and(|s| s.has_source_file(file)));
            let function = || {
                let (name, file) = (name.name.to_owned(), file.to_owned());
                LocationError::InFile(name, file, others().unwrap_or_default())
            };
            return if known { function() } else { LocationError::File(file.to_owned()) };
        }
        let name = name.name;
        let similar = || crate::symbols::did_you_mean(&self.locator.similar(&self.timeline, name));
        LocationError::Function(name.to_owned(), others().unwrap_or_else(similar))
    }
}
