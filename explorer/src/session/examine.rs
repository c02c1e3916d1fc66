//! How memory is examined: gdb's formats of `x`, which `display` has as well.

use crate::values::Format;
use std::fmt;

/// Most units one command shows.
const MAX_COUNT: u64 = 65_536;

/// What `x` continues with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examine {
    /// The last format letter.
    pub format: char,
    /// The last unit size, bytes.
    pub size: usize,
    /// One past the last unit shown.
    pub next: Option<u64>,
}

impl Default for Examine {
    /// As gdb begins: words in hexadecimal.
    fn default() -> Self {
        Self { format: 'x', size: 4, next: None }
    }
}

/// What stands behind the slash of `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitFormat {
    /// How many units.
    pub count: u64,
    /// One of gdb's format letters.
    pub letter: char,
    /// Of a unit, bytes: 1, 2, 4 or 8.
    pub size: usize,
}

impl UnitFormat {
    /// Reads `4xg`; what is left out is as last time. As in gdb: `a` means
    /// giant words, and `c` and `s` bytes.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str, last: &Examine) -> Result<Self, String> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, letters) = text.split_at(digits);
        let count = if count.is_empty() { 1 } else { count.parse().unwrap_or(u64::MAX) };
        if count > MAX_COUNT {
            return Err(format!("at most {MAX_COUNT} units can be shown"));
        }
        let (mut letter, mut size) = (None, None);
        for c in letters.chars() {
            match c {
                'b' => size = Some(1),
                'h' => size = Some(2),
                'w' => size = Some(4),
                'g' => size = Some(8),
                'x' | 'd' | 'u' | 'o' | 't' | 'a' | 'c' | 'f' | 's' | 'i' | 'z' => letter = Some(c),
                other => return Err(format!("{other:?} is neither a format nor a size")),
            }
        }
        let letter = letter.unwrap_or(last.format);
        let implied = match letter {
            'a' => 8,
            'c' | 's' => 1,
            'f' if last.size < 4 => 8,
            _ => last.size,
        };
        Ok(Self { count, letter, size: size.unwrap_or(implied) })
    }
}

impl fmt::Display for UnitFormat {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count != 1 {
            write!(f, "{}", self.count)?;
        }
        let size = match self.size {
            _ if self.letter == 'i' => "",
            1 => "b",
            2 => "h",
            4 => "w",
            _ => "g",
        };
        write!(f, "{}{size}", self.letter)
    }
}

/// What stands behind the slash of `display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayFormat {
    /// The value, as `print` shows it.
    Value(Format),
    /// The memory it is the address of, as `x` shows it.
    Memory(UnitFormat),
}

impl DisplayFormat {
    /// Reads it as gdb does: of `i` and `s`, and where a count or a size of units is said, memory
    /// is meant.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let units = |c: char| c.is_ascii_digit() || "bhwgis".contains(c);
        if text.contains(units) {
            return UnitFormat::parse(text, &Examine::default()).map(Self::Memory);
        }
        Format::parse(text).map(Self::Value)
    }
}

impl fmt::Display for DisplayFormat {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(format) => format.fmt(f),
            Self::Memory(format) => format.fmt(f),
        }
    }
}

impl serde::Serialize for DisplayFormat {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_gdb_reads_them() {
        let parse = |text: &str| UnitFormat::parse(text, &Examine::default()).unwrap();
        let format = |count, letter, size| UnitFormat { count, letter, size };
        assert_eq!(parse(""), format(1, 'x', 4));
        assert_eq!(parse("4xg"), format(4, 'x', 8));
        assert_eq!(parse("4gx"), format(4, 'x', 8));
        assert_eq!(parse("s"), format(1, 's', 1));
        assert_eq!(parse("2a"), format(2, 'a', 8));
        assert_eq!(parse("8b"), format(8, 'x', 1));
        assert!(UnitFormat::parse("4q", &Examine::default()).is_err());
        assert!(UnitFormat::parse("99999999999999999999x", &Examine::default()).is_err());
    }

    #[test]
    fn formats_of_displays_are_written_as_they_are_read() {
        for text in ["", "x", "rx", "i", "3i", "sb", "4xg", "2dh"] {
            let format = DisplayFormat::parse(text).unwrap();
            assert_eq!(format.to_string(), text);
        }
        assert!(matches!(DisplayFormat::parse("x"), Ok(DisplayFormat::Value(_))));
        assert!(matches!(DisplayFormat::parse("s"), Ok(DisplayFormat::Memory(_))));
        assert!(DisplayFormat::parse("q").is_err());
    }
}
