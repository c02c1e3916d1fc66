//! Names of indirect functions (STT_GNU_IFUNC) mean what was chosen for them: what the program
//! itself has as their addresses.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;

// At fixed addresses, pointers mean a stub.
const FLAVOURS: [Flavour; 2] = [Flavour::O0, Flavour::StaticPie];

fn chosen(flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load("chosen"), flavour).explore()
}

/// The first address in a text.
fn address_in(text: &Value) -> u64 {
    let text = text.as_str().expect("a text");
    let digits = text.split("0x").nth(1).expect("an address");
    let digits = digits.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default();
    parse_hex(&format!("0x{digits}"))
}

fn addresses(places: &Value) -> Vec<u64> {
    let places = places.as_array().expect("places").iter();
    places.map(|place| address_in(&place["address"])).collect()
}

/// The rows whose caller is `main`.
fn by_main(answer: &Answer) -> Vec<Value> {
    let rows = answer.get("calls").as_array().expect("calls").iter();
    rows.filter(|row| row["caller"]["function"] == "main").cloned().collect()
}

#[test]
fn a_function_of_the_programs_own_means_its_implementation() {
    for flavour in FLAVOURS {
        let explorer = chosen(flavour);
        let answers =
            explorer.ask(&["rend", "print twice_of", "calls twice", "info address twice"]);
        let means = address_in(answers[1].get("value"));
        let calls = &answers[2];
        assert_eq!(addresses(calls.get("places")), [means], "{flavour:?}");
        let place = &calls.get("places")[0];
        assert_eq!(
            (&place["indirect"], &place["function"]),
            (&"twice".into(), &"twice_fast".into())
        );
        let rows = by_main(calls);
        let texts: Vec<_> = rows.iter().map(|row| &row["returned"]["value"]).collect();
        assert_eq!(texts, ["8", "10"], "{flavour:?}");
        assert_eq!(address_in(answers[3].get("place")), means, "{flavour:?}");
        // Its body is where its first line is; the resolver runs before it, and is passed by.
        let answers = explorer.ask(&["break twice", "rc", "print a", "rc", "print a", "rc"]);
        let values = [answers[2].get("value"), answers[4].get("value")];
        assert_eq!(values, ["4", "5"], "{flavour:?}");
        assert_ne!(answers[5].reason(), "breakpoint");
        let resolver = explorer.last(&["rend", "calls resolve_twice"]);
        assert!(!resolver.get("calls").as_array().expect("calls").is_empty(), "it has a name, too");
    }
}

#[test]
fn functions_of_the_c_library_mean_what_the_program_calls() {
    for flavour in FLAVOURS {
        let explorer = chosen(flavour);
        let commands = [
            "rend",
            "print length_of",
            "calls -c 1000 strlen",
            "info address strlen",
            "break strlen",
        ];
        let answers = explorer.ask(&commands);
        let means = address_in(answers[1].get("value"));
        let calls = &answers[2];
        let places = calls.get("places").as_array().expect("places");
        let own: Vec<_> = places.iter().filter(|place| place["indirect"] == "strlen").collect();
        assert_eq!(own.len(), 1, "{places:?}");
        assert_eq!(address_in(&own[0]["address"]), means, "{flavour:?}");
        let rows = by_main(calls);
        let lengths: Vec<_> = rows.iter().map(|row| &row["value"]).collect();
        assert_eq!(lengths, ["0x1", "0x3"], "{flavour:?}");
        // Assembly: its debug information knows of no parameters, which does not mean none.
        assert!(rows.iter().all(|row| row.get("parameters").is_none()), "{rows:?}");
        assert_eq!(address_in(answers[3].get("place")), means, "{flavour:?}");
        let breakpoint = &answers[4].get("breakpoint")["targets"];
        assert!(addresses(breakpoint).contains(&means), "{breakpoint:?}");
        let times = explorer.ask(&["rend", "calls -c 0 strlen", "executions -c 0 strlen"]);
        assert_eq!(times[1].get("total"), times[2].get("total"));
        let all = calls.get("calls").as_array().expect("calls").len();
        assert_eq!(times[1].get("total"), all);
    }
    // The dynamic linker has one for itself, which was called before there was another.
    let explorer = chosen(Flavour::O0);
    let calls = explorer.last(&["rend", "calls -c 1000 strlen"]);
    let places = calls.get("places").as_array().expect("places");
    let libraries: Vec<_> = places.iter().filter_map(|place| place["library"].as_str()).collect();
    assert!(libraries.iter().any(|name| name.starts_with("libc")), "{libraries:?}");
    let text = explorer.text(&["rend", "calls strlen"]).stdout_text();
    let all = libraries.iter().all(|name| text.contains(&format!("of {name}\n")));
    assert!(all, "{text}");
    assert!(text.lines().any(|line| line.contains("rdi=0x")), "{text}");
}

#[test]
fn what_was_never_chosen_is_said_to_be() {
    for flavour in FLAVOURS {
        let explorer = chosen(flavour);
        for question in ["calls never", "break never", "executions never"] {
            let answers = explorer.attempt(&[question]).1;
            let error = answers[0].error.clone().unwrap_or_default();
            assert!(error.contains("never is chosen at run time"), "{question}: {error}");
        }
        let list = explorer.last(&["info breakpoints"]);
        assert_eq!(list.get("breakpoints").as_array().map(Vec::len), Some(0));
    }
}
