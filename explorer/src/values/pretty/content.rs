//! Where containers keep what they are shown by: most outside of their own bytes.

use super::{Shown, adaptors, bare_name, indexed, pointee, rust, show};
use crate::symbols::datatypes::Shape;
use crate::values::format::is_box_name;
use crate::values::{Target, Value};
use std::ops::Range;

/// Deepest nesting of what wraps a container.
const MAX_DEPTH: u32 = 8;

/// What a container is shown by, where it lies outside of the container's own bytes.
#[derive(Clone, Debug)]
pub struct Content {
    /// The first address.
    pub address: u64,
    /// How many bytes there are from there on.
    pub bytes: u64,
    /// Which part of the container's content they are.
    pub part: ContentPart,
}

/// A part of a container's content.
#[derive(Clone, Debug)]
pub enum ContentPart {
    /// All elements, one behind the other: how many.
    Elements(u64),
    /// The first element: each lies for itself.
    First,
    /// What a map has for its first key.
    Entry(Value),
    /// The value that it points to.
    Pointee,
    /// All of what it wraps.
    All,
}

/// What a value is shown by that lies outside of its own bytes; `None` if nothing does, or
/// that is not known.
pub fn content(value: &Value, target: &dyn Target) -> Option<Content> {
    let start = value.address().unwrap_or_default();
    let own = start..start.saturating_add(value.address().and(value.size()).unwrap_or(0));
    outside(value, &own, 0, target)
}

fn outside(value: &Value, own: &Range<u64>, depth: u32, target: &dyn Target) -> Option<Content> {
    let away = |address: &u64| !own.contains(address);
    let at = |value: &Value| Some((value.address().filter(away)?, value.size()?));
    if is_box(value) {
        let (address, bytes) = at(&value.pointee(target)?)?;
        let part = if depth == 0 { ContentPart::Pointee } else { ContentPart::All };
        return Some(Content { address, bytes, part });
    }
    let name = bare_name(value).filter(|_| depth < MAX_DEPTH)?;
    if let Some((address, bytes)) = rust::owned_text(value, &name, target) {
        let there = away(&address) && bytes > 0;
        return there.then_some(Content { address, bytes, part: ContentPart::All });
    }
    if name == "std::vector" && adaptors::is_of_bits(value, target) {
        let (address, bits) = adaptors::bits_at(value, target)?;
        let there = away(&address) && bits > 0;
        let part = ContentPart::All;
        return there.then(|| Content { address, bytes: bits.div_ceil(8), part });
    }
    if let Some((of, address, count)) = indexed::run_of(value, &name, target) {
        let bytes = of.size()?.checked_mul(count)?;
        let part = ContentPart::Elements(count);
        return (away(&address) && bytes > 0).then_some(Content { address, bytes, part });
    }
    match show(value, target)? {
        Shown::Sequence { elements, .. } => elements_of(&elements, at),
        Shown::Map { entries, .. } => {
            let (key, first) = entries.into_iter().next()?;
            let (address, bytes) = at(&first)?;
            Some(Content { address, bytes, part: ContentPart::Entry(key) })
        }
        Shown::Wrapped { value: inner, .. } => match at(&inner) {
            Some((address, bytes)) => {
                let pointed = pointee(value, target).and_then(|value| value.address());
                let is_pointee = depth == 0 && pointed == Some(address);
                let part = if is_pointee { ContentPart::Pointee } else { ContentPart::All };
                Some(Content { address, bytes, part })
            }
            None => outside(&inner, own, depth + 1, target).map(|content| Content {
                part: match content.part {
                    ContentPart::Elements(_) | ContentPart::Pointee => ContentPart::All,
                    ContentPart::Entry(_) => ContentPart::First,
                    part => part,
                },
                ..content
            }),
        },
        Shown::Text(_) | Shown::Fields(_) => None,
    }
}

/// Whether it is a box of Rust's to a value of known size, which is a pointer.
fn is_box(value: &Value) -> bool {
    let of = value.of.stripped();
    let name = match of.shape() {
        Shape::Pointer { name, .. } => name.as_deref(),
        _ => None,
    };
    name.is_some_and(is_box_name)
}

/// Elements that lie outside: all, if each is behind the one before, else the first.
fn elements_of(elements: &[Value], at: impl Fn(&Value) -> Option<(u64, u64)>) -> Option<Content> {
    let (address, bytes) = at(elements.first()?)?;
    let addresses = elements.iter().map(Value::address);
    let mut expected = (0..).map(|index: u64| address.checked_add(index.checked_mul(bytes)?));
    let together = addresses.zip(&mut expected).all(|(own, expected)| own == expected);
    let count = elements.len() as u64;
    Some(match together && count > 1 {
        true => {
            let part = ContentPart::Elements(count);
            Content { address, bytes: bytes.checked_mul(count)?, part }
        }
        false => Content { address, bytes, part: ContentPart::First },
    })
}
