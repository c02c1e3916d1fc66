//! What pointers to members lead to (Itanium C++ ABI, 2.3): those to data hold bytes from the
//! start of an object, those to virtual functions a place in its virtual table.

use super::{Link, Offset, Record, Shape, Type};
use crate::symbols::demangle::demangle;
use crate::symbols::dies::Entry;
use std::sync::Arc;

/// Deepest nesting of base classes searched.
const MAX_DEPTH: u32 = 32;

/// Classes looked at; a malformed one may contain itself, twice.
const MAX_VISITS: u32 = 1000;

impl Type {
    /// Of a pointer to members: the class whose they are.
    pub fn pointed_class(&self) -> Option<Self> {
        let stripped = self.stripped();
        match stripped.shape() {
            Shape::MemberPointer { class, .. } => Some(stripped.follow(class)),
            _ => None,
        }
    }

    /// Of a pointer to members: the type of what it leads to. As in gdb, `this` of a function is
    /// constant.
    pub fn pointed_member(&self) -> Option<Self> {
        let stripped = self.stripped();
        let Shape::MemberPointer { to, .. } = stripped.shape() else { return None };
        let member = stripped.follow(to);
        let Shape::Function { returns, parameters, variadic, prototyped } = member.shape() else {
            return Some(member);
        };
        let mut parameters = parameters.clone();
        if let Some(this) = parameters.first_mut() {
            let of = Link::Made(member.follow(this));
            *this = Link::Made(Self::made(Shape::Qualified { qualifier: "const", to: of }));
        }
        let (returns, variadic, prototyped) = (returns.clone(), *variadic, *prototyped);
        let shape = Shape::Function { returns, parameters, variadic, prototyped };
        Some(Self { dies: member.dies.clone(), shape: Arc::new(shape) })
    }

    /// The class, and its member of that name, so many bytes from the start of this one's
    /// objects: its own, or a base's. As in gdb, only where a member begins.
    pub fn member_at(&self, offset: u64) -> Option<(Self, String)> {
        let mut class = self.stripped();
        let mut offset = offset;
        for _ in 0..MAX_DEPTH {
            let Shape::Record(record) = class.shape() else { return None };
            let begins = |at: Offset| at == Offset::Bytes(offset);
            let mut own = record.members.iter().filter(|member| !member.base);
            if let Some(member) = own.find(|member| begins(member.offset) && member.bits.is_none())
            {
                let name = member.name.as_deref().unwrap_or_default().to_owned();
                return Some((class, name));
            }
            let (base, start) = base_around(&class, record, offset)?;
            (class, offset) = (base.stripped(), offset - start);
        }
        None
    }

    /// The virtual function that stands at a place of the virtual table, with its parameters:
    /// of the part of an object that begins so many bytes from its start.
    pub fn virtual_function(&self, slot: u64, adjustment: i64) -> Option<String> {
        self.virtual_within(slot, adjustment, (0, &mut 0))
    }

    fn virtual_within(
        &self,
        slot: u64,
        adjustment: i64,
        (depth, visited): (u32, &mut u32),
    ) -> Option<String> {
        *visited += 1;
        let class = self.stripped();
        let Shape::Record(record) = class.shape() else { return None };
        if depth > MAX_DEPTH || *visited > MAX_VISITS {
            return None;
        }
        let own = (adjustment == 0).then(|| class.own_virtual(record, slot)).flatten();
        if own.is_some() {
            return own;
        }
        record.members.iter().filter(|member| member.base).find_map(|base| {
            let Offset::Bytes(start) = base.offset else { return None };
            let left = adjustment.checked_sub_unsigned(start)?;
            class.follow(&base.of).virtual_within(slot, left, (depth + 1, visited))
        })
    }

    /// A class's own virtual function at a place (DWARF 5, 5.7.8: DW_AT_vtable_elem_location).
    fn own_virtual(&self, record: &Record, slot: u64) -> Option<String> {
        let dies = self.dies()?;
        let find = || {
            let class = dies.entry(record.place?)?;
            let found =
                class.children().into_iter().find(|part| place_in_table(part) == Some(slot));
            let found = found?;
            let linkage = found.own_text(gimli::DW_AT_linkage_name);
            linkage.map(|name| demangle(&name)).or_else(|| found.name())
        };
        crate::symbols::guard::guarded(find)
    }
}

/// The first base that has the byte at an offset, and where it begins.
fn base_around(class: &Type, record: &Record, offset: u64) -> Option<(Type, u64)> {
    record.members.iter().filter(|member| member.base).find_map(|base| {
        let Offset::Bytes(start) = base.offset else { return None };
        let of = class.follow(&base.of);
        let inside = offset.checked_sub(start)?;
        (inside < of.size()?).then_some((of, start))
    })
}

fn place_in_table(part: &Entry<'_>) -> Option<u64> {
    let expression = part.attribute(gimli::DW_AT_vtable_elem_location)?.exprloc_value()?;
    let mut operations = expression.operations(part.unit().encoding());
    match (operations.next(), operations.next()) {
        (Ok(Some(gimli::Operation::UnsignedConstant { value })), Ok(None)) => Some(value),
        _ => None,
    }
}
