//! Where values came from: the chain of lines that the fixture's marks foretell, and, on random
//! programs, each link against a slow look at every state.

use rdb_explorer::dataflow::{Place, Span};
use rdb_explorer::session::{Link, Reach, Session};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::Timeline;
use rdb_schema::registers::Registers;
use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::random_program::with_guest;
use rdb_tests::recording::recording_of;
use serde_json::Value;

const NAME: &str = "provenance";

/// What `why EXPR` answers when the values are printed.
fn ask(flavour: Flavour, expression: &str) -> Answer {
    let fixture = Fixture::load(NAME);
    let explorer = recording_of(&fixture, flavour).explore();
    let place = format!("break {}", fixture.place("print"));
    explorer.last(&[place, "rc".to_string(), format!("why -c 200 {expression}")])
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

/// The marks of the program's lines that an answer goes through, in its order.
fn marks(answer: &Answer) -> Vec<String> {
    let fixture = Fixture::load(NAME);
    let of_line = |line: u64| {
        let mark = fixture.marks.iter().find(|(_, at)| u64::from(**at) == line);
        mark.map(|(name, _)| name.clone())
    };
    let own = |link: &&Value| link["file"].as_str().is_some_and(|f| f.ends_with("provenance.c"));
    let lines = links(answer).iter().filter(own).filter_map(|link| link["line"].as_u64());
    lines.filter_map(of_line).collect()
}

/// The origins that an answer ends at: kind, and all that is told.
fn origins(answer: &Answer) -> Vec<(String, String)> {
    let all = links(answer).iter().flat_map(|link| link["origins"].as_array().expect("origins"));
    all.map(|o| (o["kind"].as_str().expect("a kind").to_string(), o.to_string())).collect()
}

fn has_in_order(all: &[String], wanted: &[&str]) -> bool {
    let mut rest = all.iter();
    wanted.iter().all(|one| rest.any(|mark| mark == one))
}

#[test]
fn what_a_mapped_file_holds_is_from_that_file() {
    let fixture = Fixture::load("mmap_file");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let place = format!("break {}", fixture.place("pwrite"));
    for (expression, offset) in [("shared[10]", 10), ("copy[5000]", 9096)] {
        let question = format!("why {expression}");
        let answer = explorer.last(&[place.as_str(), "rc", question.as_str()]);
        let all = links(&answer).iter().flat_map(|link| link["origins"].as_array());
        let all: Vec<&Value> = all.flatten().collect();
        assert_eq!(all.len(), 1, "{expression}: {all:?}");
        assert_eq!(
            (all[0]["kind"].as_str(), all[0]["offset"].as_u64()),
            (Some("file"), Some(offset))
        );
        assert!(all[0]["path"].as_str().is_some_and(|path| path.contains("mapped")), "{all:?}");
    }
}

#[test]
fn a_product_leads_to_what_was_read_and_to_a_table() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = ask(flavour, "result");
        let found = marks(&answer);
        assert!(found.iter().any(|m| m == "total"), "{flavour:?} {found:?}");
        assert!(has_in_order(&found, &["total", "store"]), "{flavour:?} {found:?}");
        assert!(found.iter().any(|m| m == "parse"), "{flavour:?} {found:?}");
        let ends = origins(&answer);
        let read = |(kind, text): &(String, String)| kind == "syscall" && text.contains("read(0");
        assert!(ends.iter().any(read), "{flavour:?} {answer:?}");
        let table = |(kind, text): &(String, String)| kind == "file" && text.contains("table");
        assert!(ends.iter().any(table), "{flavour:?} {ends:?}");
        assert!(ends.iter().all(|(kind, _)| kind != "unknown"), "{flavour:?} {ends:?}");
    }
}

#[test]
fn each_byte_read_is_told_by_its_place_in_the_buffer() {
    let answer = ask(Flavour::O0, "copy[3]");
    let links = links(&answer);
    assert!(links.iter().all(|link| link["moved"] == true), "{answer:?}");
    assert!(links.iter().all(|link| link["value"] == "0x61"), "{answer:?}");
    assert!(origins(&answer)[0].1.contains("\"offset\":3"), "{answer:?}");
    let read = links.last().expect("links");
    assert_eq!(read["name"], "line[3]");
    let functions: Vec<&str> = links.iter().filter_map(|l| l["function"].as_str()).collect();
    assert!(functions[0].contains("mem"), "copied by memcpy: {functions:?}");
}

#[test]
fn an_argument_leads_to_the_command_line() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = ask(flavour, "kept->first.id");
        let ends = origins(&answer);
        let argument = |(kind, text): &(String, String)| kind == "argument" && text.contains("xyz");
        assert!(ends.iter().any(argument), "{flavour:?} {ends:?}");
        assert!(marks(&answer).iter().any(|mark| mark == "store"), "{answer:?}");
    }
}

#[test]
fn bytes_of_different_origin_are_told_apart() {
    let answer = ask(Flavour::O0, "kept->name");
    let files = origins(&answer).iter().filter(|(kind, _)| kind == "file").count();
    let zeros = origins(&answer).iter().filter(|(kind, _)| kind == "zero").count();
    assert!(files >= 1 && zeros == 1, "{answer:?}");
    let first: Vec<&Value> = links(&answer).iter().filter(|link| link["of"].is_null()).collect();
    let bytes: u64 = first.iter().filter_map(|link| link["bytes"].as_u64()).sum();
    assert_eq!(bytes, 8, "the parts are all of it: {answer:?}");
}

#[test]
fn the_way_through_a_condition_says_which_way_it_went() {
    let answer = ask(Flavour::O2, "small");
    let notes = links(&answer).iter().filter_map(|link| link["notes"].as_array()).flatten();
    let notes: Vec<&str> = notes.filter_map(|note| note["text"].as_str()).collect();
    assert!(marks(&answer).iter().any(|mark| mark == "capped"), "{answer:?}");
    // gcc makes a cmov of it, or a branch.
    assert!(notes.iter().all(|note| note.contains("condition")), "{notes:?}");
}

#[test]
fn depth_is_bounded_and_said() {
    let fixture = Fixture::load(NAME);
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let place = format!("break {}", fixture.place("print"));
    let answer = explorer.last(&[&*place, "rc", "why -c 2 result"]);
    assert_eq!(answer.get("more"), &Value::Bool(true));
    let (_, failed) = explorer.attempt(&["why $rip", "why nonsense", "why $cs"]);
    assert!(failed.iter().all(|answer| answer.error.is_some()), "{failed:?}");
}

/// Seeds, and questions for each.
const SEEDS: std::ops::Range<u64> = 300..303;
const QUESTIONS: u64 = 48;

/// What bytes hold at a state, read without the help of what is tested.
fn held(timeline: &Timeline, span: &Span, t: u64) -> Vec<Option<u8>> {
    match span.place {
        Place::Memory(address) => timeline.memory(t, address, span.length as usize).expect("bytes"),
        Place::Register(offset) => {
            let registers: Registers = timeline.registers(t).expect("registers");
            let start = usize::from(offset);
            let bytes = &registers.as_bytes()[start..start + span.length as usize];
            bytes.iter().copied().map(Some).collect()
        }
        Place::Flags(_) => Vec::new(),
    }
}

/// Whether anything stored to memory between two states.
fn stored(timeline: &Timeline, span: &Span, states: std::ops::Range<u64>) -> Option<u64> {
    let Place::Memory(address) = span.place else { return None };
    let end = address + u64::from(span.length);
    states.rev().find(|t| {
        let view = timeline.chunk_view(timeline.chunk_at(*t).expect("a chunk")).expect("a chunk");
        view.stores()
            .at(*t)
            .any(|store| store.address < end && address < store.address + store.bytes.len() as u64)
    })
}

/// Checks one link of a chain of moves; `state` is the one its reader saw it at.
fn check(timeline: &Timeline, link: &Link, wanted: &[Option<u8>], state: u64) {
    let Some(tracepoint) = link.tracepoint else { return };
    assert_eq!(&*link.value, wanted, "{link:?}");
    for t in tracepoint + 1..=state.min(tracepoint + 100) {
        assert_eq!(held(timeline, &link.span, t), wanted, "at {t}: {link:?}");
    }
    if state - tracepoint < 100 {
        assert_eq!(stored(timeline, &link.span, tracepoint + 1..state), None, "{link:?}");
        if matches!(link.span.place, Place::Memory(_)) {
            assert!(stored(timeline, &link.span, tracepoint..state).is_some(), "{link:?}");
        }
    }
}

#[test]
fn every_link_of_a_chain_of_moves_holds_the_value_asked_for() {
    let mut links = 0;
    for seed in SEEDS {
        with_guest(seed, |guest| {
            let recorded = guest.record(&[]);
            let timeline = Timeline::open(&recorded.trace).expect("a trace");
            let session = Session::new(timeline, DebugSearch::default());
            let timeline = session.timeline();
            let end = timeline.end();
            for question in 0..QUESTIONS {
                let t = end / 4 + question * 7919 % (end * 3 / 4);
                let registers = timeline.registers(t).expect("registers");
                let span = match question % 3 {
                    0 => Span { place: Place::Register(question as u16 % 16 * 8), length: 8 },
                    1 => Span { place: Place::Register(question as u16 % 16 * 8), length: 4 },
                    _ => Span::memory(registers.rsp() + question % 8 * 8, 8),
                };
                let wanted = held(timeline, &span, t);
                let reach = Reach { depth: 12, links: 256, addresses: false, stack: true };
                let why = session.why(&[span], t, reach);
                let why = why.expect("an answer");
                let mut state = t;
                for link in &why.links {
                    let alone = why.links.iter().filter(|other| other.of == link.of).count() == 1;
                    if !link.moved || !alone || link.span.length != span.length {
                        break;
                    }
                    check(timeline, link, &wanted, state);
                    state = link.steps.last().copied().unwrap_or(state);
                    links += 1;
                }
            }
        });
    }
    assert!(links > 100, "{links}");
}

/// What `why EXPR` answers where the fixture that passes values on prints them.
fn relayed(expression: &str) -> Answer {
    let fixture = Fixture::load("relay");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    // Signals do not stop that.
    let there = format!("rl {}", fixture.place("print"));
    let answers = explorer.ask(&[there.clone(), there, format!("why {expression}")]);
    let line = u64::from(fixture.line("print"));
    assert!(answers[..2].iter().any(|answer| answer.line() == Some(line)), "{answers:?}");
    answers[2].clone()
}

/// Whether an answer has a link at a mark of that fixture.
fn passes(answer: &Answer, mark: &str) -> bool {
    let line = u64::from(Fixture::load("relay").line(mark));
    let own = |link: &Value| link["file"].as_str().is_some_and(|f| f.ends_with("relay.c"));
    links(answer).iter().any(|link| own(link) && link["line"].as_u64() == Some(line))
}

#[test]
fn what_is_read_from_a_pipe_leads_to_what_was_written() {
    let changed = relayed("received[0]");
    assert!(passes(&changed, "changed"), "{changed:?}");
    assert!(!passes(&changed, "overwritten"), "{changed:?}");
    assert!(links(&changed).iter().all(|link| link["value"] == "0x41"), "{changed:?}");
    let third = relayed("received[4]");
    let ends = origins(&third);
    assert!(ends.iter().all(|(kind, _)| kind == "file"), "{third:?}");
    assert!(ends[0].1.contains("sent"), "{third:?}");
    // Two calls wrote it, and two read it.
    let all = relayed("-s 8 received");
    let parts = links(&all).iter().filter(|link| link["of"].is_null()).count();
    assert!(parts >= 3, "{all:?}");
}

#[test]
fn registers_are_followed_through_a_signal_handler() {
    let answer = relayed("saved");
    assert!(passes(&answer, "carried"), "{answer:?}");
    assert!(origins(&answer).iter().all(|(kind, _)| kind == "file"), "{answer:?}");
}

#[test]
fn the_x87_stack_is_followed() {
    let answer = relayed("scaled");
    assert!(passes(&answer, "scaled") && passes(&answer, "product"), "{answer:?}");
    let ends = origins(&answer);
    assert!(ends.iter().any(|(_, text)| text.contains("scale")), "{answer:?}");
    assert!(passes(&answer, "changed"), "{answer:?}");
}

#[test]
fn what_was_read_names_the_file_that_the_descriptor_meant() {
    let fixture = Fixture::load("descriptors");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let there = format!("rl {}", fixture.place("print"));
    let file = |expression: &str| {
        let answers = explorer.ask(&[there.clone(), format!("why {expression}")]);
        let all = links(&answers[1]).iter().filter_map(|link| link["origins"].as_array());
        let file = all.flatten().find_map(|origin| origin["file"].as_str());
        file.unwrap_or_else(|| panic!("{answers:?}")).to_owned()
    };
    assert_eq!(file("memory[1]"), "memory (memfd)");
    assert!(file("own[1]").ends_with("/descriptors"));
    // What passed through a pipe by more than reads and writes of its own ends is not followed.
    for part in ["mixed[1]", "gathered[1]", "copied[1]"] {
        assert_eq!(file(part), "a pipe", "{part}");
    }
}
