//! Types of Rust spelled out, as gdb has them.

use super::definition::{MAX_PARTS, MAX_TEXT};
use super::{Enumeration, Link, Member, Record, RecordKind, Shape, Type};

impl Type {
    /// `struct Pair (u32, u8)`, `enum Shape {Dot, …}`, over several lines.
    pub(super) fn rust_record(&self, record: &Record) -> String {
        let name = record.name.as_deref().unwrap_or("");
        if let Some(variants) = &record.variants {
            let all = variants.all.iter().take(MAX_PARTS).map(|variant| {
                let name = variant.member.name.as_deref().unwrap_or("?");
                format!("{name}{}", self.variant_text(&variant.member.of))
            });
            return format!("enum {name} {}", lines(all, ("{", "}")));
        }
        let keyword = match record.kind {
            RecordKind::Union => "union",
            _ => "struct",
        };
        let members = || record.members.iter().take(MAX_PARTS);
        match (record.members.is_empty(), is_tuple(record)) {
            (true, _) => format!("{keyword} {name}"),
            (_, true) => {
                let types = members().map(|member| self.follow(&member.of).name());
                format!("{keyword} {name} {}", lines(types, ("(", ")")))
            }
            (_, false) => {
                let fields = members().map(|member| self.rust_field(member));
                format!("{keyword} {name} {}", lines(fields, ("{", "}")))
            }
        }
    }

    /// An enum without data.
    pub(super) fn rust_enumeration(&self, of: &Enumeration) -> String {
        let mut expected = 0;
        let constants = of.constants.iter().take(MAX_PARTS).map(|(name, value)| {
            let name = name.rsplit("::").next().unwrap_or(name);
            let usual = std::mem::replace(&mut expected, value.saturating_add(1)) == *value;
            if usual { name.to_owned() } else { format!("{name} = {value}") }
        });
        let name = of.name.as_deref().unwrap_or("");
        format!("enum {name} {}", lines(constants, ("{", "}")))
    }

    /// What an alternative holds: `{radius: u32}`, `(u32, u8)`, or nothing.
    fn variant_text(&self, content: &Link) -> String {
        let content = self.follow(content);
        let Shape::Record(record) = content.shape() else { return String::new() };
        let members = || record.members.iter().take(MAX_PARTS);
        match (record.members.is_empty(), is_tuple(record)) {
            (true, _) => String::new(),
            (_, true) => {
                let types: Vec<_> = members().map(|m| content.follow(&m.of).name()).collect();
                format!("({})", types.join(", "))
            }
            (_, false) => {
                let fields: Vec<_> = members().map(|m| content.rust_field(m)).collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    fn rust_field(&self, member: &Member) -> String {
        let name = member.name.as_deref().unwrap_or("?");
        format!("{name}: {}", self.follow(&member.of).name())
    }
}

/// Whether members have numbers, not names.
fn is_tuple(record: &Record) -> bool {
    let numbered = |name: &str| name.strip_prefix("__").is_some_and(|n| n.parse::<u32>().is_ok());
    record.members.iter().all(|member| member.name.as_deref().is_some_and(numbered))
}

/// Parts, each on a line of its own, between brackets.
fn lines(parts: impl Iterator<Item = String>, (open, close): (&str, &str)) -> String {
    let mut text = format!("{open}\n");
    for part in parts {
        if text.len() > MAX_TEXT {
            text += "  ...\n";
            break;
        }
        text += &format!("  {part},\n");
    }
    text + close
}
