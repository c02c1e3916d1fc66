//! Why lines did not run: the branch that the fixture's marks foretell, and what it went by.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording_of;
use serde_json::Value;

/// The answer from the beginning of `main` on.
fn ask(flavour: Flavour, question: &str) -> Answer {
    let fixture = Fixture::load("untaken");
    let explorer = recording_of(&fixture, flavour).explore();
    explorer.last(&["break main", "rc", &format!("why-not {question}")])
}

fn at_mark(flavour: Flavour, mark: &str) -> Answer {
    ask(flavour, &Fixture::load("untaken").place(mark))
}

/// The decision of the only place.
fn decision(answer: &Answer) -> &Value {
    let places = answer.get("places").as_array().expect("places");
    assert_eq!(places.len(), 1, "{answer:?}");
    let reason = &places[0]["reason"];
    assert_eq!(reason["kind"], "branch", "{answer:?}");
    reason
}

fn is_at(place: &Value, mark: &str) -> bool {
    place["line"].as_u64() == Some(Fixture::load("untaken").line(mark).into())
}

fn operands(decision: &Value) -> String {
    decision["condition"]["operands"].to_string()
}

#[test]
fn a_condition_is_told_with_its_values() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = at_mark(flavour, "refused");
        let decision = decision(&answer);
        assert!(is_at(decision, "over"), "{flavour:?} {answer:?}");
        assert_eq!(decision["times"], 3, "{answer:?}");
        let (amount, limit) = ("\"value\":\"0x14\"", "\"value\":\"0x32\"");
        // Optimised, the amount is a constant of the comparison.
        let told = operands(decision).contains(amount) || flavour == Flavour::O2;
        assert!(told, "{flavour:?} {answer:?}");
        assert!(operands(decision).contains(limit), "{flavour:?} {answer:?}");
    }
    let answer = at_mark(Flavour::O0, "refused");
    assert!(operands(decision(&answer)).contains("amount"), "{answer:?}");
}

#[test]
fn in_a_loop_the_branch_inside_decides() {
    let answer = at_mark(Flavour::O0, "found");
    let decision = decision(&answer);
    assert!(is_at(decision, "compare"), "{answer:?}");
    assert_eq!(decision["times"], 4, "{answer:?}");
    let first = operands(decision);
    assert!(first.contains("0x2") && first.contains("0x6"), "{first}");
}

#[test]
fn the_end_of_the_program_is_no_way_to_the_line() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = at_mark(flavour, "lenient");
        let decision = decision(&answer);
        assert!(is_at(decision, "strict"), "{flavour:?} {answer:?}");
    }
}

#[test]
fn a_switch_decides_through_its_table() {
    let answer = at_mark(Flavour::O0, "four");
    let decision = decision(&answer);
    assert_eq!(decision["function"], "kind", "{answer:?}");
}

#[test]
fn a_function_that_was_not_called_is_told_by_its_callers() {
    for flavour in [Flavour::O0, Flavour::O2] {
        for question in [Fixture::load("untaken").place("report"), "report".to_string()] {
            let answer = ask(flavour, &question);
            let reason = &answer.get("places")[0]["reason"];
            assert_eq!(reason["kind"], "not-called", "{flavour:?} {answer:?}");
            let callers = reason["callers"].as_array().expect("callers");
            assert_eq!(callers.len(), 1, "{answer:?}");
            assert!(is_at(&callers[0], "call"), "{answer:?}");
            let why = &callers[0]["reason"];
            assert!(is_at(why, "negative"), "{flavour:?} {answer:?}");
        }
    }
    let answer = ask(Flavour::O0, "unused");
    let reason = &answer.get("places")[0]["reason"];
    assert_eq!(reason["callers"].as_array().map(Vec::len), Some(0), "{answer:?}");
}

#[test]
fn what_ran_is_said_to_have_run() {
    let fixture = Fixture::load("untaken");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let missing = fixture.place("missing");
    let answers = explorer.ask(&[
        "break main",
        "rc",
        &format!("why-not {missing}"),
        &format!("rl {missing}"),
        &format!("why-not --within 1 {}", fixture.place("lenient")),
    ]);
    assert_eq!(answers[2].get("ran").as_u64(), Some(answers[3].tracepoint()));
    // Nothing that decides comes within one instruction: the last time counts, if there is one.
    assert!(answers[4].get("ran").is_null(), "{:?}", answers[4]);
}

#[test]
fn addresses_where_no_code_ever_is_are_told_in_one_line() {
    let explorer = recording_of(&Fixture::load("untaken"), Flavour::O0).explore();
    for address in ["*0x10", "*0xffffffffffffffff"] {
        let answer = explorer.last(&[format!("why-not {address}")]);
        let reason = &answer.get("places")[0]["reason"];
        assert_eq!(reason["kind"], "unknown", "{answer:?}");
        let said = explorer.text(&[format!("why-not {address}")]);
        assert_eq!((said.code(), said.stderr_text().as_str()), (0, ""));
        let reasons = said.stdout_text();
        let reasons = reasons.lines().filter(|line| line.contains("no code is mapped there"));
        assert_eq!(reasons.count(), 1);
    }
}

#[test]
fn modules_not_mapped_yet_are_said_not_to_be_looked_through() {
    let explorer = recording_of(&Fixture::load("untaken"), Flavour::O0).explore();
    let answers = explorer.ask(&["why-not unused", "break main", "rc", "why-not unused"]);
    let unmapped = answers[0].get("unmapped").as_array().expect("modules");
    assert!(unmapped.iter().any(|path| path.to_string().contains("libc")), "{answers:?}");
    assert_eq!(answers[3].result.get("unmapped"), None, "{answers:?}");
    // Stubs, which jump for their callers, are no calls through pointers.
    let sites = answers[0].get("places")[0]["reason"]["pointers"]["sites"].to_string();
    assert!(sites.starts_with('[') && !sites.contains("@plt"), "{sites}");
}

/// The reason of the only place.
fn reason(answer: &Answer) -> &Value {
    let places = answer.get("places").as_array().expect("places");
    assert_eq!(places.len(), 1, "{answer:?}");
    &places[0]["reason"]
}

#[test]
fn what_is_no_instruction_is_said_to_be_none() {
    for (question, told) in [
        ("*$rsp", "[stack], which is not executable"),
        ("*main+2", "is inside an instruction of main"),
    ] {
        let answer = ask(Flavour::O0, question);
        assert_eq!(reason(&answer)["kind"], "no-instruction", "{answer:?}");
        assert!(reason(&answer)["what"].as_str().is_some_and(|w| w.contains(told)), "{answer:?}");
    }
    let unmapped = ask(Flavour::O0, "*0x10");
    assert!(reason(&unmapped)["what"].as_str().is_some_and(|w| w.contains("mapped")));
}

#[test]
fn of_a_part_that_lies_apart_the_jump_into_it_decides() {
    let fixture = Fixture::load("cold_part");
    let explorer = recording_of(&fixture, Flavour::O2).explore();
    let question = format!("why-not {}", fixture.place("unlikely"));
    let answer = explorer.last(&["break main", "rc", &question]);
    let reason = reason(&answer);
    assert_eq!(reason["function"], "counted", "{answer:?}");
    assert!(reason["part"].is_string(), "{answer:?}");
    let callers = reason["callers"].as_array().expect("callers");
    let test = u64::from(fixture.line("test"));
    assert!(callers.iter().any(|caller| caller["line"].as_u64() == Some(test)), "{answer:?}");
    let text = explorer.text(&["break main", "rc", &question]).stdout_text();
    assert!(!text.lines().any(|line| line.starts_with("counted was")), "{text}");
    assert!(callers.iter().any(|caller| caller["reason"]["kind"] == "branch"), "{answer:?}");
}

/// Tracepoints of all decisions in an answer.
fn decided(value: &Value, into: &mut Vec<u64>) {
    match value {
        Value::Object(fields) => {
            if fields.get("kind").is_some_and(|kind| kind == "branch") {
                into.extend(fields["tracepoint"].as_u64());
            }
            fields.values().for_each(|field| decided(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| decided(item, into)),
        _ => {}
    }
}

#[test]
fn no_branch_from_before_the_last_run_is_told() {
    let fixture = Fixture::load("untaken");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let (taken, counted) = (fixture.place("taken"), fixture.place("counted"));
    let question = format!("why-not {taken}");
    let stops = [&format!("break {taken}"), &format!("break {counted}"), "rend", "cr"];
    let answers = explorer.ask(&[&stops[..], &[&question, "cr", &question]].concat());
    let last = answers[5].tracepoint();
    assert_eq!(answers[4].get("last").as_u64(), Some(last), "{answers:?}");
    let mut branches = Vec::new();
    decided(&answers[4].result, &mut branches);
    assert!(!branches.is_empty() && branches.iter().all(|t| *t > last), "{answers:?}");
    // At the line itself, the time before counts as before.
    assert_eq!(answers[6].get("ran").as_u64(), Some(last), "{answers:?}");
    assert!(answers[6].get("last").as_u64().is_some_and(|t| t < last), "{answers:?}");
    // Within one instruction from the second run on, the third is the next.
    let within = format!("why-not --within 1 {taken}");
    let go = format!("jump {}", answers[6].get("last").as_u64().unwrap_or_default() + 1);
    let answer = explorer.last(&[go, within]);
    assert_eq!(answer.get("next").as_u64(), Some(last), "{answer:?}");
    let text = explorer.text(&[&stops[..], &[&question]].concat()).stdout_text();
    assert!(text.contains("it ran last at #"), "{text}");
}

const EITHER: &str = "\
#include <stdio.h>
int main(int argc, char **argv)
{
  int a = argc + 2, b = argc + 6, c = 0;
  if (a == 1 ||
      b == 2)
    c = 5;
  for (int i = 0; i < 3; i++)
    if (a + i == 100 ||
        b + i == 200)
      c += 7;
  printf(\"%d\\n\", c);
  return 0;
}
";

#[test]
fn of_several_conditions_the_last_decides() {
    let guest = Guest::compiled("either.c", EITHER, &["gcc", "-g", "-O0"]);
    let explorer = guest.recorded();
    for (line, decides, operand, times) in [(7, 6, "0x7", 1), (11, 10, "0x7", 3)] {
        let answer = explorer.last(&["break main", "rc", &format!("why-not either.c:{line}")]);
        let decision = decision(&answer);
        // The lines of one condition may be told as the first.
        let at = decision["line"].as_u64().expect("a line");
        assert!((decides - 1..=decides).contains(&at), "{answer:?}");
        assert!(operands(decision).contains(operand), "{line}: {answer:?}");
        assert_eq!(decision["times"], times, "{line}: {answer:?}");
    }
}
