//! An answer: links of a chain, or of a tree where values come together.

use super::Origin;
use crate::dataflow::{Place as BytePlace, Span};
use crate::session::Place;
use crate::session::value::{Bytes, serialize_value};
use crate::symbols::datatypes::Bits;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Most tracepoints of one link that are kept.
const MAX_STEPS: usize = 32;

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Why {
    /// What it went through, each behind those that have their values from it.
    pub links: Vec<Link>,
    /// Whether there is more than the answer may have.
    pub more: bool,
}

/// Where a value begins, and the tracepoint whose instruction or event says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beginning {
    /// The tracepoint, if one wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracepoint: Option<u64>,
    /// What it begins with.
    #[serde(flatten)]
    pub origin: Origin,
}

/// What has to be said of what one tracepoint of a link did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The tracepoint.
    pub tracepoint: u64,
    /// What.
    pub text: String,
}

/// A visit of a source line, or of a function without lines, that made or moved a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its index among the links.
    pub number: usize,
    /// The link that has its value from this one; the values asked about are nobody's.
    pub of: Option<usize>,
    /// What the bytes are called that it wrote.
    pub name: String,
    /// Where they are.
    #[serde(flatten, serialize_with = "serialize_span")]
    pub span: Span,
    /// Of a bit-field: which of their bits it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// What they hold.
    #[serde(serialize_with = "serialize_value")]
    pub value: Bytes,
    /// The same as `print` shows it, if they are a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// Whether they are, byte by byte, what was asked about.
    pub moved: bool,
    /// Whether they only made an address of what was loaded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub address: bool,
    /// The tracepoint that wrote them; the value shows in the state after it.
    pub tracepoint: Option<u64>,
    /// Where that is.
    #[serde(flatten, serialize_with = "serialize_place")]
    pub place: Option<Arc<Place>>,
    /// The first of its tracepoints that did more than move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_at: Option<u64>,
    /// Its tracepoints, backwards.
    pub steps: Vec<u64>,
    /// What has to be said of its tracepoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Where values begin in it.
    pub origins: Vec<Beginning>,
    /// The link that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<usize>,
    /// Whether it has sources that the answer leaves out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Whether it only carries the value, by saving a register or through code that is not the
    /// program's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
    /// Whether the bytes are what the stack held before their frame was made: it did not write
    /// them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leftover: bool,
    /// The state at which the bytes hold the value.
    #[serde(skip)]
    pub(super) state: u64,
    /// How many links lead to it, itself included and those that carry left out.
    #[serde(skip)]
    pub(super) depth: usize,
    /// Whether it was counted as one that is shown.
    #[serde(skip)]
    pub(super) shows: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            number: 0,
            of: None,
            name: String::new(),
            span: Span::memory(0, 0),
            bits: None,
            value: Bytes::new(),
            shown: None,
            moved: false,
            address: false,
            tracepoint: None,
            place: None,
            computed_at: None,
            steps: Vec::new(),
            notes: Vec::new(),
            origins: Vec::new(),
            same_as: None,
            more: false,
            carried: false,
            leftover: false,
            state: 0,
            depth: 0,
            shows: false,
        }
    }
}

impl Link {
    /// Adds a tracepoint; whether it only moves.
    pub(super) fn steps(&mut self, tracepoint: u64, moves: bool) {
        if !moves && self.computed_at.is_none() {
            self.computed_at = Some(tracepoint);
        }
        if self.steps.len() < MAX_STEPS && !self.steps.contains(&tracepoint) {
            self.steps.push(tracepoint);
        }
    }

    /// Adds a note, once.
    pub(super) fn note(&mut self, tracepoint: u64, text: String) {
        let note = Note { tracepoint, text };
        if self.notes.len() < MAX_STEPS && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds an origin, once.
    pub(super) fn add(&mut self, ending: Beginning) {
        if !self.origins.contains(&ending) {
            self.origins.push(ending);
        }
    }
}

#[derive(Serialize)]
struct Bare {
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<String>,
    bytes: u32,
}

fn serialize_span<S: Serializer>(span: &Span, out: S) -> Result<S::Ok, S::Error> {
    let memory = match span.place {
        BytePlace::Memory(address) => Some(crate::render::hex(address)),
        _ => None,
    };
    let register = crate::dataflow::register_name(span);
    Bare { memory, register, bytes: span.length }.serialize(out)
}

fn serialize_place<S: Serializer>(place: &Option<Arc<Place>>, out: S) -> Result<S::Ok, S::Error> {
    place.as_deref().serialize(out)
}
