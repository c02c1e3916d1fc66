//! Types spelled out, as `ptype` shows them.

use super::{Bits, Enumeration, Field, Link, Member, Record, Shape, Type};
use crate::symbols::Language;

/// Most members or constants spelled out.
pub(super) const MAX_PARTS: usize = 10_000;

/// Deepest nesting of pointers and arrays.
const MAX_DEPTH: u32 = 32;

/// Deepest nesting of anonymous members spelled out.
const MAX_NESTING: u32 = 8;

/// Longest text of one type, bytes; the rest is left out.
pub(super) const MAX_TEXT: usize = 1 << 20;

impl Type {
    /// Its definition: members and constants instead of a name, typedefs resolved.
    pub fn definition_text(&self) -> String {
        let plain = self.without_aliases(0);
        let core = plain.core(0);
        let body = core.body(0);
        match body {
            Some(body) => plain.name().replacen(&core.name(), &body, 1),
            None => plain.name(),
        }
    }

    /// The same with typedefs resolved down to the first record, enumeration or base type.
    fn without_aliases(&self, depth: u32) -> Self {
        if depth > MAX_DEPTH {
            return self.clone();
        }
        match self.shape() {
            Shape::Alias { to, .. } => self.follow(to).without_aliases(depth + 1),
            Shape::Qualified { qualifier, to } => {
                let to = Link::Made(self.follow(to).without_aliases(depth + 1));
                Self::made(Shape::Qualified { qualifier, to })
            }
            Shape::Pointer { kind, to, name: None } => {
                let to = Link::Made(self.follow(to).without_aliases(depth + 1));
                Self::made(Shape::Pointer { kind: *kind, to, name: None })
            }
            Shape::Array { of, counts, language, vector } => {
                let of = Link::Made(self.follow(of).without_aliases(depth + 1));
                let (counts, language, vector) = (counts.clone(), *language, *vector);
                Self::made(Shape::Array { of, counts, language, vector })
            }
            _ => self.stripped(),
        }
    }

    /// What is pointed to, contained or returned in the end.
    fn core(&self, depth: u32) -> Self {
        let inner = match self.shape() {
            Shape::Pointer { to, .. } | Shape::Qualified { to, .. } => to,
            Shape::Array { of, .. } => of,
            Shape::Function { returns, .. } => returns,
            _ => return self.clone(),
        };
        if depth > MAX_DEPTH { self.clone() } else { self.follow(inner).core(depth + 1) }
    }

    /// A record or enumeration with its braces.
    fn body(&self, depth: u32) -> Option<String> {
        match self.shape() {
            Shape::Record(record) if !record.declaration => Some(match record.language {
                Language::Rust => self.rust_record(record),
                _ => self.record_body(record, depth),
            }),
            Shape::Enumeration(enumeration)
                if !enumeration.declaration && enumeration.language == Language::Rust =>
            {
                Some(self.rust_enumeration(enumeration))
            }
            Shape::Enumeration(enumeration) if !enumeration.declaration => {
                Some(enumeration_text(enumeration))
            }
            _ => None,
        }
    }

    fn record_body(&self, record: &Record, depth: u32) -> String {
        let indent = "    ".repeat(depth as usize + 1);
        let mut text = match &record.name {
            Some(name) => format!("{} {name}", record.kind.keyword()),
            None => record.kind.keyword().to_owned(),
        };
        text += &self.bases_text(record);
        if record.language == Language::Cpp
            && let Some(body) = self.class_text(record, depth)
        {
            return format!("{text} {{\n{body}{}}}", "    ".repeat(depth as usize));
        }
        text += " {\n";
        for field in record.fields().take(MAX_PARTS) {
            let declared = match field {
                Field::Member(member) if member.base || member.artificial => continue,
                Field::Member(member) => self.member_text(member, depth),
                Field::Static(one) => {
                    let of = self.dies().map(|dies| dies.type_of(one.die));
                    let declared = of.map(|of| of.declare(&one.name)).unwrap_or_default();
                    format!("static {declared}")
                }
            };
            if text.len() > MAX_TEXT >> (2 * depth) {
                text += &format!("{indent}...\n");
                break;
            }
            text += &format!("{indent}{declared};\n");
        }
        if text.ends_with("{\n") {
            text += &format!("{indent}<no data fields>\n");
        }
        text + &"    ".repeat(depth as usize) + "}"
    }

    pub(super) fn member_text(&self, member: &Member, depth: u32) -> String {
        let of = self.follow(&member.of);
        let name = member.name.as_deref().unwrap_or("");
        let anonymous = |record: &Record| record.name.is_none();
        let unnamed = |of: &Enumeration| of.name.is_none();
        let core = of.core(0);
        let mut declared = of.declare(name);
        if depth < MAX_NESTING
            && let Shape::Record(record) = core.shape()
            && anonymous(record)
        {
            declared = declared.replacen(&core.name(), &core.record_body(record, depth + 1), 1);
        }
        if let Shape::Enumeration(enumeration) = core.shape()
            && unnamed(enumeration)
        {
            declared = declared.replacen(&core.name(), &enumeration_text(enumeration), 1);
        }
        match member.bits {
            Some(Bits { size, .. }) => format!("{declared} : {size}"),
            None => declared,
        }
    }
}

/// `enum class Color : unsigned char {Color::Red = 3}`; in C, without what only C++ has.
fn enumeration_text(of: &Enumeration) -> String {
    let is_cpp = of.language == Language::Cpp;
    let mut expected = 0;
    let constants = of.constants.iter().take(MAX_PARTS).map(|(name, value)| {
        let usual = std::mem::replace(&mut expected, value.saturating_add(1)) == *value;
        let name = if is_cpp { format!("{}{name}", of.space) } else { name.to_string() };
        if usual { name } else { format!("{name} = {value}") }
    });
    let constants = constants.collect::<Vec<_>>().join(", ");
    let keyword = if of.scoped { "enum class" } else { "enum" };
    let name = of.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let underlying = of.underlying.as_ref().filter(|_| is_cpp);
    let underlying = underlying.map(|of| format!(" : {of}")).unwrap_or_default();
    format!("{keyword}{name}{underlying} {{{constants}}}")
}
