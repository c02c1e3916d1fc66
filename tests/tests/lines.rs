//! Lines that optimisers scatter: where steps stop, and where breakpoints are, as in gdb.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, parse_hex};
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
