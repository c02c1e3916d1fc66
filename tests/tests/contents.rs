//! What is asked about containers is about their own bytes: the answers say so, and how to ask
//! about what they hold instead, which is true of it.

use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use serde_json::Value;

/// An explorer, and what goes to the line at which a fixture prints.
fn at_print(name: &str) -> (Explorer, Vec<String>) {
    let place = Fixture::load(name).place("print");
    (recording(name).explore(), vec![format!("break {place}"), "continue".to_owned()])
}

fn ask(explorer: &Explorer, go: &[String], commands: &[String]) -> Vec<Answer> {
    let all: Vec<String> = go.iter().chain(commands).cloned().collect();
    explorer.ask(&all).split_off(go.len())
}

/// What `content` in an answer says: where it is, its bytes, and the expression for it.
fn content(answer: &Value) -> (u64, u64, String) {
    let text = |field: &str| answer[field].as_str().unwrap_or_else(|| panic!("{answer:?}"));
    (parse_hex(text("address")), answer["bytes"].as_u64().unwrap(), text("ask").to_owned())
}

/// Asks for the writes of each variable, and for those of the content it names: that has to
/// be where it said, of so many bytes.
fn assert_contents(name: &str, expected: &[(&str, u64, &str)]) {
    let (explorer, go) = at_print(name);
    let lists: Vec<String> = expected.iter().map(|(name, ..)| format!("mod list {name}")).collect();
    let answers = ask(&explorer, &go, &lists);
    let found: Vec<_> = answers.iter().map(|answer| content(answer.get("content"))).collect();
    let asked: Vec<String> = found.iter().map(|(.., ask)| format!("mod list {ask}")).collect();
    let inside = ask(&explorer, &go, &asked);
    for (((name, bytes, wanted), (address, length, ask)), answer) in
        expected.iter().zip(&found).zip(&inside)
    {
        assert_eq!(length, bytes, "{name}");
        if !wanted.is_empty() {
            assert_eq!(ask, wanted, "{name}");
        }
        let subject = answer.get("subject");
        assert_eq!(parse_hex(subject["address"].as_str().unwrap()), *address, "{name}: {ask}");
        assert_eq!(subject["bytes"].as_u64(), Some(*length), "{name}: {ask}");
        assert!(!answer.get("modifications").as_array().unwrap().is_empty(), "{name}: {ask}");
        // Text that a reference leads to is elsewhere again.
        assert!(answer.get("content").is_null() || ask == "map[1]", "{name}: {ask}");
    }
}

#[test]
fn answers_about_cpp_containers_say_where_their_content_is() {
    let expected = [
        ("longer", 40, "longer[0]@40"),
        ("view", 11, "view[0]@11"),
        ("numbers", 12, "numbers[0]@3"),
        ("names", 64, "names[0]@2"),
        ("by_number", 32, "by_number[1]"),
        ("by_name", 4, "by_name[\"a\"]"),
        ("set", 4, ""),
        ("list", 4, ""),
        ("deque", 4, "deque[0]"),
        ("hashed", 4, "hashed[1]"),
        ("bits", 1, ""),
        ("stack", 16, ""),
        ("at_vector", 4, "*at_vector"),
        ("&longer", 40, "(*&longer)[0]@40"),
    ];
    assert_contents("containers", &expected);
}

#[test]
fn answers_about_rust_containers_say_where_their_content_is() {
    let expected = [
        ("owned", 10, "owned[0]@10"),
        ("list", 12, "list[0]@3"),
        ("map", 16, "map[1]"),
        ("words", 1, "words[\"a\"]"),
        ("ring", 4, ""),
        ("heap", 12, ""),
        ("boxed", 8, "*boxed"),
        ("boxed_text", 5, ""),
        ("boxed_list", 8, ""),
        ("counted_text", 7, ""),
        ("shared", 4, "*shared"),
        ("path", 4, ""),
    ];
    assert_contents("collections", &expected);
}

#[test]
fn what_lies_in_the_bytes_that_are_asked_about_is_not_mentioned() {
    let (explorer, go) = at_print("containers");
    let commands = ["name", "none", "nothing", "some", "array", "cat", "total", "-s 8 numbers"];
    let commands = commands.map(|what| format!("mod list {what}"));
    for answer in ask(&explorer, &go, &commands) {
        assert!(answer.ok && answer.get("content").is_null(), "{answer:?}");
    }
}

#[test]
fn each_command_names_itself() {
    let (explorer, go) = at_print("containers");
    for command in ["mod list", "reads", "last", "watch", "rwatch", "awatch"] {
        let asked = [format!("{command} longer")];
        let answer = &ask(&explorer, &go, &asked)[0];
        assert_eq!(content(answer.get("content")).2, "longer[0]@40", "{command}");
        let all: Vec<String> = go.iter().chain(&asked).cloned().collect();
        let text = explorer.text(&all).stdout_text();
        let line = text.lines().find(|line| line.starts_with("longer is 32 bytes; its content is"));
        let expected = format!(": {command} longer[0]@40");
        assert!(line.is_some_and(|line| line.ends_with(&expected)), "{command}: {text}");
    }
}
