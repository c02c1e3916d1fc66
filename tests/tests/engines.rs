//! Every engine records the same: all deterministic fixtures, instruction for instruction, as far
//! as seconds go: the reference stops at each instruction.

use rdb_schema::block::{Composition, Entry};
use rdb_schema::container::{Directory, FrameKind};
use rdb_schema::message::decode_blocks;
use rdb_tests::binaries::target_directory;
use rdb_tests::compile::{Flavour, first_flavour};
use rdb_tests::engines::{ENGINES, REFERENCE, disagreement, record};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::parallel::for_each;
use std::path::Path;
use std::sync::Mutex;

#[test]
fn engines_agree_on_every_deterministic_fixture() {
    let keep = target_directory().join("differing");
    let failures = Mutex::new(Vec::new());
    for_each(Fixture::all().into_iter().filter(is_comparable), 2, |fixture| {
        let guest = Guest::fixture(&fixture, flavour_compared(&fixture));
        let most = ["--stop-after", &most_compared(&fixture).to_string()];
        let found = disagreement(&guest, &most, &keep, &fixture.name);
        if let Some(failure) = found {
            failures.lock().expect("no panic holds it").push(failure);
        }
    });
    let failures = failures.into_inner().expect("no panic holds it");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Most programs in C are linked statically: they are short, and two thirds of their instructions
/// would load the same library.
fn flavour_compared(fixture: &Fixture) -> Flavour {
    let is_c = fixture.source.extension().is_some_and(|extension| extension == "c");
    match first_flavour(fixture) {
        Flavour::O0 if is_c && fixture.truth.link.is_empty() => Flavour::Static,
        flavour => flavour,
    }
}

/// How many instructions of a fixture are compared. C++ programs spend their first million and a
/// half on loading their library: once is enough.
fn most_compared(fixture: &Fixture) -> u64 {
    let is_cpp = fixture.source.extension().is_some_and(|extension| extension == "cpp");
    match fixture.name.as_str() {
        "exceptions" => u64::MAX,
        _ if is_cpp => 200_000,
        _ => 800_000,
    }
}

/// Programs that end by themselves, and do the same in every run.
fn is_comparable(fixture: &Fixture) -> bool {
    !fixture.truth.interactive && fixture.truth.varies.is_none()
}

/// What a trace's blocks are made of.
fn compositions(trace: &Path) -> Vec<Composition> {
    let bytes = std::fs::read(trace).expect("a trace");
    let directory = Directory::read(&bytes).expect("a trace");
    let blocks = directory.frames.iter().filter(|f| f.header.kind == FrameKind::Blocks);
    let entries = blocks.flat_map(|frame| {
        let payload = frame.payload(&bytes).expect("a whole frame");
        decode_blocks(&payload).expect("blocks").1
    });
    let composition = |entry| match entry {
        Entry::Block(_) => Composition::Own,
        Entry::Composed(composition) => composition,
    };
    entries.map(composition).collect()
}

#[test]
fn code_that_is_executed_often_is_joined() {
    let fixture = Fixture::load("tree");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let made = ENGINES.iter().map(|engine| compositions(&record(&guest, engine).recording.trace));
    let made: Vec<_> = made.flatten().collect();
    assert!(made.iter().any(|c| matches!(c, Composition::Joined(parts) if parts.len() > 2)));
    assert!(made.iter().any(|c| matches!(c, Composition::Prefix(..))));
    let stepped = compositions(&record(&guest, REFERENCE).recording.trace);
    assert!(stepped.iter().all(|composition| *composition == Composition::Own));
}
