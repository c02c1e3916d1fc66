//! Classes of C++ spelled out: access, bases, members, functions, as gdb has them.

use super::definition::{MAX_PARTS, MAX_TEXT};
use super::read::{canonical, own_name};
use super::{Member, Offset, Record, RecordKind, Shape, Type};
use crate::symbols::dies::{DieRef, Entry};
use std::sync::Arc;

/// Who may use a part of a class (DWARF 5, 5.7.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Public,
    Protected,
    Private,
}

impl Access {
    /// That of a part of a record of some kind.
    fn of(part: &Entry<'_>, kind: RecordKind) -> Self {
        use gimli::AttributeValue::Accessibility;
        match (part.attribute(gimli::DW_AT_accessibility), kind) {
            (Some(Accessibility(gimli::DW_ACCESS_private)), _) => Self::Private,
            (Some(Accessibility(gimli::DW_ACCESS_protected)), _) => Self::Protected,
            (None, RecordKind::Class) => Self::Private,
            _ => Self::Public,
        }
    }

    fn keyword(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Protected => "protected",
            Self::Private => "private",
        }
    }
}

/// Lines of a class, under labels.
struct Lines {
    text: String,
    indent: String,
    /// The label that the next line is under.
    section: Option<Access>,
}

impl Lines {
    fn label(&mut self, access: Access) {
        if self.section != Some(access) {
            self.text += &format!("{}  {}:\n", self.indent, access.keyword());
            self.section = Some(access);
        }
    }

    fn line(&mut self, line: &str) {
        self.text += &format!("{}    {line};\n", self.indent);
    }
}

impl Type {
    /// The bases of a class: ` : public Shape, private virtual Named`.
    pub(super) fn bases_text(&self, record: &Record) -> String {
        let place = |member: &Member| match member.offset {
            Offset::Computed(_) => "virtual ",
            Offset::Bytes(_) => "",
        };
        let parts = self.class_parts(record).unwrap_or_default();
        let mut accesses = parts
            .iter()
            .filter(|part| part.tag() == gimli::DW_TAG_inheritance)
            .map(|part| Access::of(part, record.kind).keyword());
        let bases = record.members.iter().filter(|member| member.base).take(MAX_PARTS);
        let bases: Vec<_> = bases
            .map(|base| {
                let access = accesses.next().unwrap_or("public");
                format!("{access} {}{}", place(base), self.follow(&base.of).name())
            })
            .collect();
        if bases.is_empty() { String::new() } else { format!(" : {}", bases.join(", ")) }
    }

    /// What stands between the braces of a class; `None` where its debug information is not
    /// there.
    pub(super) fn class_text(&self, record: &Record, depth: u32) -> Option<String> {
        let parts = self.class_parts(record)?;
        let is_field =
            |part: &&Entry<'_>| matches!(part.tag(), gimli::DW_TAG_member | gimli::DW_TAG_variable);
        let fields: Vec<_> =
            parts.iter().filter(is_field).filter(|part| !is_artificial(part)).collect();
        let functions: Vec<_> =
            parts.iter().filter(|part| part.tag() == gimli::DW_TAG_subprogram).collect();
        let usual = match record.kind {
            RecordKind::Class => Access::Private,
            _ => Access::Public,
        };
        let unusual = |part: &&Entry<'_>| Access::of(part, record.kind) != usual;
        let labelled = fields.iter().copied().chain(functions.iter().copied()).any(|p| unusual(&p));
        let indent = "    ".repeat(depth as usize);
        let mut lines = Lines { text: String::new(), indent, section: None };
        for field in fields {
            if lines.text.len() > MAX_TEXT >> (2 * depth) {
                lines.line("...");
                break;
            }
            if labelled {
                lines.label(Access::of(field, record.kind));
            }
            if let Some(text) = self.field_text(record, field, depth) {
                lines.line(&text);
            }
        }
        let functions: Vec<_> = functions.into_iter().filter(|part| !is_artificial(part)).collect();
        if !functions.is_empty() && lines.section.is_some() {
            lines.text.push('\n');
        }
        for function in grouped(&functions) {
            if lines.text.len() > MAX_TEXT >> (2 * depth) {
                lines.line("...");
                break;
            }
            lines.label(Access::of(function, record.kind));
            lines.line(&self.function_text(record, function));
        }
        if parts.is_empty() {
            lines.text += &format!("{}    <no data fields>\n", lines.indent);
        }
        Some(lines.text)
    }

    fn class_parts(&self, record: &Record) -> Option<Vec<Entry<'_>>> {
        let entry = self.dies()?.entry(record.place?)?;
        let kinds = [
            gimli::DW_TAG_member,
            gimli::DW_TAG_variable,
            gimli::DW_TAG_inheritance,
            gimli::DW_TAG_subprogram,
        ];
        let parts = entry.children().into_iter().filter(|part| kinds.contains(&part.tag()));
        Some(parts.take(MAX_PARTS).collect())
    }

    /// A member, or a static one.
    fn field_text(&self, record: &Record, field: &Entry<'_>, depth: u32) -> Option<String> {
        let dies = self.dies()?;
        if record.statics.iter().any(|one| one.die == field.place()) {
            let declared = dies.type_of(field.place()).declare(&own_name(field)?);
            return Some(format!("static {declared}"));
        }
        Some(self.member_text(&super::record::member(field), depth))
    }

    /// `virtual int size(void) const`.
    fn function_text(&self, record: &Record, function: &Entry<'_>) -> String {
        let name = own_name(function).unwrap_or_default();
        let name = match name.strip_prefix("operator ") {
            Some(to) => format!("operator {}", canonical(to)),
            None => name.to_string(),
        };
        let parameters = function.children();
        let is_parameter = |part: &&Entry<'_>| part.tag() == gimli::DW_TAG_formal_parameter;
        let this = parameters.iter().find(is_parameter).filter(|part| is_artificial(part));
        let mut list: Vec<String> = parameters
            .iter()
            .filter(|part| is_parameter(part) && !is_artificial(part))
            .map(|part| self.type_name(part.type_place()))
            .collect();
        if parameters.iter().any(|part| part.tag() == gimli::DW_TAG_unspecified_parameters) {
            list.push("...".to_owned());
        } else if list.is_empty() {
            list.push("void".to_owned());
        }
        let virtuality = function.attribute(gimli::DW_AT_virtuality);
        let plain = gimli::AttributeValue::Virtuality(gimli::DW_VIRTUALITY_none);
        let head = match (virtuality.is_some_and(|value| value != plain), this) {
            (true, _) => "virtual ",
            (_, None) => "static ",
            _ => "",
        };
        let class = self.dies().zip(record.place).and_then(|(dies, at)| own_name(&dies.entry(at)?));
        let result = match is_untyped(class.as_deref().unwrap_or_default(), &name) {
            true => String::new(),
            false => format!("{} ", self.type_name(function.type_place())),
        };
        let qualifiers = this.map(|this| self.qualifiers_of(this)).unwrap_or_default();
        let made = match () {
            () if function.flag(gimli::DW_AT_deleted) => " = delete",
            () if function.unsigned(gimli::DW_AT_defaulted) == Some(IN_CLASS) => " = default",
            () => "",
        };
        format!("{head}{result}{name}({}){qualifiers}{made}", list.join(", "))
    }

    fn type_name(&self, place: Option<DieRef>) -> String {
        let of = self.dies().zip(place).and_then(|(dies, place)| Self::at(dies, place));
        of.unwrap_or_else(Self::void).name()
    }

    /// ` const` of a function whose `this` points to what is so qualified.
    fn qualifiers_of(&self, this: &Entry<'_>) -> String {
        let of = self.dies().zip(this.type_place()).and_then(|(dies, at)| Self::at(dies, at));
        // gcc has `this` itself constant.
        let pointer = of.map(|of| of.stripped());
        let mut to = pointer.and_then(|pointer| pointer.target());
        let mut all = Vec::new();
        while let Some(Shape::Qualified { qualifier, to: inner }) = to.as_ref().map(Self::shape) {
            if !all.contains(&format!(" {qualifier}")) && all.len() < 4 {
                all.push(format!(" {qualifier}"));
            } else {
                break;
            }
            let inner = inner.clone();
            to = to.map(|to| to.follow(&inner));
        }
        all.sort_unstable();
        all.concat()
    }
}

/// DW_DEFAULTED_in_class (DWARF 5, 7.24).
const IN_CLASS: u64 = 1;

fn is_artificial(part: &Entry<'_>) -> bool {
    part.flag(gimli::DW_AT_artificial)
}

/// Whether a function of a class has no type of its own: constructors, destructors, conversions.
fn is_untyped(class: &str, name: &str) -> bool {
    let bare = |name: &str| name.split('<').next().map(str::to_owned);
    let word = name.strip_prefix("operator ").and_then(|to| to.split([' ', '[']).next());
    let conversion = word.is_some_and(|word| !["new", "delete", "co_await"].contains(&word));
    name.starts_with('~') || conversion || bare(name) == bare(class)
}

/// Functions of one name behind its first.
fn grouped<'e, 'd>(functions: &[&'e Entry<'d>]) -> Vec<&'e Entry<'d>> {
    let mut first: Vec<Arc<str>> = Vec::new();
    let mut numbered: Vec<(usize, &Entry<'_>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for function in functions {
        let name = own_name(function).unwrap_or_default();
        let number = *known.entry(Arc::clone(&name)).or_insert_with(|| {
            first.push(name);
            first.len()
        });
        numbered.push((number, function));
    }
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, function)| function).collect()
}
