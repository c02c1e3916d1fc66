//! Dataflow through single instructions against the recorded states around them: whatever an
//! instruction changes has a source, and what is said to be moved is what was there.

use rdb_explorer::dataflow::{self, Flow, Place, Source, Span};
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_schema::registers::Registers;
use rdb_tests::random_program::with_guest;
use rdb_tests::recording::recording;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Tracepoints of one history that are looked at.
const MOST: u64 = 6000;

/// Bytes of the registers that are looked at: general, mask and vector registers.
fn compared() -> impl Iterator<Item = usize> {
    use std::mem::offset_of;
    let masks = offset_of!(Registers, mask);
    let vectors = offset_of!(Registers, vector);
    (0..128).chain(masks..masks + 64).chain(vectors..size_of::<Registers>())
}

fn read(timeline: &Timeline, registers: &Registers, span: &Span, t: u64) -> Vec<Option<u8>> {
    match span.place {
        Place::Memory(address) => timeline.memory(t, address, span.length as usize).expect("bytes"),
        _ => span.read(registers).expect("a register").into_iter().map(Some).collect(),
    }
}

/// The bytes of `to` that no earlier flow writes: the first flow counts.
fn fresh(flow: &Flow, earlier: &[Flow]) -> Vec<u32> {
    let taken = |at: &u32| {
        let byte = flow.to.part(*at, 1);
        earlier.iter().any(|other| byte.within(&other.to).is_some())
    };
    (0..flow.to.length).filter(|at| !taken(at)).collect()
}

/// Whether anything happened at a tracepoint beside its instruction.
fn has_events(timeline: &Timeline, t: u64) -> bool {
    let mut any = false;
    let visit = &mut |_: &rdb_schema::event::Event| {
        any = true;
        ControlFlow::Break(())
    };
    timeline.events(t..t + 1, Direction::Forward, visit).expect("events");
    any
}

/// What is wrong with the flows of tracepoint `t`, and how many bytes were moved.
fn check(timeline: &Timeline, t: u64) -> Result<usize, String> {
    let executed = timeline.instruction(t).expect("a state").expect("an instruction");
    let Some(instruction) = dataflow::decode(executed.pc, &executed.bytes) else { return Ok(0) };
    let before = timeline.registers(t).expect("registers");
    let after = timeline.registers(t + 1).expect("registers");
    let moment = dataflow::Moment::new(&instruction, &before, &after);
    let flows = dataflow::flows(&moment);
    for at in compared().filter(|at| before.as_bytes()[*at] != after.as_bytes()[*at]) {
        let byte = Span { place: Place::Register(at as u16), length: 1 };
        if !flows.iter().any(|flow| byte.within(&flow.to).is_some()) {
            return Err(format!("byte {at} of the registers has no source"));
        }
    }
    // Which parts of its area xsave writes depends on the processor.
    let saves = format!("{:?}", instruction.mnemonic()).starts_with("Xsave");
    let view = timeline.chunk_view(timeline.chunk_at(t).expect("a chunk")).expect("a chunk");
    for store in view.stores().at(t).filter(|_| !saves) {
        for (offset, byte) in store.bytes.iter().enumerate() {
            let address = store.address + offset as u64;
            let place = Span::memory(address, 1);
            let old = timeline.memory(t, address, 1).expect("a byte");
            let known = flows.iter().any(|flow| place.within(&flow.to).is_some());
            if !known && old != [Some(*byte)] {
                return Err(format!("the byte stored at {address:#x} has no source"));
            }
        }
    }
    let mut moved = 0;
    for (number, flow) in flows.iter().enumerate() {
        let reversed = matches!(flow.source, Source::Reversed(_));
        let (Source::Copy(from) | Source::Reversed(from)) = &flow.source else { continue };
        if from.length != flow.to.length {
            return Err(format!("lengths differ: {flow:?}"));
        }
        let mut source = read(timeline, &before, from, t);
        if reversed {
            source.reverse();
        }
        let result = read(timeline, &after, &flow.to, t + 1);
        for at in fresh(flow, &flows[..number]) {
            if source[at as usize].is_some() && source[at as usize] != result[at as usize] {
                return Err(format!("byte {at} is not what is said to be moved: {flow:?}"));
            }
            moved += 1;
        }
    }
    // Zeros are zeros.
    for (number, flow) in flows.iter().enumerate() {
        if flow.source == Source::Extension {
            let result = read(timeline, &after, &flow.to, t + 1);
            let wrong = |at: &u32| result[*at as usize] != Some(0);
            if fresh(flow, &flows[..number]).iter().any(wrong) {
                return Err(format!("not extended with zeros: {flow:?}"));
            }
        }
    }
    Ok(moved)
}

/// Checks a history; each address a few times. How many bytes were moved.
fn check_all(trace: &std::path::Path) -> usize {
    let timeline = Timeline::open(trace).expect("a trace");
    let (mut seen, mut moved, mut looked) = (BTreeSet::new(), 0, 0);
    let mut wrong = Vec::new();
    for t in 0..timeline.end() {
        let pc = timeline.pc(t).expect("a pc");
        let times = [0, 1, 2].into_iter().find(|times| seen.insert((pc, *times)));
        if times.is_none() || has_events(&timeline, t) {
            continue;
        }
        match check(&timeline, t) {
            Ok(bytes) => moved += bytes,
            Err(why) => {
                let executed = timeline.instruction(t).expect("a state").expect("an instruction");
                let decoded = dataflow::decode(executed.pc, &executed.bytes);
                let code = decoded.map(|i| i.code());
                wrong.push(format!("#{t}: {code:?} {:x?}: {why}", executed.bytes));
            }
        }
        looked += 1;
        if looked > MOST {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", trace.display());
    moved
}

#[test]
fn what_real_code_moves_is_what_was_there() {
    for name in ["instructions", "strings", "vector", "x87", "loads", "odd_code", "relay"] {
        assert!(check_all(&recording(name).trace) > 100, "{name}");
    }
}

#[test]
fn what_random_code_moves_is_what_was_there() {
    for seed in 500..506 {
        with_guest(seed, |guest| {
            assert!(check_all(&guest.record(&[]).trace) > 100, "seed {seed}");
        });
    }
}
