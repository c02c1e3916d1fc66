//! What registers and parameters held when a function was entered (DWARF 5, 2.5.1.7): its
//! caller's call site says what it passed, or a recorded history what was there.

use gimli::{Operation, Value};

use super::{Frame, Missing, evaluate};
use crate::symbols::dies::{DieRef, Dies, Entry, Expression};

/// Most entries of a caller looked through for the call site.
const MAX_VISITED: usize = 200_000;

/// A register as an entry value names it: its number, and the base type of the unit that it is
/// read as, 0 for the generic type.
struct Named {
    register: gimli::Register,
    base_type: usize,
}

/// What `expression` names: DW_OP_reg, or with a type DW_OP_regval_type.
fn named(entry: &Entry<'_>, expression: &Expression) -> Option<Named> {
    let mut operations = expression.clone().operations(entry.unit().encoding());
    let named = match operations.next() {
        Ok(Some(Operation::Register { register })) => Named { register, base_type: 0 },
        Ok(Some(Operation::RegisterOffset { register, offset: 0, base_type })) => {
            Named { register, base_type: base_type.0 }
        }
        _ => return None,
    };
    matches!(operations.next(), Ok(None)).then_some(named)
}

/// What `expression` (a register) was when the function of `frame` was entered: its bytes, at
/// least 16, and the base type of the unit that they are read as.
pub(super) fn at_entry(
    entry: &Entry<'_>,
    expression: &Expression,
    frame: &dyn Frame,
    depth: u32,
) -> Result<(Vec<u8>, usize), Missing> {
    let Named { register: wanted, base_type } =
        named(entry, expression).ok_or(Missing::EntryValue)?;
    let is_wanted = |parameter: &Entry<'_>| {
        let location = parameter.attribute(gimli::DW_AT_location);
        let expression = location.and_then(|value| value.exprloc_value());
        let mut operations = match expression {
            Some(expression) => expression.operations(parameter.unit().encoding()),
            None => return false,
        };
        let register = matches!(operations.next(),
            Ok(Some(Operation::Register { register })) if register == wanted);
        register && matches!(operations.next(), Ok(None))
    };
    let passed = passed(&is_wanted, entry.dies(), frame, depth);
    let mut bytes = match passed {
        Ok(value) => evaluate::value_bytes(value),
        Err(missing) => frame.at_entry(wanted.0).ok_or(missing)?,
    };
    bytes.resize(bytes.len().max(16), 0);
    Ok((bytes, base_type))
}

/// What was passed for the parameter that `die` declares (DW_OP_GNU_parameter_ref).
pub(super) fn parameter(
    callee: &Dies,
    die: DieRef,
    frame: &dyn Frame,
    depth: u32,
) -> Result<u64, Missing> {
    let is_wanted = |parameter: &Entry<'_>| {
        let named = parameter.reference(gimli::DW_AT_call_parameter);
        named.or_else(|| parameter.reference(gimli::DW_AT_abstract_origin)) == Some(die)
    };
    passed(&is_wanted, callee, frame, depth)?.to_u64(u64::MAX).map_err(|_| Missing::EntryValue)
}

fn passed(
    is_wanted: &dyn Fn(&Entry<'_>) -> bool,
    callee: &Dies,
    frame: &dyn Frame,
    depth: u32,
) -> Result<Value, Missing> {
    let mut found = Err(Missing::EntryValue);
    frame.with_caller(&mut |dies, caller, address| {
        let value = call_site(dies, caller, address).and_then(|site| {
            // Entered through a tail call, the function got what another was passed.
            if !calls(&site, caller, callee, frame, depth) {
                return None;
            }
            let parameters = site.children();
            let parameter = parameters.iter().find(|child| is_wanted(child))?;
            let value = parameter.attribute(gimli::DW_AT_call_value);
            let value = value.or_else(|| parameter.attribute(gimli::DW_AT_GNU_call_site_value));
            let expression = value?.exprloc_value()?;
            evaluate::value(parameter, expression, caller, depth + 1).ok()
        });
        found = value.ok_or(Missing::EntryValue);
    });
    found
}

/// The call site of `caller` that returns to a run-time address.
fn call_site<'d>(dies: &'d Dies, caller: &dyn Frame, address: u64) -> Option<Entry<'d>> {
    let returns_to = address.wrapping_sub(caller.bias());
    let mut pending = dies.entry(caller.function()?)?.children();
    let mut visited = 0;
    while let Some(entry) = pending.pop() {
        visited += 1;
        if visited > MAX_VISITED {
            return None;
        }
        match entry.tag() {
            gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site
                if return_address(&entry) == Some(returns_to) =>
            {
                return Some(entry);
            }
            gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => {
                pending.extend(entry.children());
            }
            _ => {}
        }
    }
    None
}

fn return_address(site: &Entry<'_>) -> Option<u64> {
    let value = site.attribute(gimli::DW_AT_call_return_pc);
    let value = value.or_else(|| site.attribute(gimli::DW_AT_low_pc))?;
    site.dwarf().attr_address(site.unit(), value).ok()?
}

/// Whether a call site calls the function that `frame` executes, an entry of `callee`.
fn calls(
    site: &Entry<'_>,
    caller: &dyn Frame,
    callee: &Dies,
    frame: &dyn Frame,
    depth: u32,
) -> bool {
    let origin = site.reference(gimli::DW_AT_call_origin);
    let origin = origin.or_else(|| site.reference(gimli::DW_AT_abstract_origin));
    let Some(origin) = origin else {
        let value = site.attribute(gimli::DW_AT_call_target);
        let value = value.or_else(|| site.attribute(gimli::DW_AT_GNU_call_site_target));
        let expression = value.and_then(|value| value.exprloc_value());
        let target = expression.and_then(|expression| {
            evaluate::number(site, expression, caller, None, depth + 1).ok()
        });
        return target.is_some_and(|target| frame.is_entered_at(target));
    };
    let called = site.dies().entry(origin);
    let entered = frame.function().and_then(|function| callee.entry(function));
    let (Some(called), Some(entered)) = (called, entered) else { return false };
    let same = std::ptr::eq(site.dies(), callee);
    let completes = |entry: &Entry<'_>| (entry.place() == origin).then_some(());
    if same && entered.inherited(completes).is_some() {
        return true;
    }
    // Declared in one unit, defined in another.
    let external =
        |entry: &Entry<'_>| entry.inherited(|e| e.flag(gimli::DW_AT_external).then_some(()));
    let both = external(&called).and(external(&entered)).is_some();
    both && linkage_name(&called).is_some() && linkage_name(&called) == linkage_name(&entered)
}

fn linkage_name(entry: &Entry<'_>) -> Option<String> {
    let own = entry.inherited(|entry| entry.own_text(gimli::DW_AT_linkage_name));
    own.or_else(|| entry.name())
}
