//! Casts between classes: to a base of a class, and from a base to what is derived of it. The
//! parts of an object lie where the debug information says (DW_TAG_inheritance); what an object
//! is as a whole, its virtual table tells (Itanium C++ ABI, 2.5.2: behind a class's virtual
//! table pointer, `offset_to_top` stands two words before, and the table is called after the
//! class).

use super::environment::{Environment, Tag};
use super::{Fault, operators};
use crate::symbols::datatypes::{Offset, Record, Shape, Type};
use crate::values::pretty::word;
use crate::values::{Value, Visits};

/// How a cast converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// C's, and `static_cast`: along base classes where there are any.
    Along,
    /// `reinterpret_cast` and `const_cast`: the same address.
    Same,
    /// `dynamic_cast`: as the object turns out to be.
    Checked,
}

/// What the object `from`, of a class, is as a `to`; `None` if the classes have nothing to do
/// with each other.
pub(super) fn converted(
    from: &Value,
    to: &Type,
    environment: &dyn Environment,
) -> Result<Option<Value>, Fault> {
    let (Some(source), Some(wanted)) = (class_name(&from.of), class_name(to)) else {
        return Ok(None);
    };
    if source == wanted {
        return Ok(None);
    }
    if let Some(part) = part(from, &wanted, environment)? {
        return Ok(Some(part.retyped(to.clone())));
    }
    let Some(offset) = offset_within(to, &source)? else { return Ok(None) };
    let whole = match offset {
        Within::Bytes(offset) => from.address().map(|at| at.wrapping_sub(offset)),
        Within::Virtual => return from_virtual(from, to, &wanted, environment).map(Some),
    };
    let whole = whole.ok_or_else(|| Fault::NoAddress(from.of.name()))?;
    Ok(Some(Value::in_memory(to.clone(), whole)))
}

/// The part of an object that is a `class`: itself, or the base of that name.
pub(super) fn as_base(
    object: &Value,
    class: &Type,
    environment: &dyn Environment,
) -> Result<Option<Value>, Fault> {
    let Some(wanted) = class_name(class) else {
        // Without a name, it is nobody's base.
        let same = object.of.stripped().name() == class.stripped().name();
        return Ok(same.then(|| object.clone()));
    };
    part(object, &wanted, environment)
}

/// What the object `from` is as a `to`, if it is one at all.
pub(super) fn checked(
    from: &Value,
    to: &Type,
    environment: &dyn Environment,
) -> Result<Option<Value>, Fault> {
    let unsuitable = |of: &Type| Fault::Operand(format!("{} is no known class", of.name()));
    let source = class_name(&from.of).ok_or_else(|| unsuitable(&from.of))?;
    let wanted = class_name(to).ok_or_else(|| unsuitable(to))?;
    if source == wanted {
        return Ok(Some(from.retyped(to.clone())));
    }
    if let Some(part) = part(from, &wanted, environment)? {
        return Ok(Some(part.retyped(to.clone())));
    }
    let whole = whole(from, environment)?;
    let parts = parts(&whole, &wanted, environment)?;
    let found = match parts.as_slice() {
        [only] => Some(only),
        several => {
            let holds = |part: &&Value| {
                let own = self::parts(part, &source, environment).unwrap_or_default();
                own.iter().any(|part| part.address() == from.address())
            };
            let mut holding = several.iter().filter(holds);
            holding.next().filter(|_| holding.next().is_none())
        }
    };
    Ok(found.map(|part| part.retyped(to.clone())))
}

/// The name of a class that a type is, qualifiers and typedefs aside.
fn class_name(of: &Type) -> Option<String> {
    let stripped = of.stripped();
    let Shape::Record(record) = stripped.shape() else { return None };
    record.name.as_deref().map(str::to_owned)
}

/// The base class of an object that is called `wanted`.
fn part(
    object: &Value,
    wanted: &str,
    environment: &dyn Environment,
) -> Result<Option<Value>, Fault> {
    let mut parts = parts(object, wanted, environment)?;
    if parts.len() > 1 {
        return Err(ambiguous(wanted, &object.of));
    }
    Ok(parts.pop())
}

/// All parts of an object that are called `wanted`: a virtual base counts once.
fn parts(object: &Value, wanted: &str, environment: &dyn Environment) -> Result<Vec<Value>, Fault> {
    let mut found = Vec::new();
    collect(object, wanted, environment, &mut found, (0, &Visits::new()))?;
    Ok(found)
}

fn collect(
    object: &Value,
    wanted: &str,
    environment: &dyn Environment,
    found: &mut Vec<Value>,
    (depth, visits): (u32, &Visits),
) -> Result<(), Fault> {
    let of = object.of.stripped();
    let Shape::Record(record) = of.shape() else { return Ok(()) };
    if record.name.as_deref() == Some(wanted) {
        let same = |known: &Value| known.address().is_some() && known.address() == object.address();
        if !found.iter().any(same) {
            found.push(object.clone());
        }
        return Ok(());
    }
    if !visits.go_on(depth) {
        return Ok(());
    }
    for base in record.members.iter().filter(|member| member.base) {
        match object.member(base, environment) {
            Some(part) => collect(&part, wanted, environment, found, (depth + 1, visits))?,
            None if has_base(&of.follow(&base.of), wanted, (depth + 1, visits)) => {
                let base = base.name.as_deref().unwrap_or("?");
                let text =
                    format!("where the virtual base {base} of {} is is not known here", of.name());
                return Err(Fault::Operand(text));
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether a class is called `wanted`, or has such a base.
fn has_base(of: &Type, wanted: &str, (depth, visits): (u32, &Visits)) -> bool {
    let of = of.stripped();
    let Shape::Record(record) = of.shape() else { return false };
    let mut bases = record.members.iter().filter(|member| member.base);
    record.name.as_deref() == Some(wanted)
        || (visits.go_on(depth)
            && bases.any(|base| has_base(&of.follow(&base.of), wanted, (depth + 1, visits))))
}

/// Where a base is in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// So many bytes from its start.
    Bytes(u64),
    /// As each object says.
    Virtual,
}

/// Where the base `wanted` is in each object of a class; `None` if it has no such base.
fn offset_within(class: &Type, wanted: &str) -> Result<Option<Within>, Fault> {
    let mut found = Vec::new();
    offsets(class, wanted, Within::Bytes(0), &mut found, (0, &Visits::new()));
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(*only)),
        _ => Err(ambiguous(wanted, class)),
    }
}

fn offsets(
    class: &Type,
    wanted: &str,
    here: Within,
    found: &mut Vec<Within>,
    (depth, visits): (u32, &Visits),
) {
    let class = class.stripped();
    let Shape::Record(record) = class.shape() else { return };
    if record.name.as_deref() == Some(wanted) {
        found.push(here);
        return;
    }
    if !visits.go_on(depth) {
        return;
    }
    for base in record.members.iter().filter(|member| member.base) {
        let there = match (here, base.offset) {
            (Within::Bytes(start), Offset::Bytes(more)) => Within::Bytes(start.wrapping_add(more)),
            _ => Within::Virtual,
        };
        offsets(&class.follow(&base.of), wanted, there, found, (depth + 1, visits));
    }
}

fn ambiguous(base: &str, class: &Type) -> Fault {
    Fault::Operand(format!("{} has the base {base} more than once", class.name()))
}

/// What a virtual base is a part of: only the object itself knows where that begins.
fn from_virtual(
    from: &Value,
    to: &Type,
    wanted: &str,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let whole = whole(from, environment)?;
    let part = part(&whole, wanted, environment)?;
    let text = || format!("the object there is a {}, which has no base {wanted}", whole.of.name());
    part.map(|part| part.retyped(to.clone())).ok_or_else(|| Fault::Operand(text()))
}

/// The whole object that `part`, of a class with virtual functions or bases, belongs to.
fn whole(part: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let name = part.of.name();
    if !is_dynamic(&part.of, (0, &Visits::new())) {
        let text =
            format!("{name} has no virtual function: what its objects are parts of is not kept");
        return Err(Fault::Operand(text));
    }
    let address = part.address().ok_or_else(|| Fault::NoAddress(name.clone()))?;
    let unknown = || {
        Fault::Operand(format!(
            "what object the {name} at {address:#x} is a part of is not known here"
        ))
    };
    let table = word(address, environment).ok_or_else(unknown)?;
    let to_top = word(table.wrapping_sub(16), environment).ok_or_else(unknown)?;
    let class = environment.symbol(table).and_then(|symbol| class_of_table(&symbol));
    let of =
        class.and_then(|class| environment.type_named(Tag::Any, &class)).ok_or_else(unknown)?;
    Ok(Value::in_memory(of, address.wrapping_add(to_top)))
}

/// Whether objects of a class begin with a pointer to a virtual table (Itanium C++ ABI, 2.4).
fn is_dynamic(of: &Type, (depth, visits): (u32, &Visits)) -> bool {
    let of = of.stripped();
    let Shape::Record(record) = of.shape() else { return false };
    has_table_pointer(record)
        || (visits.go_on(depth)
            && record
                .members
                .iter()
                .filter(|member| member.base)
                .any(|base| is_dynamic(&of.follow(&base.of), (depth + 1, visits))))
}

/// gcc calls it `_vptr.Shape`, clang `_vptr$Shape`.
fn has_table_pointer(record: &Record) -> bool {
    let is = |name: &str| name.starts_with("_vptr.") || name.starts_with("_vptr$");
    record.members.iter().any(|member| member.name.as_deref().is_some_and(is))
}

/// `Derived` of `<vtable for Derived+16>`.
fn class_of_table(symbol: &str) -> Option<String> {
    let inside = symbol.strip_prefix("<vtable for ")?.strip_suffix('>')?;
    let (class, offset) = inside.rsplit_once('+')?;
    offset.bytes().all(|byte| byte.is_ascii_digit()).then(|| class.to_owned())
}

/// Whether a value is a constructor of the class `name`: a function called like its class.
pub(super) fn is_constructor(value: &Value, name: &str, environment: &dyn Environment) -> bool {
    let bare = |part: &str| part.split('<').next().unwrap_or_default().to_owned();
    let own = name.rsplit("::").next().map(bare).unwrap_or_default();
    let symbol = value.address().filter(|_| value.of.is_function());
    let symbol = symbol.and_then(|address| environment.symbol(address)).unwrap_or_default();
    let symbol = symbol.trim_start_matches('<').trim_end_matches('>');
    let mut parts = symbol.rsplit("::").map(bare);
    parts.next().is_some_and(|last| last == own) && parts.next().is_some_and(|last| last == own)
}

/// `dynamic_cast<to>(value)`: of pointers and references to classes.
pub(super) fn dynamic_cast(
    value: &Value,
    to: &Type,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let target = to.stripped();
    let Shape::Pointer { kind, .. } = target.shape() else {
        return Err(Fault::Operand("dynamic_cast makes pointers and references only".to_owned()));
    };
    let class = target.target().unwrap_or_else(Type::void);
    if target.is_reference() {
        let object = value.referent(environment);
        let found = checked(&object, &class, environment)?;
        let no =
            || Fault::Operand(format!("the object there is no {} (std::bad_cast)", class.name()));
        return operators::refer(&found.ok_or_else(no)?, &class, *kind);
    }
    let value = value.referent(environment);
    let address = operators::address(&value, environment)?;
    let object = value.of.target().filter(|_| value.of.is_pointer());
    let object = object.ok_or_else(|| {
        Fault::Operand(format!("dynamic_cast needs a pointer to a class, not {}", value.of.name()))
    })?;
    let found = match address {
        0 => None,
        _ => dynamic_pointee(&Value::in_memory(object, address), &class, environment)?,
    };
    let address = found.unwrap_or(0);
    Ok(Value::computed(to.clone(), address.to_le_bytes().into()))
}

/// The address of an object as a class; of `void`, of the whole object.
fn dynamic_pointee(
    object: &Value,
    class: &Type,
    environment: &dyn Environment,
) -> Result<Option<u64>, Fault> {
    if matches!(class.stripped().shape(), Shape::Void) {
        return Ok(whole(object, environment)?.address());
    }
    Ok(checked(object, class, environment)?.and_then(|found| found.address()))
}

/// The address that the pointer `value`, to a class, holds when it points to another.
pub(super) fn pointed(
    value: &Value,
    to: &Type,
    environment: &dyn Environment,
) -> Result<Option<u64>, Fault> {
    let Some(object) = value.of.target().filter(|_| value.of.is_pointer()) else { return Ok(None) };
    let address = operators::address(value, environment)?;
    if address == 0 {
        return Ok(None);
    }
    let found = converted(&Value::in_memory(object, address), to, environment)?;
    Ok(found.and_then(|found| found.address()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_tables_are_called_after_classes() {
        let of = |symbol: &str| class_of_table(symbol);
        assert_eq!(of("<vtable for ns::Derived+16>").as_deref(), Some("ns::Derived"));
        assert_eq!(of("<vtable for A<1+2>+24>").as_deref(), Some("A<1+2>"));
        assert_eq!(of("<construction vtable for A-in-B+24>"), None);
        assert_eq!(of("<main+4>"), None);
    }
}
