//! What is said of the current source file and of the variables in scope at places, compared with
//! gdb.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;

/// The name and size of each variable that `info scope` of gdb tells of, those optimized out as 0.
fn told(text: &str) -> Vec<(String, u64)> {
    // Of some it prints expressions over several lines.
    let text = text.replace('\n', " ");
    let mut variables = text.split("Symbol ").skip(1).map(|part| {
        let name = part.split(' ').next().unwrap_or_default().to_owned();
        let length = part.rsplit_once(", length ").map(|(_, length)| length.trim());
        let length = length.and_then(|length| length.trim_end_matches('.').parse().ok());
        (name, length.unwrap_or(0))
    });
    variables.by_ref().collect()
}

fn scope(answer: &Answer) -> Vec<(String, u64)> {
    let variables = answer.get("variables").as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let one = |variable: &serde_json::Value| {
        let name = variable["name"].as_str().expect("a name").to_owned();
        let lost = variable["place"] == "optimized out";
        (name, if lost { 0 } else { variable["bytes"].as_u64().unwrap_or(0) })
    };
    variables.iter().map(one).collect()
}

#[test]
fn variables_in_scope_are_those_that_gdb_tells_of() {
    for (name, mark, functions) in
        [("pieces", "use", &["use", "main"][..]), ("inline", "call", &["main"])]
    {
        let fixture = Fixture::load(name);
        let places = functions.iter().map(ToString::to_string).chain([fixture.place(mark)]);
        let commands: Vec<String> = places.map(|place| format!("info scope {place}")).collect();
        for flavour in [Flavour::O0, Flavour::O2] {
            let guest = Guest::fixture(&fixture, flavour);
            let Some(expected) = oracle::answers(&guest, "main", 1, &commands) else { return };
            let answers = guest.record(&[]).explore().ask(&commands);
            for ((command, answer), expected) in commands.iter().zip(&answers).zip(&expected) {
                let (mut own, mut theirs) = (scope(answer), told(expected));
                own.sort();
                theirs.sort();
                assert_eq!(own, theirs, "{flavour:?} {command}: {expected}");
            }
        }
    }
}

#[test]
fn what_is_known_of_the_current_file_is_what_gdb_tells() {
    let fixture = Fixture::load("pieces");
    let guest = Guest::fixture(&fixture, Flavour::O0);
    let place = fixture.place("use");
    let commands = [String::from("info source")];
    let Some(expected) = oracle::answers(&guest, &place, 1, &commands) else { return };
    let recording = guest.record(&[]);
    let until = format!("until {place}");
    let answer = recording.explore().last(&[&until, "info source"]);
    let text = recording.explore().text(&[&until, "info source"]).stdout_text();
    let same =
        ["Compilation directory is", "Contains", "Source language is", "Compiled with DWARF"];
    for start in same {
        let line = |text: &str| {
            let found = text.lines().find(|line| line.starts_with(start)).map(str::to_owned);
            found.unwrap_or_else(|| panic!("no {start:?} in {text}"))
        };
        let (own, theirs) = (line(&text), line(&expected[0]));
        assert!(theirs.starts_with(own.trim_end_matches('.')), "{own} is not {theirs}");
    }
    let producer = answer.get("producer").as_str().expect("a producer");
    assert!(expected[0].contains(producer), "{producer}: {}", expected[0]);
    assert!(answer.get("file").as_str().expect("a file").ends_with("pieces.c"));
}

#[test]
fn the_scope_at_an_address_is_that_of_its_function() {
    let guest = Guest::fixture(&Fixture::load("pieces"), Flavour::O0);
    let answers = guest.record(&[]).explore().ask(&["info scope main", "info scope *main"]);
    assert!(!scope(&answers[0]).is_empty(), "{:?}", answers[0]);
    assert_eq!(scope(&answers[0]), scope(&answers[1]));
}
