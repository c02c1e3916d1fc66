//! Expressions, parsed.

use super::classes::Conversion;
use crate::symbols::datatypes::Type;
use crate::values::Wide;

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    ShiftLeft,
    ShiftRight,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    Equal,
    NotEqual,
    BitAnd,
    BitXor,
    BitOr,
    LogicalAnd,
    LogicalOr,
    Repeat,
    Comma,
    /// `.*` and `->*`.
    PointedMember,
}

impl Binary {
    /// Whether its value is a truth value.
    pub fn compares(self) -> bool {
        matches!(
            self,
            Self::Less
                | Self::Greater
                | Self::LessEqual
                | Self::GreaterEqual
                | Self::Equal
                | Self::NotEqual
        )
    }
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Plus,
    Negate,
    Not,
    Complement,
    Dereference,
    AddressOf,
    /// `$_creal(…)`.
    Real,
    /// `$_cimag(…)`.
    Imaginary,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Integer {
        value: u128,
        unsigned: bool,
        long: bool,
        decimal: bool,
    },
    Float {
        value: f64,
        single: bool,
    },
    /// The bits of a `long double`.
    LongDouble(u128),
    Character(u8),
    Text(Vec<u8>),
    WideCharacter(Wide, u32),
    WideText(Wide, Vec<u32>),
    /// `true`, `false`.
    Boolean(bool),
    /// `nullptr`.
    Null,
    Name(String),
    InFile(String, String),
    /// Behind `$`.
    Dollar(String),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    Conditional(Box<Expression>, Box<Expression>, Box<Expression>),
    Index(Box<Expression>, Box<Expression>),
    Member(Box<Expression>, String),
    Cast(Conversion, Type, Box<Expression>),
    /// `{type} address`.
    At(Type, Box<Expression>),
    SizeOf(Box<Expression>),
    SizeOfType(Type),
    AlignOfType(Type),
    /// The operator of `+=`, if there is one.
    Assign(Option<Binary>, Box<Expression>, Box<Expression>),
}

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub node: Node,
    /// The byte that errors point at: an operator, or the start of an operand.
    pub at: usize,
    /// Nesting of it: evaluation is recursive.
    pub depth: u32,
}

impl Expression {
    /// Calls `visit` with the names in it, each with where it stands.
    pub fn names<'e>(&'e self, visit: &mut dyn FnMut(&'e str, usize)) {
        match &self.node {
            Node::Name(name) => visit(name, self.at),
            Node::Unary(_, one)
            | Node::Member(one, _)
            | Node::Cast(_, _, one)
            | Node::At(_, one)
            | Node::SizeOf(one) => one.names(visit),
            Node::Binary(_, one, other) | Node::Index(one, other) | Node::Assign(_, one, other) => {
                [one, other].into_iter().for_each(|e| e.names(visit))
            }
            Node::Conditional(test, one, other) => {
                [test, one, other].into_iter().for_each(|part| part.names(visit));
            }
            Node::Integer { .. }
            | Node::Float { .. }
            | Node::LongDouble(_)
            | Node::Character(_)
            | Node::Text(_)
            | Node::WideCharacter(..)
            | Node::WideText(..)
            | Node::Boolean(_)
            | Node::Null
            | Node::InFile(..)
            | Node::Dollar(_)
            | Node::SizeOfType(_)
            | Node::AlignOfType(_) => {}
        }
    }
}
