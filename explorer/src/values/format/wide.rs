//! Characters and strings of more than a byte: `L'…'`, `u'…'`, `U'…'` (C17, 6.4.4.4 and 6.4.5).

use super::text::{TextStyle, joined};
use super::{ELEMENTS, Formatter};
use crate::symbols::datatypes::{Shape, Type};
use crate::symbols::location::Missing;

/// Most typedefs around a type of characters.
const MAX_ALIASES: usize = 16;

/// A type of wide characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    /// What stands before the quote.
    pub mark: &'static str,
    /// Bytes of a character: 2 or 4.
    pub size: usize,
}

/// The units of characters in bytes.
pub fn units(bytes: &[u8], size: usize) -> Vec<u32> {
    let unit = |bytes: &[u8]| bytes.iter().rev().fold(0, |unit, byte| unit << 8 | u32::from(*byte));
    bytes.chunks_exact(size.clamp(1, 4)).map(unit).collect()
}

/// What marks literals of wide characters, their type's name, and the bytes of one.
const KINDS: [(&str, &str, usize); 3] =
    [("L", "wchar_t", 4), ("u", "char16_t", 2), ("U", "char32_t", 4)];

impl Wide {
    /// What the literal at the start of a text is of, and the text from its quote on.
    pub fn before_quote(text: &str) -> Option<(Self, &str)> {
        KINDS.iter().find_map(|(mark, _, size)| {
            let quoted = text.strip_prefix(mark).filter(|rest| rest.starts_with(['"', '\'']))?;
            Some((Self { mark, size: *size }, quoted))
        })
    }

    /// The name of its type.
    pub fn type_name(self) -> &'static str {
        KINDS.iter().find(|(mark, ..)| *mark == self.mark).map_or("", |(_, name, _)| name)
    }

    /// What a type is by its name, or that of a typedef around it: as in gdb, C's are typedefs.
    pub fn of(of: &Type) -> Option<Self> {
        let mut of = of.clone();
        for _ in 0..MAX_ALIASES {
            let (name, to) = match of.shape() {
                Shape::Alias { name, to, .. } => (Some(name), Some(to)),
                Shape::Qualified { to, .. } => (None, Some(to)),
                Shape::Base { name, .. } => (Some(name), None),
                _ => return None,
            };
            if let Some(mark) = name.and_then(|name| mark(name)) {
                let size = usize::try_from(of.size()?).ok()?;
                return matches!(size, 2 | 4).then_some(Self { mark, size });
            }
            of = of.follow(to?);
        }
        None
    }

    /// Characters as text between double quotes.
    pub fn quoted(self, units: &[u32], style: TextStyle) -> String {
        let cut = style.cut || units.len() > style.limit;
        let units = units.get(..style.limit).unwrap_or(units);
        joined(&self.pieces(units, '"'), &self.pieces(units, '\''), self.mark, cut)
    }

    /// A character between single quotes.
    pub fn character(self, code: i128) -> String {
        let bits = 8 * self.size as u32;
        let unit = (code.cast_unsigned() & ((1 << bits) - 1)) as u32;
        format!("{}'{}'", self.mark, self.pieces(&[unit], '\'').concat())
    }

    /// The pieces that characters are shown in.
    fn pieces(self, units: &[u32], quote: char) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut units = units.iter().copied().peekable();
        // A digit behind `\x…` would go on with it.
        let mut open = false;
        while let Some(unit) = units.next() {
            let low = units.peek().copied();
            let pair = low.filter(|_| self.size == 2).and_then(|low| surrogates(unit, low));
            let c = pair.or_else(|| char::from_u32(unit));
            let shown = c.and_then(|c| shown(c, quote));
            let digit = c.is_some_and(|c| c.is_ascii_hexdigit());
            let text = shown.filter(|_| !(open && digit));
            open = text.is_none() && unit > 0o777;
            all.push(text.unwrap_or_else(|| numbered(unit)));
            if pair.is_some() {
                units.next();
            }
        }
        all
    }
}

fn mark(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|(_, known, _)| *known == name).map(|(mark, ..)| *mark)
}

/// The character that two units of UTF-16 are together.
fn surrogates(high: u32, low: u32) -> Option<char> {
    let [high, low] = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    let mut decoded = char::decode_utf16([high, low]);
    let first = decoded.next()?.ok()?;
    decoded.next().is_none().then_some(first)
}

/// A character that is written as itself, or with a letter behind a backslash.
fn shown(c: char, quote: char) -> Option<String> {
    if let Ok(byte) = u8::try_from(c)
        && byte.is_ascii()
    {
        let text = super::text::escaped(byte, quote);
        let number = text.len() > 2;
        return (!number).then_some(text);
    }
    // What Rust would escape behind a letter is no printable character.
    let printable = !c.is_control() && format!("a{c}").escape_debug().count() == 2;
    printable.then(|| c.to_string())
}

fn numbered(unit: u32) -> String {
    if unit <= 0o777 { format!("\\{unit:03o}") } else { format!("\\x{unit:x}") }
}

impl Formatter<'_> {
    /// The zero-terminated string of wide characters at an address.
    pub(super) fn wide_string_at(&self, address: u64, wide: Wide) -> String {
        let memory = self.target.memory(address, (ELEMENTS + 1) * wide.size);
        let known: Vec<u8> = memory.iter().map_while(|byte| *byte).collect();
        let all = units(&known, wide.size);
        let text: Vec<u32> = all.iter().copied().take_while(|unit| *unit != 0).collect();
        if text.len() < all.len() || all.len() > ELEMENTS {
            let cut = text.len() == all.len();
            return wide.quoted(&text, TextStyle::cut(cut));
        }
        let at = address.wrapping_add((all.len() * wide.size) as u64);
        let why = self.missing(&Missing::Memory(at));
        match text.is_empty() {
            true => why,
            false => wide.quoted(&text, TextStyle::default()) + &why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_strings_as_gdb_writes_them() {
        let wide = Wide { mark: "U", size: 4 };
        let text = |units: &[u32]| wide.quoted(units, TextStyle::default());
        assert_eq!(text(&[0x61, 0, 0x1f, 0xa, 0x22]), r#"U"a\000\037\n\"""#);
        // `\x…` takes the digits behind it.
        assert_eq!(text(&[0x6c6c_6568, 0x61, 0x7a]), r#"U"\x6c6c6568\141z""#);
        assert_eq!(text(&[0x61; 20]), "U'a' <repeats 20 times>");
        assert_eq!(text(&[]), "U\"\"");
        let sixteen = Wide { mark: "u", size: 2 };
        let paired = [0x41, 0xd83d, 0xde00, 0xd83d];
        assert_eq!(sixteen.quoted(&paired, TextStyle::default()), "u\"A😀\\xd83d\"");
        assert_eq!(wide.character(0x27), r"U'\''");
        assert_eq!(sixteen.character(-1), r"u'\xffff'");
        assert_eq!(units(&[1, 2, 3, 4, 5], 2), [0x0201, 0x0403]);
    }
}
