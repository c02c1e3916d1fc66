//! The tables that jumps go by, as compilers make them of `switch` and `match`.

use iced_x86::{FlowControl, Instruction, MemorySize, Mnemonic, OpKind, Register};
use std::collections::{BTreeMap, BTreeSet};

/// Where jumps lead by their tables, by the addresses of the jumps.
pub(super) type Tables = BTreeMap<u64, BTreeSet<u64>>;

/// Most instructions before a jump among which its table is looked for.
const MAX_BEFORE: usize = 24;

/// Most entries of one table, and of all that one function jumps by.
const MAX_ENTRIES: usize = 4096;
const MAX_ALL: usize = 1 << 18;

/// Entries that are read at a time.
const AT_A_TIME: usize = 16;

/// The tables of the indirect jumps of a function, whose instructions ascend; jumps whose table
/// is not found are left out.
pub(super) fn all(instructions: &[Instruction], data: &dyn Fn(u64, usize) -> Vec<u8>) -> Tables {
    let places: BTreeSet<u64> = instructions.iter().map(Instruction::ip).collect();
    let (mut tables, mut left) = (Tables::new(), MAX_ALL);
    for (at, jump) in instructions.iter().enumerate() {
        if jump.flow_control() != FlowControl::IndirectBranch {
            continue;
        }
        let before = instructions.get(at.saturating_sub(MAX_BEFORE)..at).unwrap_or_default();
        // What stands before code that does not go on is of another jump.
        let before = before.iter().rev().take_while(|i| goes_on(i));
        let mut way = std::iter::once(jump).chain(before);
        let Some(table) = way.find_map(|i| entries(i, &places, data)) else { continue };
        let Some(rest) = left.checked_sub(table.len()) else { break };
        left = rest;
        tables.insert(jump.ip(), table);
    }
    tables
}

/// Whether what stands behind an instruction is executed after it.
fn goes_on(instruction: &Instruction) -> bool {
    !matches!(
        instruction.flow_control(),
        FlowControl::UnconditionalBranch | FlowControl::IndirectBranch | FlowControl::Return
    )
}

/// The places that the table has which an instruction goes by, or takes the address of.
fn entries(
    instruction: &Instruction,
    places: &BTreeSet<u64>,
    data: &dyn Fn(u64, usize) -> Vec<u8>,
) -> Option<BTreeSet<u64>> {
    let found = match (relative(instruction), absolute(instruction)) {
        (Some(base), _) => places_of(places, &|first| {
            let bytes = data(base.wrapping_add(first as u64 * 4), AT_A_TIME * 4);
            let offsets = bytes.as_chunks::<4>().0.iter().map(|entry| i32::from_le_bytes(*entry));
            offsets.map(|offset| base.wrapping_add_signed(offset.into())).collect()
        }),
        (_, Some(base)) => places_of(places, &|first| {
            let bytes = data(base.wrapping_add(first as u64 * 8), AT_A_TIME * 8);
            bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_le_bytes(*entry)).collect()
        }),
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// The places that a table's entries are, up to one that is none; `read` has some from a number on.
fn places_of(places: &BTreeSet<u64>, read: &dyn Fn(usize) -> Vec<u64>) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for first in (0..MAX_ENTRIES).step_by(AT_A_TIME) {
        let entries = read(first);
        let known = entries.iter().take_while(|entry| places.contains(entry)).count();
        found.extend(entries.into_iter().take(known));
        if known < AT_A_TIME {
            break;
        }
    }
    found
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
        all(&instructions, &|address, length| {
            let rest = address.checked_sub(at).and_then(|skipped| table.get(skipped as usize..));
            rest.map_or(b"text".to_vec(), |rest| rest.get(..length).unwrap_or(rest).to_vec())
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
