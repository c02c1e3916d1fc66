//! `disassemble`, and the instructions of `x/i`.

use super::each::split_list;
use super::operands;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, hex, serialize_hex};
use crate::session::Session;
use serde::Serialize;

/// Most bytes one command shows.
const MAX_BYTES: u64 = 1 << 18;

/// Instructions shown where no function is known.
const FALLBACK: usize = 16;

/// Longest x86 instruction.
const LONGEST: usize = 15;

/// Disassembled code.
#[derive(Serialize)]
pub struct Code {
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    instructions: Vec<Line>,
    #[serde(skip)]
    next: u64,
    #[serde(skip)]
    raw: bool,
}

#[derive(Serialize)]
struct Line {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    symbol: Option<String>,
    bytes: String,
    text: String,
    current: bool,
}

impl Code {
    /// One past the last instruction.
    pub fn next(&self) -> u64 {
        self.next
    }
}

impl Output for Code {
    fn render(&self, page: &mut Page) {
        if let Some(function) = &self.function {
            page.plain("Code of ").put(Style::Function, function).plain(":").end();
        }
        for line in &self.instructions {
            let style = if line.current { Style::Current } else { Style::Plain };
            page.put(style, if line.current { "=> " } else { "   " });
            page.put(Style::Address, hex(line.address));
            if let Some(symbol) = &line.symbol {
                page.plain(" ").put(Style::Function, symbol);
            }
            page.plain(":\t");
            if self.raw {
                page.put(Style::Dim, format!("{:<30}", line.bytes)).plain("\t");
            }
            page.put(style, &line.text).end();
        }
    }
}

/// `count` instructions from `address` on.
pub fn from(
    session: &Session,
    address: u64,
    count: usize,
    raw: bool,
) -> Result<Code, CommandError> {
    let length = count.saturating_mul(LONGEST).min(MAX_BYTES as usize);
    decode(session, address, length, count, raw)
}

/// At most `count` instructions that start among `length` bytes.
fn decode(
    session: &Session,
    address: u64,
    length: usize,
    count: usize,
    raw: bool,
) -> Result<Code, CommandError> {
    let (cursor, pc) = (session.cursor(), session.selected_pc()?);
    let bytes = session.timeline().memory(cursor, address, length + LONGEST)?;
    let bytes: Vec<u8> = bytes.into_iter().map_while(|byte| byte).collect();
    if bytes.is_empty() {
        let text = format!("memory at {address:#x} is not known at this tracepoint");
        return Err(CommandError::Other(text));
    }
    let (mut instructions, mut at) = (Vec::new(), 0);
    while at < length && instructions.len() < count {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let here = address.wrapping_add(at as u64);
        let decoded = operands::decode(session, here, rest);
        let code = rest.get(..decoded.length).unwrap_or(rest);
        instructions.push(Line {
            address: here,
            symbol: session.symbol(here),
            bytes: code.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            text: decoded.text,
            current: here == pc,
        });
        at += decoded.length;
    }
    Ok(Code { function: None, instructions, next: address.wrapping_add(at as u64), raw })
}

fn range(session: &Session, start: u64, length: u64, raw: bool) -> Result<Code, CommandError> {
    if length > MAX_BYTES {
        let text = format!("at most {MAX_BYTES} bytes can be disassembled at once");
        return Err(CommandError::Other(text));
    }
    decode(session, start, length as usize, usize::MAX, raw)
}

/// The whole function around `address`.
fn function(session: &Session, address: u64, raw: bool) -> Result<Code, CommandError> {
    let bounds = session.locator().bounds(session.timeline(), session.cursor(), address);
    let Some(bounds) = bounds.filter(|bounds| bounds.end > bounds.start) else {
        return from(session, address, FALLBACK, raw);
    };
    let length = bounds.end - bounds.start;
    let mut code = if length <= MAX_BYTES {
        range(session, bounds.start, length, raw)?
    } else {
        from(session, address, FALLBACK, raw)?
    };
    code.function = Some(bounds.name);
    Ok(code)
}

fn disassemble(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let raw = match arguments.get("MOD") {
        None => false,
        Some("r") => true,
        Some(other) => return Err(arguments.error(format!("unknown modifier /{other}"))),
    };
    let Some(what) = arguments.get("WHAT") else {
        return Ok(Box::new(function(session, session.selected_pc()?, raw)?));
    };
    let (start, end) = match *split_list(what) {
        [what] => return Ok(Box::new(function(session, session.code_address(what)?, raw)?)),
        [start, end] => (start, end),
        _ => return Err(arguments.error("more than START,END")),
    };
    let start = session.code_address(start)?;
    let length = match end.trim().strip_prefix('+') {
        Some(length) => session.address(length)?,
        None => session.address(end)?.saturating_sub(start),
    };
    if length == 0 {
        return Err(CommandError::Other("there is nothing from START to END".to_owned()));
    }
    Ok(Box::new(range(session, start, length, raw)?))
}

/// `disassemble`.
pub static DISASSEMBLE: Command = Command {
    name: "disassemble",
    aliases: &["disas"],
    group: Group::State,
    arguments: &[
        Argument {
            name: "MOD",
            form: Form::Slash,
            short: None,
            kind: Kind::Text,
            help: "r: show the bytes as well",
        },
        Argument {
            name: "WHAT",
            form: Form::Rest,
            short: None,
            kind: Kind::Location,
            help: "FUNCTION, FILE:LINE or ADDRESS for the function there; START,END or \
                   START,+LENGTH for a range; the cursor's function if left out",
        },
    ],
    help: "show machine code",
    details: "The code is the memory at this tracepoint; => marks the next instruction. The \
              syntax is Intel's; `set disassembly-flavor att` changes it.",
    run: disassemble,
};
