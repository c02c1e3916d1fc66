//! `object.*pointer` and `pointer->*pointer`, and what else is done with pointers to members
//! (Itanium C++ ABI, 2.3).

use super::environment::Environment;
use super::number::Number;
use super::syntax::Binary;
use super::{Fault, classes, operators};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::{MemberTarget, Value, pretty};

/// Whether a type is one of pointers to members.
pub(super) fn is_one(of: &Type) -> bool {
    matches!(of.stripped().shape(), Shape::MemberPointer { .. })
}

/// Whether a pointer to a member is not null.
pub(super) fn truth(value: &Value, environment: &dyn Environment) -> Result<bool, Fault> {
    Ok(value.member_target(environment)?.is_some())
}

/// `left operator right`, one of them a pointer to a member: compared.
pub(super) fn binary(
    operator: Binary,
    left: &Value,
    right: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let target = |value: &Value| match is_one(&value.of) {
        true => Ok(value.member_target(environment)?),
        // `nullptr` and 0.
        false => match operators::address(value, environment) {
            Ok(0) => Ok(None),
            _ => Err(Fault::Operand(format!(
                "a pointer to a member is compared with another only, not with {}",
                value.of.name()
            ))),
        },
    };
    let equal = || Ok::<_, Fault>(target(left)? == target(right)?);
    let holds = match operator {
        Binary::Equal => equal()?,
        Binary::NotEqual => !equal()?,
        _ => {
            let text = "pointers to members are compared by == and != only";
            return Err(Fault::Operand(text.to_owned()));
        }
    };
    Ok(Number::int(i128::from(holds)).value())
}

/// The member of an object, or of what is pointed to, that a pointer leads to.
pub(super) fn member(
    of: &Value,
    pointer: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let needed = |what: &str, got: &Value| {
        Fault::Operand(format!("{what} is needed here, not {}", got.of.name()))
    };
    let pointer = pointer.referent(environment);
    let (Some(class), Some(to)) = (pointer.of.pointed_class(), pointer.of.pointed_member()) else {
        return Err(needed("a pointer to a member", &pointer));
    };
    let whole = operators::object(of, environment)?;
    if !whole.of.is_record() {
        return Err(needed("an object of a class", &whole));
    }
    let unrelated = || {
        let (own, class) = (whole.of.name(), class.name());
        Fault::Operand(format!("{own} is neither {class} nor derived of it"))
    };
    let object = classes::as_base(&whole, &class, environment)?.ok_or_else(unrelated)?;
    let null = || Fault::Operand("the pointer to a member is null".to_owned());
    match pointer.member_target(environment)?.ok_or_else(null)? {
        MemberTarget::Data(offset) => Ok(object.part(to, offset, None)),
        MemberTarget::Function { address, .. } => Ok(Value::in_memory(to, address)),
        MemberTarget::Virtual { place, adjustment } => {
            let start = object.address().ok_or_else(|| Fault::NoAddress(object.of.name()))?;
            let part = start.wrapping_add_signed(adjustment);
            let word = |at: u64| pretty::word(at, environment);
            let function = word(part).and_then(|table| word(table.wrapping_add(place)));
            let unknown = || {
                Fault::Operand(format!("the virtual table of the object at {part:#x} is not known"))
            };
            Ok(Value::in_memory(to, function.ok_or_else(unknown)?))
        }
    }
}
