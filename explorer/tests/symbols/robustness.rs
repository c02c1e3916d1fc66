//! Damaged files: no panic, no hang, whatever the answers.

use rdb_explorer::symbols::unwind::{FrameRegisters, LoadedModule, Modules, UnwindEnd, backtrace};
use rdb_explorer::symbols::{DebugSearch, ModuleAddr, ModuleSymbols};

use crate::build::{C, compile};

struct One<'a>(&'a ModuleSymbols);

impl Modules for One<'_> {
    fn module_at(&self, _: u64) -> Option<LoadedModule<'_>> {
        Some(LoadedModule { symbols: self.0, bias: 0 })
    }
}

/// xorshift64*: the same damage every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn exercise(bytes: Vec<u8>, probes: &[u64], random: &mut Random) {
    let symbols = ModuleSymbols::parse("damaged", bytes.into(), &DebugSearch::none());
    for probe in probes {
        let at = ModuleAddr(*probe);
        symbols.function_at(at);
        symbols.frames_at(at);
        symbols.line_range(at);
        symbols.line_start(at);
        symbols.symbol_near(at);
        let registers = FrameRegisters::new(std::array::from_fn(|_| Some(random.next() >> 20)));
        let mut start = registers;
        start.set(16, Some(*probe));
        let mut memory = |_: u64, bytes: &mut [u8]| {
            bytes.iter_mut().for_each(|byte| *byte = random.next() as u8 & 0x11);
            true
        };
        backtrace(&One(&symbols), start, &mut memory, 1000);
    }
    symbols.addresses_of_function("leaf");
    symbols.addresses_of_line("fixture.c", 12);
    symbols.data_symbol("counter");
    symbols.functions();
    symbols.source_files();
    symbols.similar_functions("maim", 5);
    symbols.layout().bias_of_mapping(0x1000, 0x2000, 0x1000);
    symbols.dwarf();
}

#[test]
fn damaged_files_are_survived() {
    for flags in [&["-g", "-gdwarf-5", "-O2"], &["-g", "-gdwarf-4", "-O0"]] {
        let Some(program) = compile("gcc", "c", C, flags) else { return };
        let whole = program.bytes();
        let symbols = program.symbols();
        let names = ["main", "leaf", "deep"].iter();
        let probes: Vec<u64> =
            names.flat_map(|n| symbols.addresses_of_function(*n)).map(|at| at.address.0).collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..300 {
            let mut bytes = whole.clone();
            if round % 4 == 0 {
                bytes.truncate(random.next() as usize % whole.len());
            }
            for _ in 0..1 + random.next() % 40 {
                // Debug information follows the loaded part; aim at both.
                let span = if round % 3 == 0 { 0x400 } else { bytes.len() };
                let place = random.next() as usize % span.min(bytes.len()).max(1);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = random.next() as u8;
                }
            }
            exercise(bytes, &probes, &mut random);
        }
    }
}

#[test]
fn what_is_no_elf_says_so() {
    for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n"] {
        let symbols = ModuleSymbols::parse("x", bytes.into(), &DebugSearch::system());
        assert_eq!(symbols.notices().len(), 1);
        assert!(symbols.function_at(ModuleAddr(0x1000)).is_none());
    }
}

#[test]
fn cyclic_stacks_end() {
    let Some(program) = compile("gcc", "c", C, &["-g", "-fno-asynchronous-unwind-tables"]) else {
        return;
    };
    let symbols = program.symbols();
    let inside = symbols.addresses_of_function("middle")[0].address.0 + 8;
    let mut start = FrameRegisters::default();
    for (number, value) in [(16, inside), (7, 0x7000), (6, 0x7000)] {
        start.set(number, Some(value));
    }
    // Saved frame pointer and return address lead back to themselves.
    let mut memory = |address: u64, bytes: &mut [u8]| {
        let word = if address.is_multiple_of(16) { 0x7000 } else { inside };
        bytes.iter_mut().zip(word.to_le_bytes()).for_each(|(byte, value)| *byte = value);
        true
    };
    let walked = backtrace(&One(&symbols), start, &mut memory, 1_000_000);
    assert!(walked.frames.len() < 100, "{}", walked.frames.len());
    assert!(!matches!(walked.end, UnwindEnd::DepthLimit));
}
