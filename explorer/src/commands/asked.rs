//! What questions about writes and reads are about.

use super::{Argument, Arguments, CommandError, Form, Kind, unmapped};
use crate::render::{Page, Style, hex, thousands};
use crate::session::{Content, Kept, Scope, Session, Subject, SubjectError};
use crate::symbols::datatypes::Type;
use crate::timeline::StateError;
use serde::Serialize;
use std::ops::Range;

pub(super) const SIZE: Argument = Argument {
    name: "BYTES",
    form: Form::Option,
    short: Some("-s"),
    kind: Kind::Count,
    help: "how many bytes of memory; a variable's own size, else 8, if left out",
};

pub(super) const EXPRESSION: Argument = Argument {
    name: "EXPR",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Expression,
    help: "$REGISTER, a variable, an address, or a range FIRST..END",
};

/// What is asked about.
pub(super) struct Asked {
    /// It.
    pub subject: Subject,
    /// Its type, if it has one.
    pub of: Option<Type>,
    /// While which frame it is there, if it is a local variable or a part of one.
    pub life: Option<Life>,
    /// Of a container, where its content is: the answer is about its own bytes.
    pub content: Option<Content>,
}

/// While what a local variable is there.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Life {
    /// The states between which its frame is there.
    #[serde(flatten)]
    scope: Scope,
    /// What was asked about.
    #[serde(skip)]
    expression: String,
    /// Where it is meanwhile.
    #[serde(skip)]
    whereabouts: Whereabouts,
}

/// Where a local variable is while it is there.
#[derive(Clone, Debug)]
enum Whereabouts {
    /// In one place: how to ask about that at all times.
    Fixed(String),
    /// In places that change.
    Moving(Kept),
}

/// What text means, with its type if it has one.
type Meant = Result<(Subject, Option<Type>), SubjectError>;

impl Whereabouts {
    /// Those of what is called `text`.
    fn of(text: &str, subject: &Subject) -> Self {
        let is_simple = |c: char| c.is_alphanumeric() || "_.[]->".contains(c);
        match subject {
            Subject::Register { name, .. } => Self::Fixed(format!("${name}")),
            Subject::Variable(kept) => Self::Moving(kept.clone()),
            Subject::Memory { bits: None, .. } if text.chars().all(is_simple) => {
                Self::Fixed(format!("&{text}"))
            }
            Subject::Memory { address, bytes, .. } => {
                let end = hex(address.saturating_add(*bytes));
                Self::Fixed(format!("{}..{end}", hex(*address)))
            }
        }
    }
}

impl Asked {
    /// What the arguments ask about.
    ///
    /// # Errors
    /// It is nothing that can be asked about, or memory that is never mapped.
    pub fn new(session: &Session, arguments: &Arguments) -> Result<Self, CommandError> {
        Self::about(session, arguments, Session::written_subject)
    }

    /// The same, of a question about reads.
    ///
    /// # Errors
    /// The same.
    pub fn of_reads(session: &Session, arguments: &Arguments) -> Result<Self, CommandError> {
        Self::about(session, arguments, Session::read_subject)
    }

    fn about(
        session: &Session,
        arguments: &Arguments,
        subject: impl Fn(&Session, &str, Option<u64>) -> Meant,
    ) -> Result<Self, CommandError> {
        let text = arguments.get(EXPRESSION.name).unwrap_or_default().trim();
        let subject = subject(session, text, arguments.count(SIZE.name));
        let (subject, of) = subject.map_err(|error| CommandError::Other(error.to_string()))?;
        if let Some(addresses) = subject.addresses() {
            unmapped::refuse_never(session, addresses.start)?;
        }
        let scope = session.life(text, &subject)?;
        let life = scope.map(|scope| {
            let whereabouts = Whereabouts::of(text, &subject);
            Life { scope, expression: text.to_owned(), whereabouts }
        });
        let content = content_of(session, arguments, text);
        Ok(Self { subject, of, life, content })
    }

    /// The part of `times` that is asked about.
    pub fn within(&self, times: Range<u64>) -> Range<u64> {
        match &self.life {
            Some(life) => life.scope.within(times),
            None => times,
        }
    }

    /// Its tracepoints of the whole history.
    pub fn times(&self, session: &Session) -> Range<u64> {
        self.within(0..session.timeline().end())
    }

    /// When its memory is mapped, if it is not at the cursor.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn unmapped(&self, session: &Session) -> Result<Option<String>, StateError> {
        let first = self.subject.addresses().map(|addresses| addresses.start);
        first.map_or(Ok(None), |first| session.not_mapped(first))
    }
}

impl Life {
    /// Between what it is there, and how to ask beyond.
    pub fn text(&self) -> String {
        let Self { scope, expression, whereabouts } = self;
        let state = |t: Option<u64>, none: &str| {
            t.map_or_else(|| none.to_owned(), |t| format!("#{}", thousands(t)))
        };
        let (begin, end) = (state(scope.begin, "the beginning"), state(scope.end, "the end"));
        let there = format!("{expression} is there from {begin} to {end}");
        match whereabouts {
            Whereabouts::Fixed(place) => format!("{there}; {place} is its place at all times."),
            Whereabouts::Moving(kept) => {
                let computed =
                    if kept.whole { "" } else { "; where it is computed, only what shows" };
                format!("{there}, {}{computed}.", places(kept))
            }
        }
    }
}

/// Where the content is of a container that `text` means, if all of its own bytes are asked about,
/// and not a number of them.
pub(super) fn content_of(session: &Session, arguments: &Arguments, text: &str) -> Option<Content> {
    let whole = arguments.count(SIZE.name).is_none();
    if whole { session.content_of(text) } else { None }
}

/// Says below a list, or instead of one, while what a variable is there, and where the content of
/// a container is that `command` can ask about.
pub(super) fn say_below(
    life: Option<&Life>,
    content: Option<&Content>,
    command: &str,
    page: &mut Page,
) {
    if let Some(life) = life {
        page.put(Style::Dim, life.text()).end();
    }
    say_content(content, command, page);
}

/// Says below an answer where the content of a container is that `command` can ask about.
pub(super) fn say_content(content: Option<&Content>, command: &str, page: &mut Page) {
    if let Some(content) = content {
        page.put(Style::Dim, content.text(command)).end();
    }
}

/// Where a variable is whose place changes: `at times in $rdi, at times at 0x7ffe8`.
pub(super) fn places(kept: &Kept) -> String {
    let registers = kept.registers.iter().map(|name| format!("in ${name}"));
    let memory = kept.memory.iter().map(|address| format!("at {}", hex(*address)));
    let bases = kept.bases.iter().map(|name| format!("in memory by ${name}"));
    let all: Vec<String> = registers.chain(memory).chain(bases).collect();
    if all.is_empty() { "kept nowhere".to_owned() } else { format!("at times {}", all.join(", ")) }
}

/// That nothing was found, and that because memory is not mapped, if so.
pub(super) fn nothing(found: &str, unmapped: Option<&str>) -> String {
    unmapped.map_or_else(|| found.to_owned(), |when| format!("{found} {when}."))
}
