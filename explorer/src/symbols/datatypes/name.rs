//! The names of types, as C declares them: `int (*)(char *)`.

use std::cell::Cell;

use super::{Count, Link, PointerKind, Record, Shape, Type};
use crate::symbols::dies::Language;

/// Deepest nesting named; what is below shows as `...`.
const MAX_DEPTH: u32 = 32;

/// Types named within one name.
const MAX_PARTS: u32 = 1000;

/// How far naming one type has come.
struct Naming {
    left: Cell<u32>,
}

impl Naming {
    fn new() -> Self {
        Self { left: Cell::new(MAX_PARTS) }
    }

    /// Whether a part at this depth is still named.
    fn goes_on(&self, depth: u32) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0 && depth <= MAX_DEPTH
    }
}

impl Type {
    /// Its name: `int`, `struct node *`, `char [16]`.
    pub fn name(&self) -> String {
        self.declare("")
    }

    /// Its name without a keyword before it, as it stands before `::`.
    pub fn class_name(&self) -> String {
        match self.shape() {
            Shape::Record(Record { name: Some(name), .. }) => name.to_string(),
            _ => self.name(),
        }
    }

    /// A declaration of `what` with this type: `char what[16]`.
    pub fn declare(&self, what: &str) -> String {
        let (head, tail) = self.parts(&Naming::new(), 0, &mut String::new());
        let space = match head.ends_with(['*', '&', '(']) || what.is_empty() && tail.is_empty() {
            true => "",
            false => " ",
        };
        let space = if what.is_empty() && head.ends_with(['*', '&']) && tail.starts_with('[') {
            " "
        } else {
            space
        };
        format!("{head}{space}{what}{tail}")
    }

    /// What stands before a declared name, and what behind it.
    fn parts(&self, naming: &Naming, depth: u32, qualifiers: &mut String) -> (String, String) {
        if !naming.goes_on(depth) {
            return ("...".to_owned(), String::new());
        }
        let qualify = |name: &str, qualifiers: &str| format!("{qualifiers}{name}");
        match self.shape() {
            Shape::Void => (qualify("void", qualifiers), String::new()),
            Shape::Base { name, .. } | Shape::Opaque { name, .. } | Shape::Alias { name, .. } => {
                (qualify(name, qualifiers), String::new())
            }
            Shape::Record(record) => {
                let keyword = (record.kind.keyword(), record.language);
                (qualify(&named(keyword, record.name.as_deref()), qualifiers), String::new())
            }
            Shape::Enumeration(e) => {
                let keyword = ("enum", e.language);
                (qualify(&named(keyword, e.name.as_deref()), qualifiers), String::new())
            }
            Shape::Pointer { name: Some(name), .. } => (qualify(name, qualifiers), String::new()),
            Shape::Pointer { kind, to, .. } => {
                let mark = match kind {
                    PointerKind::Pointer => "*",
                    PointerKind::Reference => "&",
                    PointerKind::RvalueReference => "&&",
                };
                self.pointer_parts(naming, (mark, to), depth, qualifiers)
            }
            Shape::MemberPointer { class, .. } => {
                let mark = format!("{}::*", self.follow(class).class_name());
                let to = Link::Made(self.pointed_member().unwrap_or_else(Self::void));
                self.pointer_parts(naming, (&mark, &to), depth, qualifiers)
            }
            Shape::Array { of, counts, .. } => {
                let (head, tail) = self.follow(of).parts(naming, depth + 1, qualifiers);
                let counts: String = counts.iter().map(count).collect();
                (head, format!("{counts}{tail}"))
            }
            Shape::Qualified { qualifier, to } => {
                self.qualified(naming, (qualifier, to), depth, qualifiers)
            }
            Shape::Function { returns, parameters, variadic, prototyped } => {
                let (head, tail) = self.follow(returns).parts(naming, depth + 1, qualifiers);
                let mut list: Vec<_> = parameters
                    .iter()
                    .map(|p| self.follow(p).bounded_name(naming, depth + 1))
                    .collect();
                if *variadic {
                    list.push("...".to_owned());
                }
                if list.is_empty() && *prototyped {
                    list.push("void".to_owned());
                }
                (head, format!("({}){tail}", list.join(", ")))
            }
        }
    }

    fn bounded_name(&self, naming: &Naming, depth: u32) -> String {
        let (head, tail) = self.parts(naming, depth, &mut String::new());
        let space = if tail.is_empty() || head.ends_with(['*', '&']) && !tail.starts_with('[') {
            ""
        } else {
            " "
        };
        format!("{head}{space}{tail}")
    }

    fn pointer_parts(
        &self,
        naming: &Naming,
        (mark, to): (&str, &Link),
        depth: u32,
        qualifiers: &str,
    ) -> (String, String) {
        let target = self.follow(to);
        let (head, tail) = target.parts(naming, depth + 1, &mut String::new());
        let behind = qualifiers.trim_end();
        let behind = if behind.is_empty() { String::new() } else { format!(" {behind}") };
        if matches!(target.shape(), Shape::Array { .. } | Shape::Function { .. }) {
            return (format!("{head} ({mark}{}", behind.trim_start()), format!("){tail}"));
        }
        let space = if head.ends_with(['*', '&']) { "" } else { " " };
        (format!("{head}{space}{mark}{behind}"), tail)
    }

    /// `const` stands before what it qualifies, but behind a pointer.
    fn qualified(
        &self,
        naming: &Naming,
        (qualifier, to): (&str, &Link),
        depth: u32,
        qualifiers: &mut String,
    ) -> (String, String) {
        let mut all = std::mem::take(qualifiers);
        // gdb's order: const before volatile, whichever is outside.
        if !all.contains(qualifier) {
            match qualifier {
                "const" => all = format!("{qualifier} {all}"),
                _ => all += &format!("{qualifier} "),
            }
        }
        self.follow(to).parts(naming, depth + 1, &mut all)
    }
}

fn count(count: &Count) -> String {
    match count {
        Count::Fixed(count) => format!("[{count}]"),
        Count::Dynamic(_) => "[variable length]".to_owned(),
        Count::Unknown => "[]".to_owned(),
    }
}

/// What has a name needs its keyword in C only.
fn named((keyword, language): (&str, Language), name: Option<&str>) -> String {
    match name {
        Some(name) if language == Language::C => format!("{keyword} {name}"),
        Some(name) => name.to_owned(),
        None => format!("{keyword} {{...}}"),
    }
}
