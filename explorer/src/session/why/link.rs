//! An answer: links of a chain, or of a tree where values come together.

use super::Origin;
use crate::dataflow::{Place as BytePlace, Span};
use crate::session::Place;
use crate::session::value::{Bytes, serialize_value};
use serde::{Serialize, Serializer};
use std::rc::Rc;

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
    pub place: Option<Rc<Place>>,
    /// The first of its tracepoints that did more than move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_at: Option<u64>,
    /// Its tracepoints, backwards.
    pub steps: Vec<u64>,
    /// What has to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where values begin in it.
    pub origins: Vec<Origin>,
    /// The link that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<usize>,
    /// Whether it has sources that the answer leaves out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// How many links lead to it, itself included.
    #[serde(skip)]
    pub(super) depth: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            number: 0,
            of: None,
            name: String::new(),
            span: Span::memory(0, 0),
            value: Bytes::new(),
            shown: None,
            moved: false,
            address: false,
            tracepoint: None,
            place: None,
            computed_at: None,
            steps: Vec::new(),
            note: None,
            origins: Vec::new(),
            same_as: None,
            more: false,
            depth: 0,
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

    /// Adds an origin, once.
    pub(super) fn add(&mut self, origin: Origin) {
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
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

fn serialize_place<S: Serializer>(place: &Option<Rc<Place>>, out: S) -> Result<S::Ok, S::Error> {
    place.as_deref().serialize(out)
}
