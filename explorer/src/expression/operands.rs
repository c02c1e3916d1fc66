//! What the value of an expression is computed of.

use super::evaluate::Evaluator;
use super::syntax::{Binary, Expression, Node, Unary};
use super::{Environment, ExpressionError, Parsed};
use crate::symbols::datatypes::Shape;
use crate::values::{Place, Value};

/// A part of an expression that its value is computed of.
pub struct Operand {
    /// It, with where it is kept.
    pub value: Value,
    /// Whether it is named by the program's names: not by `$` alone.
    pub named: bool,
}

impl Parsed {
    /// The largest parts of the expression that are kept somewhere, in a register or in memory,
    /// and whose contents its value is computed of: of `a[i] + n * 2`, `a[i]` and `n`; and
    /// variables that are kept nowhere. Arrays and functions count by their addresses, which are
    /// constants.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn operands(&self, environment: &dyn Environment) -> Result<Vec<Operand>, ExpressionError> {
        let evaluator = Evaluator::new(environment);
        let (mut found, mut open) = (Vec::new(), vec![self.expression()]);
        while let Some(expression) = open.pop() {
            if !may_be_kept(&expression.node) {
                open.extend(parts(&expression.node).into_iter().rev());
                continue;
            }
            let value = evaluator.value(expression).map_err(|error| self.fault(error))?;
            match (&value.place, &expression.node) {
                _ if is_address(&value) => {}
                (Place::Memory(_), Node::Dollar(_)) => {}
                // A variable that is kept nowhere, though its value is known.
                (Place::None, Node::Name(_) | Node::InFile(..)) if !is_constant(&value) => {
                    found.push(Operand { value, named: true });
                }
                (Place::None, node) => open.extend(parts(node).into_iter().rev()),
                (_, node) => found.push(Operand { value, named: !matches!(node, Node::Dollar(_)) }),
            }
        }
        Ok(found)
    }

    /// Whether it names something, instead of computing a value: a variable, a member, an
    /// element.
    pub fn is_name(&self) -> bool {
        let node = &self.expression().node;
        matches!(node, Node::Name(_) | Node::InFile(..) | Node::Member(..) | Node::Index(..))
    }
}

/// Whether a value may be a constant of an enumeration.
fn is_constant(value: &Value) -> bool {
    matches!(value.of.shape(), Shape::Enumeration(_))
}

fn may_be_kept(node: &Node) -> bool {
    matches!(
        node,
        Node::Name(_)
            | Node::InFile(..)
            | Node::Dollar(_)
            | Node::At(..)
            | Node::Index(..)
            | Node::Member(..)
            | Node::Binary(Binary::PointedMember, ..)
            | Node::Unary(Unary::Dereference, _)
    )
}

/// Whether what an operand gives to a value is its address.
fn is_address(value: &Value) -> bool {
    matches!(value.of.stripped().shape(), Shape::Array { .. } | Shape::Function { .. })
}

/// The operands that a value is computed of.
fn parts(node: &Node) -> Vec<&Expression> {
    match node {
        Node::Unary(Unary::AddressOf, _) | Node::SizeOf(_) => Vec::new(),
        Node::Unary(_, of) | Node::Cast(_, _, of) | Node::Member(of, _) | Node::At(_, of) => {
            vec![of]
        }
        Node::Binary(_, left, right) | Node::Index(left, right) => vec![left, right],
        Node::Conditional(test, then, otherwise) => vec![test, then, otherwise],
        Node::Assign(_, _, value) => vec![value],
        _ => Vec::new(),
    }
}
