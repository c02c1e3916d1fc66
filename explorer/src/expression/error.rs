//! Why an expression has no value, and where in it.

use crate::symbols::location::Missing;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something else was expected.
    #[error("unexpected {0:?} in the expression")]
    Syntax(String),
    /// It ends too early.
    #[error("the expression is incomplete")]
    Incomplete,
    /// It nests too deeply.
    #[error("the expression is nested too deeply")]
    TooDeep,
    /// A literal that is none, or does not fit.
    #[error("{0}")]
    Literal(String),
    /// No such register or convenience variable where one is needed.
    #[error("no register ${0}{1}")]
    Register(String, String),
    /// No such name.
    #[error("no symbol {0:?} in this trace{1}")]
    Name(String, String),
    /// A variable that has no place here.
    #[error("{0:?} exists, but is not alive here: {1}")]
    NotAlive(String, String),
    /// A variable that is none of those at a place.
    #[error("no symbol {0:?} at that place: {1}")]
    NotVisible(String, String),
    /// No such type.
    #[error("no type {0:?} in this trace")]
    Type(String),
    /// No such source file.
    #[error("no source file {0:?} in this trace's debug information")]
    File(String),
    /// No such member.
    #[error("{0} has no member {1:?}{2}")]
    Member(String, String, String),
    /// A variable that another unit keeps for itself: its name, and the unit's file.
    #[error("{0:?} is static in {1}: say {1}::{0}")]
    OtherUnit(String, String),
    /// A type where a value is needed.
    #[error("{0} is a type, not a value: see \"ptype {0}\", and sizeof({0}) for its size")]
    IsType(String),
    /// What a pointer to void points to.
    #[error("void has no values: cast the pointer first, as in *(char *)")]
    Void,
    /// An operand of the wrong type.
    #[error("{0}")]
    Operand(String),
    /// A value without an address.
    #[error("a value of type {0} has no address here")]
    NoAddress(String),
    /// A value that is not there.
    #[error("{0}")]
    Missing(Missing),
    /// An assignment to the program's state.
    #[error("history cannot be changed; only convenience variables ($name) can be assigned to")]
    ReadOnly,
    /// A call.
    #[error("functions cannot be called: nothing is executed again")]
    Call,
    /// `/ 0`, `% 0`.
    #[error("division by zero")]
    DivisionByZero,
    /// No such value in the history.
    #[error("the value history has no ${0}")]
    History(String),
    /// The state cannot be read.
    #[error("{0}")]
    State(String),
}

impl From<Missing> for Fault {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// A fault at a byte of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub column: usize,
    pub fault: Fault,
}

impl At {
    /// With the text it is in.
    pub fn of(self, text: &str) -> ExpressionError {
        let before = text.get(..self.column.min(text.len())).unwrap_or(text);
        ExpressionError { text: text.to_owned(), column: before.chars().count(), fault: self.fault }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ExpressionError {
    /// The expression.
    pub text: String,
    /// Characters before the place of the fault.
    pub column: usize,
    /// What is wrong.
    pub fault: Fault,
}

impl ExpressionError {
    /// Whether the text makes no sense anywhere, as opposed to having no value here.
    pub fn is_syntax(&self) -> bool {
        matches!(
            self.fault,
            Fault::Syntax(_)
                | Fault::Incomplete
                | Fault::TooDeep
                | Fault::Literal(_)
                | Fault::ReadOnly
                | Fault::Call
        )
    }

    /// The expression, and a line with a caret under the place of the fault.
    pub fn pointed(&self) -> [String; 2] {
        [self.text.clone(), format!("{}^", " ".repeat(self.column))]
    }
}
