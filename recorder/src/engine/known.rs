//! What was worked out of instructions whose encodings come again.

use super::care::Care;
use crate::engine::addresses::AddressHasher;
use iced_x86::{Decoder, FlowControl, Instruction, Mnemonic, OpKind};
use rdb_schema::block::MAX_INSTRUCTION_BYTES;
use rdb_schema::effects::{Effects, Kind, Undefined, examine};
use std::hash::Hasher;

/// Encodings that are remembered, one for each value of a hash. Four and eight times as
/// many were found to save less: looking at them misses the caches.
const PLACES: usize = 1 << 10;

/// An instruction's bytes without those that are of no consequence, behind them zeros and
/// the number of all.
type Key = [u8; MAX_INSTRUCTION_BYTES + 1];

/// What the engines need to know of instructions.
pub struct Known {
    undefined: Undefined,
    /// By hash; those that cannot be remembered go to the last one.
    places: Vec<Entry>,
}

struct Entry {
    key: Key,
    effects: Effects,
    care: Care,
}

impl Known {
    /// Of no instruction yet, on a CPU whose undefined flags are so.
    pub fn new(undefined: Undefined) -> Self {
        let empty = || {
            let effects = Effects { kind: Kind::Opaque, list: Vec::new(), bulk: None };
            let care = Care::of(&Instruction::default(), &effects, 0);
            // No instruction has no bytes.
            Entry { key: Key::default(), effects, care }
        };
        Self { undefined, places: std::iter::repeat_with(empty).take(PLACES + 1).collect() }
    }

    /// Effects of `instruction`, whose bytes are `code` and which `decoder` decoded last, and
    /// the care it needs.
    pub fn of(
        &mut self,
        instruction: &Instruction,
        code: &[u8],
        decoder: &Decoder,
    ) -> (&Effects, Care) {
        let of_consequence = code.len() - without_consequence(instruction, decoder);
        let key = key(code, of_consequence).filter(|_| !depends_on_place(instruction));
        let entry = &mut self.places[key.as_ref().map_or(PLACES, hash)];
        if key.is_none_or(|key| entry.key != key) {
            let list = std::mem::take(&mut entry.effects.list);
            let examined = examine(instruction, self.undefined, list);
            entry.care = Care::of(instruction, &examined.effects, examined.general);
            entry.effects = examined.effects;
            entry.key = key.unwrap_or_default();
        }
        (&entry.effects, entry.care)
    }
}

fn key(code: &[u8], of_consequence: usize) -> Option<Key> {
    let mut key = Key::default();
    let (length, bytes) = key.split_last_mut()?;
    bytes.get_mut(..of_consequence)?.copy_from_slice(code.get(..of_consequence)?);
    *length = code.len() as u8;
    Some(key)
}

fn hash(key: &Key) -> usize {
    let key = u128::from_le_bytes(*key);
    let mut hasher = AddressHasher::default();
    hasher.write_u64(key as u64);
    hasher.write_u64((key >> 64) as u64);
    hasher.finish() as usize % PLACES
}

/// How many of its last bytes neither what it changes nor the care it needs depends on: they
/// say where it branches to, or from where it loads what is logged then.
fn without_consequence(instruction: &Instruction, decoder: &Decoder) -> usize {
    if instruction.is_jcc_short() || instruction.is_jmp_short() {
        return 1;
    }
    let near = instruction.is_jcc_near() || instruction.is_jmp_near();
    if near && instruction.op0_kind() == OpKind::NearBranch64 {
        return 4;
    }
    let load = matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsxd)
        && instruction.op0_kind() == OpKind::Register
        && instruction.op1_kind() == OpKind::Memory;
    // Nothing follows a load's displacement (Intel SDM vol. 2, 2.1).
    if load { decoder.get_constant_offsets(instruction).displacement_size() } else { 0 }
}

/// Whether what it changes follows from where it stands, too: an address relative to
/// its own, or its return address.
fn depends_on_place(instruction: &Instruction) -> bool {
    instruction.is_ip_rel_memory_operand()
        || !matches!(
            instruction.flow_control(),
            FlowControl::Next
                | FlowControl::ConditionalBranch
                | FlowControl::UnconditionalBranch
                | FlowControl::Return
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb_schema::effects::effects_with;

    /// The instruction that `code` is at this address, and what is known of it.
    fn look<'a>(known: &'a mut Known, code: &[u8], at: u64) -> (Instruction, &'a Effects) {
        let mut decoder = Decoder::with_ip(64, code, at, 0);
        let instruction = decoder.decode();
        let (effects, _) = known.of(&instruction, code, &decoder);
        (instruction, effects)
    }

    #[test]
    fn what_is_known_is_what_would_be_worked_out_anew() {
        let codes: [&[u8]; 9] = [
            &[0x90],                            // nop
            &[0x48, 0x01, 0xd8],                // add rax,rbx
            &[0x48, 0x8b, 0x05, 0x10, 0, 0, 0], // mov rax,[rip+10h]
            &[0x48, 0x89, 0x05, 0x10, 0, 0, 0], // mov [rip+10h],rax
            &[0x48, 0x8d, 0x05, 0x10, 0, 0, 0], // lea rax,[rip+10h]
            &[0xe8, 0x10, 0, 0, 0],             // call
            &[0xff, 0xd0],                      // call rax
            &[0x74, 0x10],                      // je
            &[0xf3, 0x48, 0xab],                // rep stosq
        ];
        let mut known = Known::new(Undefined::Foretold);
        for at in [0x40_1000, 0x40_1000, 0x7fff_0000_1000] {
            for code in codes {
                let (instruction, found) = look(&mut known, code, at);
                assert_eq!(*found, effects_with(&instruction, Undefined::Foretold), "{code:x?}");
            }
        }
    }

    #[test]
    fn where_branches_and_loads_go_is_of_no_consequence() {
        let ends: [&[u8]; 9] = [
            &[0x74],                         // je, short
            &[0xeb],                         // jmp, short
            &[0x0f, 0x84],                   // je
            &[0xe9],                         // jmp
            &[0x48, 0x8b, 0x43],             // mov rax,[rbx+n], short
            &[0x48, 0x8b, 0x84, 0x8b],       // mov rax,[rbx+rcx*4+n]
            &[0x0f, 0xb6, 0x04, 0x25],       // movzx eax,byte ptr [n]
            &[0x64, 0x8b, 0x84, 0x24],       // mov eax,fs:[rsp+n]
            &[0x67, 0x48, 0x63, 0x84, 0x8b], // movsxd rax,[ebx+ecx*4+n]
        ];
        let mut known = Known::new(Undefined::Foretold);
        for n in [0x10_u32, 0x7fff_fff0, 0x8000_0090, 0xffff_ffff] {
            for end in ends {
                let short = end[0] & 0xf0 == 0x70 || end[0] == 0xeb || end.ends_with(&[0x43]);
                let n = n.to_le_bytes();
                let code = [end, if short { &n[..1] } else { &n }].concat();
                let mut decoder = Decoder::with_ip(64, &code, 0x1000, 0);
                let instruction = decoder.decode();
                assert_eq!(instruction.len(), code.len(), "{code:x?}");
                assert_eq!(without_consequence(&instruction, &decoder), code.len() - end.len());
                let (_, care) = known.of(&instruction, &code, &decoder);
                let anew = examine(&instruction, Undefined::Foretold, Vec::new());
                let careful = Care::of(&instruction, &anew.effects, anew.general);
                assert_eq!(format!("{care:?}"), format!("{careful:?}"));
                assert_eq!(*known.of(&instruction, &code, &decoder).0, anew.effects);
            }
        }
    }

    #[test]
    fn encodings_that_share_a_place_are_told_apart() {
        let mut known = Known::new(Undefined::Foretold);
        // mov eax, n: more of them than there are places.
        for _ in 0..2 {
            for n in 0..2 * PLACES as u32 {
                let code = [&[0xb8][..], &n.to_le_bytes()].concat();
                let (instruction, found) = look(&mut known, &code, 0x1000);
                assert_eq!(*found, effects_with(&instruction, Undefined::Foretold));
            }
        }
    }
}
