//! Where values come from whose last writers are at the end of what is known, or do more than
//! one thing: what the last tracepoint of a slice wrote, and what mapped a module.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use rdb_explorer::dataflow::{Place, Span};
use rdb_explorer::session::{Link, Reach, Session};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::Timeline;
use rdb_schema::registers::Gpr;
use rdb_tests::compile::first_flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording;
use std::path::Path;

fn session(trace: &Path) -> Session {
    Session::new(Timeline::open(trace).expect("a trace"), DebugSearch::default())
}

/// The instruction of a tracepoint, and what it is to be asked about, if it is one of those that
/// do several things at once.
fn asked(timeline: &Timeline, t: u64) -> Option<(Instruction, Vec<Span>)> {
    let executed = timeline.instruction(t).expect("a state")?;
    let instruction =
        Decoder::with_ip(64, &executed.bytes, executed.pc, DecoderOptions::NONE).decode();
    let (before, after) = (timeline.registers(t).ok()?, timeline.registers_after(t).ok()?);
    let gpr = |gpr: Gpr| before.gpr[gpr.index()];
    let memory = match instruction.mnemonic() {
        Mnemonic::Movsb if instruction.has_rep_prefix() && gpr(Gpr::RCX) > 1 => {
            Some(Span::memory(gpr(Gpr::RDI), 2))
        }
        Mnemonic::Cmpxchg if instruction.has_lock_prefix() => Some(Span::memory(gpr(Gpr::RDI), 8)),
        Mnemonic::Cmpxchg | Mnemonic::Pop => None,
        _ => return None,
    };
    let changed = (0..16).filter(|at| before.gpr[*at] != after.gpr[*at]);
    let registers = changed.filter(|at| *at != Gpr::RSP.index());
    let registers = registers.map(|at| Span { place: Place::Register(at as u16 * 8), length: 8 });
    Some((instruction, memory.into_iter().chain(registers).collect()))
}

fn links(session: &Session, spans: &[Span], t: u64) -> Vec<Link> {
    let reach = Reach { depth: 6, links: 256, addresses: false, stack: true };
    session.why(spans, t, reach).expect("an answer").links
}

#[test]
fn what_the_last_instruction_of_a_slice_wrote_has_the_origins_it_has_in_the_middle() {
    let fixture = Fixture::load("instructions");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole.trace");
    std::fs::copy(guest.record(&[]).trace, &whole).expect("a copy");
    let whole = session(&whole);
    let mut seen = Vec::new();
    for t in 0..whole.timeline().end() {
        let Some((instruction, spans)) = asked(whole.timeline(), t) else { continue };
        let kind = (instruction.mnemonic(), instruction.has_lock_prefix());
        if spans.is_empty() || seen.contains(&kind) {
            continue;
        }
        seen.push(kind);
        let end = t + 1;
        let recorded = guest.record(&["--stop-after", &end.to_string()]);
        let cut = session(&recorded.trace);
        assert_eq!(cut.timeline().end(), end, "{kind:?}");
        let found = links(&cut, &spans, end);
        assert!(found.iter().any(|link| link.tracepoint == Some(t)), "{kind:?} {found:?}");
        assert_eq!(found, links(&whole, &spans, end), "{kind:?} at {t}");
    }
    let wanted = [Mnemonic::Movsb, Mnemonic::Cmpxchg, Mnemonic::Pop];
    let all = wanted.iter().all(|one| seen.iter().any(|(mnemonic, _)| mnemonic == one));
    assert!(all && seen.contains(&(Mnemonic::Cmpxchg, true)), "{seen:?}");
}

#[test]
fn what_mapping_a_module_returned_is_from_the_call_and_the_file() {
    let explorer = recording("hello").explore();
    let calls = explorer.last(&["syscalls --name mmap"]);
    let calls = calls.get("syscalls").as_array().expect("calls").clone();
    let text = |call: &serde_json::Value, at: usize| call["arguments"][at]["text"].clone();
    let of_files = calls.iter().filter(|call| text(call, 4) != "-1");
    let mut files = Vec::new();
    for call in of_files.take(4) {
        let after = call["tracepoint"].as_u64().expect("a tracepoint") + 1;
        let answer = explorer.last(&[&format!("jump {after}"), "why $rax"]);
        let origin = answer.get("links")[0]["origins"][0].clone();
        assert_eq!(origin["kind"], "syscall", "{answer:?}");
        let arguments: Vec<_> = (0..6).map(|at| text(call, at)).collect();
        let arguments: Vec<_> = arguments.iter().filter_map(|text| text.as_str()).collect();
        let result = call["result"].as_str().expect("a result");
        assert_eq!(origin["call"], format!("mmap({}) = {result}", arguments.join(", ")));
        let offset = origin["file_offset"].as_u64().map(|offset| format!("{offset:#x}"));
        assert_eq!(offset.as_deref(), arguments.last().copied(), "{origin}");
        files.push(origin["file"].as_str().expect("a file").to_owned());
    }
    assert!(files.iter().any(|file| file.ends_with("libc.so.6")), "{files:?}");
}

#[test]
fn what_the_kernel_cleared_is_not_from_the_file() {
    // In the last page of the program's file, behind what the file has for it.
    let explorer = recording("x87").explore();
    let answer = explorer.last(&["rend", "why zero"]);
    assert_eq!(answer.get("links")[0]["origins"][0]["kind"], "zero", "{answer:?}");
    let answer = explorer.last(&["rend", "why one"]);
    assert_eq!(answer.get("links")[0]["origins"][0]["kind"], "file", "{answer:?}");
}
