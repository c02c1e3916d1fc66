//! Numbers, characters, enumerations, pointers.

use super::text::character;
use super::{Format, Formatter, Wide};
use crate::symbols::datatypes::{Encoding, Enumeration, Shape, Type};
use crate::symbols::location::Missing;
use crate::values::{Float, FloatFormat, Value, float_text, python};

/// What floats are that no format is known of.
const UNKNOWN_SIZE: &str = "a float of unknown size";

impl Formatter<'_> {
    /// A value without parts.
    pub(super) fn scalar(&self, value: &Value) -> Result<String, Missing> {
        let of = value.of.stripped();
        if let Some(letter) = self.format.letter.filter(|letter| *letter != 's') {
            return self.formatted(value, letter);
        }
        if let Some(wide) = Wide::of(&value.of) {
            let code = value.integer(self.target)?;
            return Ok(format!("{code} {}", wide.character(code)));
        }
        match of.shape() {
            Shape::Base { encoding: Encoding::Float, .. } => Ok(self.float(value)?),
            Shape::Base { encoding: Encoding::Complex, .. } => self.complex(value),
            Shape::Base { size: 0, name, .. } => Ok(name.to_string()),
            Shape::Base { encoding: Encoding::Bool, .. } => {
                Ok(match value.integer(self.target)? {
                    0 => "false".to_owned(),
                    1 => "true".to_owned(),
                    other => other.to_string(),
                })
            }
            Shape::Base { encoding, .. } if of.is_character() => {
                let code = value.integer(self.target)?;
                Ok(format!("{code} {}", character(code, *encoding == Encoding::Utf)))
            }
            Shape::Enumeration(enumeration) => {
                let number = value.integer(self.target)?;
                Ok(enumerator(enumeration, number))
            }
            Shape::Pointer { .. } => self.pointer(value),
            Shape::MemberPointer { .. } => self.member_pointer(value),
            Shape::Opaque { .. } => Ok(format!("{:#x}", value.integer(self.target)?)),
            _ => {
                let number = value.integer(self.target)?;
                // Of the other types, numbers have room for a sign of their own.
                let whole = of.size() == Some(16) && value.bits.is_none() && !of.is_signed();
                Ok(if whole { number.cast_unsigned().to_string() } else { number.to_string() })
            }
        }
    }

    fn float(&self, value: &Value) -> Result<String, Missing> {
        let bytes = value.bytes(self.target);
        let bytes = bytes.all()?;
        let text = FloatFormat::of(&value.of).and_then(|format| float_text(bytes, format));
        text.ok_or_else(|| Missing::Unusable(UNKNOWN_SIZE.to_owned()))
    }

    /// A float without its fraction, as gdb converts it: what is too large, and what is no
    /// number, to the nearest end of the range.
    fn whole(&self, value: &Value) -> Result<i64, Missing> {
        let bytes = value.bytes(self.target);
        let bytes = bytes.all()?;
        let float = FloatFormat::of(&value.of).and_then(|format| Float::of(bytes, format));
        let float = float.ok_or_else(|| Missing::Unusable(UNKNOWN_SIZE.to_owned()))?;
        let end = |negative| if negative { i64::MIN } else { i64::MAX };
        Ok(match float {
            Float::Infinite { negative } => end(negative),
            Float::Nan { .. } => i64::MAX,
            Float::Finite(exact) => {
                let fits = exact.truncated().and_then(|whole| i64::try_from(whole).ok());
                fits.unwrap_or_else(|| end(exact.negative))
            }
        })
    }

    fn complex(&self, value: &Value) -> Result<String, Missing> {
        let bytes = value.bytes(self.target);
        let all = bytes.all()?;
        let (real, imaginary) = all.split_at(all.len() / 2);
        let format = FloatFormat::named(&value.of.stripped().name(), real.len() as u64);
        let text = |bytes| format.and_then(|format| float_text(bytes, format));
        let text = |bytes| text(bytes).unwrap_or_else(|| "?".to_owned());
        Ok(format!("{} + {}i", text(real), text(imaginary)))
    }

    /// An address, with the string it points to, or the name of what is there.
    fn pointer(&self, value: &Value) -> Result<String, Missing> {
        if let Some(implied) = &value.implied {
            let offset = if implied.offset == 0 { "" } else { " (inside)" };
            return Ok(format!("<points to a value that is not in memory>{offset}"));
        }
        let address = value.integer(self.target)? as u64;
        let mut text = format!("{address:#x}");
        let to = value.of.target().unwrap_or_else(Type::void);
        let name = || self.target.symbol(address).filter(|_| address != 0);
        if to.is_character() && to.size() == Some(1) {
            if let Some(symbol) = name() {
                text += &format!(" {symbol}");
            }
            if address != 0 {
                text += &format!(" {}", self.string_at(address));
            }
            return Ok(text);
        }
        if python::is_object(&to)
            && let Some(object) = python::text(address, self.target).filter(|_| address != 0)
        {
            return Ok(format!("{text} {object}"));
        }
        if let Some(symbol) = name() {
            text += &format!(" {symbol}");
        }
        if let Some(wide) = Wide::of(&to).filter(|_| address != 0) {
            text += &format!(" {}", self.wide_string_at(address, wide));
        }
        Ok(text)
    }

    /// A scalar in the format of `print/FMT`.
    fn formatted(&self, value: &Value, letter: char) -> Result<String, Missing> {
        // A bit-field is shown as wide as its type.
        let size = value.of.size().unwrap_or(8).min(16) as usize;
        let is_float = value.of.is_float();
        if is_float && letter == 'f' {
            return self.float(value);
        }
        if is_float && matches!(letter, 'a' | 'c') {
            // As in gdb, addresses and characters are of its value, not of its bytes.
            return Ok(integer(self, i128::from(self.whole(value)?), (64, true), letter));
        }
        let number = match is_float {
            // The bytes of a float, as a number.
            true => {
                let bytes = value.bytes(self.target);
                // Behind x87's 80 bits is padding.
                let extended = FloatFormat::of(&value.of) == Some(FloatFormat::Extended);
                let used = if extended { 10 } else { 16 };
                bytes.all()?.iter().take(used).rev().fold(0, |n, b| n << 8 | i128::from(*b))
            }
            false => value.integer(self.target)?,
        };
        let signed = !is_float && value.of.is_signed();
        Ok(integer(self, number, (size as u64 * 8, signed), letter))
    }
}

/// A number of so many bits, of a type that is signed or not.
fn integer(
    formatter: &Formatter<'_>,
    number: i128,
    (bits, is_signed): (u64, bool),
    letter: char,
) -> String {
    let mask = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let raw = number.cast_unsigned() & mask;
    let signed = crate::values::integer::extend(raw, bits, true);
    match letter {
        'd' => signed.to_string(),
        'u' => raw.to_string(),
        'o' if raw == 0 => "0".to_owned(),
        'o' => format!("0{raw:o}"),
        't' => format!("{raw:b}"),
        'z' => format!("{raw:#0width$x}", width = bits.div_ceil(4) as usize + 2),
        'c' => {
            let code = if is_signed { i128::from(signed as i8) } else { i128::from(raw as u8) };
            format!("{code} {}", character(code, false))
        }
        'a' => {
            let address = if is_signed { signed as u64 } else { raw as u64 };
            let symbol = formatter.target.symbol(address).map(|symbol| format!(" {symbol}"));
            format!("{address:#x}{}", symbol.unwrap_or_default())
        }
        'f' => match bits {
            32 => float_text(&(raw as u32).to_le_bytes(), FloatFormat::Single).unwrap_or_default(),
            64 => float_text(&(raw as u64).to_le_bytes(), FloatFormat::Double).unwrap_or_default(),
            _ if is_signed => signed.to_string(),
            _ => raw.to_string(),
        },
        _ => format!("{raw:#x}"),
    }
}

/// The name of an enumeration's value; flags as `(A | B)`.
fn enumerator(of: &Enumeration, number: i128) -> String {
    let prefix = &of.space;
    if let Some((name, _)) = of.constants.iter().find(|(_, value)| *value == number) {
        return format!("{prefix}{name}");
    }
    if number == 0 || !is_flags(of) {
        return number.to_string();
    }
    let mut rest = number;
    let mut parts = Vec::new();
    for (name, value) in &of.constants {
        if *value != 0 && rest & value == *value {
            parts.push(format!("{prefix}{name}"));
            rest &= !value;
        }
    }
    if rest != 0 {
        parts.push(format!("unknown: {rest:#x}"));
    }
    format!("({})", parts.join(" | "))
}

/// Whether the constants are flags, as gdb has it: each is a bit, or none.
fn is_flags(of: &Enumeration) -> bool {
    of.constants.iter().all(|(_, value)| *value >= 0 && value.count_ones() <= 1)
}

impl Format {
    /// Whether text shows as text.
    pub(super) fn shows_text(self) -> bool {
        matches!(self.letter, None | Some('s'))
    }
}
