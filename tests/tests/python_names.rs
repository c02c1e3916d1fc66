//! Python programs that Cython built, by Python's names: functions, variables of closures and
//! generators, elements and attributes; and steps that stop in Python lines alone.

use rdb_tests::cython;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;
use std::collections::BTreeMap;

fn recorded() -> Option<(Guest, Explorer, BTreeMap<String, u32>)> {
    cython::recorded("shop.pyx", "not enough: 70\ndone 5 17 [0, 1, 4]\n")
}

/// What is behind the address of an object.
fn content(answer: &Answer) -> &str {
    let value = answer.get("value").as_str().expect("a value");
    value.split_once(" 0x").map_or(value, |(_, rest)| rest.split_once(' ').expect("content").1)
}

/// Answers to `commands` where a line of the program is first come to.
fn at(explorer: &Explorer, line: u32, commands: &[&str]) -> Vec<Answer> {
    let place = format!("break shop.pyx:{line}");
    let mut answers = explorer.ask(&[&["goto 0", &place, "continue"], commands].concat());
    answers.split_off(3)
}

#[test]
fn p3_functions_are_found_by_python_names() {
    let Some((_guest, explorer, _marks)) = recorded() else { return };
    for (python, own) in [
        ("fib", "__pyx_pf_4shop_fib"),
        ("shop.fib", "__pyx_pf_4shop_fib"),
        ("Account.withdraw", "__pyx_pf_4shop_7Account_2withdraw"),
        ("fast_add", "__pyx_f_4shop_fast_add"),
        ("adder", "__pyx_pf_4shop_5adder"),
        ("adder.add", "__pyx_pf_4shop_5adder_add"),
        ("shop.main", "__pyx_pf_4shop_7main"),
    ] {
        let calls = |name: &str| {
            let answer = explorer.last(&["goto 0", &format!("calls {name}")]);
            answer.get("calls").clone()
        };
        assert_eq!(calls(python), calls(own), "{python}");
        let answers = explorer.ask(&["goto 0", &format!("break {python}"), "continue"]);
        assert_eq!(answers[2].function(), Some(own), "{python}");
    }
    // The name of C's function stays what it means.
    let answers = explorer.ask(&["goto 0", "break main", "continue"]);
    assert_eq!(answers[2].function(), Some("main"));
}

#[test]
fn p3_variables_of_closures_and_generators_have_python_names() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let names = ["print x", "print base", "print extra", "print result", "info locals"];
    let answers = at(&explorer, marks["add"], &names);
    assert_eq!([0, 1, 2, 3].map(|one| content(&answers[one])), ["5", "10", "2", "17"]);
    let locals = answers[4].get("variables").as_array().expect("variables");
    let names: Vec<_> = locals.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["result", "base", "extra"]);
    let hidden = answers[4].get("hidden").as_array().expect("names");
    assert!(hidden.iter().any(|name| name == "__pyx_t_1"), "{hidden:?}");
    let commands = ["continue", "print square", "print limit", "last value"];
    let answers = at(&explorer, marks["yield"], &commands);
    assert_eq!([1, 2].map(|one| content(&answers[one])), ["1", "3"]);
    assert!(answers[3].function().is_some_and(|name| name.starts_with("__pyx_gb_")));
    // Before the structure is made, the argument is where it was passed.
    let answers = explorer.ask(&["goto 0", "break squares", "continue", "print limit"]);
    assert_eq!(content(&answers[3]), "3");
}

#[test]
fn p3_elements_and_attributes_are_where_python_keeps_them() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let asked = [
        ("numbers[2]", "1"),
        ("numbers[-1]", "5"),
        ("stock[\"pear\"]", "5"),
        ("stock[7]", "'seven'"),
        ("stock[\"plum\"]", "17"),
        ("account.owner", "'Ann'"),
        ("account.balance", "70"),
        ("counter.count", "4"),
        ("counter.name", "'c'"),
        ("unique", "{1, 3}"),
        ("frozen", "frozenset({4})"),
        ("nothing", "set()"),
    ];
    let commands = asked.map(|(expression, _)| format!("print {expression}"));
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let answers = at(&explorer, marks["print"], &commands);
    for ((expression, expected), answer) in asked.iter().zip(&answers) {
        assert_eq!(content(answer), *expected, "{expression}");
    }
    let place = format!("break shop.pyx:{}", marks["print"]);
    for wrong in ["numbers[6]", "numbers[-7]", "stock[\"none\"]", "account.none"] {
        let command = format!("print {wrong}");
        let (_, answers) = explorer.attempt(&["goto 0", &place, "continue", &command]);
        assert!(answers[3].get("value").is_null(), "{wrong}: {:?}", answers[3]);
    }
}

#[test]
fn p3_steps_stop_in_python_lines() {
    let Some((_guest, explorer, marks)) = recorded() else { return };
    let mut commands = vec!["goto 0".to_owned(), "break shop.main".to_owned()];
    commands.extend(["continue", "delete"].map(str::to_owned));
    commands.extend(vec!["step".to_owned(); 60]);
    commands.extend(vec!["reverse-step".to_owned(); 20]);
    let answers = explorer.ask(&commands);
    let steps = &answers[4..];
    assert!(steps.iter().all(|one| one.file_name() == Some("shop.pyx")), "{steps:?}");
    let passed = |mark: &str| {
        let line = Some(u64::from(marks[mark]));
        steps.iter().any(|one| one.line() == line)
    };
    for mark in ["call", "fib", "stock", "fast_add", "enough", "raise"] {
        assert!(passed(mark), "{mark}: {steps:?}");
    }
}
