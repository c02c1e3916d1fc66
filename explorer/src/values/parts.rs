//! The parts of values: members, elements, what pointers point to.

use super::{Target, Value};
use crate::symbols::datatypes::{Bits, Count, Link, Member, Offset, Record, Shape, Static};
use std::cell::Cell;
use std::sync::Arc;

/// Deepest nesting of anonymous members and base classes searched for a name.
const MAX_DEPTH: u32 = 32;

/// Parts of one value searched for a name: a malformed record may contain itself, twice.
const MAX_VISITS: u32 = 10_000;

/// What a search may still visit.
pub(crate) struct Visits(Cell<u32>);

impl Visits {
    /// A new search.
    pub fn new() -> Self {
        Self(Cell::new(MAX_VISITS))
    }

    /// Whether one more part at this depth is visited.
    pub fn go_on(&self, depth: u32) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0 && depth <= MAX_DEPTH
    }
}

impl Value {
    /// The member `member` of this record.
    pub fn member(&self, member: &Member, target: &dyn Target) -> Option<Self> {
        let of = self.record_type().follow(&member.of);
        let offset = match member.offset {
            Offset::Bytes(offset) => offset,
            Offset::Computed(die) => {
                let record = self.record_type();
                target.computed_offset(record.dies()?, die, self.address()?)?
            }
        };
        Some(match member.bits {
            Some(bits) => {
                let within = Bits { offset: bits.offset % 8, size: bits.size };
                self.part(of, bits.offset / 8, Some(within))
            }
            None => self.part(of, offset, None),
        })
    }

    /// The static member `member` of this record's class.
    pub fn static_member(&self, member: &Static, target: &dyn Target) -> Option<Self> {
        target.implied(self.record_type().dies()?, member.die)
    }

    fn record_type(&self) -> crate::symbols::datatypes::Type {
        self.of.stripped()
    }

    /// The member of a name: its own, of an anonymous member, or of a base class.
    pub fn member_named(&self, name: &str, target: &dyn Target) -> Option<Self> {
        self.member_within(name, target, (0, &Visits::new()))
    }

    fn member_within(
        &self,
        name: &str,
        target: &dyn Target,
        (depth, visits): (u32, &Visits),
    ) -> Option<Self> {
        let of = self.record_type();
        let Shape::Record(record) = of.shape() else { return None };
        if !visits.go_on(depth) {
            return None;
        }
        let deeper = (depth + 1, visits);
        let own = record.members.iter().find(|m| !m.base && m.name.as_deref() == Some(name));
        if let Some(member) = own {
            return self.member(member, target);
        }
        if let Some(shared) = record.statics.iter().find(|one| &*one.name == name) {
            return self.static_member(shared, target);
        }
        if let Some(variant) = self.variant(record, target) {
            let content = self.member(&variant, target)?;
            if let Some(found) = content.member_within(name, target, deeper) {
                return Some(found);
            }
        }
        let inner = record.members.iter().filter(|member| member.base || member.name.is_none());
        inner
            .filter_map(|member| self.member(member, target))
            .find_map(|part| part.member_within(name, target, deeper))
    }

    /// The base class of a name, or the record itself if that is its name.
    pub fn base_named(&self, name: &str, target: &dyn Target) -> Option<Self> {
        self.base_within(name, target, (0, &Visits::new()))
    }

    fn base_within(
        &self,
        name: &str,
        target: &dyn Target,
        (depth, visits): (u32, &Visits),
    ) -> Option<Self> {
        let of = self.record_type();
        let Shape::Record(record) = of.shape() else { return None };
        let is = |known: &str| known == name || known.ends_with(&format!("::{name}"));
        if record.name.as_deref().is_some_and(is) {
            return Some(self.clone());
        }
        if !visits.go_on(depth) {
            return None;
        }
        let bases = record.members.iter().filter(|member| member.base);
        bases
            .filter_map(|base| self.member(base, target))
            .find_map(|part| part.base_within(name, target, (depth + 1, visits)))
    }

    /// The alternative that this Rust enum holds.
    pub fn variant(&self, record: &Record, target: &dyn Target) -> Option<Member> {
        let variants = record.variants.as_ref()?;
        let Some(discriminant) = &variants.discriminant else {
            return variants.all.first().map(|variant| variant.member.clone());
        };
        let value = self.member(discriminant, target)?;
        let size = value.size()?.clamp(1, 16);
        let mask = u128::MAX >> (128 - size * 8);
        let number = value.integer(target).ok()?.cast_unsigned() & mask;
        let fits = |wanted: u128| wanted & mask == number;
        let exact = variants.all.iter().find(|v| v.discriminant.is_some_and(fits));
        let chosen = exact.or_else(|| variants.all.iter().find(|v| v.discriminant.is_none()));
        chosen.map(|variant| variant.member.clone())
    }

    /// The element of an array at an index, which may lie outside.
    pub fn element(&self, index: i128) -> Option<Self> {
        let (of, _) = self.of.element()?;
        let size = of.size()?;
        let offset = i128::from(size).checked_mul(index)?;
        let offset = i64::try_from(offset).ok()?.cast_unsigned();
        Some(self.part(of, offset, None))
    }

    /// The elements of an array of known length.
    pub fn length(&self) -> Option<u64> {
        match self.of.element()?.1 {
            Count::Fixed(count) => Some(count),
            _ => None,
        }
    }

    /// The value that this pointer or reference points to.
    pub fn pointee(&self, target: &dyn Target) -> Option<Self> {
        let to = self.of.target()?;
        if let Some(implied) = &self.implied {
            let value = target.implied(&implied.dies, implied.die)?;
            let offset = u64::try_from(implied.offset).ok()?;
            return Some(value.part(to, offset, None));
        }
        let address = self.integer(target).ok()?;
        Some(Self::in_memory(to, address as u64))
    }

    /// What a reference refers to; other values are themselves.
    pub fn referent(&self, target: &dyn Target) -> Self {
        match self.of.is_reference() {
            true => self.pointee(target).unwrap_or_else(|| self.clone()),
            false => self.clone(),
        }
    }

    /// The members of a record in order, with their names: what pretty printers walk.
    pub fn path(&self, names: &[&str], target: &dyn Target) -> Option<Self> {
        names.iter().try_fold(self.clone(), |value, name| value.member_named(name, target))
    }

    /// A template argument of its type, or of a base class.
    pub fn argument(&self, index: usize) -> Option<crate::symbols::datatypes::Type> {
        let of = self.record_type();
        let Shape::Record(record) = of.shape() else { return None };
        let (_, link): &(Arc<str>, Link) = record.arguments.get(index)?;
        Some(of.follow(link))
    }
}
