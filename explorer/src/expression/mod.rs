//! The expression language: C's, over the program's state at one moment, with gdb's additions
//! (`$register`, `$1`, `$name`, `array@count`, `file::name`).
//!
//! Evaluating only looks: nothing it does changes the timeline. Of the program's state nothing
//! can be assigned to; of convenience variables, assignments are handed back with the value.

mod cast;
mod classes;
mod complex;
mod environment;
mod error;
mod evaluate;
mod iterators;
mod lanes;
mod lexer;
mod literal;
mod member_pointer;
mod number;
mod operands;
mod operators;
mod parsed;
mod parser;
mod python;
mod qualified;
mod rounded;
mod syntax;
mod texts;
mod type_name;
mod wide_float;

pub use environment::{Environment, Tag};
pub use error::{ExpressionError, Fault};
pub use literal::number;
pub use operands::Operand;
pub use parsed::Parsed;

use crate::symbols::datatypes::Type;
use crate::values::Value;

/// A value, and what the expression assigned on the way.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The value.
    pub value: Value,
    /// Convenience variables assigned to, in order: name without `$`, and value.
    pub assigned: Vec<(String, Value)>,
}

/// Whether a name is one of a class's members: `Class::member`.
pub fn names_member(name: &str, environment: &dyn Environment) -> bool {
    qualified::find(name, environment).is_some()
}

/// The value of `text`.
///
/// # Errors
/// [`ExpressionError`], which points at the column.
pub fn evaluate(text: &str, environment: &dyn Environment) -> Result<Evaluated, ExpressionError> {
    Parsed::new(text, environment)?.evaluate(environment)
}

/// The type that `text` names, or the type of its value.
///
/// # Errors
/// [`ExpressionError`].
pub fn type_of(text: &str, environment: &dyn Environment) -> Result<Type, ExpressionError> {
    if let Some(named) = parser::parse_type(text, environment) {
        return Ok(named);
    }
    Parsed::new(text, environment)?.type_of(environment)
}

/// The address `text` means: the value of a number or pointer, the place of anything else.
///
/// # Errors
/// [`ExpressionError`].
pub fn address(text: &str, environment: &dyn Environment) -> Result<u64, ExpressionError> {
    let value = evaluate(text, environment)?.value;
    let at = |fault: Fault| error::At { column: 0, fault }.of(text);
    if value.of.is_integral() || value.of.is_pointer() {
        let number = value.integer(environment).map_err(|why| at(Fault::Missing(why)))?;
        return Ok(number as u64);
    }
    let referent = value.referent(environment);
    referent.address().ok_or_else(|| at(Fault::NoAddress(value.of.name())))
}

#[cfg(test)]
mod tests;
