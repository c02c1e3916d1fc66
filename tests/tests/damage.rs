//! Real traces, damaged at thousands of random places and asked inside the test's own process: no
//! panic, no hang, and every answer is an error, past a reported shorter end, or the intact one.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rdb_explorer::dataflow::Span;
use rdb_explorer::session::{Place, Reach, Session};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_schema::container::{Directory, Encoded, Frame, FrameHeader, FrameKind, Writer};
use rdb_schema::event::Event;
use rdb_schema::registers::{Gpr, Registers};
use rdb_tests::recording::recording;
use std::fmt::Write;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tempfile::TempDir;

/// Random places in the whole file.
const ANYWHERE: usize = 1000;

/// Further places where they hurt more: behind the modules, which are most of the file.
const IN_HISTORY: usize = 200;

/// Modules damaged under valid checksums.
const FORGED: usize = 50;

/// How long one damaged trace may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Tracepoints that answers are known of.
const SAMPLES: u64 = 64;

/// Tracepoints asked of one damaged trace.
const ASKED: usize = 4;

/// Bytes read around the stack pointer and the data of the program.
const MEMORY: usize = 512;

/// What a tracepoint's questions are answered with.
#[derive(PartialEq)]
struct Sample {
    tracepoint: u64,
    registers: Registers,
    stack: Vec<Option<u8>>,
    page: (u64, Vec<Option<u8>>),
    events: Vec<Event>,
}

/// An intact trace, what it answers, and where damaged copies of it go.
struct Intact {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    end: u64,
    samples: Vec<Sample>,
    folder: TempDir,
    random: TestRng,
}

impl Intact {
    fn new(name: &str, seed: u8) -> Intact {
        let trace = recording(name).trace;
        let timeline = Timeline::open(&trace).expect("an intact trace");
        let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let end = timeline.end();
        let samples =
            (0..=SAMPLES).map(|part| sample(&timeline, end * part / SAMPLES, &mut random));
        let samples = samples.collect();
        let bytes = std::fs::read(&trace).expect("a trace");
        let frames = Directory::read(&bytes).expect("a trace").frames;
        let folder = tempfile::tempdir().expect("failed to create a folder");
        Intact { bytes, frames, end, samples, folder, random }
    }

    fn below(&mut self, range: Range<usize>) -> usize {
        let length = u64::try_from(range.len()).expect("a length");
        range.start + usize::try_from(self.random.next_u64() % length).expect("a number")
    }

    /// A place of round `round`: anywhere at first, in a random frame of the history later.
    fn place(&mut self, round: usize) -> usize {
        if round < ANYWHERE {
            return self.below(0..self.bytes.len());
        }
        let history = self.frames.iter().filter(|f| f.header.kind != FrameKind::File);
        let ranges: Vec<Range<usize>> = history.map(extent).collect();
        let chosen = self.below(0..ranges.len());
        self.below(ranges[chosen].clone())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("damaged.trace")
    }

    /// Opens `bytes` as a trace and compares what it answers.
    fn check(&mut self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).expect("failed to write a trace");
        let Ok(timeline) = Timeline::open(&self.path()) else { return };
        let end = timeline.end();
        let reported = !timeline.notices().is_empty();
        assert!(end == self.end || end < self.end && reported, "ends at {end}, unreported");
        for _ in 0..ASKED {
            let chosen = self.below(0..self.samples.len());
            let sample = &self.samples[chosen];
            if sample.tracepoint <= end {
                compare(&timeline, sample, reported);
            }
        }
    }
}

fn extent(frame: &Frame) -> Range<usize> {
    let offset = |at: u64| usize::try_from(at).expect("an offset");
    offset(frame.offset)..offset(frame.end().expect("an end"))
}

fn sample(timeline: &Timeline, tracepoint: u64, random: &mut TestRng) -> Sample {
    let registers = timeline.registers(tracepoint).expect("registers");
    let space = timeline.space(tracepoint).expect("mappings");
    let mappings: Vec<_> = space.iter().collect();
    let mapping = mappings[usize::try_from(random.next_u64()).expect("64 bits") % mappings.len()];
    let address = mapping.start + random.next_u64() % (mapping.end - mapping.start);
    let memory = |address| timeline.memory(tracepoint, address, MEMORY).expect("memory");
    Sample {
        tracepoint,
        stack: memory(registers.rsp()),
        page: (address, memory(address)),
        events: events(timeline, tracepoint).expect("events"),
        registers,
    }
}

/// The events of the hundred tracepoints before one.
fn events(timeline: &Timeline, tracepoint: u64) -> Option<Vec<Event>> {
    let mut found = Vec::new();
    let visit = &mut |event: &Event| {
        found.push(event.clone());
        ControlFlow::Continue(())
    };
    let range = tracepoint.saturating_sub(100)..tracepoint;
    timeline.events(range, Direction::Forward, visit).ok()?;
    Some(found)
}

/// Each answer is the sample's, or an error.
fn compare(timeline: &Timeline, sample: &Sample, reported: bool) {
    let t = sample.tracepoint;
    if let Ok(registers) = timeline.registers(t) {
        assert!(registers == sample.registers, "wrong registers at {t}");
    }
    if let Ok(pc) = timeline.pc(t) {
        assert_eq!(pc, sample.registers.rip, "wrong pc at {t}");
    }
    let stack = (sample.registers.rsp(), &sample.stack);
    for (address, expected) in [stack, (sample.page.0, &sample.page.1)] {
        if let Ok(memory) = timeline.memory(t, address, MEMORY) {
            assert!(memory == *expected, "wrong memory at {t}, {address:#x}");
        }
    }
    if let Some(events) = events(timeline, t) {
        assert!(events == sample.events || reported, "wrong events before {t}");
    }
}

/// Runs `rounds` of `one` on a thread of its own, and fails when it panics or takes too long.
fn rounds(name: &str, seed: u8, rounds: usize, one: impl Fn(&mut Intact, usize) + Send + 'static) {
    let mut intact = Intact::new(name, seed);
    let (said, heard) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        for round in 0..rounds {
            one(&mut intact, round);
            said.send(round).expect("a listener");
        }
    });
    for round in 0..rounds {
        match heard.recv_timeout(LIMIT) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{name}, seed {seed}, round {round} hangs"),
            Err(RecvTimeoutError::Disconnected) => {
                let panic = thread.join().expect_err("it panicked");
                panic!("{name}, seed {seed}, round {round}: {}", words(&*panic));
            }
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn truncate(intact: &mut Intact, round: usize) {
    let length = intact.place(round);
    let bytes = intact.bytes[..length].to_vec();
    intact.check(&bytes);
}

fn flip(intact: &mut Intact, round: usize) {
    let place = intact.place(round);
    let change = u8::try_from(intact.below(1..256)).expect("a byte");
    let mut bytes = intact.bytes.clone();
    bytes[place] ^= change;
    intact.check(&bytes);
}

#[test]
fn truncated_anywhere_a_real_trace_answers_nothing_wrong() {
    rounds("planted", 1, ANYWHERE + IN_HISTORY, truncate);
}

#[test]
fn with_any_byte_flipped_a_real_trace_answers_nothing_wrong() {
    rounds("planted", 2, ANYWHERE + IN_HISTORY, flip);
}

/// The trace with bytes of one module changed, and checksums that fit.
fn forge(intact: &mut Intact) {
    let is_module = |frame: &&Frame| frame.header.kind == FrameKind::File;
    let modules: Vec<u64> =
        intact.frames.iter().filter(is_module).map(|frame| frame.offset).collect();
    let chosen = intact.below(0..modules.len());
    let victim = modules[chosen];
    let file = std::fs::File::create(intact.path()).expect("failed to create a trace");
    let mut writer = Writer::new(file).expect("failed to write a trace");
    for frame in intact.frames.clone() {
        let mut message = frame.payload(&intact.bytes).expect("a payload");
        if frame.offset == victim {
            for _ in 0..64 {
                let place = intact.below(0..message.len());
                message[place] = u8::try_from(intact.below(0..256)).expect("a byte");
            }
        }
        let FrameHeader { kind, process, first, count, .. } = frame.header;
        let encoded = Encoded::new(kind, process, (first, count), &message, 1);
        let encoded = encoded.expect("a frame");
        if kind == FrameKind::Footer {
            writer.seal(&encoded).expect("failed to seal a trace");
            return;
        }
        writer.append(&encoded).expect("failed to write a trace");
    }
}

/// Names, lines and call stacks all over the history.
fn look_up(intact: &mut Intact) {
    let Ok(timeline) = Timeline::open(&intact.path()) else { return };
    let end = timeline.end();
    let mut session = Session::new(timeline, DebugSearch::none());
    let mut found = String::new();
    for part in 0..8 {
        if session.jump(end * part / 8).is_err() {
            continue;
        }
        let _ = writeln!(found, "{:?}", session.place().unwrap_or_else(|_| Place::bare(0)));
        let _ = writeln!(found, "{:?}", session.stack(32));
    }
    for place in ["main", "malloc", "planted.c:20"] {
        let _ = writeln!(found, "{:?}", session.resolve(place));
        let _ = writeln!(found, "{:?}", session.why_not(place, None));
    }
    let _ = writeln!(found, "{:?}", session.heap().map(|heap| heap.blocks.len()));
    let reach = Reach { depth: 8, links: 256, addresses: true, stack: true };
    if let Ok(registers) = session.timeline().registers(end) {
        for span in [Span::memory(registers.rsp(), 16), Span::gpr(Gpr::RAX, 8)] {
            let _ = writeln!(found, "{:?}", session.why(&[span], end, reach));
        }
        let _ = writeln!(found, "{:?}", session.mapped_times(registers.rsp()));
    }
    assert!(!found.is_empty());
}

#[test]
fn names_and_lines_of_damaged_modules_are_wrong_at_worst() {
    rounds("planted", 3, FORGED, |intact, _| {
        forge(intact);
        look_up(intact);
    });
}
