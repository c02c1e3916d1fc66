//! Characters and strings.

use super::{ELEMENTS, Formatter, REPEATS};
use crate::symbols::location::Missing;

/// How bytes are written as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// Whether something follows that is not shown.
    pub cut: bool,
    /// Most characters shown.
    pub limit: usize,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { cut: false, limit: ELEMENTS }
    }
}

impl TextStyle {
    /// That of text behind which something follows, or not.
    pub fn cut(cut: bool) -> Self {
        Self { cut, ..Self::default() }
    }
}

/// A character between quotes.
pub fn character(code: i128, unicode: bool) -> String {
    let byte = u8::try_from(code & 0xff).unwrap_or_default();
    let text = match char::from_u32(code as u32).filter(|_| unicode) {
        Some(c) if !c.is_ascii() && !c.is_control() => c.to_string(),
        Some(c) if !c.is_ascii() => c.escape_unicode().to_string(),
        _ => escaped(byte, '\''),
    };
    format!("'{text}'")
}

/// A byte as C writes it between `quote`s.
pub(super) fn escaped(byte: u8, quote: char) -> String {
    match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\r' => "\\r".to_owned(),
        7 => "\\a".to_owned(),
        8 => "\\b".to_owned(),
        11 => "\\v".to_owned(),
        12 => "\\f".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' if char::from(byte) == quote => format!("\\{quote}"),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

/// The pieces of text a string is shown in: a character or byte, as written.
fn pieces(bytes: &[u8], quote: char) -> Vec<String> {
    let mut all = Vec::new();
    for part in bytes.utf8_chunks() {
        for c in part.valid().chars() {
            all.push(match u8::try_from(c).ok().filter(u8::is_ascii) {
                Some(byte) => escaped(byte, quote),
                None if c.is_control() => {
                    c.to_string().bytes().map(|b| escaped(b, quote)).collect()
                }
                None => c.to_string(),
            });
        }
        all.extend(part.invalid().iter().map(|byte| escaped(*byte, quote)));
    }
    all
}

/// Bytes as a C string, runs of one character shortened: `"ab", 'c' <repeats 20 times>`.
pub fn quoted_bytes(bytes: &[u8], style: TextStyle) -> String {
    let cut = style.cut || bytes.len() > style.limit;
    let bytes = bytes.get(..style.limit).unwrap_or(bytes);
    joined(&pieces(bytes, '"'), &pieces(bytes, '\''), "", cut)
}

/// The pieces of a string between quotes, behind what marks its kind, as written between double
/// and between single ones.
pub(super) fn joined(plain: &[String], single: &[String], mark: &str, cut: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    let mut at = 0;
    while let Some(piece) = plain.get(at) {
        let run = plain.iter().skip(at).take_while(|next| *next == piece).count();
        if run > REPEATS {
            parts.extend(open.take().map(|text| text + "\""));
            let one = single.get(at).map_or("", String::as_str);
            parts.push(format!("{mark}'{one}' <repeats {run} times>"));
            at += run;
        } else {
            open.get_or_insert_with(|| format!("{mark}\"")).push_str(piece);
            at += 1;
        }
    }
    parts.extend(open.map(|text| text + "\""));
    if parts.is_empty() {
        parts.push(format!("{mark}\"\""));
    }
    parts.join(", ") + if cut { "..." } else { "" }
}

impl Formatter<'_> {
    /// The zero-terminated string at an address.
    pub(super) fn string_at(&self, address: u64) -> String {
        let memory = self.target.memory(address, ELEMENTS + 1);
        let known: Vec<u8> = memory.iter().map_while(|byte| byte.filter(|b| *b != 0)).collect();
        match memory.get(known.len()) {
            Some(None) if known.is_empty() => self.missing(&Missing::Memory(address)),
            Some(None) => {
                let at = address.wrapping_add(known.len() as u64);
                let text = quoted_bytes(&known, TextStyle::default());
                format!("{text}{}", self.missing(&Missing::Memory(at)))
            }
            end => quoted_bytes(&known, TextStyle::cut(end.is_none())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_gdb_writes_them() {
        let text = |bytes: &[u8]| quoted_bytes(bytes, TextStyle::default());
        assert_eq!(text(b"hi\n\"\\"), r#""hi\n\"\\""#);
        assert_eq!(text(b""), "\"\"");
        assert_eq!(text(b"ab\0\x01\xff"), "\"ab\\000\\001\\377\"");
        assert_eq!(text(&[b'a'; 20]), "'a' <repeats 20 times>");
        assert_eq!(text(b"xyyyyyyyyyyyyz'"), "\"x\", 'y' <repeats 12 times>, \"z'\"");
        assert!(text("ab".repeat(200).as_bytes()).ends_with("ab\"..."));
        assert_eq!(character(i128::from(b'\''), false), "'\\''");
        assert_eq!(character(0, false), "'\\000'");
        assert_eq!(text("é".as_bytes()), "\"é\"");
    }
}
