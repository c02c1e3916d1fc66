//! Which bits of what an instruction stores are those that memory held there before: a store to
//! one bit-field writes its neighbours back as they were loaded.

use super::Moment;
use super::operands::{gpr_number, value};
use iced_x86::{Mnemonic, OpKind, Register};

/// Bits of a word that are those of memory at an address, bit for bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where the word's first byte came from.
    pub address: u64,
    /// Which bits are as they were there.
    pub mask: u64,
}

/// What general registers hold of memory, followed through loads, masks and moves. Of a
/// register that is not known to hold anything of it or something else, nothing is said.
#[derive(Clone, Debug, Default)]
pub struct KeptBits {
    registers: [Option<Kept>; 16],
}

impl KeptBits {
    /// Goes on over an instruction.
    pub fn pass(&mut self, moment: &Moment<'_>) {
        let result = self.result(moment);
        for register in moment.written_registers() {
            if let Some(known) = gpr_number(register).and_then(|n| self.registers.get_mut(n)) {
                *known = None;
            }
        }
        let target = moment.register(0).filter(|register| !is_high_byte(*register));
        if let Some(known) =
            target.and_then(gpr_number).and_then(|number| self.registers.get_mut(number))
        {
            *known = result;
        }
    }

    /// Of what the instruction stores through its first operand: which bits are as memory held
    /// them. `None` if it stores nothing so, or that is not known.
    pub fn stored(&self, moment: &Moment<'_>) -> Option<Kept> {
        let address = moment.address(0)?;
        let kept = self.result(moment)?;
        let same = if kept.address == address { kept.mask } else { 0 };
        // What it does not reach stays.
        let beyond = !bits_of(moment.instruction.memory_size().size());
        Some(Kept { address, mask: same | beyond })
    }

    /// What the first operand is set to.
    fn result(&self, moment: &Moment<'_>) -> Option<Kept> {
        match moment.mnemonic() {
            Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd => {
                self.source(moment, 1)
            }
            Mnemonic::And => self.masked(moment, |other| other),
            Mnemonic::Or | Mnemonic::Xor => self.masked(moment, |other| !other),
            Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => {
                let kept = self.source(moment, 0)?;
                let bit = moment.immediate(1)? % 64;
                Some(Kept { mask: kept.mask & !(1 << bit), ..kept })
            }
            _ => None,
        }
    }

    /// Of two operands that an operation takes bit by bit: the bits of one where `keeps` says
    /// that the other leaves them as they are.
    fn masked(&self, moment: &Moment<'_>, keeps: fn(u64) -> u64) -> Option<Kept> {
        let of = |operand, other| {
            let (kept, other) = (self.source(moment, operand)?, number(moment, other)?);
            Some(Kept { mask: kept.mask & keeps(other), ..kept })
        };
        let both = [of(0, 1), of(1, 0)];
        both.into_iter().flatten().max_by_key(|kept| kept.mask.count_ones())
    }

    /// What an operand holds of memory.
    fn source(&self, moment: &Moment<'_>, operand: u32) -> Option<Kept> {
        if let Some(register) = moment.register(operand) {
            let known = *self.registers.get(gpr_number(register)?)?;
            let known = known.filter(|_| !is_high_byte(register))?;
            return Some(Kept { mask: known.mask & bits_of(register.size()), ..known });
        }
        if let Some(address) = moment.address(operand) {
            let size = moment.instruction.memory_size().size();
            return Some(Kept { address, mask: bits_of(size) });
        }
        moment.immediate(operand).map(|_| Kept::default())
    }
}

/// The number that a register or an immediate operand is.
fn number(moment: &Moment<'_>, operand: u32) -> Option<u64> {
    match moment.kind(operand)? {
        OpKind::Register => value(moment.before, moment.register(operand)?),
        _ => moment.immediate(operand),
    }
}

fn is_high_byte(register: Register) -> bool {
    matches!(register, Register::AH | Register::BH | Register::CH | Register::DH)
}

fn bits_of(bytes: usize) -> u64 {
    match bytes {
        0 => 0,
        1..8 => (1 << (bytes * 8)) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::decode;
    use rdb_schema::registers::Registers;

    /// What the last of some instructions, with rcx = `rcx` and rbx = 0x1000, stores.
    fn stored(rcx: u64, code: &[&[u8]]) -> Option<Kept> {
        let mut registers = Registers::default();
        (registers.gpr[1], registers.gpr[3]) = (rcx, 0x1000);
        let mut kept = KeptBits::default();
        let (last, before) = code.split_last().expect("code");
        let decoded = |bytes| decode(0, bytes).expect("an instruction");
        for bytes in before {
            kept.pass(&Moment::new(&decoded(bytes), &registers, &registers));
        }
        kept.stored(&Moment::new(&decoded(last), &registers, &registers))
    }

    /// `movzx eax, byte [rbx]` · `and eax, -7` · `or eax, ecx` · `mov [rbx], al`.
    const LOAD: &[u8] = &[0x0f, 0xb6, 0x03];
    const AND: &[u8] = &[0x83, 0xe0, 0xf9];
    const OR: &[u8] = &[0x09, 0xc8];
    const STORE: &[u8] = &[0x88, 0x03];

    #[test]
    fn masks_say_what_is_kept() {
        let kept = |mask: u8| Some(Kept { address: 0x1000, mask: !0xff | u64::from(mask) });
        assert_eq!(stored(2, &[LOAD, AND, OR, STORE]), kept(0xf9));
        assert_eq!(stored(8, &[LOAD, OR, STORE]), kept(0xf7));
        // `or byte [rbx], 1` and `and byte [rbx], -2`; `mov byte [rbx], 1`.
        assert_eq!(stored(0, &[&[0x80, 0x0b, 1]]), kept(0xfe));
        assert_eq!(stored(0, &[&[0x80, 0x23, 0xfe]]), kept(0xfe));
        assert_eq!(stored(0, &[&[0xc6, 0x03, 1]]), kept(0));
    }

    #[test]
    fn what_is_computed_otherwise_is_not_known() {
        // `add eax, ecx` in between; nothing loaded at all.
        assert_eq!(stored(2, &[LOAD, &[0x01, 0xc8], STORE]), None);
        assert_eq!(stored(2, &[STORE]), None);
        // `movzx eax, byte [rbx+1]`: another byte.
        let other = stored(2, &[&[0x0f, 0xb6, 0x43, 1], STORE]);
        assert_eq!(other, Some(Kept { address: 0x1000, mask: !0xff }));
    }
}
