//! Random encodings: every opcode of every map, with the prefixes that occur.

use super::child::CODE;
use super::random::Random;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use rdb_schema::effects::{Kind, effects};
use std::sync::OnceLock;

/// An encoding that decodes to something `effects` describes.
pub struct Candidate {
    pub bytes: [u8; 15],
    pub instruction: Instruction,
}

pub fn candidate(random: &mut Random) -> Option<Candidate> {
    let bytes = encoding(random);
    let instruction = decode(&bytes);
    let waits = matches!(
        instruction.mnemonic(),
        Mnemonic::Mwaitx | Mnemonic::Umwait | Mnemonic::Tpause | Mnemonic::INVALID
    );
    let kind = effects(&instruction).kind;
    let runs = matches!(kind, Kind::Plain | Kind::RepString) && !waits;
    runs.then_some(Candidate { bytes, instruction })
}

/// As this CPU decodes: AMD honours `66` before near branches.
pub fn decode(bytes: &[u8]) -> Instruction {
    static AMD: OnceLock<bool> = OnceLock::new();
    let amd =
        *AMD.get_or_init(|| std::arch::x86_64::__cpuid(0).ecx == u32::from_le_bytes(*b"cAMD"));
    let options = if amd { DecoderOptions::AMD } else { DecoderOptions::NONE };
    Decoder::with_ip(64, bytes, CODE, options).decode()
}

fn encoding(random: &mut Random) -> [u8; 15] {
    let mut bytes = Vec::with_capacity(32);
    prefixes(random, &mut bytes);
    match random.below(10) {
        0..=2 => rex(random, &mut bytes),
        3..=4 => {
            rex(random, &mut bytes);
            bytes.push(0x0f);
            // Groups 7, 15 and 9 hold dozens of instructions in one opcode each.
            if random.chance(15) {
                bytes.push([0x01, 0xae, 0xc7][random.below(3) as usize]);
            }
        }
        5 => {
            rex(random, &mut bytes);
            bytes.extend([0x0f, 0x38]);
        }
        6 => {
            rex(random, &mut bytes);
            bytes.extend([0x0f, 0x3a]);
        }
        7 if std::arch::is_x86_feature_detected!("avx512f") => evex(random, &mut bytes),
        _ => vex(random, &mut bytes),
    }
    let tail: [u8; 16] = std::array::from_fn(|_| random.next() as u8);
    bytes.extend(tail);
    std::array::from_fn(|at| bytes[at])
}

fn prefixes(random: &mut Random, bytes: &mut Vec<u8>) {
    for (prefix, percent) in
        [(0x66, 20), (0xf2, 12), (0xf3, 15), (0x67, 6), (0x64, 2), (0x65, 2), (0xf0, 3)]
    {
        if random.chance(percent) {
            bytes.push(prefix);
        }
    }
}

fn rex(random: &mut Random, bytes: &mut Vec<u8>) {
    if random.chance(50) {
        bytes.push(0x40 | random.below(16) as u8);
    }
}

/// Three-byte VEX, or XOP: R X B map · W vvvv L pp.
fn vex(random: &mut Random, bytes: &mut Vec<u8>) {
    // Other prefixes before VEX are invalid, but for segment and address size.
    bytes.retain(|prefix| matches!(prefix, 0x64 | 0x65 | 0x67));
    let map = 1 + random.below(3) as u8;
    bytes.extend([0xc4, (random.next() as u8 & 0xe0) | map, random.next() as u8]);
    if random.chance(40)
        && let Some(last) = bytes.last_mut()
    {
        // Many instructions have no second source, and demand vvvv = 1111.
        *last |= 0x78;
    }
}

/// EVEX: R X B R' 0 mmm · W vvvv 1 pp · z L'L b V' aaa.
fn evex(random: &mut Random, bytes: &mut Vec<u8>) {
    bytes.retain(|prefix| matches!(prefix, 0x64 | 0x65 | 0x67));
    let map = 1 + random.below(3) as u8;
    let third = random.next() as u8 | 0x04;
    bytes.extend([0x62, (random.next() as u8 & 0xf0) | map, third, random.next() as u8]);
    if random.chance(40) {
        let at = bytes.len() - 2;
        bytes[at] |= 0x78;
        bytes[at + 1] |= 0x08;
    }
}
