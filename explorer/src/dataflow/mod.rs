//! Dataflow through one instruction: for each byte that it writes, where that byte
//! comes from.
//!
//! Moves are exact byte by byte, and so are the operations whose bytes do not mix.
//! Of all others, each byte that is written comes from all operands.
//!
//! And control flow through one function: what may be executed after what.

mod bulk;
mod comparisons;
mod computed;
mod constants;
mod elements;
mod flags;
mod flow;
mod graph;
mod idioms;
mod jump_tables;
mod kept_bits;
mod lanes;
mod masking;
mod moves;
mod operands;
mod packed;
mod place;
mod returns;
mod shuffles;
mod single_bits;
mod stack;
mod strings;
mod x87;
mod xsave;

pub use constants::brings_constant;
pub use flags::{condition_flags, condition_name, flags_text, holds, is_conditional_move};
pub use flow::{Flow, Source};
pub use graph::{Around, Block, Graph};
pub use kept_bits::{Kept, KeptBits};
pub use operands::{Memory, Moment};
pub use place::{Place, Span, register_name};
pub use returns::Returns;
pub use single_bits::{BitSource, bit_source};

use iced_x86::{Decoder, DecoderOptions, Instruction};

/// Tells how an instruction's results come about, if it knows the instruction.
type Rule = fn(&Moment) -> Option<Vec<Flow>>;

/// The first that knows an instruction counts.
const RULES: [Rule; 13] = [
    strings::flows,
    stack::flows,
    x87::flows,
    xsave::flows,
    bulk::flows,
    idioms::flows,
    moves::flows,
    lanes::flows,
    shuffles::flows,
    comparisons::flows,
    packed::flows,
    flags::flows,
    computed::flows,
];

/// Decodes the instruction of `bytes` at `pc`; `None` if it is none.
pub fn decode(pc: u64, bytes: &[u8]) -> Option<Instruction> {
    let instruction = Decoder::with_ip(64, bytes, pc, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// Where the bytes come from that the instruction of a moment writes. The first flow to a byte
/// counts.
pub fn flows(moment: &Moment) -> Vec<Flow> {
    let mut found = RULES.iter().find_map(|rule| rule(moment)).unwrap_or_default();
    found.extend(flags::written(moment));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb_schema::registers::Registers;

    /// Where the bytes of `to` come from that code writes, by the first flow that has them.
    pub(super) fn source_of(code: &[u8], to: Span) -> Option<Source> {
        source_with(&Registers::default(), code, to)
    }

    /// The same, of code that finds and leaves these registers.
    pub(super) fn source_with(registers: &Registers, code: &[u8], to: Span) -> Option<Source> {
        let instruction = decode(0, code).expect("an instruction");
        let found = flows(&Moment::new(&instruction, registers, registers));
        let flow = found.iter().find(|flow| to.within(&flow.to) == Some(0..to.length))?;
        Some(flow.source.part(to.behind(&flow.to), to.length, flow.to.length))
    }

    /// Registers with these bits in `k1`.
    pub(super) fn masked(bits: u64) -> Registers {
        let mut registers = Registers::default();
        registers.mask[1] = bits;
        registers
    }
}
