//! Structs, classes, unions, Rust's enums; and what pretty printers make of some of them.

use super::{ELEMENTS, Formatter};
use crate::symbols::Language;
use crate::symbols::datatypes::{Field, Member, Offset, Record, Shape, Static};
use crate::values::Value;
use crate::values::pretty::Shown;

impl Formatter<'_> {
    /// A record's members.
    pub(super) fn record(&self, value: &Value, record: &Record, depth: u32) -> String {
        if record.declaration {
            return "<incomplete type>".to_owned();
        }
        let loaded = self.loaded(value);
        if let Some(why) = self.why_missing(&loaded, depth) {
            return self.missing(&why);
        }
        match record.language {
            Language::Rust => self.rust_record(&loaded, record, depth),
            _ => self.c_record(&loaded, record, depth),
        }
    }

    fn c_record(&self, value: &Value, record: &Record, depth: u32) -> String {
        let field = |field| match field {
            Field::Member(member) if member.artificial && member.name.is_none() => None,
            Field::Member(member) if self.is_shown_already(value, member) => None,
            Field::Member(member) => Some(self.member(value, member, depth)),
            Field::Static(one) => Some(self.static_member(value, one, depth)),
        };
        let parts: Vec<_> = record.fields().filter_map(field).collect();
        match parts.is_empty() {
            true => "{<No data fields>}".to_owned(),
            false => format!("{{{}}}", parts.join(", ")),
        }
    }

    fn static_member(&self, record: &Value, one: &Static, depth: u32) -> String {
        let known = record.static_member(one, self.target);
        let text = known.map(|value| self.show(&value, depth + 1));
        format!("static {} = {}", one.name, text.as_deref().unwrap_or("<optimized out>"))
    }

    /// Whether a member is a virtual base that another base has shown.
    fn is_shown_already(&self, value: &Value, member: &Member) -> bool {
        let is_virtual = matches!(member.offset, Offset::Computed(_));
        let base = || value.member(member, self.target)?.address();
        let Some(address) = is_virtual.then(base).flatten() else { return false };
        let mut shown = self.virtual_bases.borrow_mut();
        let again = shown.contains(&address);
        if !again {
            shown.push(address);
        }
        again
    }

    fn member(&self, value: &Value, member: &Member, depth: u32) -> String {
        let text = match value.member(member, self.target) {
            Some(part) if part.of.is_reference() => {
                let address = part.integer(self.target).map(|address| format!("@{address:#x}"));
                address.unwrap_or_else(|why| self.missing(&why))
            }
            Some(part) => self.show(&part, depth + 1),
            None => "<its place cannot be computed>".to_owned(),
        };
        match (&member.name, member.base) {
            (Some(name), true) => format!("<{name}> = {text}"),
            (Some(name), false) => format!("{name} = {text}"),
            (None, _) => text,
        }
    }

    fn rust_record(&self, value: &Value, record: &Record, depth: u32) -> String {
        let name = record.name.as_deref().unwrap_or("");
        if record.variants.is_some() {
            let Some(variant) = value.variant(record, self.target) else {
                return format!("{name}::<unknown variant>");
            };
            let Some(content) = value.member(&variant, self.target) else {
                return name.to_owned();
            };
            let variant = variant.name.as_deref().unwrap_or("?");
            return format!("{name}::{variant}{}", self.rust_fields(&content, depth));
        }
        let tuple = name.starts_with('(');
        let fields = self.rust_fields(value, depth);
        match (tuple, fields.is_empty()) {
            (true, true) => "()".to_owned(),
            (true, false) => fields,
            (false, _) if fields.starts_with('(') => format!("{name} {fields}"),
            (false, _) => format!("{name}{}{fields}", if fields.is_empty() { "" } else { " " }),
        }
    }

    /// `{radius: 4}`, `(1, 2)`, or nothing.
    fn rust_fields(&self, value: &Value, depth: u32) -> String {
        let of = value.of.stripped();
        let Shape::Record(record) = of.shape() else {
            return format!("({})", self.show(value, depth + 1));
        };
        let tuple =
            record.members.iter().all(|m| m.name.as_ref().is_some_and(|n| n.starts_with("__")));
        let shown: Vec<_> = record
            .members
            .iter()
            .filter_map(|member| {
                let text = self.show(&value.member(member, self.target)?, depth + 1);
                let name = member.name.as_deref().unwrap_or("?");
                Some(if tuple { text } else { format!("{name}: {text}") })
            })
            .collect();
        match (shown.is_empty(), tuple) {
            (true, _) => String::new(),
            (_, true) => format!("({})", shown.join(", ")),
            (_, false) => format!("{{{}}}", shown.join(", ")),
        }
    }

    /// What a pretty printer found.
    pub(super) fn pretty(&self, shown: &Shown, depth: u32) -> String {
        match shown {
            Shown::Text(text) => text.clone(),
            Shown::Wrapped { head, value, tail } => {
                format!("{head}{}{tail}", self.show(value, depth + 1))
            }
            Shown::Sequence { head, open, close, elements, length } => {
                let list = self.list(elements.iter().cloned(), *length, depth);
                format!("{head}{open}{list}{close}")
            }
            Shown::Fields(fields) => {
                let field = |(name, value): &(&str, Value)| {
                    format!("{name} = {}", self.show(value, depth + 1))
                };
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
            Shown::Map { head, entries, length } => {
                let pair = |(key, value): &(Value, Value)| {
                    format!("[{}] = {}", self.show(key, depth + 1), self.show(value, depth + 1))
                };
                let pairs: Vec<_> = entries.iter().take(ELEMENTS).map(pair).collect();
                let cut = if (pairs.len() as u64) < *length { "..." } else { "" };
                format!("{head}{{{}{cut}}}", pairs.join(", "))
            }
        }
    }
}
