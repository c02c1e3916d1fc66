//! Where values came from, exactly: each link is about the bytes asked for and the moment they
//! were written, which `print` and `mod list` confirm, and nothing that only moves hides them.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;

fn explorer(name: &str, flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load(name), flavour).explore()
}

/// What a question answers where the fixture prints.
fn ask(flavour: Flavour, question: &str) -> Answer {
    let place = format!("break {}", Fixture::load("origins").place("print"));
    explorer("origins", flavour).last(&[&*place, "rc", question])
}

fn text(flavour: Flavour, questions: &[&str]) -> String {
    let place = format!("break {}", Fixture::load("origins").place("print"));
    let all: Vec<&str> = [&*place, "rc"].iter().chain(questions).copied().collect();
    explorer("origins", flavour).text(&all).stdout_text()
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

fn tracepoint(link: &Value) -> u64 {
    link["tracepoint"].as_u64().unwrap_or_else(|| panic!("no tracepoint: {link}"))
}

fn named<'a>(answer: &'a Answer, name: &str) -> Vec<&'a Value> {
    links(answer).iter().filter(|link| link["name"] == name).collect()
}

#[test]
fn a_loop_of_one_line_is_one_link_a_round() {
    let answer = ask(Flavour::O0, "why filled[2]");
    let rounds = named(&answer, "i");
    let values: Vec<&str> = rounds.iter().filter_map(|link| link["shown"].as_str()).collect();
    assert_eq!(values, ["2", "1", "0"], "{answer:?}");
    let first = rounds.last().expect("three rounds");
    assert_eq!(first["origins"][0]["kind"], "constant", "{answer:?}");
    assert_eq!(first["line"], Fixture::load("origins").line("fill"), "{answer:?}");
}

#[test]
fn each_link_stands_at_the_write_of_its_own_bytes() {
    for question in ["why filled", "why filled[3]", "why padded"] {
        let answer = ask(Flavour::O0, question);
        for name in ["i", "base", "filled[0]", "filled[2]", "padded.number"] {
            for link in named(&answer, name) {
                let t = tracepoint(link);
                let jump = format!("jump {}", t + 1);
                let asked = [jump.clone(), format!("print {name}"), format!("last {name}")];
                let answers = explorer("origins", Flavour::O0).ask(&asked);
                assert_eq!(answers[1].get("value"), &link["shown"], "{link}");
                assert_eq!(answers[2].tracepoint(), t, "{link}");
            }
        }
    }
    let told = ask(Flavour::O0, "why filled");
    assert!(named(&told, "i").len() >= 4, "{told:?}");
}

#[test]
fn of_a_value_kept_nowhere_the_operands_are_followed() {
    let answer = ask(Flavour::O0, "why filled[2] + base * 2");
    assert_eq!(answer.get("operands"), &Value::Bool(true), "{answer:?}");
    let roots = links(&answer).iter().filter(|link| link["of"].is_null());
    let names: Vec<&str> = roots.filter_map(|link| link["name"].as_str()).collect();
    assert_eq!(names, ["filled[2]", "base"], "{answer:?}");
    // An address alone still means what is there.
    for question in ["why &base", "why base"] {
        let answer = ask(Flavour::O0, question);
        assert_eq!(links(&answer)[0]["name"], "base", "{answer:?}");
        assert_eq!(answer.result.get("operands"), None, "{answer:?}");
    }
}

#[test]
fn padding_is_left_out_and_said() {
    let answer = ask(Flavour::O0, "why padded");
    // Behind the character 3 bytes, behind the number 8, behind the x87 number 6.
    assert_eq!(answer.get("padding"), 17, "{answer:?}");
    let roots = links(&answer).iter().filter(|link| link["of"].is_null());
    let bytes: u64 = roots.clone().filter_map(|link| link["bytes"].as_u64()).sum();
    assert_eq!(bytes, 1 + 4 + 10, "{answer:?}");
    let cleared = u64::from(Fixture::load("origins").line("cleared"));
    assert!(links(&answer).iter().all(|link| link["line"] != cleared), "{answer:?}");
    assert!(text(Flavour::O0, &["why padded"]).contains("17 bytes of padding"));
}

#[test]
fn saved_registers_and_the_linker_are_one_line() {
    let few = text(Flavour::O0, &["why argv"]);
    assert!(few.contains("moved ") && few.contains(" times through "), "{few}");
    assert!(few.contains("the stack pointer in _start"), "{few}");
    assert!(!few.contains("There is more"), "{few}");
    let all = text(Flavour::O0, &["why -v argv"]);
    assert!(!all.contains("moved "), "{all}");
    assert!(all.lines().count() > 2 * few.lines().count(), "{few}\n{all}");
}

#[test]
fn a_register_that_callees_save_leads_to_where_it_was_computed() {
    let fixture = Fixture::load("origins");
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = ask(flavour, "why kept");
        let own = |mark: &str| {
            let line = u64::from(fixture.line(mark));
            links(&answer).iter().any(|link| link["line"] == line)
        };
        assert!(own("kept"), "{flavour:?} {answer:?}");
        // Optimised, the element is computed without the loop.
        let computed = if flavour == Flavour::O2 { "base" } else { "fill" };
        assert!(own(computed), "{flavour:?} {answer:?}");
        let moved = |link: &Value| link["carried"] == true && link["of"].is_null();
        assert!(!links(&answer).iter().any(moved), "{answer:?}");
    }
}

#[test]
fn an_address_on_the_stack_ends_at_the_stack_pointer() {
    let fixture = Fixture::load("origins");
    for flavour in [Flavour::O0, Flavour::O2] {
        let place = format!("break {}", fixture.place("pointed"));
        let answer = explorer("origins", flavour).last(&[&*place, "rc", "why $rdi"]);
        let ends = links(&answer).iter().flat_map(|l| l["origins"].as_array().expect("origins"));
        // Beside it, the element's offset is a constant where an instruction of its own adds it.
        let ends = ends.filter(|o| flavour == Flavour::O2 || o["kind"] != "constant");
        let kinds: Vec<(&Value, &Value)> = ends.map(|o| (&o["kind"], &o["function"])).collect();
        assert_eq!(kinds.len(), 1, "{flavour:?} {answer:?}");
        assert_eq!(*kinds[0].0, "stack-pointer", "{flavour:?} {answer:?}");
        assert_eq!(*kinds[0].1, "main", "{flavour:?} {answer:?}");
    }
}

#[test]
fn template_arguments_do_not_make_lines_long() {
    let fixture = Fixture::load("containers");
    let explorer = recording_of(&fixture, rdb_tests::compile::first_flavour(&fixture)).explore();
    let place = format!("break {}", fixture.place("print"));
    let shown = explorer.text(&[&*place, "rc", "why numbers", "why names"]).stdout_text();
    let answered: Vec<&str> = shown.lines().filter(|line| line.contains(" = ")).collect();
    assert!(answered.len() > 4, "{shown}");
    let longest = answered.iter().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest < 240), "{shown}");
    assert!(shown.contains("<…>"), "{shown}");
}
