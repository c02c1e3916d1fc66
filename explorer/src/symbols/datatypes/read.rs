//! From a DIE to what a type is made of (DWARF 5, chapter 5).

use std::sync::Arc;

use gimli::AttributeValue;

use super::{Count, Encoding, Enumeration, Link, PointerKind, RecordKind, Shape, record};
use crate::symbols::dies::{Entry, Language, constant};

/// Most constants of an enumeration, dimensions of an array, parameters of a function.
const MAX_PARTS: usize = 1 << 16;

/// The shape a DIE declares.
pub(super) fn shape(entry: &Entry<'_>) -> Option<Shape> {
    let pointer = |kind| Shape::Pointer { kind, to: link(entry), name: own_name(entry) };
    let qualified = |qualifier| Shape::Qualified { qualifier, to: link(entry) };
    Some(match entry.tag() {
        gimli::DW_TAG_base_type => base(entry)?,
        gimli::DW_TAG_pointer_type => pointer(PointerKind::Pointer),
        gimli::DW_TAG_reference_type => pointer(PointerKind::Reference),
        gimli::DW_TAG_rvalue_reference_type => pointer(PointerKind::RvalueReference),
        gimli::DW_TAG_const_type => qualified("const"),
        gimli::DW_TAG_volatile_type => qualified("volatile"),
        gimli::DW_TAG_restrict_type => qualified("restrict"),
        gimli::DW_TAG_atomic_type => qualified("_Atomic"),
        gimli::DW_TAG_typedef | gimli::DW_TAG_template_alias => {
            let alignment = entry.unsigned(gimli::DW_AT_alignment);
            Shape::Alias { name: qualified_name(entry)?, to: link(entry), alignment }
        }
        gimli::DW_TAG_array_type => array(entry),
        gimli::DW_TAG_structure_type => Shape::Record(record::read(entry, RecordKind::Struct)),
        gimli::DW_TAG_class_type => Shape::Record(record::read(entry, RecordKind::Class)),
        gimli::DW_TAG_union_type => Shape::Record(record::read(entry, RecordKind::Union)),
        gimli::DW_TAG_enumeration_type => Shape::Enumeration(enumeration(entry)),
        gimli::DW_TAG_subroutine_type | gimli::DW_TAG_subprogram => function(entry),
        gimli::DW_TAG_ptr_to_member_type => {
            Shape::MemberPointer { to: link(entry), class: class_pointed_into(entry) }
        }
        gimli::DW_TAG_unspecified_type => Shape::Opaque { name: own_name(entry)?, size: 8 },
        _ => return None,
    })
}

/// The type a DIE links to.
pub(super) fn link(entry: &Entry<'_>) -> Link {
    entry.type_place().map_or(Link::Void, Link::Die)
}

/// A name without namespaces.
pub(super) fn own_name(entry: &Entry<'_>) -> Option<Arc<str>> {
    entry.own_text(gimli::DW_AT_name).map(Arc::from)
}

/// A name with namespaces and classes around it.
pub(super) fn qualified_name(entry: &Entry<'_>) -> Option<Arc<str>> {
    let place = entry.place();
    let known = entry.language() != Language::C && !place.supplementary;
    let qualified = known.then(|| entry.dies().declared().qualified(place)).flatten();
    qualified.or_else(|| own_name(entry))
}

fn base(entry: &Entry<'_>) -> Option<Shape> {
    let name = canonical(&own_name(entry)?);
    let size = entry.unsigned(gimli::DW_AT_byte_size).or_else(|| {
        let bits = entry.unsigned(gimli::DW_AT_bit_size)?;
        Some(bits.div_ceil(8))
    })?;
    let Some(AttributeValue::Encoding(encoding)) = entry.attribute(gimli::DW_AT_encoding) else {
        return Some(Shape::Opaque { name, size });
    };
    let encoding = match encoding {
        gimli::DW_ATE_signed => Encoding::Signed,
        gimli::DW_ATE_unsigned | gimli::DW_ATE_address => Encoding::Unsigned,
        gimli::DW_ATE_float => Encoding::Float,
        gimli::DW_ATE_boolean => Encoding::Bool,
        gimli::DW_ATE_signed_char => Encoding::SignedChar,
        gimli::DW_ATE_unsigned_char => Encoding::UnsignedChar,
        gimli::DW_ATE_UTF | gimli::DW_ATE_ASCII | gimli::DW_ATE_UCS => Encoding::Utf,
        gimli::DW_ATE_complex_float => Encoding::Complex,
        _ => return Some(Shape::Opaque { name, size }),
    };
    Some(Shape::Base { name, size, encoding })
}

/// gcc's `long unsigned int` as everybody else writes it: `unsigned long`.
pub(crate) fn canonical(name: &str) -> Arc<str> {
    let words: Vec<_> = name.split(' ').collect();
    let is_long_or_short = |word: &&str| matches!(*word, "long" | "short");
    let parts = ["long", "short", "unsigned", "signed", "int"];
    if !words.iter().any(is_long_or_short) || !words.iter().all(|w| parts.contains(w)) {
        return name.into();
    }
    let unsigned = words.iter().filter(|word| **word == "unsigned").copied();
    unsigned
        .chain(words.iter().copied().filter(is_long_or_short))
        .collect::<Vec<_>>()
        .join(" ")
        .into()
}

fn array(entry: &Entry<'_>) -> Shape {
    let children = entry.children();
    let ranges = children.iter().filter(|child| {
        matches!(child.tag(), gimli::DW_TAG_subrange_type | gimli::DW_TAG_enumeration_type)
    });
    let mut counts: Vec<_> = ranges.take(MAX_PARTS).map(count).collect();
    if counts.is_empty() {
        counts.push(Count::Unknown);
    }
    let vector = entry.flag(gimli::DW_AT_GNU_vector);
    Shape::Array { of: link(entry), counts, language: entry.language(), vector }
}

fn count(range: &Entry<'_>) -> Count {
    if let Some(count) = range.unsigned(gimli::DW_AT_count) {
        return Count::Fixed(count);
    }
    let Some(upper) = range.attribute(gimli::DW_AT_upper_bound) else {
        return match range.attribute(gimli::DW_AT_count) {
            Some(_) => Count::Dynamic(range.place()),
            None => Count::Unknown,
        };
    };
    let lower = range.number(gimli::DW_AT_lower_bound).unwrap_or(0);
    match constant(&upper) {
        // gcc's upper bound of an empty array is -1.
        Some(upper) => Count::Fixed(u64::try_from(upper - lower + 1).unwrap_or(0)),
        None => Count::Dynamic(range.place()),
    }
}

fn enumeration(entry: &Entry<'_>) -> Enumeration {
    let mut constants = Vec::new();
    let mut negative = false;
    let children = entry.children();
    for child in children.iter().filter(|c| c.tag() == gimli::DW_TAG_enumerator).take(MAX_PARTS) {
        let Some(name) = own_name(child) else { continue };
        let Some(value) = child.number(gimli::DW_AT_const_value) else { continue };
        negative |= value < 0;
        constants.push((name, value));
    }
    let underlying = entry.type_place().and_then(|place| {
        let mut base = entry.dies().entry(place)?;
        for _ in 0..16 {
            if base.tag() == gimli::DW_TAG_base_type {
                break;
            }
            base = entry.dies().entry(base.type_place()?)?;
        }
        super::read::base(&base)
    });
    let (signed, size, underlying) = match underlying {
        Some(Shape::Base { encoding, size, name }) => {
            let signed = matches!(encoding, Encoding::Signed | Encoding::SignedChar);
            (signed, Some(size), Some(name))
        }
        _ => (negative, None, None),
    };
    let (name, scoped) = (qualified_name(entry), entry.flag(gimli::DW_AT_enum_class));
    Enumeration {
        space: space(entry, name.as_deref(), scoped, &constants),
        name,
        underlying,
        size: entry.unsigned(gimli::DW_AT_byte_size).or(size).unwrap_or(4),
        signed,
        constants,
        declaration: entry.flag(gimli::DW_AT_declaration) || entry.is_bodiless(),
        language: entry.language(),
        scoped,
    }
}

/// What the names of an enumeration's constants begin with.
fn space(
    entry: &Entry<'_>,
    name: Option<&str>,
    scoped: bool,
    constants: &[(Arc<str>, i128)],
) -> Arc<str> {
    let around = |name: &str| name.rsplit_once("::").map(|(space, _)| format!("{space}::"));
    let space = match (name, constants.first()) {
        (Some(name), _) if scoped => Some(format!("{name}::")),
        (Some(name), _) => around(name),
        (None, Some((first, _))) if entry.language() != Language::C => {
            let full = entry.dies().declared().constant(entry.place(), first);
            full.and_then(around)
        }
        (None, _) => None,
    };
    space.unwrap_or_default().into()
}

fn function(entry: &Entry<'_>) -> Shape {
    let children = entry.children();
    let of_tag = |tag| children.iter().filter(move |child| child.tag() == tag);
    Shape::Function {
        returns: link(entry),
        parameters: of_tag(gimli::DW_TAG_formal_parameter).take(MAX_PARTS).map(link).collect(),
        variadic: of_tag(gimli::DW_TAG_unspecified_parameters).next().is_some(),
        prototyped: is_prototyped(entry),
    }
}

/// Whether a function's parameters are declared with it, by it or by what it completes.
fn is_prototyped(entry: &Entry<'_>) -> bool {
    let says = |entry: &Entry<'_>| {
        let says = entry.flag(gimli::DW_AT_prototyped) || entry.language() != Language::C;
        says.then_some(())
    };
    entry.inherited(says).is_some()
}

/// The class whose members a pointer to members points to (DWARF 5, 5.14).
fn class_pointed_into(entry: &Entry<'_>) -> Link {
    entry.reference(gimli::DW_AT_containing_type).map_or(Link::Void, Link::Die)
}
