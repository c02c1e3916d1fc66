//! Instructions and bytes as text.

use super::CommandError;
use crate::session::{Flavor, Session};
use crate::timeline::StateError;
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, IntelFormatter};

/// One instruction as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes it takes; 1 for bytes that are none.
    pub length: usize,
    /// `mov rax, rbx`; `(bad)` if it is none.
    pub text: String,
}

/// The instruction in `bytes` at `address`, with the symbols of the cursor.
pub fn decode(session: &Session, address: u64, bytes: &[u8]) -> Decoded {
    decode_at(session, session.cursor(), address, bytes)
}

/// The instruction in `bytes` at `address`, with the symbols of state `t`.
pub fn decode_at(session: &Session, t: u64, address: u64, bytes: &[u8]) -> Decoded {
    let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return Decoded { length: 1, text: "(bad)".to_owned() };
    }
    let mut text = format(&instruction, session.settings().flavor);
    if let Some(target) = target(&instruction)
        && let Some(symbol) = session.symbol_at(t, target)
    {
        text += &format!(" {symbol}");
    }
    Decoded { length: instruction.len(), text }
}

fn format(instruction: &Instruction, flavor: Flavor) -> String {
    let mut text = String::new();
    let mut formatter: Box<dyn Formatter> = match flavor {
        Flavor::Intel => Box::new(IntelFormatter::new()),
        Flavor::Att => Box::new(GasFormatter::new()),
    };
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_branch_leading_zeros(false);
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(false);
    options.set_space_after_operand_separator(flavor == Flavor::Intel);
    options.set_rip_relative_addresses(true);
    formatter.format(instruction, &mut text);
    text
}

/// What it jumps to, or addresses relative to rip.
fn target(instruction: &Instruction) -> Option<u64> {
    match instruction.near_branch_target() {
        0 if instruction.is_ip_rel_memory_operand() => Some(instruction.ip_rel_memory_address()),
        0 => None,
        target => Some(target),
    }
}

/// The cursor's instruction; `None` at the end of history.
pub fn at_cursor(session: &Session) -> Result<Option<String>, CommandError> {
    let resumes = session.timeline().resumes(session.thread()?, session.cursor());
    let Some(state) = resumes else { return Ok(None) };
    let instruction = session.timeline().instruction(state)?;
    Ok(instruction.map(|i| decode(session, i.pc, &i.bytes).text))
}

/// The instruction that is executed at tracepoint `t`.
pub fn executed_at(session: &Session, t: u64) -> Result<Option<String>, StateError> {
    let executed = session.timeline().instruction(t)?;
    Ok(executed.map(|i| decode_at(session, t, i.pc, &i.bytes).text))
}
