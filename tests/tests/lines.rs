//! Lines that optimisers scatter: where steps stop, and where breakpoints are, as in gdb.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use rdb_tests::recording::recording_of;

const FLAVOURS: [Flavour; 2] = [Flavour::O0, Flavour::O2];

/// The first hexadecimal number of each word that is one.
fn addresses(text: &str) -> Vec<u64> {
    let words = text.split_whitespace().filter(|word| word.starts_with("0x"));
    words.map(|word| parse_hex(word.trim_end_matches(|c: char| !c.is_ascii_hexdigit()))).collect()
}

fn pc(answer: &Answer) -> u64 {
    parse_hex(answer.get("pc").as_str().unwrap_or_else(|| panic!("no pc in {answer:?}")))
}

#[test]
fn steps_stop_where_gdb_stops() {
    let fixture = Fixture::load("interleaved");
    let place = fixture.place("begin");
    for flavour in FLAVOURS {
        let guest = Guest::fixture(&fixture, flavour);
        for (command, count) in [("next", 20), ("step", 90)] {
            let steps = [command.to_owned(), "print/x $pc".to_owned()];
            let commands: Vec<String> = (0..count).flat_map(|_| steps.clone()).collect();
            let Some(theirs) = oracle::answers(&guest, &place, 1, &commands) else { return };
            let theirs: Vec<u64> =
                theirs.iter().skip(1).step_by(2).flat_map(|text| addresses(text)).collect();
            // It may have come to the end.
            let count = theirs.len().saturating_sub(2);
            assert!(count > 8, "{theirs:?}");
            let mut commands = vec![format!("break {place}"), "rc".to_owned(), "delete".to_owned()];
            commands.extend(vec![command.to_owned(); count]);
            let answers = guest.record(&[]).explore().ask(&commands).split_off(3);
            let own: Vec<u64> = answers.iter().map(pc).collect();
            let lines: Vec<_> = answers.iter().map(|answer| answer.line()).collect();
            let first = own.iter().zip(&theirs).position(|(own, theirs)| own != theirs);
            assert_eq!(first, None, "{flavour:?} {command}: {lines:?}");
        }
    }
}

#[test]
fn steps_back_stop_where_steps_stop() {
    let fixture = Fixture::load("interleaved");
    let place = fixture.place("begin");
    for flavour in FLAVOURS {
        let explorer = recording_of(&fixture, flavour).explore();
        for (forward, back, count) in [("next", "reverse-next", 8), ("step", "sb", 90)] {
            let mut commands = vec![format!("break {place}"), "rc".to_owned(), "delete".to_owned()];
            commands.extend(vec![forward.to_owned(); count]);
            commands.extend(vec![back.to_owned(); count]);
            let answers = explorer.ask(&commands);
            let stops: Vec<u64> =
                answers.iter().skip(3).map(|answer| answer.tracepoint()).collect();
            let (there, again) = stops.split_at(count);
            let mut expected: Vec<u64> = there[..count - 1].to_vec();
            expected.insert(0, answers[1].tracepoint());
            expected.reverse();
            assert_eq!(again, expected, "{flavour:?} {back}");
        }
    }
}

#[test]
fn breakpoints_on_lines_are_where_gdb_has_them() {
    for (name, mark, flavours) in
        [("interleaved", "begin", &FLAVOURS[..]), ("members", "print", &FLAVOURS[..1])]
    {
        let fixture = Fixture::load(name);
        let source = std::fs::read_to_string(&fixture.source).expect("a source");
        let lines = 1..=source.lines().count();
        let breaks: Vec<String> =
            lines.map(|line| format!("break {}:{line}", fixture.source_name())).collect();
        for flavour in flavours {
            let guest = Guest::fixture(&fixture, *flavour);
            let asked = breaks.iter().flat_map(|place| {
                ["delete".to_owned(), place.clone(), "info breakpoints".to_owned()]
            });
            let asked: Vec<String> = asked.collect();
            let place = fixture.place(mark);
            let Some(theirs) = oracle::answers(&guest, &place, 1, &asked) else { return };
            let (_, own) = guest.record(&[]).explore().attempt(&breaks);
            for ((place, answer), theirs) in breaks.iter().zip(&own).zip(theirs.chunks(3)) {
                let targets = answer.result.pointer("/breakpoint/targets");
                let targets = targets.and_then(|all| all.as_array()).cloned().unwrap_or_default();
                let mut own: Vec<u64> = targets
                    .iter()
                    .map(|target| parse_hex(target["address"].as_str().expect("an address")))
                    .collect();
                let mut theirs = addresses(&theirs[2]);
                own.sort_unstable();
                theirs.sort_unstable();
                theirs.dedup();
                assert_eq!(own, theirs, "{flavour:?} {place}: {}", answer.command);
            }
        }
    }
}

#[test]
fn steps_lead_through_the_dynamic_linker_to_the_function() {
    let fixture = Fixture::load("bound_late");
    let guest = Guest::fixture(&fixture, Flavour::O0);
    let recorded = guest.record(&[]).explore();
    for mark in ["call", "again"] {
        let place = fixture.place(mark);
        let commands = ["step", "print/x $pc"].map(str::to_owned);
        let Some(theirs) = oracle::answers(&guest, &place, 1, &commands) else { return };
        let commands = [format!("break {place}"), "rc".into(), "step".into(), "sb".into()];
        let answers = recorded.ask(&commands);
        assert_eq!(pc(&answers[2]), addresses(&theirs[1])[0], "{mark}: {answers:?}");
        assert_eq!(answers[3].tracepoint(), answers[1].tracepoint(), "{mark}");
    }
}

/// The first stop at `place`, and those of `commands` after it.
fn stops(explorer: &Explorer, place: &str, commands: &[&str]) -> Vec<Answer> {
    let go = [format!("break {place}"), "rc".to_owned(), "delete".to_owned()];
    let all = go.into_iter().chain(commands.iter().map(|one| (*one).to_owned()));
    let mut answers = explorer.ask(&all.collect::<Vec<_>>());
    answers.remove(2);
    answers.split_off(1)
}

#[test]
fn steps_pass_over_functions_without_lines() {
    let fixture = Fixture::load("lineless");
    let guest = Guest::fixture(&fixture, Flavour::O0);
    let explorer = guest.record(&[]).explore();
    let place = fixture.place("through");
    let own = stops(&explorer, &place, &["step"; 5]);
    let marks = ["through", "direct", "twice", "twice", "onward", "print"];
    for (answer, mark) in own.iter().zip(marks) {
        let line = answer.line().unwrap_or_default();
        let after = u64::from(mark == "twice" && line != u64::from(fixture.line(mark)));
        assert_eq!(line, u64::from(fixture.line(mark)) + after, "{mark}: {own:?}");
    }
    // And back, at the same moments.
    let there_and_back: Vec<&str> = [["step"; 5], ["sb"; 5]].concat();
    let moments: Vec<u64> = stops(&explorer, &place, &there_and_back)
        .iter()
        .map(|answer| answer.tracepoint())
        .collect();
    let mut back = moments[5..].to_vec();
    back.reverse();
    assert_eq!(moments[..6], back);
    // A breakpoint in what they call stops.
    for way in [["break twice", "step"], ["break twice", "next"]] {
        let stopped = stops(&explorer, &place, &way);
        assert_eq!((stopped[2].reason(), stopped[2].function()), ("breakpoint", Some("twice")));
    }
    let commands = ["step", "print/x $pc"].repeat(5).into_iter().map(str::to_owned);
    let Some(theirs) = oracle::answers(&guest, &place, 1, &commands.collect::<Vec<_>>()) else {
        return;
    };
    let theirs: Vec<u64> =
        theirs.iter().skip(1).step_by(2).map(|text| addresses(text)[0]).collect();
    assert_eq!(own[1..].iter().map(pc).collect::<Vec<_>>(), theirs);
}

#[test]
fn steps_pass_over_what_throws() {
    let fixture = Fixture::load("exceptions");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let moved = stops(&explorer, &fixture.place("throw"), &["step", "sb"]);
    assert_eq!(moved[1].file_name(), Some(fixture.source_name().as_str()), "{moved:?}");
    assert_eq!(moved[2].tracepoint(), moved[0].tracepoint(), "{moved:?}");
}
