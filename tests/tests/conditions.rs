//! Conditions of breakpoints and watchpoints; the names of the tests begin with the row of what
//! rdb has to do at least.

use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

/// Stops of `commands`, without those that are no stops at breakpoints.
fn stops(answers: &[Answer]) -> Vec<u64> {
    let stopped = answers.iter().filter(|answer| answer.reason() == "breakpoint");
    stopped.map(Answer::tracepoint).collect()
}

#[test]
fn l11_a_condition_holds_in_both_directions() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let place = recursion.place("bottom");
    // fibonacci(10) ends in fibonacci(1) 55 times, and in fibonacci(0) 34 times.
    let mut commands = vec![format!("break {place} if n == 1 && $rip")];
    commands.extend((0..56).flat_map(|_| ["rc".to_owned(), "print n".to_owned()]));
    let answers = explorer.ask(&commands[..commands.len() - 1]);
    let (there, shown): (Vec<_>, Vec<_>) =
        answers[1..].iter().cloned().partition(|answer| answer.command == "rc");
    assert_eq!(stops(&there).len(), 55);
    assert_eq!(there.last().map(Answer::reason), Some("exit"));
    assert!(shown.iter().all(|answer| answer.get("value") == "1"), "{shown:?}");
    let mut commands = vec!["rend".to_owned(), format!("break {place}"), "condition 1 n==1".into()];
    commands.extend(vec!["cr".to_owned(); 56]);
    let mut back = stops(&explorer.ask(&commands)[3..]);
    back.reverse();
    assert_eq!(back, stops(&there));
    // Without the condition, all of them.
    let mut commands = vec![format!("break {place} if n == 1"), "condition 1".to_owned()];
    commands.extend(vec!["rc".to_owned(); 90]);
    assert_eq!(stops(&explorer.ask(&commands)[2..]).len(), 55 + 34);
}

#[test]
fn l11_a_condition_without_a_value_stops_and_says_so() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let place = recursion.place("bottom");
    let never = format!("break {place} if *(int *)((long)n - n) > 1");
    let answers = explorer.ask(&[&*never, "rc", "info b"]);
    assert_eq!(answers[1].reason(), "breakpoint");
    assert!(answers[1].get("condition_faults").to_string().contains("has no value"), "{answers:?}");
    assert_eq!(answers[2].get("breakpoints")[0]["condition"], "*(int *)((long)n - n) > 1");
    let text = explorer.text(&[&*format!("break {place} if *(int*)0"), "rc", "info b"]);
    let shown = text.stdout_text();
    let fault = shown.lines().find(|line| line.contains("has no value")).expect("the fault");
    assert!(fault.contains("condition of 1"), "{fault}");
    assert!(shown.lines().any(|line| line.trim() == "only if *(int*)0"), "{shown}");
    for refused in ["break main if 1 +", "break main if", "condition 7 1", "watch x if"] {
        let (output, answers) = explorer.attempt(&[refused, "info breakpoints"]);
        assert_eq!(output.code(), 1, "{refused}");
        assert!(answers[0].error.is_some());
        assert_eq!(answers[1].get("breakpoints").as_array().map(Vec::len), Some(0), "{refused}");
    }
}

#[test]
fn l11_a_condition_is_checked_where_the_breakpoint_is() {
    let place = Fixture::load("tree").place("deeper");
    let explorer = recording("tree").explore();
    // At the first instruction, in the dynamic linker, none of its variables is alive.
    let good = ["seed > 1", "depth > 1", "sizeof(struct node) > 4", "$count == 0", "main"];
    let at = |condition: &str| format!("break {place} if {condition}");
    let good: Vec<String> = good.iter().map(|condition| at(condition)).collect();
    let answers = explorer.attempt(&good).1;
    assert!(answers.iter().all(|answer| answer.ok), "{answers:?}");
    let refused = [
        (at("nosuch > 1"), "nosuch"),
        (at("dept > 1"), "did you mean depth"),
        (at("depth > 1 && fresh"), "it is a variable of insert"),
        (format!("print-each dept at {place}"), "did you mean depth"),
        (format!("print-each depth at {place} if nosuch"), "nosuch"),
        ("watch seed if sed > 1".to_owned(), "did you mean seed"),
    ];
    for (command, says) in refused {
        let (output, answers) = explorer.attempt(&[&*command, "info b"]);
        assert_eq!(output.code(), 1, "{command}");
        let error = answers[0].error.clone().unwrap_or_default();
        assert!(error.contains(says), "{command}: {error}");
        assert_eq!(answers[1].get("breakpoints").as_array().map(Vec::len), Some(0), "{command}");
    }
    // A watchpoint's condition may be about any function's variables.
    let watch = explorer.last(&["watch seed if depth > 1"]);
    assert!(watch.ok);
    // What is set when the breakpoint is there is checked there, too.
    let (_, answers) = explorer.attempt(&[&*format!("break {place}"), "condition 1 nosuch"]);
    assert!(answers[1].error.as_ref().is_some_and(|error| error.contains("nosuch")));
}

#[test]
fn l11_names_in_methods_are_the_objects_members_too() {
    let place = Fixture::load("methods").place("pay");
    let explorer = recording("methods").explore();
    // Of its own, of a base, of a union without a name, static, of the namespace, of the object.
    let good = ["balance == 100", "shared == 0", "half == 5", "count == 2", "opened == 3", "this"];
    for condition in good {
        let answers = explorer.ask(&[&*format!("break {place} if {condition}"), "rc"]);
        assert_eq!(answers[1].reason(), "breakpoint", "{condition}");
        assert!(answers[1].get("condition_faults").to_string().len() < 5, "{answers:?}");
    }
    let refused =
        [("balanc > 1", "did you mean balance"), ("nosuch", "nosuch"), ("shard", "shared")];
    for (condition, says) in refused {
        let (_, answers) = explorer.attempt(&[&*format!("break {place} if {condition}"), "info b"]);
        let error = answers[0].error.clone().unwrap_or_default();
        assert!(error.contains(says), "{condition}: {error}");
        assert_eq!(answers[1].get("breakpoints").as_array().map(Vec::len), Some(0), "{condition}");
    }
}

#[test]
fn l11_a_watchpoints_condition_is_looked_at_behind_the_write() {
    let explorer = recording("tree").explore();
    let answers = explorer.ask(&[
        "watch depth_seen if depth_seen == 4",
        "rc",
        "print depth_seen",
        "rc",
        "cr",
        "print depth_seen",
        "cr",
    ]);
    assert_eq!(answers[1].reason(), "watch");
    assert_eq!(answers[2].get("value"), "4");
    assert_ne!(answers[3].reason(), "watch", "it is 4 once");
    assert_eq!(answers[4].reason(), "watch");
    assert_eq!(answers[4].tracepoint() + 1, answers[1].tracepoint());
    assert_eq!(answers[5].get("value"), "3");
    assert_eq!(answers[6].reason(), "start");
}

#[test]
fn l11_steps_pass_where_a_condition_is_false() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let (call, parity) = (recursion.place("call"), recursion.place("parity"));
    let bottom = recursion.place("bottom");
    let go = [format!("break {call}"), "rc".to_owned()];
    let step = |condition: &str| {
        let last = [format!("break {bottom} if {condition}"), "next".to_owned()];
        explorer.last(&[go.as_slice(), &last].concat())
    };
    let over = step("n > 1");
    let line = parity.rsplit(':').next().and_then(|line| line.parse().ok());
    assert_eq!((over.reason(), over.line()), ("step", line));
    assert_eq!(step("n == 0").reason(), "breakpoint");
}

#[test]
fn l11_far_hits_are_those_of_the_list_of_executions() {
    let explorer = recording("many_hits").explore();
    let each = explorer.last(&["print-each -c 2000 i at hit"]);
    let rows = each.get("samples").as_array().expect("samples").clone();
    let tracepoint = |i: usize| rows[i - 1]["tracepoint"].as_u64().expect("a tracepoint");
    assert_eq!(rows.len(), 2000);
    let stop = |commands: &[&str]| explorer.last(commands).tracepoint();
    assert_eq!(stop(&["break hit if i == 1500", "rc"]), tracepoint(1500));
    assert_eq!(stop(&["break hit if i == 300", "rend", "cr"]), tracepoint(300));
    assert_eq!(stop(&["break hit if i % 500 == 0", "ignore 1 2", "rc"]), tracepoint(1500));
    assert_eq!(stop(&["break hit if i % 500 == 0", "ignore 1 2", "rend", "cr"]), tracepoint(1000));
    assert_eq!(stop(&["break hit", "ignore 1 1998", "rc"]), tracepoint(1999));
    assert_eq!(stop(&["break hit", "ignore 1 1998", "rend", "cr"]), tracepoint(2));
    // The nearest of several; where a condition has no value, history stops as well.
    let several = ["break hit if i == 1900", "break hit if i == 1700", "break main"];
    let stop = |more: &[&str]| explorer.last(&[&several[..], more].concat());
    let first = stop(&["rc", "rc"]);
    assert_eq!((first.tracepoint(), first.reason()), (tracepoint(1700), "breakpoint"));
    assert_eq!(first.get("stop")["breakpoints"].to_string(), "[2]");
    assert_eq!(stop(&["rend", "cr"]).tracepoint(), tracepoint(1900));
    let fault = "break hit if i < 1200 ? 0 : *(int *)((long)i - i)";
    let stopped = explorer.last(&[fault, "rc"]);
    assert_eq!(stopped.tracepoint(), tracepoint(1200));
    assert!(stopped.get("condition_faults").to_string().contains("has no value"), "{stopped:?}");
    assert_eq!(explorer.last(&["break hit if i == 2001", "rc"]).reason(), "exit");
}

/// What `many_hits` stores to `total`: what it held before and afterwards, of each write that
/// changes it, and the number of the call of `hit` before it.
fn changes_of_total() -> Vec<(i32, i32, usize)> {
    let (mut total, mut changes) = (0, Vec::new());
    for i in 1..=2000 {
        let mut value = total;
        let mut put = |new: i32| changes.push((std::mem::replace(&mut value, new), new, i));
        let sum = total + i as i32;
        put(sum);
        total = (0..300).fold(sum, |held, k| {
            put(held ^ k);
            held ^ k
        });
    }
    changes.retain(|(old, new, _)| old != new);
    changes
}

#[test]
fn l11_a_watchpoints_condition_is_judged_far_away_too() {
    let explorer = recording("many_hits").explore();
    let changes = changes_of_total();
    let unique = |wanted: i32| changes.iter().filter(|(_, new, _)| *new == wanted).count() == 1;
    let late = changes.iter().find(|(_, new, call)| *call >= 100 && unique(*new));
    let (_, late, call) = *late.expect("a value that is there once");
    let each = explorer.last(&["print-each -c 300 i at hit"]);
    let began = |call: usize| each.get("samples")[call - 1]["tracepoint"].as_u64().expect("one");
    let behind = format!("jump {}", began(call + 60));
    let watch = |kind: &str| format!("{kind} total if total == {late}");
    let at = |commands: &[&str]| {
        let stopped = explorer.last(commands);
        assert_eq!(stopped.reason(), "watch", "{commands:?}");
        let stop = stopped.get("stop").clone();
        assert_eq!(stop["new_value"], late.to_string(), "{commands:?}");
        stop["tracepoint"].as_u64().expect("a tracepoint")
    };
    let written = at(&[&*watch("watch"), "rc"]);
    assert!((began(call)..began(call + 1)).contains(&written), "{written} of {call}");
    assert_eq!(at(&[&*watch("watch"), &*behind, "cr"]), written);
    assert_eq!(at(&[&*watch("awatch"), "rc"]), written);
    // It is read next by the code that changes it again.
    let read = at(&[&*watch("rwatch"), "rc"]);
    assert!(read > written);
    assert_eq!(at(&[&*watch("awatch"), "rc", "rc"]), read);
    // Of several, as many are passed by as are to be ignored.
    let some: Vec<_> = changes.iter().filter(|(_, new, _)| new % 256 == 7).collect();
    let before = some.iter().filter(|(_, _, at)| *at < call + 60);
    let back = *before.rev().nth(40).expect("so many");
    let ways =
        [(some[40], vec!["rc"]), (some[41], vec!["rc", "rc"]), (back, vec![behind.as_str(), "cr"])];
    for ((old, new, _), go) in ways {
        let set = ["watch total if total % 256 == 7", "ignore 1 40"];
        let stop = explorer.last(&[&set[..], &go].concat()).get("stop").clone();
        let values = (old.to_string().into(), new.to_string().into());
        assert_eq!((&stop["old_value"], &stop["new_value"]), (&values.0, &values.1), "{go:?}");
    }
    // Without a value: history stops.
    let fault = format!("watch total if total != {late} ? 0 : *(int *)((long)total - total)");
    let stopped = explorer.last(&[&*fault, "rc"]);
    assert!(stopped.get("condition_faults").to_string().contains("has no value"), "{stopped:?}");
    assert_eq!(stopped.get("stop")["tracepoint"], written);
}
