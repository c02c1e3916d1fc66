//! Random programs: every seed gives a small static or position-independent ELF program that ends
//! by itself and does the same in every run on the same CPU.
//!
//! Functions call only later ones, and only as long as there is fuel; loops count down in memory.
//! Registers are all free for use but rsp; memory operands are aimed at a window of data or at the
//! stack beforehand. An instruction that faults all the same is skipped by the handler, which
//! looks its length up. The last act is a checksum of registers and data, written and returned.

mod elf;
mod emit;
mod frame;
mod random;
mod shapes;
mod straight;

use crate::guest::Guest;
use crate::process::apart_from_starts;
use elf::{Image, at};
use emit::{Emitter, GENERAL, Label, place};
use iced_x86::{Decoder, DecoderOptions};
pub use random::Random;
use shapes::{Functions, Scope, several};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Functions of a program.
const FUNCTIONS: u64 = 5;

/// SA_SIGINFO | SA_RESTORER | SA_NODEFER (asm/signal.h).
const ACTION_FLAGS: u64 = 0x4400_0004;

/// The program of a seed, as an ELF file.
pub fn program(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let movable = random.chance(50);
    let writable_code = random.chance(25);
    let values = GENERAL.map(|_| random.lane());
    let data = data(&mut random);
    let mut emitter = Emitter::new(random, movable, writable_code);
    let code = code(&mut emitter, &values);
    assert!(code.len() as u64 <= at::CODE_BYTES, "seed {seed}: {} bytes of code", code.len());
    let lengths = lengths(&code);
    Image { code, data, lengths, movable, writable_code }.file()
}

/// Writes a program where it can be executed.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, program: &[u8]) -> std::io::Result<()> {
    apart_from_starts(|| std::fs::write(path, program))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// Makes the program of a seed, and hands it over as a guest.
///
/// # Panics
/// It cannot be written.
pub fn with_guest(seed: u64, check: impl FnOnce(&Guest)) {
    let directory = tempfile::tempdir().expect("failed to create a folder");
    let file = directory.path().join(format!("seed-{seed}"));
    write(&file, &program(seed)).expect("failed to write a program");
    check(&Guest::system(&file, &[]));
}

fn code(emitter: &mut Emitter, values: &[u64; 15]) -> Vec<u8> {
    // The start fills the tables that the rest makes, so it stands behind it, at a jump's end.
    let (begin, handler, restorer) = (emitter.label(), emitter.label(), emitter.label());
    emitter.branch(iced_x86::Code::Jmp_rel32_64, begin);
    let count = 2 + emitter.random.below(FUNCTIONS - 1);
    let entries: Vec<Label> = (0..count).map(|_| emitter.label()).collect();
    let table = emitter.table(&entries).expect("the first table has room");
    let functions = Functions { entries, table };
    for (function, entry) in functions.entries.iter().enumerate() {
        frame::enter(emitter, *entry);
        let things = 8 + emitter.random.below(14);
        several(emitter, Scope { functions: &functions, function, depth: 0 }, things);
        frame::leave(emitter);
    }
    frame::handler(emitter, handler, restorer);
    emitter.place(begin);
    frame::start(emitter, handler, restorer, values);
    emitter.branch(iced_x86::Code::Call_rel32_64, functions.entries[0]);
    frame::finish(emitter);
    emitter.encode()
}

fn data(random: &mut Random) -> Vec<u8> {
    let mut data = vec![0; at::DATA_BYTES as usize];
    let mut put = |place: u64, value: u64| {
        data[place as usize..place as usize + 8].copy_from_slice(&value.to_le_bytes());
    };
    for place in (0x1000..0x3000).step_by(8) {
        put(place, random.lane());
    }
    for (place, index) in (place::INDEXES..).step_by(4).zip(0u32..16) {
        // Read as words of 4 or 8 bytes: only even ones may be more than zero.
        let value = if index % 2 == 0 { random.below(64) } else { 0 };
        data[place as usize..place as usize + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }
    let fuel = 3 + random.below(10);
    data[place::FUEL as usize] = fuel as u8;
    let flags = place::ACTION as usize + 8;
    data[flags..flags + 8].copy_from_slice(&ACTION_FLAGS.to_le_bytes());
    data
}

/// The length of the instruction that begins at each byte, else zero.
fn lengths(code: &[u8]) -> Vec<u8> {
    let mut lengths = vec![0; code.len()];
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::AMD);
    while decoder.can_decode() {
        let start = decoder.position();
        let length = decoder.decode().len();
        lengths[start] = length as u8;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_seed_gives_the_same_program_again() {
        for seed in 0..20 {
            assert!(program(seed) == program(seed));
        }
        assert!(program(1) != program(2));
    }
}
