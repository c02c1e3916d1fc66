//! Numbers, strings and structures as a person reads them.

use super::flags::{flags_text, value_name};
use super::kinds::{Field, Format, Layout};
use super::signals::{signal_name, sigset_text};
use super::structs::field;

/// Bytes in double quotes, escaped as in C; `...` behind if some are left out.
pub(super) fn quoted(bytes: &[u8], cut: bool) -> String {
    let mut text = String::with_capacity(bytes.len() + 5);
    text.push('"');
    for (index, &byte) in bytes.iter().enumerate() {
        let digit_next = bytes.get(index + 1).is_some_and(u8::is_ascii_digit);
        escape(&mut text, byte, digit_next);
    }
    text.push_str(if cut { "\"..." } else { "\"" });
    text
}

/// One byte; an octal escape has all three digits only before a digit.
fn escape(text: &mut String, byte: u8, digit_next: bool) {
    match byte {
        b'\n' => text.push_str("\\n"),
        b'\t' => text.push_str("\\t"),
        b'\r' => text.push_str("\\r"),
        0x0b => text.push_str("\\v"),
        0x0c => text.push_str("\\f"),
        b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
        0x20..=0x7e => text.push(char::from(byte)),
        _ if digit_next => text.push_str(&format!("\\{byte:03o}")),
        _ => text.push_str(&format!("\\{byte:o}")),
    }
}

/// An address: `NULL` or hexadecimal.
pub(super) fn pointer(value: u64) -> String {
    if value == 0 { "NULL".to_owned() } else { format!("{value:#x}") }
}

/// A structure from its bytes: `{st_mode=0100644, st_size=12, ...}`, or
/// `[7]` for bare values.
pub(super) fn structure(layout: &Layout, bytes: &[u8]) -> String {
    let fields: Vec<String> = layout.fields.iter().map(|f| named_field(f, bytes)).collect();
    let bare = layout.fields.iter().all(|f| f.name.is_empty());
    if bare {
        return format!("[{}]", fields.join(", "));
    }
    let shown: u32 = layout.fields.iter().map(|f| u32::from(f.width)).sum();
    // Padding aside, does anything stay unsaid?
    let rest = if shown + 4 < layout.size { ", ..." } else { "" };
    format!("{{{}{rest}}}", fields.join(", "))
}

fn named_field(field: &Field, bytes: &[u8]) -> String {
    let value = field_text(field, bytes);
    if field.name.is_empty() { value } else { format!("{}={value}", field.name) }
}

fn field_text(definition: &Field, bytes: &[u8]) -> String {
    let (offset, width) = (definition.offset as usize, usize::from(definition.width));
    if matches!(definition.format, Format::Text) {
        let text = bytes.get(offset..offset + width).unwrap_or_default();
        return quoted(text.split(|&byte| byte == 0).next().unwrap_or_default(), false);
    }
    match field(bytes, offset, width) {
        Some(value) => formatted(definition.format, value, width),
        None => "?".to_owned(),
    }
}

fn formatted(format: Format, value: u64, width: usize) -> String {
    match format {
        Format::Signed => signed(value, width).to_string(),
        Format::Hex => format!("{value:#x}"),
        Format::Octal => octal(value),
        Format::Signal => signal_name(value as u32).into_owned(),
        Format::Sigset => sigset_text(value),
        Format::Names(names) => match value_name(value, names) {
            Some(name) => name.to_owned(),
            None => value.to_string(),
        },
        Format::Flags(flags) => flags_text(value, flags),
        Format::Unsigned | Format::Text => value.to_string(),
    }
}

/// A mode: `0644`.
pub(super) fn octal(value: u64) -> String {
    if value == 0 { "0".to_owned() } else { format!("0{value:o}") }
}

/// A number of `width` bytes as signed.
fn signed(value: u64, width: usize) -> i64 {
    let unused = 64 - 8 * width.clamp(1, 8) as u32;
    ((value << unused) as i64) >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_read_back_as_c() {
        assert_eq!(quoted(b"a\n\"\\\x001\xff", false), r#""a\n\"\\\0001\377""#);
        assert_eq!(quoted(b"abc", true), r#""abc"..."#);
        assert_eq!(quoted(b"\0", false), r#""\0""#);
    }

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!(signed(0xffff_ffff, 4), -1);
        assert_eq!(signed(0xffff, 8), 0xffff);
        assert_eq!(octal(0o644), "0644");
    }
}
