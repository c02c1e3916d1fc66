//! From parsed expressions to values.

use super::environment::{Environment, Tag};
use super::error::At;
use super::number::{Number, integer_type};
use super::qualified::{self, Found};
use super::syntax::{Binary, Expression, Node, Unary};
use super::{Fault, cast, complex, operators};
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::symbols::{Language, did_you_mean};
use crate::values::{Value, Wide};
use std::cell::RefCell;

/// One evaluation.
pub(super) struct Evaluator<'e> {
    environment: &'e dyn Environment,
    assigned: RefCell<Vec<(String, Value)>>,
}

impl<'e> Evaluator<'e> {
    pub fn new(environment: &'e dyn Environment) -> Self {
        Self { environment, assigned: RefCell::default() }
    }

    /// Convenience variables assigned to.
    pub fn assigned(self) -> Vec<(String, Value)> {
        self.assigned.into_inner()
    }

    /// The value of an expression, which has to have one: of `void` in memory, and of members
    /// without an object, only the type is known.
    pub fn usable(&self, expression: &Expression) -> Result<Value, At> {
        let value = self.value(expression)?;
        let at = |fault| At { column: expression.at, fault };
        if matches!(value.of.stripped().shape(), Shape::Void) && value.address().is_some() {
            return Err(at(Fault::Void));
        }
        match value.no_object() {
            Some(why) => Err(at(Fault::Missing(why))),
            None => Ok(value),
        }
    }

    /// The value of an expression, as an operand.
    pub fn value(&self, expression: &Expression) -> Result<Value, At> {
        let at = |fault| At { column: expression.at, fault };
        match &expression.node {
            Node::Integer { .. }
            | Node::Float { .. }
            | Node::LongDouble(_)
            | Node::Character(_)
            | Node::Text(_) => Ok(literal(&expression.node)),
            Node::WideCharacter(wide, unit) => Ok(self.wide(*wide, &[*unit])),
            Node::WideText(wide, units) => {
                let units: Vec<u32> = units.iter().copied().chain([0]).collect();
                let text = self.wide(*wide, &units);
                let of = text.of.array(units.len() as u64);
                Ok(text.retyped(of))
            }
            Node::Boolean(truth) => Ok(self.boolean(*truth)),
            Node::Null => Ok(Value::computed(Type::void().pointer(), vec![0; 8])),
            Node::Name(name) if name.contains("::") => {
                qualified::value(name, self.environment).map_err(at)
            }
            Node::Name(name) => self.environment.named(name).map_err(at),
            Node::InFile(file, name) => self.environment.in_file(file, name).map_err(at),
            Node::Dollar(name) => self.dollar(name).map_err(at),
            Node::Unary(operator, operand) => self.unary(*operator, operand).map_err(|e| e.or(at)),
            Node::Binary(operator, left, right) => {
                self.binary(*operator, left, right).map_err(|error| error.or(at))
            }
            Node::Conditional(test, then, otherwise) => {
                let (taken, left) =
                    if self.truth(test)? { (then, otherwise) } else { (otherwise, then) };
                self.chosen(taken, left)
            }
            Node::Index(of, index) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                operators::index(&of, &index, self.environment).map_err(at)
            }
            Node::Member(of, name) => {
                let of = self.value(of)?;
                operators::member(&of, name, self.environment).map_err(at)
            }
            Node::Cast(conversion, to, operand) => {
                let operand = self.value(operand)?;
                cast::cast(&operand, to, *conversion, self.environment).map_err(at)
            }
            Node::At(of, address) => {
                let address = self.value(address)?;
                let number = operators::address(&address, self.environment).map_err(at)?;
                Ok(Value::in_memory(of.clone(), number))
            }
            Node::SizeOf(operand) => size_of(&self.value(operand)?.of).map_err(at),
            Node::SizeOfType(of) => size_of(of).map_err(at),
            Node::AlignOfType(of) => align_of(of).map_err(at),
            Node::Assign(operator, to, value) => self.assign(*operator, to, value, expression.at),
        }
    }

    /// Wide characters behind each other, as the first of them.
    fn wide(&self, wide: Wide, units: &[u32]) -> Value {
        let of = self.environment.type_named(Tag::Any, wide.type_name());
        let of = of.filter(|of| of.size() == Some(wide.size as u64)).unwrap_or_else(|| {
            let encoding = if wide.mark == "L" { Encoding::Signed } else { Encoding::Utf };
            Type::base(wide.type_name(), wide.size as u64, encoding)
        });
        let bytes = units.iter().flat_map(|unit| unit.to_le_bytes().into_iter().take(wide.size));
        Value::computed(of, bytes.collect())
    }

    /// What `?:` chose, as it is beside what it did not, of which only the type counts.
    fn chosen(&self, taken: &Expression, left: &Expression) -> Result<Value, At> {
        let value = self.value(taken)?;
        let before = self.assigned.borrow().len();
        let other = self.value(left);
        self.assigned.borrow_mut().truncate(before);
        let Ok(other) = other else { return Ok(value) };
        operators::converted(&value, &other, self.environment)
            .map_err(|fault| At { column: taken.at, fault })
    }

    pub(super) fn truth(&self, expression: &Expression) -> Result<bool, At> {
        let value = self.value(expression)?;
        operators::truth(&value, self.environment)
            .map_err(|fault| At { column: expression.at, fault })
    }

    fn unary(&self, operator: Unary, operand: &Expression) -> Result<Value, Wrong> {
        let environment = self.environment;
        if operator == Unary::Not {
            return Ok(self.boolean(!self.truth(operand)?));
        }
        if operator == Unary::AddressOf
            && let Node::Name(name) = &operand.node
            && let Some(Found::Data(member)) = qualified::find(name, environment)
        {
            return member.pointer().map_err(|fault| At { column: operand.at, fault }.into());
        }
        let value = self.value(operand)?;
        Ok(match operator {
            Unary::Dereference => operators::dereference(&value, environment)?,
            Unary::AddressOf => operators::address_of(&value, environment)?,
            Unary::Plus => operators::signed(&value, false, environment)?,
            Unary::Negate => operators::signed(&value, true, environment)?,
            Unary::Real => complex::part(&value, 0)?,
            Unary::Imaginary => complex::part(&value, 1)?,
            _ => operators::complement(&value, environment)?,
        })
    }

    fn binary(
        &self,
        operator: Binary,
        left: &Expression,
        right: &Expression,
    ) -> Result<Value, Wrong> {
        match operator {
            Binary::LogicalAnd => Ok(self.boolean(self.truth(left)? && self.truth(right)?)),
            Binary::LogicalOr => Ok(self.boolean(self.truth(left)? || self.truth(right)?)),
            Binary::Comma => {
                self.value(left)?;
                Ok(self.value(right)?)
            }
            _ => {
                let (left, right) = (self.usable(left)?, self.usable(right)?);
                let value = operators::binary(operator, &left, &right, self.environment)?;
                Ok(match operator.compares() {
                    true => self.boolean(operators::truth(&value, self.environment)?),
                    false => value,
                })
            }
        }
    }

    /// A truth value: an `int` in C, a `bool` elsewhere.
    fn boolean(&self, truth: bool) -> Value {
        match self.environment.language() {
            Language::C => Number::int(i128::from(truth)).value(),
            _ => Value::computed(Type::base("bool", 1, Encoding::Bool), vec![u8::from(truth)]),
        }
    }

    /// `$1`, `$`, `$$`, `$$3`, `$rax`, `$name`. What was never assigned is void.
    fn dollar(&self, name: &str) -> Result<Value, Fault> {
        if let Some(history) = self.history(name) {
            return history;
        }
        let assigned = self.assigned.borrow();
        if let Some((_, value)) = assigned.iter().rev().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.environment.convenience(name) {
            return Ok(value);
        }
        if let Some(register) = self.environment.register(name) {
            return register;
        }
        if let Some(near) = self.environment.meant_register(name) {
            let near: Vec<String> = near.iter().map(|name| format!("${name}")).collect();
            return Err(Fault::Register(name.to_owned(), did_you_mean(&near)));
        }
        Ok(Value::computed(Type::void(), Vec::new()))
    }

    fn history(&self, name: &str) -> Option<Result<Value, Fault>> {
        let (number, back) = match name {
            "" => (None, 0),
            "$" => (None, 1),
            other => match other.strip_prefix('$') {
                Some(back) => (None, back.parse().ok()?),
                None => (Some(other.parse().ok()?), 0),
            },
        };
        let found = self.environment.history(number, back);
        // As in gdb, an empty history is void.
        let empty = number.is_none() && self.environment.history(None, 0).is_none();
        let void = || empty.then(|| Value::computed(Type::void(), Vec::new()));
        Some(found.or_else(void).ok_or_else(|| Fault::History(name.to_owned())))
    }

    fn assign(
        &self,
        operator: Option<Binary>,
        to: &Expression,
        value: &Expression,
        at: usize,
    ) -> Result<Value, At> {
        let read_only = At { column: at, fault: Fault::ReadOnly };
        let Node::Dollar(name) = &to.node else { return Err(read_only) };
        let register = self.environment.register(name).is_some();
        if register || name.is_empty() || name.starts_with(|c: char| !c.is_alphabetic() && c != '_')
        {
            return Err(read_only);
        }
        let mut value = self.value(value)?;
        if let Some(operator) = operator {
            let before = self.value(to)?;
            value = operators::binary(operator, &before, &value, self.environment)
                .map_err(|fault| At { column: at, fault })?;
        }
        let value = value.kept(self.environment);
        self.assigned.borrow_mut().push((name.clone(), value.clone()));
        Ok(value)
    }
}

/// A fault of an operator, or one of an operand that has its place already.
enum Wrong {
    Here(Fault),
    There(At),
}

impl Wrong {
    fn or(self, at: impl Fn(Fault) -> At) -> At {
        match self {
            Self::Here(fault) => at(fault),
            Self::There(there) => there,
        }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Here(fault)
    }
}

impl From<At> for Wrong {
    fn from(at: At) -> Self {
        Self::There(at)
    }
}

/// The value of a literal; its type is the first of C's that holds it (C17, 6.4.4).
fn literal(node: &Node) -> Value {
    match node {
        Node::Integer { value, unsigned, long, decimal } => {
            let fits = |size: u64, signed: bool| {
                let bits = size * 8 - u64::from(signed);
                (*value >> bits) == 0 && !(signed && *unsigned) && (signed || !decimal || *unsigned)
            };
            let sizes = [(4, true), (4, false), (8, true), (8, false)];
            let mut candidates = sizes.into_iter().filter(|(size, _)| !long || *size == 8);
            let (size, signed) = candidates.find(|(size, s)| fits(*size, *s)).unwrap_or((8, false));
            Number::Integer { value: value.cast_signed(), size, signed }.value()
        }
        Node::Float { value, single } => {
            Number::Float { value: *value, size: if *single { 4 } else { 8 } }.value()
        }
        Node::LongDouble(bits) => {
            let of = Type::base("long double", 16, Encoding::Float);
            Value::computed(of, bits.to_le_bytes().into())
        }
        Node::Character(byte) => Value::computed(character(), vec![*byte]),
        Node::Text(bytes) => {
            let mut bytes = bytes.clone();
            bytes.push(0);
            Value::computed(character().array(bytes.len() as u64), bytes)
        }
        _ => Value::computed(Type::void(), Vec::new()),
    }
}

fn character() -> Type {
    Type::base("char", 1, Encoding::SignedChar)
}

fn size_of(of: &Type) -> Result<Value, Fault> {
    let stripped = of.stripped();
    let of = if of.is_reference() { of.target().unwrap_or(stripped) } else { stripped };
    let unknown = || Fault::Operand(format!("the size of {} is not known", of.name()));
    let size = match of.shape() {
        Shape::Void | Shape::Function { .. } => 1,
        _ => of.size().ok_or_else(unknown)?,
    };
    Ok(Value::computed(integer_type(8, false), size.to_le_bytes().into()))
}

fn align_of(of: &Type) -> Result<Value, Fault> {
    let of = if of.is_reference() { of.target().unwrap_or_else(Type::void) } else { of.clone() };
    let unknown = || Fault::Operand(format!("the alignment of {} is not known", of.name()));
    let bytes = of.alignment().ok_or_else(unknown)?;
    Ok(Value::computed(integer_type(8, false), bytes.to_le_bytes().into()))
}
