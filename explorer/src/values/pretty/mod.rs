//! Library types shown by their content: a table of small functions.

use super::{Target, Value};
use crate::symbols::datatypes::Shape;

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
static PRINTERS: &[&[Printer]] = &[];

/// What the printer for a value's type makes of it.
pub fn show(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.of.stripped();
    let Shape::Record(record) = of.shape() else { return None };
    let name = record.name.as_deref()?;
    let bare = name.split('<').next().unwrap_or(name);
    let printer = PRINTERS.iter().copied().flatten().find(|printer| printer.name == bare)?;
    (printer.show)(value, target)
}

/// The element of a container at an index, if its printer knows it as one.
pub fn element(value: &Value, index: i128, target: &dyn Target) -> Option<Value> {
    let _ = (value, index, target);
    None
}

/// What a smart pointer points to.
pub fn pointee(value: &Value, target: &dyn Target) -> Option<Value> {
    let _ = (value, target);
    None
}
