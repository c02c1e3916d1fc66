//! Structs, classes, unions, and Rust's enums with data (DWARF 5, 5.7).

use gimli::AttributeValue;

use super::read::{link, own_name, qualified_name};
use super::{
    Bits, Member, Offset, Passing, Record, RecordKind, Shape, Static, Type, Variant, Variants,
};
use crate::symbols::dies::Entry;

/// DW_DEFAULTED_in_class (DWARF 5, 7.24).
const IN_CLASS: u64 = 1;

/// Reads a record.
pub(super) fn read(entry: &Entry<'_>, kind: RecordKind) -> Record {
    let mut record = Record {
        kind,
        name: qualified_name(entry),
        place: Some(entry.place()),
        size: entry.unsigned(gimli::DW_AT_byte_size).unwrap_or(0),
        alignment: entry.unsigned(gimli::DW_AT_alignment),
        members: Vec::new(),
        statics: Vec::new(),
        variants: None,
        arguments: Vec::new(),
        declaration: entry.flag(gimli::DW_AT_declaration) || entry.is_bodiless(),
        language: entry.language(),
        passing: passing(entry),
        plain: true,
        destructor: false,
    };
    for child in entry.children() {
        record.plain &= is_plain(entry, &child);
        add(&mut record, &child);
    }
    record
}

/// Whether a record may be copied byte by byte although it has this child: no base or function of
/// it is virtual, and those that copy, move or destroy it are the default ones (Itanium C++ ABI,
/// 1.1, "non-trivial for the purposes of calls"; DWARF 5, 5.7.8).
fn is_plain(class: &Entry<'_>, child: &Entry<'_>) -> bool {
    let is_function = child.tag() == gimli::DW_TAG_subprogram;
    if !is_function && child.tag() != gimli::DW_TAG_inheritance {
        return true;
    }
    if child.unsigned(gimli::DW_AT_virtuality).unwrap_or(0) != 0 {
        return false;
    }
    if !is_function || !(destroys(child) || copies(class, child)) {
        return true;
    }
    is_default(child) && !child.flag(gimli::DW_AT_deleted)
}

/// Whether a function of a class is its destructor.
fn destroys(function: &Entry<'_>) -> bool {
    own_name(function).is_some_and(|name| name.starts_with('~'))
}

/// Whether a function of a class is `= default` where it is declared (DWARF 5, 5.7.8).
fn is_default(function: &Entry<'_>) -> bool {
    function.unsigned(gimli::DW_AT_defaulted) == Some(IN_CLASS)
}

/// Whether a function of a class is a constructor from another object of it.
fn copies(class: &Entry<'_>, function: &Entry<'_>) -> bool {
    let bare = |name: &str| name.split('<').next().map(str::to_owned);
    let (own, name) = (own_name(class), own_name(function));
    if own.as_deref().and_then(bare) != name.as_deref().and_then(bare) {
        return false;
    }
    let parameters = function.children();
    let mut parameters = parameters.iter().filter(|child| {
        child.tag() == gimli::DW_TAG_formal_parameter && !child.flag(gimli::DW_AT_artificial)
    });
    let Some(first) = parameters.next().and_then(Entry::type_place) else { return false };
    let dies = class.dies();
    let Some(reference) = dies.entry(first) else { return false };
    let references = [gimli::DW_TAG_reference_type, gimli::DW_TAG_rvalue_reference_type];
    if !references.contains(&reference.tag()) {
        return false;
    }
    const MOST_QUALIFIERS: usize = 4;
    let mut to = reference.type_place();
    for _ in 0..MOST_QUALIFIERS {
        let Some(entry) = to.and_then(|place| dies.entry(place)) else { return false };
        if entry.place() == class.place() || own_name(&entry) == own {
            return true;
        }
        to = entry.type_place();
    }
    false
}

fn passing(entry: &Entry<'_>) -> Option<Passing> {
    match entry.attribute(gimli::DW_AT_calling_convention)? {
        AttributeValue::CallingConvention(gimli::DW_CC_pass_by_value) => Some(Passing::ByValue),
        AttributeValue::CallingConvention(gimli::DW_CC_pass_by_reference) => {
            Some(Passing::ByReference)
        }
        _ => None,
    }
}

fn add(record: &mut Record, child: &Entry<'_>) {
    record.destructor |= is_destructor(child);
    match child.tag() {
        gimli::DW_TAG_member if is_static(child) => add_static(record, child),
        gimli::DW_TAG_variable => add_static(record, child),
        gimli::DW_TAG_member => record.members.push(member(child)),
        gimli::DW_TAG_inheritance => {
            let name = child.type_place().and_then(|place| {
                let base = child.dies().entry(place)?.complete();
                qualified_name(&child.dies().entry(base)?)
            });
            record.members.push(Member { name, base: true, ..member(child) });
        }
        gimli::DW_TAG_variant_part => record.variants = Some(variants(child)),
        gimli::DW_TAG_template_type_parameter => {
            record.arguments.push((own_name(child).unwrap_or_else(|| "".into()), link(child)));
        }
        _ => {}
    }
}

/// Whether it is a destructor that somebody wrote, not `= default` (DWARF 5, 5.7.8).
fn is_destructor(child: &Entry<'_>) -> bool {
    child.tag() == gimli::DW_TAG_subprogram
        && destroys(child)
        && !child.flag(gimli::DW_AT_artificial)
        && !is_default(child)
}

fn add_static(record: &mut Record, child: &Entry<'_>) {
    let behind = record.members.len();
    let named = own_name(child).map(|name| Static { name, die: child.place(), behind });
    record.statics.extend(named);
}

/// Before DWARF 5 static members are members that are declarations.
fn is_static(child: &Entry<'_>) -> bool {
    child.flag(gimli::DW_AT_external) || child.flag(gimli::DW_AT_declaration)
}

pub(super) fn member(child: &Entry<'_>) -> Member {
    let offset = match child.attribute(gimli::DW_AT_data_member_location) {
        Some(value) => match value.udata_value() {
            Some(bytes) => Offset::Bytes(bytes),
            None => {
                simple_offset(child, &value).map_or(Offset::Computed(child.place()), Offset::Bytes)
            }
        },
        None => Offset::Bytes(0),
    };
    Member {
        name: own_name(child),
        of: link(child),
        offset,
        bits: bits(child, offset),
        base: false,
        artificial: child.flag(gimli::DW_AT_artificial),
        alignment: child.unsigned(gimli::DW_AT_alignment),
    }
}

/// `DW_OP_plus_uconst N`, how DWARF 2 wrote N.
fn simple_offset(child: &Entry<'_>, value: &AttributeValue<crate::symbols::Reader>) -> Option<u64> {
    let expression = value.exprloc_value()?;
    let mut operations = expression.operations(child.unit().encoding());
    match (operations.next(), operations.next()) {
        (Ok(Some(gimli::Operation::PlusConstant { value })), Ok(None)) => Some(value),
        _ => None,
    }
}

/// DWARF 4 counts from the record's start; DWARF 3 from the most significant bit of a storage
/// unit, which is what DW_AT_bit_offset means (5.6.6 there).
fn bits(child: &Entry<'_>, offset: Offset) -> Option<Bits> {
    let size = child.unsigned(gimli::DW_AT_bit_size)?;
    if let Some(bit) = child.unsigned(gimli::DW_AT_data_bit_offset) {
        return Some(Bits { offset: bit, size });
    }
    let Offset::Bytes(bytes) = offset else { return None };
    let start = bytes.checked_mul(8)?;
    let Some(from_top) = child.unsigned(gimli::DW_AT_bit_offset) else {
        return Some(Bits { offset: start, size });
    };
    let storage = child.unsigned(gimli::DW_AT_byte_size).or_else(|| {
        let entry = child.dies().entry(child.type_place()?)?;
        entry.unsigned(gimli::DW_AT_byte_size)
    })?;
    let from_bottom = storage.checked_mul(8)?.checked_sub(from_top)?.checked_sub(size)?;
    Some(Bits { offset: start.checked_add(from_bottom)?, size })
}

fn variants(part: &Entry<'_>) -> Variants {
    let children = part.children();
    let discriminant = part.reference(gimli::DW_AT_discr);
    let discriminant = children.iter().find(|c| Some(c.place()) == discriminant).map(member);
    let variant = |child: &Entry<'_>| {
        let content = child.children().into_iter().find(|c| c.tag() == gimli::DW_TAG_member)?;
        let value = child.attribute(gimli::DW_AT_discr_value).and_then(|value| match value {
            AttributeValue::Block(bytes) => {
                let bytes = gimli::Reader::to_slice(&bytes).ok()?.to_vec();
                Some(bytes.iter().take(16).rev().fold(0, |n, byte| n << 8 | u128::from(*byte)))
            }
            value => match value.udata_value() {
                Some(value) => Some(u128::from(value)),
                None => value.sdata_value().map(|value| i128::from(value).cast_unsigned()),
            },
        });
        Some(Variant { discriminant: value, member: member(&content) })
    };
    let all = children.iter().filter(|child| child.tag() == gimli::DW_TAG_variant);
    Variants { discriminant, all: all.filter_map(variant).collect() }
}

impl Type {
    /// How many of a template's last arguments are its defaults (DW_AT_default_value).
    pub fn default_arguments(&self) -> usize {
        let (Shape::Record(record), Some(dies)) = (self.shape(), self.dies()) else { return 0 };
        let count = || {
            let class = dies.entry(record.place?)?;
            let parts = class.children();
            let is_parameter = |part: &&Entry<'_>| {
                matches!(
                    part.tag(),
                    gimli::DW_TAG_template_type_parameter | gimli::DW_TAG_template_value_parameter
                )
            };
            let last_first = parts.iter().rev().filter(is_parameter);
            Some(last_first.take_while(|part| part.flag(gimli::DW_AT_default_value)).count())
        };
        crate::symbols::guard::guarded(count).unwrap_or(0)
    }
}
