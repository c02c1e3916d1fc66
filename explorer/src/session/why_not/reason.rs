//! An answer to why code did not run.

use super::Condition;
use crate::session::Place;
use serde::Serialize;

/// Why a location did not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// The first state looked at.
    pub from: u64,
    /// One past the last tracepoint looked at.
    pub until: u64,
    /// The line, if that is not the one asked for, which has no code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The number of the thread that is looked at, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<usize>,
    /// When it did run.
    pub ran: Option<u64>,
    /// When it ran last before that stretch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// When it runs next behind that stretch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// When it first ran in another thread, and that one's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<(u64, usize)>,
    /// Of each place in code that it has: why not.
    pub places: Vec<Unreached>,
    /// Modules that are not mapped at the cursor: their code was not looked through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmapped: Vec<String>,
}

impl WhyNot {
    /// Nothing looked at yet.
    pub(super) fn new(thread: Option<usize>) -> Self {
        Self { thread, ..Self::default() }
    }
}

/// Code that did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Why it did not.
    pub reason: Reason,
}

/// Why code did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// A branch led elsewhere.
    Branch(Box<Decision>),
    /// Its function was not entered, nor did what calls it run.
    NotCalled(Box<NotCalled>),
    /// It calls or jumps, did run, and led elsewhere.
    Elsewhere {
        /// When it first did.
        tracepoint: u64,
        /// Where to.
        led_to: Place,
    },
    /// No instruction begins there.
    NoInstruction {
        /// What is there instead.
        what: String,
    },
    /// It is not known.
    Unknown {
        /// What is.
        what: String,
    },
}

/// A function that was not entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCalled {
    /// The function.
    pub function: String,
    /// If it is about a part of the function that lies apart from its entry: where that begins.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_part")]
    pub part: Option<u64>,
    /// If it was entered before and is on the stack: where, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// The places that call it by its address, through a stub or through a slot that the
    /// dynamic linker fills, and why they did not run: those of the program, if there are any.
    pub callers: Vec<Unreached>,
    /// Whether there are more.
    pub more: bool,
    /// Calls through pointers that did run, if it is called in no other way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointers: Option<Pointers>,
}

/// A function on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// How many frames of code are inside it.
    pub frame: usize,
    /// When it was entered; none if that was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entered: Option<u64>,
}

/// Calls through pointers that ran, those of the program first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pointers {
    /// The places that call.
    pub sites: Vec<Site>,
    /// How many more places there are.
    pub more: usize,
    /// Whether there were so many calls that not all were looked at.
    pub cut: bool,
}

/// A place that calls through a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// When it first ran.
    pub tracepoint: u64,
    /// How often it ran.
    pub times: usize,
    /// Where it led, the first few.
    pub led_to: Vec<Place>,
    /// How many more places it led to.
    pub more: usize,
}

/// A branch that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its tracepoint.
    pub tracepoint: u64,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Its condition; none if a register or a table said where to.
    pub condition: Option<Condition>,
    /// Where it led.
    pub led_to: Place,
    /// How often it was executed in the time looked at; before the cursor, once.
    pub times: usize,
    /// Whether it was executed more often than that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Whether that was before the cursor.
    pub before: bool,
}

fn serialize_part<S: serde::Serializer>(part: &Option<u64>, out: S) -> Result<S::Ok, S::Error> {
    part.map(crate::render::hex).serialize(out)
}
