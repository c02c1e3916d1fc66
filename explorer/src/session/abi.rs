//! The classes by which values are passed in registers (System V ABI for x86-64, 3.2.3).

use crate::symbols::datatypes::{Count, Encoding, Member, Offset, Shape, Type};
use crate::values::{FloatFormat, Visits};

/// Bytes that two registers hold.
const IN_REGISTERS: u64 = 16;

/// Where eight bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// In a general register.
    Integer,
    /// In the lower half of a vector register.
    Sse,
    /// In the upper half of the vector register before.
    SseUp,
    /// On top of the x87 stack, all ten bytes.
    X87,
}

/// By eight bytes.
type Parts = [Option<Class>; 2];

/// Classes in the making.
struct Classes {
    parts: Parts,
    visits: Visits,
}

/// The classes of a value of at most 16 bytes in their order; none if it is in memory, or that
/// is not sure.
pub(super) fn classes(of: &Type) -> Option<Vec<Class>> {
    let mut classes = Classes { parts: [None; 2], visits: Visits::new() };
    classes.add(of, 0, 0)?;
    Some(classes.parts.into_iter().flatten().collect())
}

/// Whether a type is a vector with nothing but records of one member around it.
pub(super) fn is_lone_vector(of: &Type) -> bool {
    is_vector_within(of, 0, &Visits::new())
}

fn is_vector_within(of: &Type, depth: u32, visits: &Visits) -> bool {
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Array { vector, .. } => *vector,
        Shape::Record(record) if visits.go_on(depth) => {
            let [member] = record.members.as_slice() else { return false };
            let inner = stripped.follow(&member.of);
            let whole = inner.size() == of.size() && matches!(member.offset, Offset::Bytes(0));
            whole && is_vector_within(&inner, depth + 1, visits)
        }
        _ => false,
    }
}

/// Whether a type holds a number of more than eight bytes, or may.
pub(super) fn has_wide_scalar(of: &Type) -> bool {
    is_wide_within(of, 0, &Visits::new())
}

fn is_wide_within(of: &Type, depth: u32, visits: &Visits) -> bool {
    if !visits.go_on(depth) {
        return true;
    }
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Base { size, .. } => *size > 8,
        Shape::Record(record) => {
            let variants = record.variants.iter().flat_map(|variants| &variants.all);
            let mut parts = record.members.iter().chain(variants.map(|variant| &variant.member));
            parts.any(|part| is_wide_within(&stripped.follow(&part.of), depth + 1, visits))
        }
        Shape::Array { .. } => {
            of.element().is_none_or(|(of, _)| is_wide_within(&of, depth + 1, visits))
        }
        _ => false,
    }
}

impl Classes {
    /// Adds the classes of a type `offset` bytes from the start of the value.
    fn add(&mut self, of: &Type, offset: u64, depth: u32) -> Option<()> {
        let stripped = of.stripped();
        let size = of.size()?;
        if !self.visits.go_on(depth) || size == 0 {
            return None;
        }
        match stripped.shape() {
            Shape::Record(record) => {
                let mut members = record.members.iter();
                let all =
                    members.try_for_each(|one| self.add_member(&stripped, one, offset, depth));
                all.filter(|()| !record.members.is_empty())
            }
            Shape::Array { vector: true, .. } => put(&mut self.parts, offset, size, Class::SseUp),
            Shape::Array { counts, .. } => {
                let fixed = counts.iter().all(|count| matches!(count, Count::Fixed(_)));
                let (element, _) = of.element().filter(|_| fixed)?;
                let each = element.size().filter(|each| *each > 0)?;
                (0..size.min(IN_REGISTERS) / each)
                    .try_for_each(|n| self.add(&element, offset.checked_add(n * each)?, depth + 1))
            }
            Shape::Base { .. } if FloatFormat::of(&stripped) == Some(FloatFormat::Quad) => {
                put(&mut self.parts, offset, size, Class::SseUp)
            }
            Shape::Base { encoding: Encoding::Float, size: 10 | 16, .. } => {
                let whole = offset == 0 && self.parts == [None; 2] && depth == 0;
                whole.then(|| self.parts[0] = Some(Class::X87))
            }
            Shape::Base { encoding: Encoding::Complex, size, .. } => {
                aligned(offset, size / 2)?;
                put(&mut self.parts, offset, *size, Class::Sse)
            }
            Shape::Base { encoding: Encoding::Float, .. } => {
                aligned(offset, size)?;
                put(&mut self.parts, offset, size, Class::Sse)
            }
            // Pointers to functions of classes are two words (Itanium C++ ABI, 2.3).
            Shape::MemberPointer { .. } => {
                aligned(offset, size.min(8))?;
                put(&mut self.parts, offset, size, Class::Integer)
            }
            Shape::Base { .. } | Shape::Pointer { .. } | Shape::Enumeration(_) => {
                aligned(offset, size)?;
                put(&mut self.parts, offset, size, Class::Integer)
            }
            _ => None,
        }
    }

    fn add_member(
        &mut self,
        record: &Type,
        member: &Member,
        offset: u64,
        depth: u32,
    ) -> Option<()> {
        if let Some(bits) = member.bits {
            let size = (bits.offset % 8).checked_add(bits.size)?.div_ceil(8);
            let start = offset.checked_add(bits.offset / 8)?;
            return if size == 0 {
                Some(())
            } else {
                put(&mut self.parts, start, size, Class::Integer)
            };
        }
        // An empty base class is nowhere.
        if member.base && is_empty(&record.follow(&member.of), depth, &self.visits) {
            return Some(());
        }
        let Offset::Bytes(start) = member.offset else { return None };
        self.add(&record.follow(&member.of), offset.checked_add(start)?, depth + 1)
    }
}

/// Whether a class has nothing but empty bases.
fn is_empty(of: &Type, depth: u32, visits: &Visits) -> bool {
    let stripped = of.stripped();
    let Shape::Record(record) = stripped.shape() else { return false };
    let mut bases = record.members.iter();
    visits.go_on(depth)
        && !record.declaration
        && record.variants.is_none()
        && bases.all(|one| one.base && is_empty(&stripped.follow(&one.of), depth + 1, visits))
}

/// What holds a field that is not aligned is in memory.
fn aligned(offset: u64, size: u64) -> Option<()> {
    (offset.checked_rem(size)? == 0).then_some(())
}

/// Puts a class at some bytes; SSEUP stands for a vector, which begins with SSE.
fn put(parts: &mut Parts, offset: u64, size: u64, class: Class) -> Option<()> {
    if class == Class::SseUp {
        aligned(offset, size)?;
    }
    let last = offset.checked_add(size)?.checked_sub(1)?;
    for index in offset / 8..=last / 8 {
        let first = class == Class::SseUp && index == offset / 8;
        let class = if first { Class::Sse } else { class };
        let part = parts.get_mut(usize::try_from(index).ok()?)?;
        *part = Some(part.map_or(class, |before| merged(before, class)));
    }
    Some(())
}

/// Of two classes in one eightbyte, INTEGER counts; of others that differ, SSE.
fn merged(a: Class, b: Class) -> Class {
    match (a, b) {
        (Class::Integer, _) | (_, Class::Integer) => Class::Integer,
        _ if a == b => a,
        _ => Class::Sse,
    }
}
