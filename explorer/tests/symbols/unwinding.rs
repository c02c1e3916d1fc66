//! Call stacks, against gdb's at every instruction.

use std::collections::BTreeMap;

use rdb_explorer::symbols::unwind::{
    Backtrace, FrameRegisters, LoadedModule, Method, Modules, UnwindEnd, backtrace,
};
use rdb_explorer::symbols::{CodeAddr, ModuleSymbols};

use crate::build::{C, available, compile};
use crate::gdb::{gdb, hex};

/// gdb's names in DWARF order.
const NAMES: [&str; 17] = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip",
];

/// A static program: one module, no bias.
struct One<'a>(&'a ModuleSymbols);

impl Modules for One<'_> {
    fn module_at(&self, address: u64) -> Option<LoadedModule<'_>> {
        let here = self.0.layout().segment_at(address);
        here.map(|_| LoadedModule { symbols: self.0, bias: 0 })
    }
}

/// One stop as gdb tells it.
#[derive(Debug, Default)]
struct Stop {
    registers: [Option<u64>; 17],
    stack: BTreeMap<u64, u8>,
    /// pc, sp, rbp and rbx of each outer frame, if gdb could find it.
    outer: Vec<[u64; 4]>,
}

fn dump(frames: usize) -> Vec<String> {
    let mut commands = vec!["echo \\nSTOP\\n".to_owned()];
    let values = NAMES.iter().map(|name| format!("printf \"REG {name} 0x%lx\\n\", ${name}"));
    commands.extend(values);
    commands.push("x/700xb $rsp".into());
    for frame in 1..=frames {
        commands.push(format!("frame {frame}"));
        commands.push("printf \"FRAME 0x%lx 0x%lx 0x%lx 0x%lx\\n\", $pc, $sp, $rbp, $rbx".into());
    }
    commands.push("frame 0".into());
    commands
}

fn stops(text: &str) -> Vec<Stop> {
    let parts = text.split("\nSTOP\n").skip(1);
    parts.map(stop).filter(|stop| stop.registers[16].is_some()).collect()
}

fn stop(text: &str) -> Stop {
    let mut stop = Stop::default();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["REG", name, value] => {
                let number = NAMES.iter().position(|n| *n == name).unwrap();
                stop.registers[number] = hex(value);
            }
            ["FRAME", ..] => {
                let values: Vec<_> = words[1..].iter().filter_map(|word| hex(word)).collect();
                let frame: [u64; 4] = values.try_into().unwrap();
                // gdb repeats the place for inlined functions' callers.
                let innermost = [stop.registers[16], stop.registers[7]];
                let inner = stop.outer.last().map_or(innermost, |f| [Some(f[0]), Some(f[1])]);
                if inner != [Some(frame[0]), Some(frame[1])] {
                    stop.outer.push(frame);
                }
            }
            [address, ..] if address.starts_with("0x7ff") && line.contains(":\t") => {
                let start = hex(address).unwrap();
                let bytes = line.split(":\t").nth(1).unwrap().split_whitespace();
                let bytes = bytes.filter_map(hex).map(|byte| byte as u8);
                stop.stack.extend((start..).zip(bytes));
            }
            _ => {}
        }
    }
    stop
}

fn unwound(symbols: &ModuleSymbols, stop: &Stop, elf: &[u8]) -> Backtrace {
    let mut memory = |address: u64, bytes: &mut [u8]| {
        (address..).zip(bytes).all(|(at, byte)| {
            let offset = symbols.layout().offset_of_address(rdb_explorer::symbols::ModuleAddr(at));
            let value = match offset {
                Some(offset) => elf.get(offset as usize).copied(),
                None => stop.stack.get(&at).copied(),
            };
            value.map(|value| *byte = value).is_some()
        })
    };
    backtrace(&One(symbols), FrameRegisters::new(stop.registers), &mut memory, 64)
}

/// The methods by which the innermost frames' callers were found.
fn every_step(flags: &[&str], steps: usize, deep: bool) -> Vec<Method> {
    if !available("gdb") {
        return Vec::new();
    }
    let Some(program) = compile("gcc", "c", C, &[&["-static", "-g"], flags].concat()) else {
        return Vec::new();
    };
    let mut commands = vec!["break *deep".to_owned(), "run".into(), "delete".into()];
    let one = dump(if deep { 5 } else { 1 });
    for _ in 0..steps {
        commands.extend(one.iter().cloned());
        commands.push("stepi".into());
    }
    let text = gdb(&program.binary, &commands);
    let stops = stops(&text);
    if stops.is_empty() {
        eprintln!("SKIPPED: gdb could not run the program:\n{text}");
        return Vec::new();
    }
    assert!(stops.len() > steps / 2, "{} stops", stops.len());
    let (symbols, elf) = (program.symbols(), program.bytes());
    let mut methods = Vec::new();
    for stop in &stops {
        let pc = stop.registers[16].unwrap();
        let got = unwound(&symbols, stop, &elf);
        methods.extend(got.frames.get(1).and_then(|frame| frame.method));
        for (depth, expected) in stop.outer.iter().enumerate() {
            let Some(frame) = got.frames.get(depth + 1) else {
                // The stack memory dumped may end.
                assert!(depth > 0, "{flags:?} at {pc:#x}: {got:?} expected {expected:x?}");
                break;
            };
            let seen = [frame.pc.value(), frame.registers.rsp().unwrap()];
            assert_eq!(
                seen,
                expected[..2],
                "{flags:?} at {pc:#x} depth {depth}: {seen:x?} {expected:x?} {:?} {}",
                frame.method,
                got.end
            );
            let kept = [(6, expected[2]), (3, expected[3])];
            for (number, value) in kept {
                if let Some(known) = frame.registers.get(number) {
                    assert_eq!(known, value, "{flags:?} at {pc:#x} register {number}");
                }
            }
        }
    }
    methods
}

#[test]
fn every_instruction_unoptimised() {
    every_step(&["-O0"], 90, true);
}

#[test]
fn every_instruction_without_frame_pointers() {
    every_step(&["-O1", "-fno-inline", "-fno-optimize-sibling-calls"], 60, true);
}

const NO_EH_FRAME: [&str; 2] = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];

/// With -g, gcc then writes `.debug_frame` instead.
#[test]
fn every_instruction_by_debug_frame() {
    let methods = every_step(&[&["-O0"], &NO_EH_FRAME[..]].concat(), 60, false);
    assert!(!methods.contains(&Method::FramePointer), "{methods:?}");
}

#[test]
fn every_instruction_without_call_frame_information() {
    let flags = ["-O0", "-g0", "-fcf-protection"];
    let methods = every_step(&[&flags, &NO_EH_FRAME[..]].concat(), 60, false);
    if !methods.is_empty() {
        assert!(methods.contains(&Method::FramePointer), "{methods:?}");
        assert!(methods.contains(&Method::ReturnAddressAtTop), "{methods:?}");
    }
}

const SIGNAL: &str = r#"
#include <signal.h>
static volatile int sink;
__attribute__((noinline)) void handler(int n) { sink = n; }
__attribute__((noinline)) int crash(volatile int *p) { return *p; }
int main(void) {
    signal(SIGSEGV, handler);
    return crash((int *)(long)(sink + 8));
}
"#;

#[test]
fn a_signal_handler_shows_what_it_interrupted() {
    if !available("gdb") {
        return;
    }
    let Some(program) = compile("gcc", "c", SIGNAL, &["-static", "-g", "-O1"]) else { return };
    let mut commands = vec!["handle SIGSEGV nostop noprint pass".to_owned()];
    commands.extend(["break handler".into(), "run".into()]);
    commands.extend(dump(4));
    commands.push("x/1500xb $rsp".into());
    let text = gdb(&program.binary, &commands);
    let found = stops(&text);
    let Some(stop) = found.first() else {
        eprintln!("SKIPPED: gdb could not run the program:\n{text}");
        return;
    };
    let symbols = program.symbols();
    let got = unwound(&symbols, stop, &program.bytes());
    assert!(stop.outer.len() >= 3, "{stop:?}");
    for (frame, expected) in got.frames.iter().skip(1).zip(&stop.outer).take(3) {
        assert_eq!([frame.pc.value(), frame.registers.rsp().unwrap()], expected[..2]);
    }
    let interrupted = &got.frames[2];
    assert_eq!(interrupted.method, Some(Method::SignalFrame));
    assert!(matches!(interrupted.pc, CodeAddr::Pc(_)));
    let crash = symbols.addresses_of_function("crash")[0].entry;
    assert_eq!(interrupted.pc.value(), crash.0, "the faulting instruction is the first");
}

#[test]
fn a_call_through_a_bad_pointer_shows_its_caller() {
    let Some(program) = compile("gcc", "c", C, &["-static", "-g"]) else { return };
    let symbols = program.symbols();
    let caller = symbols.addresses_of_function("main")[0].address.0 + 5;
    let mut start = FrameRegisters::default();
    for (number, value) in [(16, 0), (7, 0x7fff_0000), (6, 0x7fff_0010)] {
        start.set(number, Some(value));
    }
    let mut memory = |address: u64, bytes: &mut [u8]| {
        let word = if address == 0x7fff_0000 { caller } else { 0x4141_4141 };
        bytes.iter_mut().zip(word.to_le_bytes()).for_each(|(byte, value)| *byte = value);
        address >= 0x7fff_0000
    };
    let got = backtrace(&One(&symbols), start, &mut memory, 64);
    assert_eq!(got.frames[1].pc.value(), caller);
    assert_eq!(got.frames[1].method, Some(Method::ReturnAddressAtTop));
    assert_eq!(got.end, UnwindEnd::ReturnAddressNotCode(0x4141_4141));
    assert!(got.end.to_string().contains("0x41414141 is not in any code"));
}
