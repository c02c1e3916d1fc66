//! Reads found by sweeping over chunks, against the addresses that iced-x86 finds from the
//! registers of each state.

use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, OpAccess, Register};
use rdb_explorer::index::{Plans, find_read, find_reads};
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_schema::registers::Registers;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use std::ops::ControlFlow;

/// Tracepoints that are looked at.
const COUNT: u64 = 4000;

fn value(registers: &Registers, register: Register) -> Option<u64> {
    match register {
        Register::FS => Some(registers.fs_base),
        Register::GS => Some(registers.gs_base),
        Register::ES | Register::CS | Register::SS | Register::DS => Some(0),
        _ if register.is_gpr64() => Some(registers.gpr[register.number()]),
        _ if register.is_gpr32() => Some(registers.gpr[register.number()] & 0xffff_ffff),
        _ => None,
    }
}

/// All reads but those of string instructions: when, where, how many bytes.
fn scan(timeline: &Timeline, start: u64, end: u64) -> Vec<(u64, u64, u64)> {
    let mut factory = InstructionInfoFactory::new();
    let mut reads = Vec::new();
    for t in start..end {
        let executed = timeline.instruction(t).expect("a state").expect("an instruction");
        let instruction =
            Decoder::with_ip(64, &executed.bytes, executed.pc, DecoderOptions::NONE).decode();
        if instruction.is_string_instruction() {
            continue;
        }
        let registers = timeline.registers(t).expect("registers");
        for used in factory.info(&instruction).used_memory() {
            let reading = matches!(
                used.access(),
                OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite
            );
            let address = used.virtual_address(0, |register, _, _| value(&registers, register));
            let bytes = used.memory_size().size() as u64;
            if let Some(address) = address.filter(|_| reading && bytes > 0) {
                reads.push((t, address, bytes));
            }
        }
    }
    reads
}

#[test]
fn reads_are_where_the_registers_say() {
    let trace = &recording("tree").trace;
    let place = Fixture::load("tree").place("sort");
    let answers = recording("tree").explore().ask(&[format!("break {place}"), "rc".into()]);
    let start = answers[1].tracepoint();
    let timeline = Timeline::open(trace).expect("a trace");
    let end = (start + COUNT).min(timeline.end());
    let scanned = scan(&timeline, start, end);
    assert!(scanned.len() > 500, "{}", scanned.len());
    let plans = Plans::with_reads(timeline.dictionary());
    for at in (0..scanned.len()).step_by(scanned.len() / 100) {
        let (_, address, _) = scanned[at];
        let addresses = address + 1..address + 3;
        let touches =
            |read: &&(u64, u64, u64)| read.1 < addresses.end && addresses.start < read.1 + read.2;
        let all: Vec<u64> = scanned.iter().filter(touches).map(|read| read.0).collect();
        let (first, last) = (all[0], all[all.len() - 1]);
        let find = |times, direction| {
            find_read(&timeline, &plans, &addresses, times, direction).expect("an answer")
        };
        assert_eq!(find(start..end, Direction::Forward), Some(first), "{address:#x}");
        assert_eq!(find(start..end, Direction::Backward), Some(last), "{address:#x}");
        for direction in [Direction::Forward, Direction::Backward] {
            let mut listed = Vec::new();
            find_reads(&timeline, &plans, &addresses, (start..end, direction), &mut |t| {
                listed.push(t);
                ControlFlow::Continue(())
            })
            .expect("an answer");
            if direction == Direction::Backward {
                listed.reverse();
            }
            let mut once = all.clone();
            once.dedup();
            assert_eq!(listed, once, "{address:#x}");
        }
        let next = all.iter().find(|t| **t > first).copied();
        assert_eq!(find(first + 1..end, Direction::Forward), next, "{address:#x}");
    }
}

#[test]
fn a_repeated_string_instruction_reads_all_its_elements() {
    let explorer = recording("strings").explore();
    let timeline = Timeline::open(&recording("strings").trace).expect("a trace");
    // The first `rep movsb` of more than a hundred bytes.
    let is_long = |t: &u64| {
        let executed = timeline.instruction(*t).expect("a state").expect("an instruction");
        executed.bytes == [0xf3, 0xa4] && timeline.registers(*t).expect("registers").gpr[1] > 100
    };
    let copy = (0..timeline.end()).find(is_long).expect("a long copy");
    let registers = timeline.registers(copy).expect("registers");
    let (count, from) = (registers.gpr[1], registers.gpr[6]);
    assert!(registers.rflags >> 10 & 1 == 0, "it goes forwards");
    let jump = format!("jump {copy}");
    let inside = format!("rwatch -s 1 {:#x}", from + count / 2);
    let behind = format!("rwatch -s 1 {:#x}", from + count);
    let stopped = explorer.ask(&[&*jump, &inside, "rc"]);
    assert_eq!(stopped[2].reason(), "watch");
    assert_eq!(stopped[2].tracepoint(), stopped[0].tracepoint() + 1, "by the copy itself");
    let passed = explorer.ask(&[&*jump, &behind, "rc"]);
    assert!(passed[2].tracepoint() > stopped[2].tracepoint(), "{passed:?}");
}

#[test]
fn reads_are_listed_around_the_cursor() {
    let explorer = recording("tree").explore();
    let watched = explorer.ask(&["rwatch depth_seen", "rc", "rc", "rc", "cr"]);
    let [first, second, third] = [1, 2, 3].map(|at: usize| watched[at].tracepoint() - 1);
    let jump = format!("jump {second}");
    let answers =
        explorer.ask(&[&*jump, "reads -c 1 depth_seen", "reads -c 2 -w future depth_seen"]);
    let listed = |at: usize| {
        let reads = answers[at].get("reads").as_array().expect("reads").clone();
        let times = reads.iter().map(|read| read["tracepoint"].as_u64().expect("a tracepoint"));
        times.collect::<Vec<_>>()
    };
    assert_eq!(listed(1), [first, second]);
    assert_eq!(listed(2), [second, third]);
    assert_eq!(answers[1].get("reads")[1]["current"], true);
    assert_eq!(answers[1].get("reads")[1]["file"], answers[0].get("file").clone());
    let (_, refused) = explorer.attempt(&["reads $rax"]);
    assert!(
        refused[0].error.as_deref().is_some_and(|why| why.contains("registers")),
        "{refused:?}"
    );
    let unread = explorer.text(&["reads -w past $rsp..$rsp+8"]).stdout_text();
    assert!(unread.contains("Not read"), "{unread}");
}
