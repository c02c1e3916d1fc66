//! The tables that jumps go by, as compilers make them of `switch` and `match`.

use iced_x86::{FlowControl, Instruction, MemorySize, Mnemonic, OpKind, Register};
use std::collections::{BTreeMap, BTreeSet};

/// Where jumps lead by their tables, by the addresses of the jumps.
pub(super) type Tables = BTreeMap<u64, BTreeSet<u64>>;

/// Most instructions before a jump among which its table is looked for.
const MAX_BEFORE: usize = 24;

/// Most entries of one table.
const MAX_ENTRIES: usize = 4096;

/// The tables of the indirect jumps of a function, whose instructions ascend; jumps whose table
/// is not found are left out.
pub(super) fn all(instructions: &[Instruction], data: &dyn Fn(u64, usize) -> Vec<u8>) -> Tables {
    let places: BTreeSet<u64> = instructions.iter().map(Instruction::ip).collect();
    let jumps = instructions.iter().enumerate();
    let jumps = jumps.filter(|(_, i)| i.flow_control() == FlowControl::IndirectBranch);
    let table = |(at, jump): (usize, &Instruction)| {
        let before = instructions.get(at.saturating_sub(MAX_BEFORE)..=at)?;
        let entries = before.iter().rev().filter_map(|i| entries(i, &places, data));
        entries.into_iter().next().map(|table| (jump.ip(), table))
    };
    jumps.filter_map(table).collect()
}

/// The places that the table has which an instruction goes by, or takes the address of.
fn entries(
    instruction: &Instruction,
    places: &BTreeSet<u64>,
    data: &dyn Fn(u64, usize) -> Vec<u8>,
) -> Option<BTreeSet<u64>> {
    let is_place = |address: &u64| places.contains(address);
    let found: BTreeSet<u64> = match (relative(instruction), absolute(instruction)) {
        (Some(base), _) => {
            let bytes = data(base, MAX_ENTRIES * 4);
            let offsets = bytes.as_chunks::<4>().0.iter().map(|entry| i32::from_le_bytes(*entry));
            let entries = offsets.map(|offset| base.wrapping_add_signed(offset.into()));
            entries.take_while(is_place).collect()
        }
        (_, Some(base)) => {
            let bytes = data(base, MAX_ENTRIES * 8);
            let entries = bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_le_bytes(*entry));
            entries.take_while(is_place).collect()
        }
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// The address that position-independent code takes: that of a table of distances from itself.
fn relative(instruction: &Instruction) -> Option<u64> {
    let takes = instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand();
    takes.then(|| instruction.ip_rel_memory_address())
}

/// The address of a table of addresses, of which code goes by one.
fn absolute(instruction: &Instruction) -> Option<u64> {
    let indexes = (0..instruction.op_count()).any(|at| instruction.op_kind(at) == OpKind::Memory)
        && instruction.memory_base() == Register::None
        && instruction.memory_index() != Register::None
        && instruction.memory_index_scale() == 8
        && matches!(instruction.memory_size(), MemorySize::UInt64 | MemorySize::QwordOffset);
    indexes.then(|| instruction.memory_displacement64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    fn found(code: &[u8], at: u64, table: &[u8]) -> Tables {
        let instructions: Vec<Instruction> =
            Decoder::with_ip(64, code, 0x1000, DecoderOptions::NONE).into_iter().collect();
        all(&instructions, &|address, _| match address == at {
            true => table.to_vec(),
            false => b"text".to_vec(),
        })
    }

    #[test]
    fn tables_of_distances_end_where_no_code_is() {
        // 0: lea rdx,[rip+0x2ff9] (0x4000)  7: movsxd rax,[rdx+rax*4]  b: add rax,rdx
        // e: notrack jmp rax  11: nop  12: ret
        let code = [
            0x48, 0x8d, 0x15, 0xf9, 0x2f, 0, 0, 0x48, 0x63, 0x04, 0x82, 0x48, 0x01, 0xd0, 0x3e,
            0xff, 0xe0, 0x90, 0xc3,
        ];
        let entry = |to: i32| (to - 0x4000).to_le_bytes();
        let table = [entry(0x1011), entry(0x1012), entry(0x1011), entry(0x100f), entry(0x1012)];
        let found = found(&code, 0x4000, table.as_flattened());
        assert_eq!(found, Tables::from([(0x100e, BTreeSet::from([0x1011, 0x1012]))]));
    }

    #[test]
    fn tables_of_addresses_are_gone_by_with_one_instruction_or_two() {
        // 0: jmp [rax*8+0x4000]  7: nop  8: ret
        let code = [0xff, 0x24, 0xc5, 0, 0x40, 0, 0, 0x90, 0xc3];
        let table = [0x1007_u64.to_le_bytes(), 0x1008_u64.to_le_bytes(), [0; 8]];
        let to = BTreeSet::from([0x1007, 0x1008]);
        assert_eq!(found(&code, 0x4000, table.as_flattened()), Tables::from([(0x1000, to)]));
        // 0: mov rax,[rax*8+0x4000]  8: jmp rax  a: ret
        let code = [0x48, 0x8b, 0x04, 0xc5, 0, 0x40, 0, 0, 0xff, 0xe0, 0xc3];
        let table = [0x100a_u64.to_le_bytes()];
        let to = BTreeSet::from([0x100a]);
        assert_eq!(found(&code, 0x4000, table.as_flattened()), Tables::from([(0x1008, to)]));
    }

    #[test]
    fn what_is_no_table_is_none() {
        // 0: lea rdi,[rip+0x2ff9] (0x4000, a text)  7: jmp rax
        let code = [0x48, 0x8d, 0x3d, 0xf9, 0x2f, 0, 0, 0xff, 0xe0];
        assert_eq!(found(&code, 0x4000, b"hello, world"), Tables::new());
    }
}
