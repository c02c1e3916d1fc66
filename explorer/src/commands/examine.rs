//! `x`: memory in gdb's formats.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use super::{disassemble, unmapped};
use crate::render::{Page, Style, hex, serialize_hex};
use crate::session::{Examine, Session, UnitFormat};
use crate::symbols::datatypes::{Encoding, Type};
use crate::values::{FloatFormat, TextStyle, Value, Wide, character, float_text};
use crate::values::{quoted_bytes, units};
use serde::Serialize;

/// Longest string `x/s` shows, characters.
const MAX_STRING: usize = 4096;

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
        'f' => float(value, &known),
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
        'c' => format!("{} {}", signed as i8, character(signed.into(), false)),
        _ => format!("0x{value:0digits$x}"),
    }
}

/// The floats that units of so many bytes are; as in gdb, those of one and two are integers: no
/// type says which of the two formats of two bytes is meant.
fn float_format(size: usize) -> Option<FloatFormat> {
    match size {
        4 => Some(FloatFormat::Single),
        8 => Some(FloatFormat::Double),
        _ => None,
    }
}

fn float(value: u64, bytes: &[u8]) -> String {
    let format = float_format(bytes.len());
    let text = format.and_then(|format| float_text(bytes, format));
    text.unwrap_or_else(|| integer(value, bytes.len(), 'd'))
}

fn units_per_row(format: UnitFormat) -> usize {
    match (format.letter, format.size) {
        ('a', _) => 2,
        ('c', _) => 8,
        ('t', size) => (8 / size).max(1),
        (_, 8) => 2,
        (_, 4) => 4,
        _ => 8,
    }
}

fn numbers(session: &Session, address: u64, format: UnitFormat) -> Result<Vec<Row>, CommandError> {
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

/// The type of a unit.
fn unit_type(format: UnitFormat) -> Type {
    let size = format.size as u64;
    match (format.letter, size) {
        ('f', 4) => Type::base("float", size, Encoding::Float),
        ('f', 8) => Type::base("double", size, Encoding::Float),
        _ => Type::base(&format!("int{}_t", size * 8), size, Encoding::Signed),
    }
}

/// Keeps where the last unit is as `$_`, and what it holds as `$__`, as gdb does.
fn remember(session: &mut Session, of: &Type, address: u64) -> Result<(), CommandError> {
    let scene = session.scene()?;
    let value = Value::in_memory(of.clone(), address).kept(&scene);
    let pointer = Value::computed(of.pointer(), address.to_le_bytes().into());
    drop(scene);
    session.history.assign("_", pointer);
    session.history.assign("__", value);
    Ok(())
}

/// A zero-terminated string.
struct Text {
    row: Row,
    /// Its characters, and the zero behind it.
    length: u64,
}

/// The string of characters of `size` bytes at an address; `None` if nothing is known there.
fn string(session: &Session, address: u64, size: usize) -> Result<Option<Text>, CommandError> {
    let memory = session.timeline().memory(session.cursor(), address, MAX_STRING * size)?;
    let known: Vec<u8> = memory.iter().map_while(|byte| *byte).collect();
    let all = units(&known, size);
    if all.is_empty() {
        return Ok(None);
    }
    let text: Vec<u32> = all.iter().copied().take_while(|unit| *unit != 0).collect();
    let style = TextStyle { cut: text.len() == all.len(), limit: MAX_STRING };
    let shown = match size {
        1 => quoted_bytes(known.get(..text.len()).unwrap_or(&known), style),
        _ => Wide { mark: if size == 2 { "u" } else { "U" }, size }.quoted(&text, style),
    };
    let length = text.len() as u64 + u64::from(!style.cut);
    let row = Row { address, symbol: session.symbol(address), values: vec![shown] };
    Ok(Some(Text { row, length }))
}

/// What was examined.
pub(super) struct Examined {
    /// It.
    pub output: Box<dyn Output>,
    /// One past its last unit.
    next: u64,
    /// The last unit's type and address.
    last: Option<(Type, u64)>,
}

impl Examined {
    /// What is at an address at the cursor.
    ///
    /// # Errors
    /// Nothing is known there.
    pub fn new(session: &Session, address: u64, format: UnitFormat) -> Result<Self, CommandError> {
        match format.letter {
            _ if format.count == 0 => Ok(Self {
                output: Box::new(Memory { size: format.size, rows: vec![] }),
                next: address,
                last: None,
            }),
            'i' => {
                let code = disassemble::from(session, address, format.count as usize, false)?;
                let next = code.next();
                Ok(Self { output: Box::new(code), next, last: None })
            }
            's' => strings(session, address, format),
            _ => {
                let rows = numbers(session, address, format)?;
                let length = format.count * format.size as u64;
                let last = address.wrapping_add(length - format.size as u64);
                Ok(Self {
                    output: Box::new(Memory { size: format.size, rows }),
                    next: address.wrapping_add(length),
                    last: Some((unit_type(format), last)),
                })
            }
        }
    }
}

/// Zero-terminated strings, one a row.
fn strings(session: &Session, start: u64, format: UnitFormat) -> Result<Examined, CommandError> {
    let size = format.size;
    if size > 4 {
        let text = "characters of strings have 1, 2 or 4 bytes: b, h or w";
        return Err(CommandError::Other(text.to_owned()));
    }
    let (mut rows, mut next, mut last) = (Vec::new(), start, None);
    for _ in 0..format.count {
        let Some(text) = string(session, next, size)? else { break };
        last = Some((next, text.length));
        rows.push(text.row);
        next = next.wrapping_add(text.length.saturating_mul(size as u64));
    }
    let Some((at, length)) = last else { return Err(unmapped::unknown(session, start)) };
    let of = match size {
        1 => Type::base("char", 1, Encoding::SignedChar),
        2 => Type::base("char16_t", 2, Encoding::Utf),
        _ => Type::base("char32_t", 4, Encoding::Utf),
    };
    let output = Box::new(Memory { size, rows });
    Ok(Examined { output, next, last: Some((of.array(length), at)) })
}

fn examine(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let format = UnitFormat::parse(arguments.get("FMT").unwrap_or(""), &session.examine);
    let format = format.map_err(|text| arguments.error(text))?;
    let address = match (arguments.get("ADDRESS"), session.examine.next) {
        (Some(text), _) => session.address(text)?,
        (None, Some(next)) => next,
        (None, None) => session.pc()?,
    };
    let Examined { output, next, last } = Examined::new(session, address, format)?;
    if let Some((of, at)) = last {
        remember(session, &of, at)?;
    }
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
              place of anything else. Bytes that are not known at this tracepoint show as ??. \
              x/s takes b, h and w for characters of 1, 2 and 4 bytes. The last address is kept \
              as $_, and what is there as $__.",
    run: examine,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fill_their_size() {
        assert_eq!(integer(0x1f, 2, 'x'), "0x001f");
        assert_eq!(integer(0xff, 1, 'd'), "-1");
        assert_eq!(integer(0xff, 1, 'u'), "255");
        assert_eq!(integer(8, 1, 'o'), "010");
        assert_eq!(integer(5, 1, 't'), "00000101");
        assert_eq!(integer(65, 1, 'c'), "65 'A'");
        assert_eq!(integer(0xfe, 4, 'c'), "-2 '\\376'");
        assert_eq!(float(0, &1e17f64.to_le_bytes()), "1e+17");
        assert_eq!(float(0, &0.1f32.to_le_bytes()), "0.100000001");
        assert_eq!(float(513, &[1, 2]), "513");
    }
}
