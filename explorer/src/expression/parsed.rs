//! Expressions that are parsed once and evaluated at many states.

use super::environment::Environment;
use super::evaluate::Evaluator;
use super::syntax::Expression;
use super::{Evaluated, ExpressionError, Fault, error, parser};
use crate::symbols::datatypes::Type;

/// A parsed expression. Which names are types was decided where it was parsed: it holds
/// wherever the same code is executed.
#[derive(Clone, Debug)]
pub struct Parsed {
    text: String,
    expression: Expression,
}

impl Parsed {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`ExpressionError`], which points at the column.
    pub fn new(text: &str, environment: &dyn Environment) -> Result<Self, ExpressionError> {
        match parser::parse(text, environment) {
            Ok(expression) => Ok(Self { text: text.to_owned(), expression }),
            Err(error) => Err(error.of(text)),
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<Evaluated, ExpressionError> {
        let evaluator = Evaluator::new(environment);
        let value = evaluator.usable(&self.expression).map_err(|error| self.fault(error))?;
        Ok(Evaluated { value, assigned: evaluator.assigned() })
    }

    /// The type of its value, which may be one that there is no value of.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn type_of(&self, environment: &dyn Environment) -> Result<Type, ExpressionError> {
        let value = Evaluator::new(environment).value(&self.expression);
        value.map(|value| value.of).map_err(|error| self.fault(error))
    }

    /// Whether its value is true: not zero.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn holds(&self, environment: &dyn Environment) -> Result<bool, ExpressionError> {
        let evaluator = Evaluator::new(environment);
        evaluator.truth(&self.expression).map_err(|error| self.fault(error))
    }

    /// The first name in it that `knows` does not, as an error.
    ///
    /// # Errors
    /// What `unknown` says of it.
    pub fn check_names(
        &self,
        knows: &dyn Fn(&str) -> bool,
        unknown: &dyn Fn(&str) -> Fault,
    ) -> Result<(), ExpressionError> {
        let mut first = None;
        self.expression.names(&mut |name, column| {
            if first.is_none() && !knows(name) {
                first = Some(error::At { column, fault: unknown(name) });
            }
        });
        first.map_or(Ok(()), |error| Err(self.fault(error)))
    }

    pub(super) fn expression(&self) -> &Expression {
        &self.expression
    }

    pub(super) fn fault(&self, error: error::At) -> ExpressionError {
        error.of(&self.text)
    }
}
