//! Library types shown by their content: a table of small functions.

mod adaptors;
mod associative;
mod content;
mod cpp;
mod indexed;
mod random_access;
mod rust;
mod rust_collections;

pub(crate) use cpp::word;

pub use content::{Content, ContentPart, content};
pub use cpp::{array_pointer, is_empty_optional};
pub use indexed::{NotIndexed, indexed, rust_referent};
pub use random_access::{between, moved};

use super::{Target, Value};
use crate::symbols::datatypes::Shape;

/// Elements read of a container.
const LIMIT: usize = 200;

/// What a printer makes of a value.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Text.
    Text(String),
    /// Another value, with text around it.
    Wrapped {
        /// Before it.
        head: String,
        /// The value.
        value: Value,
        /// Behind it.
        tail: String,
    },
    /// Values in order.
    Sequence {
        /// Before the list.
        head: String,
        /// The opening bracket.
        open: &'static str,
        /// The closing bracket.
        close: &'static str,
        /// As many as are shown.
        elements: Vec<Value>,
        /// How many there are.
        length: u64,
    },
    /// Some of a record's members.
    Fields(Vec<(&'static str, Value)>),
    /// Keys and values in order.
    Map {
        /// Before the list.
        head: String,
        /// As many as are shown.
        entries: Vec<(Value, Value)>,
        /// How many there are.
        length: u64,
    },
}

/// Shows the values of one type.
pub struct Printer {
    /// The type's qualified name, up to its template arguments.
    pub name: &'static str,
    /// What it makes of a value; nothing where the value is not as expected, and is shown as
    /// the record it is.
    pub show: fn(&Value, &dyn Target) -> Option<Shown>,
}

/// All printers.
static PRINTERS: &[&[Printer]] =
    &[cpp::PRINTERS, adaptors::PRINTERS, rust::PRINTERS, rust_collections::PRINTERS];

/// A record's qualified name, up to its template arguments.
fn bare_name(value: &Value) -> Option<String> {
    let of = value.of.stripped();
    let Shape::Record(record) = of.shape() else { return None };
    let name = record.name.as_deref()?;
    Some(name.split('<').next().unwrap_or(name).to_owned())
}

/// What the printer for a value's type makes of it.
pub fn show(value: &Value, target: &dyn Target) -> Option<Shown> {
    let name = bare_name(value)?;
    if name.starts_with("&[") || name.starts_with("&mut [") {
        return rust::slice(value, target);
    }
    if name == rust::BOX {
        return rust::boxed_slice(value, target);
    }
    match PRINTERS.iter().copied().flatten().find(|printer| printer.name == name) {
        Some(printer) => (printer.show)(value, target),
        None => adaptors::iterator(value, &name, target),
    }
}

/// What a smart pointer or an iterator points to, or an optional holds.
pub fn pointee(value: &Value, target: &dyn Target) -> Option<Value> {
    let name = bare_name(value)?;
    let counted = || rust::pointee(value, &name, target);
    let pointed = cpp::pointee(value, &name, target).or_else(counted);
    pointed.or_else(|| adaptors::iterated(value, &name, target))
}
