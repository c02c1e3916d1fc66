//! `x`: memory in gdb's formats.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use super::{disassemble, operands, unmapped};
use crate::render::{Page, Style, hex, serialize_hex};
use crate::session::{Examine, Session};
use serde::Serialize;

/// Most units one command shows.
const MAX_COUNT: u64 = 65_536;

/// Longest string `x/s` shows, bytes.
const MAX_STRING: usize = 4096;

/// What `/FMT` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    count: u64,
    letter: char,
    size: usize,
}

impl Format {
    /// Reads `4xg`; what is left out is as last time. As in gdb: `a` means
    /// giant words, and `i` and `s` have no size.
    fn parse(text: &str, last: &Examine) -> Result<Self, String> {
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

#[derive(Serialize)]
struct Memory {
    /// Size of a unit, bytes.
    size: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    symbol: Option<String>,
    /// One for each unit; `??` where memory is not known.
    values: Vec<String>,
}

impl Output for Memory {
    fn render(&self, page: &mut Page) {
        for row in &self.rows {
            page.put(Style::Address, hex(row.address));
            if let Some(symbol) = &row.symbol {
                page.plain(" ").put(Style::Function, symbol);
            }
            page.plain(":");
            for value in &row.values {
                page.plain("\t").plain(value);
            }
            page.end();
        }
    }
}

/// One unit in a format; `??` if any byte is not known.
fn unit(session: &Session, bytes: &[Option<u8>], letter: char) -> String {
    let known: Option<Vec<u8>> = bytes.iter().copied().collect();
    let Some(known) = known else { return "??".to_owned() };
    let value = known.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    match letter {
        'a' => match session.symbol(value) {
            Some(symbol) => format!("{value:#x} {symbol}"),
            None => hex(value),
        },
        'f' => float(value, known.len()),
        letter => integer(value, known.len(), letter),
    }
}

fn integer(value: u64, size: usize, letter: char) -> String {
    let digits = size * 2;
    let unused = 64 - 8 * size.clamp(1, 8) as u32;
    let signed = (value << unused).cast_signed() >> unused;
    match letter {
        'd' => signed.to_string(),
        'u' => value.to_string(),
        'o' if value == 0 => "0".to_owned(),
        'o' => format!("0{value:o}"),
        't' => format!("{value:0width$b}", width = size * 8),
        'c' => format!("{} {}", signed as i8, character(value as u8)),
        _ => format!("0x{value:0digits$x}"),
    }
}

fn float(value: u64, size: usize) -> String {
    match size {
        8 => format!("{:?}", f64::from_bits(value)),
        4 => format!("{:?}", f32::from_bits(value as u32)),
        _ => integer(value, size, 'd'),
    }
}

fn character(byte: u8) -> String {
    match byte {
        0 => "'\\000'".to_owned(),
        b'\'' => "'\\''".to_owned(),
        b' '..=b'~' => format!("'{}'", char::from(byte)),
        _ => format!("'{}'", byte.escape_ascii()),
    }
}

fn units_per_row(format: Format) -> usize {
    match (format.letter, format.size) {
        ('a', _) => 2,
        ('c', _) => 8,
        ('t', size) => (8 / size).max(1),
        (_, 8) => 2,
        (_, 4) => 4,
        _ => 8,
    }
}

fn numbers(session: &Session, address: u64, format: Format) -> Result<Vec<Row>, CommandError> {
    let length = format.count as usize * format.size;
    let bytes = session.timeline().memory(session.cursor(), address, length)?;
    if bytes.iter().all(Option::is_none) && length > 0 {
        return Err(unmapped::unknown(session, address));
    }
    let per_row = units_per_row(format) * format.size;
    let row = |(index, bytes): (usize, &[Option<u8>])| {
        let address = address.wrapping_add((index * per_row) as u64);
        let values = bytes.chunks(format.size).map(|b| unit(session, b, format.letter)).collect();
        Row { address, symbol: session.symbol(address), values }
    };
    Ok(bytes.chunks(per_row).enumerate().map(row).collect())
}

/// Zero-terminated strings, one a row; the address behind the last.
fn strings(session: &Session, start: u64, count: u64) -> Result<(Vec<Row>, u64), CommandError> {
    let mut address = start;
    let mut rows = Vec::new();
    for _ in 0..count {
        let bytes = session.timeline().memory(session.cursor(), address, MAX_STRING)?;
        let text: Vec<u8> = bytes.iter().map_while(|b| b.filter(|b| *b != 0)).collect();
        let after = bytes.get(text.len());
        if text.is_empty() && after == Some(&None) {
            return if rows.is_empty() {
                Err(unmapped::unknown(session, address))
            } else {
                Ok((rows, address))
            };
        }
        let end = match after {
            Some(Some(_)) => "",
            _ => "...",
        };
        let value = format!("{}{end}", operands::quoted(&text));
        rows.push(Row { address, symbol: session.symbol(address), values: vec![value] });
        address = address.wrapping_add(text.len() as u64 + u64::from(end.is_empty()));
    }
    Ok((rows, address))
}

fn examine(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let format = Format::parse(arguments.get("FMT").unwrap_or(""), &session.examine);
    let format = format.map_err(|text| arguments.error(text))?;
    let address = match (arguments.get("ADDRESS"), session.examine.next) {
        (Some(text), _) => session.address(text)?,
        (None, Some(next)) => next,
        (None, None) => session.pc()?,
    };
    let (output, next): (Box<dyn Output>, u64) = match format.letter {
        _ if format.count == 0 => (Box::new(Memory { size: format.size, rows: vec![] }), address),
        'i' => {
            let code = disassemble::from(session, address, format.count as usize, false)?;
            let next = code.next();
            (Box::new(code), next)
        }
        's' => {
            let (rows, next) = strings(session, address, format.count)?;
            (Box::new(Memory { size: 1, rows }), next)
        }
        _ => {
            let rows = numbers(session, address, format)?;
            let length = format.count * format.size as u64;
            (Box::new(Memory { size: format.size, rows }), address.wrapping_add(length))
        }
    };
    let size = if matches!(format.letter, 's' | 'i') { session.examine.size } else { format.size };
    session.examine = Examine { format: format.letter, size, next: Some(next) };
    Ok(output)
}

/// `x`.
pub static EXAMINE: Command = Command {
    name: "x",
    aliases: &["examine"],
    group: Group::State,
    arguments: &[
        Argument {
            name: "FMT",
            form: Form::Slash,
            short: None,
            kind: Kind::Text,
            help: "a count, a format letter (x d u o t a c f s i z) and a unit size (b h w g: 1, \
                   2, 4, 8 bytes), each as last time if left out, the count 1",
        },
        Argument {
            name: "ADDRESS",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "an expression; continues behind the last unit if left out",
        },
    ],
    help: "examine memory",
    details: "ADDRESS is an expression as `print` takes it: the value of a number or pointer, the \
              place of anything else. Bytes that are not known at this tracepoint show as ??.",
    run: examine,
};

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Examine = Examine { format: 'x', size: 4, next: None };

    #[test]
    fn formats_are_read_as_gdb_reads_them() {
        let parse = |text: &str| Format::parse(text, &LAST).unwrap();
        assert_eq!(parse(""), Format { count: 1, letter: 'x', size: 4 });
        assert_eq!(parse("4xg"), Format { count: 4, letter: 'x', size: 8 });
        assert_eq!(parse("4gx"), Format { count: 4, letter: 'x', size: 8 });
        assert_eq!(parse("s"), Format { count: 1, letter: 's', size: 1 });
        assert_eq!(parse("2a"), Format { count: 2, letter: 'a', size: 8 });
        assert_eq!(parse("8b"), Format { count: 8, letter: 'x', size: 1 });
        assert!(Format::parse("4q", &LAST).is_err());
        assert!(Format::parse("99999999999999999999x", &LAST).is_err());
    }

    #[test]
    fn integers_fill_their_size() {
        assert_eq!(integer(0x1f, 2, 'x'), "0x001f");
        assert_eq!(integer(0xff, 1, 'd'), "-1");
        assert_eq!(integer(0xff, 1, 'u'), "255");
        assert_eq!(integer(8, 1, 'o'), "010");
        assert_eq!(integer(5, 1, 't'), "00000101");
        assert_eq!(integer(65, 1, 'c'), "65 'A'");
        assert_eq!(float(1.5f64.to_bits(), 8), "1.5");
        assert_eq!(float(u64::from(2.5f32.to_bits()), 4), "2.5");
    }
}
