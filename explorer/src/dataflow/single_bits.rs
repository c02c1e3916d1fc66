//! Bits of an instruction's result: where masks and shifts by constants, and what is laid over
//! each other bit by bit, let them come from.

use super::idioms::is_constant;
use super::{Moment, Span};
use iced_x86::{Mnemonic as M, Register};
use std::ops::Range;

/// Where some bits of a result come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitSource {
    /// Operands, and which of their bits, counted from the first.
    pub operands: Vec<(Span, Range<u64>)>,
    /// Whether the instruction says some of them.
    pub constant: bool,
}

/// Where `bits` of the result come from; `None` if the instruction does not take bits by
/// themselves, or none of its operands' (`xor eax, eax`).
pub fn bit_source(moment: &Moment, bits: &Range<u64>) -> Option<BitSource> {
    if is_constant(moment) {
        return None;
    }
    let last = moment.count().checked_sub(1)?;
    let result = moment.span(0)?;
    match (moment.mnemonic(), moment.immediate(last)) {
        (M::And | M::Or | M::Xor, Some(mask)) => Some(masked(moment, result, bits, mask)),
        (M::And | M::Or | M::Xor, None) => merged(moment, result, moment.span(1)?, bits),
        (M::Shl | M::Shr, Some(by)) if last == 1 => shifted(moment, result, bits, by),
        (M::Add | M::Sub | M::Inc | M::Dec, _) => Some(carried(moment, result, bits)),
        (M::Lea, _) => scaled(moment, bits),
        _ => None,
    }
}

fn ones(bits: &Range<u64>) -> u64 {
    let upto = |bit: u64| 1u64.checked_shl(bit as u32).map_or(u64::MAX, |bit| bit - 1);
    upto(bits.end) & !upto(bits.start)
}

fn masked(moment: &Moment, result: Span, bits: &Range<u64>, mask: u64) -> BitSource {
    let own = mask & ones(bits);
    let (all, none) = (own == ones(bits), own == 0);
    let (replaces, keeps) = match moment.mnemonic() {
        M::And => (none, all),
        M::Or => (all, none),
        _ => (false, none),
    };
    let operands = if replaces { Vec::new() } else { vec![(result, bits.clone())] };
    BitSource { operands, constant: !keeps }
}

/// Of two operands: that which is zero says nothing of what the other has.
fn merged(moment: &Moment, first: Span, second: Span, bits: &Range<u64>) -> Option<BitSource> {
    let held = |span: &Span| {
        let bytes = moment.held(span)?;
        let number = bytes.iter().take(8).rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
        Some(number & ones(bits))
    };
    let both = [first, second].map(|span| (span, held(&span)));
    let zero = |held: Option<u64>| held == Some(0);
    let lays = moment.mnemonic() != M::And && both.iter().any(|(_, held)| !zero(*held));
    let telling = both.iter().filter(|(_, held)| !lays || !zero(*held));
    let operands = telling.map(|(span, _)| (*span, bits.clone())).collect();
    Some(BitSource { operands, constant: false })
}

/// Of sums: the same bits of the operands, and those below, which carry.
fn carried(moment: &Moment, result: Span, bits: &Range<u64>) -> BitSource {
    let other = (1..moment.count()).filter_map(|at| moment.span(at));
    let operands = std::iter::once(result).chain(other).map(|span| (span, 0..bits.end)).collect();
    let constant = moment.count() == 1 || moment.immediate(1).is_some();
    BitSource { operands, constant }
}

/// An index alone, times its scale.
fn scaled(moment: &Moment, bits: &Range<u64>) -> Option<BitSource> {
    let instruction = moment.instruction;
    let alone = instruction.memory_base() == Register::None
        && instruction.memory_displacement64() == 0
        && instruction.memory_index() != Register::None;
    let index = Span::register(instruction.memory_index()).filter(|_| alone)?;
    let by = u64::from(instruction.memory_index_scale().trailing_zeros());
    let from = bits.start.saturating_sub(by)..bits.end.saturating_sub(by);
    let constant = from.end - from.start < bits.end - bits.start;
    let operands = if from.is_empty() { Vec::new() } else { vec![(index, from)] };
    Some(BitSource { operands, constant })
}

fn shifted(moment: &Moment, result: Span, bits: &Range<u64>, by: u64) -> Option<BitSource> {
    let width = u64::from(result.length) * 8;
    let by = by & if width == 64 { 63 } else { 31 };
    let from = match moment.mnemonic() {
        M::Shl => bits.start.saturating_sub(by)..bits.end.saturating_sub(by),
        _ => (bits.start + by).min(width)..(bits.end + by).min(width),
    };
    let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
    // What comes in is zero.
    let constant = length(&from) < length(bits);
    let operands = if from.is_empty() { Vec::new() } else { vec![(result, from)] };
    Some(BitSource { operands, constant })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::decode;
    use rdb_schema::registers::Registers;

    /// Bits 3 to 7 of eax, with eax = `eax` and edx = `edx`.
    fn source(code: &[u8], eax: u64, edx: u64) -> (Vec<(Span, Range<u64>)>, bool) {
        let mut registers = Registers::default();
        (registers.gpr[0], registers.gpr[2]) = (eax, edx);
        let instruction = decode(0, code).expect("an instruction");
        let found = bit_source(&Moment::new(&instruction, &registers, &registers), &(3..8));
        let found = found.expect("a source");
        (found.operands, found.constant)
    }

    fn of(register: iced_x86::Register, bits: Range<u64>) -> Vec<(Span, Range<u64>)> {
        vec![(Span::register(register).expect("a register"), bits)]
    }

    #[test]
    fn masks_and_shifts_say_which_bits() {
        use iced_x86::Register::{EAX, EDX};
        // and eax, 7; and eax, -8; or eax, 0xf8; or eax, 7; or eax, 8
        assert_eq!(source(&[0x83, 0xe0, 7], 0, 0), (vec![], true));
        assert_eq!(source(&[0x83, 0xe0, 0xf8], 0, 0), (of(EAX, 3..8), false));
        assert_eq!(source(&[0x0d, 0xf8, 0, 0, 0], 0, 0), (vec![], true));
        assert_eq!(source(&[0x83, 0xc8, 7], 0, 0), (of(EAX, 3..8), false));
        assert_eq!(source(&[0x83, 0xc8, 8], 0, 0), (of(EAX, 3..8), true));
        // or eax, edx: the one that is not zero there
        assert_eq!(source(&[0x09, 0xd0], 7, 0x18), (of(EDX, 3..8), false));
        assert_eq!(source(&[0x09, 0xd0], 0x18, 7), (of(EAX, 3..8), false));
        assert_eq!(source(&[0x09, 0xd0], 0, 0).0.len(), 2);
        // lea eax, [rax*8]; add eax, edx
        let code = [0x8d, 0x04, 0xc5, 0, 0, 0, 0];
        assert_eq!(source(&code, 0, 0), (of(iced_x86::Register::RAX, 0..5), false));
        let sum = [of(EAX, 0..8), of(EDX, 0..8)].concat();
        assert_eq!(source(&[0x01, 0xd0], 0, 0), (sum, false));
        // shl eax, 3; shl eax, 5; shr eax, 30
        assert_eq!(source(&[0xc1, 0xe0, 3], 0, 0), (of(EAX, 0..5), false));
        assert_eq!(source(&[0xc1, 0xe0, 5], 0, 0), (of(EAX, 0..3), true));
        assert_eq!(source(&[0xc1, 0xe8, 30], 0, 0), (vec![], true));
    }

    #[test]
    fn what_is_zero_whatever_it_holds_has_no_operands() {
        // xor eax, eax; sub eax, eax
        for code in [[0x31, 0xc0], [0x29, 0xc0]] {
            let registers = Registers::default();
            let instruction = decode(0, &code).expect("an instruction");
            let moment = Moment::new(&instruction, &registers, &registers);
            assert_eq!(bit_source(&moment, &(3..8)), None, "{code:x?}");
        }
    }
}
