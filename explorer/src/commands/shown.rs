//! Values as commands answer them.

use crate::render::{hex, serialize_hex};
use crate::session::Scene;
use crate::values::{Format, Formatter, Place, Value};
use serde::Serialize;

/// A value as text, with its type and place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// The name of its type.
    #[serde(rename = "type")]
    of: String,
    /// As gdb writes it.
    pub value: String,
    /// Where it is.
    place: Option<ShownPlace>,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ShownPlace {
    /// In memory.
    Memory {
        #[serde(serialize_with = "serialize_hex")]
        address: u64,
        size: Option<u64>,
    },
    /// In a register.
    Register(String),
    /// In several places.
    Pieces(Vec<String>),
}

impl ShownValue {
    /// The value of an expression: pointers with their type.
    pub fn top(scene: &Scene<'_>, value: &Value, format: Format) -> Self {
        Self::new(value, Formatter::new(scene, format).top(value))
    }

    /// A value among others.
    pub fn inner(scene: &Scene<'_>, value: &Value) -> Self {
        Self::new(value, Formatter::new(scene, Format::default()).inner(value))
    }

    fn new(value: &Value, text: String) -> Self {
        Self { of: value.of.name(), value: text, place: place(value) }
    }
}

fn place(value: &Value) -> Option<ShownPlace> {
    match &value.place {
        Place::None => None,
        Place::Memory(address) => {
            Some(ShownPlace::Memory { address: *address, size: value.size() })
        }
        Place::Register(name) => Some(ShownPlace::Register(name.clone())),
        Place::Pieces(location) => {
            use crate::symbols::location::At;
            let piece = |at: &At| match at {
                At::Memory(address) => hex(*address),
                At::Register(number) => crate::symbols::unwind::register_name(*number),
                At::OptimizedOut | At::Missing(_) => "optimized out".to_owned(),
                At::Value(_) | At::ImplicitPointer { .. } => "constant".to_owned(),
            };
            Some(ShownPlace::Pieces(location.0.iter().map(|p| piece(&p.at)).collect()))
        }
    }
}
