//! Names that units keep for themselves, in programs of several: which of them an expression
//! means, wherever it is evaluated.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::marks;
use rdb_tests::guest::Guest;
use rdb_tests::recording::{Recording, recording};
use std::process::Command;

const MAIN: &str = "
int shared = 1;
static int both = 10;
int apart(int n);
int main(void)
{
    int sum = shared;
    for (int i = 0; i < 3; i++)
        sum += apart(i) + both; // MARK: call
    return sum == 0;
}
";

const OTHER: &str = "
static int both = 20;
static int kept = 30;
int own = 40;
int apart(int n)
{
    kept += n; // MARK: adds
    return kept + both + own;
}
";

/// A recording of a program of two units, and the place of a mark in each.
fn recorded() -> (Guest, Recording, [String; 2]) {
    let mut guest = Guest::system("", &[]);
    let sources = [("first.c", MAIN, "call"), ("second.c", OTHER, "adds")];
    guest.program = guest.directory().join("units");
    let mut compiler = Command::new("gcc");
    compiler.args(["-g", "-O0", "-o"]).arg(&guest.program);
    let places = sources.map(|(name, text, mark)| {
        let path = guest.directory().join(name);
        std::fs::write(&path, text).expect("a source");
        compiler.arg(&path);
        format!("{name}:{}", marks(&path)[mark])
    });
    must_run(&mut compiler);
    let recording = guest.record(&[]);
    (guest, recording, places)
}

fn value(explorer: &Explorer, place: &str, expression: &str) -> Result<String, String> {
    let stop = format!("break {place}");
    let (_, answers) = explorer.attempt(&[&*stop, "rc", &format!("print {expression}")]);
    match &answers[2].error {
        Some(error) => Err(error.clone()),
        None => Ok(answers[2].get("value").as_str().expect("a value").to_owned()),
    }
}

#[test]
fn a_name_means_what_the_function_sees() {
    let (_guest, recording, [call, adds]) = recorded();
    let explorer = recording.explore();
    let known = [
        (&call, "both", "10"),
        (&adds, "both", "20"),
        (&adds, "kept", "30"),
        (&call, "own", "40"),
        (&adds, "shared", "1"),
        (&call, "second.c::kept", "30"),
        (&call, "second.c::both", "20"),
    ];
    for (place, expression, expected) in known {
        let value = value(&explorer, place, expression);
        assert_eq!(value.as_deref(), Ok(expected), "{expression} at {place}");
    }
    let error = value(&explorer, &call, "kept").expect_err("another unit's");
    assert!(error.contains("static in second.c: say second.c::kept"), "{error}");
    // In the dynamic linker, where the history begins.
    let questions = ["print own", "print second.c::kept", "print kept", "print both"];
    let (_, answers) = explorer.attempt(&questions);
    assert!(answers[..3].iter().all(|answer| answer.ok), "{answers:?}");
    // Two units have one.
    let error = answers[3].error.clone().unwrap_or_default();
    assert!(error.contains(".c::both"), "{error}");
}

#[test]
fn a_condition_knows_what_its_place_sees() {
    let (_guest, recording, [call, adds]) = recorded();
    let explorer = recording.explore();
    let (_, answers) = explorer.attempt(&[format!("break {call} if kept > 1")]);
    let error = answers[0].error.clone().unwrap_or_default();
    assert!(error.contains("static in second.c: say second.c::kept"), "{error}");
    // Set from elsewhere, what the place sees counts.
    for (condition, stops) in [("kept == 31", 1), ("both == 20", 3), ("both == 10", 0)] {
        let mut commands = vec![format!("break {adds} if {condition}")];
        commands.extend(vec!["rc".to_owned(); 4]);
        let answers = explorer.ask(&commands);
        let hits = answers[1..].iter().filter(|answer| answer.reason() == "breakpoint").count();
        assert_eq!(hits, stops, "{condition}: {answers:?}");
        assert!(answers[1].get("condition_faults").to_string().len() < 5, "{answers:?}");
    }
    let each = explorer.last(&[format!("print-each both, kept at {adds}")]);
    assert_eq!(each.get("samples").as_array().map(Vec::len), Some(3), "{each:?}");
    // At the third execution, what was added before is there.
    assert_eq!(each.get("samples")[2]["values"][1]["value"], "31", "{each:?}");
}

#[test]
fn a_function_that_is_inlined_everywhere_is_no_value() {
    let explorer = recording("inline").explore();
    let outer = explorer.last(&["rend", "print outer"]);
    let text = outer.get("value").as_str().expect("a value").to_owned();
    assert!(text.starts_with("{int (int)} 0x") && text.contains("outer"), "{text}");
    let (_, answers) = explorer.attempt(&["rend", "print square", "break square"]);
    let error = answers[1].error.as_deref().unwrap_or_default();
    assert!(error.contains("inlined wherever it is called"), "{error}");
    assert!(answers[2].ok, "{answers:?}");
}

#[test]
fn a_function_is_no_copy_that_another_module_inlined() {
    let explorer = recording("allocated").explore();
    let [first, last] = ["jump 0", "rend"].map(|place| {
        let answer = explorer.last(&[place, "info address malloc"]);
        answer.result.to_string()
    });
    assert_eq!(first, last);
}
