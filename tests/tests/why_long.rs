//! Long answers to where values came from: rounds of a loop are told once, and links nobody
//! asked for are counted.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;

/// The text of an answer where the sum is printed.
fn text(question: &str) -> String {
    let fixture = Fixture::load("rounds");
    let explorer: Explorer = recording_of(&fixture, Flavour::O0).explore();
    let place = format!("break {}", fixture.place("print"));
    let output = explorer.text(&[place.as_str(), "rc", question]);
    assert_eq!(output.code(), 0, "{}", output.stderr_text());
    output.stdout_text()
}

/// How many links a text has: a line each says what holds which value; lines of code have tabs.
fn links(text: &str) -> usize {
    text.lines().filter(|line| !line.contains('\t') && line.contains(" = ")).count()
}

#[test]
fn rounds_that_repeat_the_one_before_are_told_once() {
    let folded = text("why sum");
    let same: Vec<&str> = folded.lines().filter(|line| line.contains("the same, ")).collect();
    assert_eq!(same.len(), 1, "{folded}");
    let times = same[0]
        .trim_start()
        .strip_prefix("the same, ")
        .and_then(|rest| rest.split(' ').next().and_then(|number| number.parse::<usize>().ok()));
    // All rounds of the loop but the last and the first: they count as one of the 24 links that
    // may lie one behind the other.
    assert_eq!(times, Some(98), "{folded}");
    assert!(folded.contains("  sum = 0  ") && !folded.contains("There is more"), "{folded}");
    assert!(same[0].contains(", from #") && links(&folded) < 20, "{folded}");
    let short = text("why -c 2 sum");
    assert!(short.contains("There is more") && !short.contains("  sum = 0  "), "{short}");
    let all = text("why --all sum");
    assert!(!all.contains("the same, ") && links(&all) > links(&folded), "{all}");
}

#[test]
fn links_that_are_too_many_are_counted() {
    let whole = text("why --links 10 values");
    assert_eq!(links(&whole), 10, "{whole}");
    let said = whole.lines().find(|line| line.contains("more links are not shown"));
    let said = said.unwrap_or_else(|| panic!("{whole}")).trim();
    let numbers: Vec<usize> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [left_out, all] = numbers.as_slice() else { panic!("{said}") };
    assert_eq!(10 + left_out, *all, "{said}");
    assert!(said.contains(&format!("--links {all} shows them")), "{said}");
    let every = text(&format!("why --links {all} values"));
    assert!(!every.contains("are not shown"), "{every}");
    // There are more than are shown when nobody says how many.
    assert!(*all > 60, "{said}");
    let usual = text("why values");
    assert!(usual.contains(&format!("{} more links are not shown", all - 60)), "{usual}");
    assert_eq!(links(&text("why --links 3 values")), 3);
}
