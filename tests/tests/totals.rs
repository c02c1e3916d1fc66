//! Lists with a count of 0: none is shown, and how many there are is said, whatever the list.

use rdb_tests::recording::recording;

/// A list by the command that gives it, the field that holds it, and its recording.
const LISTS: [(&str, &str, &str, &str); 7] = [
    ("recursion", "executions", "fibonacci", "executions"),
    ("recursion", "calls", "fibonacci", "calls"),
    ("recursion", "print-each", "$rdi at fibonacci", "samples"),
    ("provenance", "find", "\"42 apples\"", "found"),
    ("provenance", "find --over all", "\"42 apples\"", "found"),
    ("provenance", "reads", "line", "reads"),
    ("provenance", "syscalls", "", "syscalls"),
];

#[test]
fn a_count_of_0_shows_none_and_says_how_many_there_are() {
    for (name, command, what, field) in LISTS {
        let explorer = recording(name).explore();
        let ask = |count: u64| ["rend".to_owned(), format!("{command} -c {count} {what}")];
        let listed = explorer.last(&ask(100_000));
        let count = listed.get(field).as_array().map_or(0, Vec::len) as u64;
        assert!(count > 0, "{command}: {listed:?}");
        let none = explorer.last(&ask(0));
        assert_eq!(none.get("total").as_u64(), Some(count), "{command}: {none:?}");
        assert!(none.get(field).is_null(), "{command}: {none:?}");
        let text = explorer.text(&ask(0)).stdout_text();
        assert!(text.contains("none is shown"), "{command}: {text}");
    }
}
