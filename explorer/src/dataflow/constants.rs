//! Constants that instructions bring into what they compute: immediate operands, and the
//! displacements of addresses that are kept.

use super::Moment;
use super::operands::value;
use iced_x86::{Mnemonic as M, Register};
use std::ops::Range;

/// How far above the stack pointer an address is that of something in a frame.
const FRAMES: u64 = 1 << 20;

/// Whether a constant of the instruction changes these bytes of its first operand, which it
/// computes of others, too.
pub fn brings_constant(moment: &Moment, bytes: Range<u32>) -> bool {
    let constant = moment.count().checked_sub(1).and_then(|last| moment.immediate(last));
    let byte = |constant: u64, at: u32| constant.checked_shr(at * 8).unwrap_or_default() as u8;
    match (moment.mnemonic(), constant) {
        (M::And, Some(mask)) => bytes.into_iter().any(|at| byte(mask, at) != 0xff),
        (M::Or | M::Xor, Some(bits)) => bytes.into_iter().any(|at| byte(bits, at) != 0),
        // What carries goes up.
        (M::Add | M::Adc | M::Sub | M::Sbb, Some(number)) => {
            (0..bytes.end).any(|at| byte(number, at) != 0)
        }
        (M::Inc | M::Dec, _) => true,
        (M::Imul, Some(factor)) => factor != 1,
        (M::Bts | M::Btr | M::Btc, Some(bit)) => {
            let bits = moment.span(0).map_or(64, |span| u64::from(span.length) * 8);
            let at = bit % bits.max(1) / 8;
            bytes.into_iter().any(|own| u64::from(own) == at)
        }
        (M::Lea, _) => {
            let displacement = moment.instruction.memory_displacement64();
            !in_frame(moment) && (0..bytes.end).any(|at| byte(displacement, at) != 0)
        }
        _ => false,
    }
}

/// Whether an address is made of one in a frame of the stack: its place there says nothing.
fn in_frame(moment: &Moment) -> bool {
    let base = moment.instruction.memory_base();
    let stack = moment.before.rsp();
    base == Register::RSP
        || value(moment.before, base)
            .and_then(|base| base.checked_sub(stack))
            .is_some_and(|above| above < FRAMES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::decode;
    use rdb_schema::registers::Registers;

    fn brings(code: &[u8], bytes: Range<u32>) -> bool {
        let registers = Registers::default();
        let instruction = decode(0, code).expect("an instruction");
        brings_constant(&Moment::new(&instruction, &registers, &registers), bytes)
    }

    #[test]
    fn an_immediate_counts_where_it_changes_bytes() {
        // or eax, 0x100: of the second byte only.
        let or = [0x0d, 0, 1, 0, 0];
        assert!(brings(&or, 0..4) && brings(&or, 1..2));
        assert!(!brings(&or, 0..1) && !brings(&or, 2..4));
        // and eax, 0xff: what is masked away.
        let and = [0x25, 0xff, 0, 0, 0];
        assert!(brings(&and, 0..4) && !brings(&and, 0..1));
        // add eax, 0x100: the second byte, and what carries above it.
        let add = [0x05, 0, 1, 0, 0];
        assert!(brings(&add, 3..4) && !brings(&add, 0..1));
        // add eax, ecx; inc eax; shl eax, 2: a count is no part of a value.
        assert!(!brings(&[0x01, 0xc8], 0..4));
        assert!(brings(&[0xff, 0xc0], 0..4));
        assert!(!brings(&[0xc1, 0xe0, 2], 0..4));
    }

    #[test]
    fn a_displacement_counts_but_for_places_in_frames() {
        // lea eax, [rdi+5]; lea eax, [rdi+rsi]; lea rax, [rsp+8].
        let mut registers = Registers::default();
        registers.gpr[4] = 0x7fff_0000;
        let brings = |code: &[u8]| {
            let instruction = decode(0, code).expect("an instruction");
            brings_constant(&Moment::new(&instruction, &registers, &registers), 0..4)
        };
        assert!(brings(&[0x8d, 0x47, 5]));
        assert!(!brings(&[0x8d, 0x04, 0x37]));
        assert!(!brings(&[0x48, 0x8d, 0x44, 0x24, 8]));
    }
}
