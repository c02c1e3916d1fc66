//! Python programs that Cython built; the names of the tests begin with the row of what rdb has
//! to do at least.

use rdb_tests::cython;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;
use std::collections::BTreeMap;

/// See [`cython::recorded`].
fn recorded() -> Option<(Guest, Explorer, BTreeMap<String, u32>)> {
    cython::recorded("prices.pyx", "total 55\n")
}

/// The marks of the lines that answers stopped at; all of them are lines of Python's.
fn stops<'m>(marks: &'m BTreeMap<String, u32>, answers: &[Answer]) -> Vec<&'m str> {
    let mark = |answer: &Answer| {
        assert_eq!(answer.file_name(), Some("prices.pyx"), "{answer:?}");
        let line = answer.line().expect("a line");
        let found = marks.iter().find(|(_, marked)| u64::from(**marked) == line);
        found.map_or("?", |(name, _)| name.as_str())
    };
    answers.iter().map(mark).collect()
}

#[test]
fn p3_a_python_program_is_stepped_by_its_lines_both_ways() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let add = format!("break prices.pyx:{}", marks["add"]);
    let mut commands = vec![add, "rc".to_owned(), "delete".to_owned()];
    commands.extend(vec!["next".to_owned(); 10]);
    commands.extend(vec!["reverse-next".to_owned(); 10]);
    let answers = explorer.ask(&commands);
    let forward = [&answers[1..2], &answers[3..13]].concat();
    let round = ["add", "halve", "for"];
    let expected = [&round[..], &round, &round, &["text", "return"]].concat();
    assert_eq!(stops(&marks, &forward), expected);
    let mut back = stops(&marks, &answers[13..]);
    back.reverse();
    assert_eq!(back, expected[..10]);
    assert_eq!(answers[22].tracepoint(), answers[1].tracepoint());
    // Over a call and back over it. The C variables of a function are declared under two of its
    // lines, where it stops first, as gdb does.
    let call = format!("break prices.pyx:{}", marks["call"]);
    let answers = explorer.ask(&[&*call, "rc", "next", "next", "next", "reverse-next", "next"]);
    let expected = ["call", "main", "call", "print", "call", "print"];
    assert_eq!(stops(&marks, &answers[1..]), expected);
}

#[test]
fn p3_python_variables_are_shown_by_their_names_and_content() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let text = format!("break prices.pyx:{}", marks["return"]);
    let expressions =
        ["sum", "half", "discount", "prices", "names", "table", "text", "__pyx_v_sum", "price"];
    let mut commands = vec![text, "rc".to_owned()];
    commands.extend(expressions.map(|expression| format!("print {expression}")));
    commands.extend(["info locals", "info args", "backtrace"].map(str::to_owned));
    let answers = explorer.ask(&commands);
    let shown = |at: usize| {
        let value = answers[2 + at].get("value").as_str().expect("a value");
        // Behind the address of an object stands its content.
        value.split_once(" 0x").map_or(value, |(_, rest)| rest.split_once(' ').expect("content").1)
    };
    assert_eq!([0, 1, 2, 7].map(shown), ["60", "0.0625", "5", "60"]);
    assert_eq!(shown(3), "[10, 20, 30]");
    assert_eq!(shown(4), r#"('first', "it's", b'\x00raw', None, True)"#);
    assert_eq!(shown(5), "{'a': -1, 'b': [2, 3.5, 1180591620717411303424], 'µ': ()}");
    assert_eq!([6, 8].map(shown), ["'sum 60'", "30"]);
    let named = |answer: &Answer| -> Vec<String> {
        let all = answer.get("variables").as_array().expect("variables").iter();
        all.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let [locals, arguments, stack] = &answers[11..] else { panic!("{answers:?}") };
    for wanted in ["sum", "half", "names", "table", "price", "text"] {
        assert!(named(locals).iter().any(|name| name == wanted), "{wanted}: {locals:?}");
    }
    assert_eq!(named(arguments)[1..], ["prices", "discount"]);
    let frames = stack.get("frames").as_array().expect("frames").iter();
    let lines: Vec<u64> = frames.filter_map(|frame| frame["line"].as_u64()).collect();
    let called = |mark: &str| lines.contains(&u64::from(marks[mark]));
    assert!(called("return") && called("call"), "{stack:?}");
}

#[test]
fn p3_python_variables_are_of_their_own_frame() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let here = [format!("break prices.pyx:{}", marks["return"]), "rc".to_owned()];
    for name in ["sum", "half", "price"] {
        let list = |name: &str| {
            explorer
                .last(&[&here[..], &[format!("mod list -c 0 {name}")]].concat())
                .result
                .to_string()
        };
        assert_eq!(list(name), list(&format!("__pyx_v_{name}")), "{name}");
    }
    // The watchpoint ends with the frame.
    let answers = explorer.ask(&[&here[..], &["watch sum", "rc"].map(str::to_owned)].concat());
    assert_eq!(answers[3].reason(), "scope", "{:?}", answers[3]);
}
