//! What an expression's names mean.

use super::Fault;
use crate::symbols::Language;
use crate::symbols::datatypes::Type;
use crate::values::{Target, Value};

/// What a type's name stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Nothing: any type.
    Any,
    /// `struct` or `class`.
    Struct,
    /// `union`.
    Union,
    /// `enum`.
    Enum,
}

/// The state an expression is evaluated in.
pub trait Environment: Target {
    /// The variable, constant or function of a name, qualified or not.
    ///
    /// # Errors
    /// [`Fault::Name`] with names like it, [`Fault::NotAlive`], or why there is no telling.
    fn named(&self, name: &str) -> Result<Value, Fault>;

    /// A variable or function of one source file.
    ///
    /// # Errors
    /// As [`Environment::named`].
    fn in_file(&self, file: &str, name: &str) -> Result<Value, Fault>;

    /// Whether a source file answers to this name.
    fn is_file(&self, name: &str) -> bool;

    /// Whether a name means a variable before it means a type: one of the frame's function, or
    /// of its source file.
    fn is_variable_here(&self, name: &str) -> bool;

    /// The language of the frame's function.
    fn language(&self) -> Language;

    /// A type of the program.
    fn type_named(&self, tag: Tag, name: &str) -> Option<Type>;

    /// A register, without `$`.
    fn register(&self, name: &str) -> Option<Result<Value, Fault>>;

    /// Registers with names like one that is none, if it was surely meant to be one.
    fn meant_register(&self, name: &str) -> Option<Vec<String>>;

    /// A value of the history by number, or so many back from the last: `$3`, `$$2`.
    fn history(&self, number: Option<u64>, back: u64) -> Option<Value>;

    /// A convenience variable, without `$`.
    fn convenience(&self, name: &str) -> Option<Value>;
}
