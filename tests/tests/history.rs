//! Questions over the whole history, and steps that pass over calls; the names of the tests
//! begin with the row of what rdb has to do at least.

use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use serde_json::Value;

fn line(fixture: &Fixture, mark: &str) -> Option<u64> {
    Some(u64::from(fixture.line(mark)))
}

/// Commands that go to the first execution of a mark, and leave no breakpoint.
fn to(fixture: &Fixture, mark: &str) -> Vec<String> {
    let place = fixture.place(mark);
    [format!("break {place}"), "rc".into(), "delete".into(), "where".into()].to_vec()
}

fn then(mut commands: Vec<String>, more: &[&str]) -> Vec<String> {
    commands.extend(more.iter().map(ToString::to_string));
    commands
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.get("modifications").as_array().expect("a list").clone()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or("?")
}

fn tracepoint(row: &Value) -> u64 {
    row.get("tracepoint").and_then(Value::as_u64).expect("a tracepoint")
}

#[test]
fn l9_modifications_of_a_variable_have_their_place_and_values() {
    let tree = Fixture::load("tree");
    let answer = recording("tree").explore().last(&["mod list -c 100 -w future seed"]);
    let rows = rows(&answer);
    assert_eq!(rows.len(), 48, "one for each number");
    // The values that the program's own formula gives.
    let mut seed = 12345u32;
    for row in &rows {
        let next = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        assert_eq!(
            (text(row, "old"), text(row, "new")),
            (&*format!("{seed:#x}"), &*format!("{next:#x}"))
        );
        assert_eq!(text(row, "function"), "next_random");
        assert_eq!(row.get("line").and_then(Value::as_u64), line(&tree, "random"));
        assert!(row.get("column").is_some_and(Value::is_u64) && row.get("pc").is_some());
        seed = next;
    }
    assert!(rows.is_sorted_by_key(tracepoint));
}

#[test]
fn l9_past_future_and_the_cursors_own() {
    let explorer = recording("tree").explore();
    let all = rows(&explorer.last(&["mod list -c 100 seed"]));
    let middle = tracepoint(&all[20]);
    let jump = format!("jump {middle}");
    let commands =
        [&jump, "mod list -c 3 seed", "mod list -c 3 -w past seed", "mod -w future -c 2 seed"];
    let answers = explorer.ask(&commands);
    let times = |answer: &Answer| rows(answer).iter().map(tracepoint).collect::<Vec<_>>();
    let expected: Vec<u64> = all.iter().map(tracepoint).collect();
    assert_eq!(times(&answers[1]), expected[17..23]);
    assert_eq!(times(&answers[2]), expected[17..20]);
    assert_eq!(times(&answers[3]), expected[20..22]);
    let current = |row: &Value| row.get("current") == Some(&Value::Bool(true));
    let marked: Vec<bool> = rows(&answers[1]).iter().map(current).collect();
    assert_eq!(marked, [false, false, false, true, false, false]);
    let shown = explorer.text(&commands[..2]).stdout_text();
    let marked: Vec<&str> = shown.lines().filter(|line| line.starts_with('*')).collect();
    assert_eq!(marked.len(), 1, "{shown}");
}

#[test]
fn l9_registers_and_ranges_of_memory() {
    let tree = Fixture::load("tree");
    let explorer = recording("tree").explore();
    let commands =
        then(to(&tree, "random"), &["regs", "mod list -c 4 -w future $rsp", "mod list $rip"]);
    let (_, answers) = explorer.attempt(&commands);
    let rows = rows(&answers[5]);
    assert_eq!(rows.len(), 4);
    for pair in rows.windows(2) {
        assert_eq!(text(&pair[0], "new"), text(&pair[1], "old"));
    }
    for row in &rows {
        let here = explorer.ask(&[
            format!("jump {}", tracepoint(row)),
            "regs".into(),
            "ri".into(),
            "regs".into(),
        ]);
        assert_eq!(here[1].register("rsp"), parse_hex(text(row, "old")));
        assert_eq!(here[3].register("rsp"), parse_hex(text(row, "new")));
    }
    assert!(!answers[6].ok, "every instruction writes rip");
    // As in C, one more than an address is the next element's.
    let range = self::rows(&explorer.last(&["mod list -c 100 -w future &seed..&seed+1"]));
    let variable = self::rows(&explorer.last(&["mod list -c 100 -w future seed"]));
    assert_eq!(range.len(), variable.len());
    for (range, variable) in range.iter().zip(&variable) {
        let number = |field: &str| text(variable, field).parse::<u64>().ok();
        assert_eq!(tracepoint(range), tracepoint(variable));
        assert_eq!(Some(parse_hex(text(range, "old"))), number("old_value"));
        assert_eq!(Some(parse_hex(text(range, "new"))), number("new_value"));
    }
}

#[test]
fn l9_last_goes_from_write_to_write() {
    let explorer = recording("tree").explore();
    let all = rows(&explorer.last(&["mod list -c 100 seed"]));
    let answers = explorer.ask(&["rend", "last seed", "last seed", "last -w future seed"]);
    let there: Vec<u64> = answers[1..].iter().map(Answer::tracepoint).collect();
    let times: Vec<u64> = all.iter().map(tracepoint).collect();
    assert_eq!(there, [times[47], times[46], times[47]]);
    let (output, answers) = explorer.attempt(&["last seed"]);
    assert_eq!((output.code(), answers[0].ok), (1, false));
}

#[test]
fn l14_what_memory_functions_store_is_known() {
    let explorer = recording("stack_smash").explore();
    let answer = explorer.last(&["rend", "mod list -c 1 -w past $rsp-8"]);
    let row = &rows(&answer)[0];
    assert!(text(row, "function").contains("memset"), "{row}");
    assert_eq!(text(row, "new"), "0x0");
}

#[test]
fn l14_what_system_calls_store_is_known() {
    let explorer = recording("stdin_echo").explore();
    let calls = explorer.last(&["syscalls --name read"]);
    let calls = calls.get("syscalls").as_array().expect("calls").clone();
    let read = |call: &&Value| {
        call.get("value").and_then(Value::as_i64) > Some(8)
            && call
                .pointer("/arguments/0/text")
                .and_then(Value::as_str)
                .is_some_and(|fd| fd.starts_with('0'))
    };
    let call = calls.iter().find(read).unwrap_or_else(|| panic!("no read of input in {calls:?}"));
    let jump = format!("jump {}", tracepoint(call));
    let answer = explorer.last(&[&jump, "mod list -c 1 -w future $rsi+0"]);
    let row = &rows(&answer)[0];
    assert_eq!(tracepoint(row), tracepoint(call));
    assert_ne!(text(row, "old"), text(row, "new"));
}

#[test]
fn l4_back_to_a_line_and_to_an_address() {
    let tree = Fixture::load("tree");
    let explorer = recording("tree").explore();
    let random = tree.place("random");
    let first = explorer.last(&to(&tree, "random"));
    let mut commands = vec!["rend".to_string()];
    commands.extend((0..48).map(|_| format!("step-back-until-line {random}")));
    let back = explorer.ask(&commands);
    assert_eq!((back[48].tracepoint(), back[48].reason()), (first.tracepoint(), "until"));
    let start = explorer.last(&[&*format!("jump {}", first.tracepoint()), &format!("pl {random}")]);
    assert_eq!((start.tracepoint(), start.reason()), (0, "start"));
    let pc = first.get("pc").as_str().expect("a pc").to_string();
    let by_address =
        explorer.last(&["rend".to_string(), format!("step-back-until-address -a {pc}")]);
    let by_line = explorer.last(&["rend".to_string(), format!("pl -l {random}")]);
    assert_eq!(by_address.tracepoint(), by_line.tracepoint());
}

#[test]
fn l7_forward_to_a_line_and_to_an_address() {
    let tree = Fixture::load("tree");
    let explorer = recording("tree").explore();
    let place = tree.place("deeper");
    let there = explorer.last(&to(&tree, "deeper"));
    let reached = explorer.last(&[format!("replay-until-line {place}")]);
    assert_eq!((reached.tracepoint(), reached.reason()), (there.tracepoint(), "until"));
    let pc = there.get("pc").as_str().expect("a pc").to_string();
    assert_eq!(explorer.last(&[format!("ra {pc}")]).tracepoint(), there.tracepoint());
    // A breakpoint on the way comes first.
    let stopped =
        explorer.last(&[format!("break {}", tree.place("allocate")), format!("rl {place}")]);
    assert_eq!((stopped.reason(), stopped.line()), ("breakpoint", line(&tree, "allocate")));
}

#[test]
fn l5_back_out_is_at_the_call_and_l7_out_is_behind_it() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let commands =
        then(to(&recursion, "bottom"), &["backtrace", "rf", "backtrace", "sbo", "backtrace"]);
    let answers = explorer.ask(&commands);
    // The bottom is fibonacci(1), which fibonacci(2) called.
    let depth = |at: usize| answers[at].functions().iter().filter(|f| *f == "fibonacci").count();
    assert_eq!((depth(4), depth(6), depth(8)), (10, 9, 8));
    assert_eq!((answers[5].reason(), answers[7].reason()), ("out", "out"));
    assert_eq!(answers[5].line(), line(&recursion, "first"));
    // From there, back out of fibonacci(2) is at the call of it in fibonacci(3).
    assert!(answers[7].tracepoint() < answers[3].tracepoint());
    assert_eq!(answers[7].line(), line(&recursion, "first"));
}

#[test]
fn l5_out_of_a_function_that_longjmp_leaves() {
    let longjmp = Fixture::load("longjmp");
    let explorer = recording("longjmp").explore();
    let answers = explorer.ask(&then(to(&longjmp, "jump"), &["rf"]));
    assert_eq!((answers[4].function(), answers[4].reason()), (Some("main"), "out"));
    assert_eq!(answers[4].line(), line(&longjmp, "set"));
}

/// The lines that steps of one command stop at, from a mark on.
fn walk(
    explorer: &Explorer,
    start: Vec<String>,
    command: &str,
    count: usize,
) -> Vec<(u64, Option<u64>)> {
    let mut commands = start;
    let first = commands.len() - 1;
    commands.extend(vec![command.to_string(); count]);
    let answers = explorer.ask(&commands);
    answers[first..].iter().map(|answer| (answer.tracepoint(), answer.line())).collect()
}

#[test]
fn l2_over_calls_stays_in_the_function_both_ways() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let there = walk(&explorer, to(&recursion, "call"), "next", 2);
    let call = line(&recursion, "call").expect("a line");
    let lines: Vec<_> = there.iter().map(|(_, line)| line.expect("a line")).collect();
    assert_eq!(lines, [call, call + 1, call + 2]);
    let jump = format!("jump {}", there[2].0);
    let back: Vec<u64> =
        explorer.ask(&[&*jump, "reverse-next", "rn"])[1..].iter().map(Answer::tracepoint).collect();
    assert_eq!(back, [there[1].0, there[0].0]);
    // A breakpoint inside the call stops it.
    let commands =
        then(to(&recursion, "call"), &[&format!("break {}", recursion.place("bottom")), "next"]);
    assert_eq!(explorer.last(&commands).reason(), "breakpoint");
}

#[test]
fn l2_over_a_call_that_longjmp_or_an_exception_leaves() {
    for (name, from, to_line) in [("longjmp", "set", "landed"), ("exceptions", "try", "catch")] {
        let fixture = Fixture::load(name);
        let explorer = recording(name).explore();
        let there = walk(&explorer, to(&fixture, from), "next", 6);
        let wanted = line(&fixture, to_line);
        let second = there.iter().rposition(|(_, line)| *line == wanted);
        let second = second.unwrap_or_else(|| panic!("{name}: {there:?}"));
        // All of them are lines of main: nothing between was stepped into.
        let answers = explorer.ask(&[
            format!("jump {}", there[second].0),
            "rn".into(),
            "rn".into(),
            "rn".into(),
        ]);
        for answer in &answers {
            assert_eq!(answer.function(), Some("main"), "{name}: {answer:?}");
        }
        let back = answers[1].tracepoint();
        assert!(there.iter().any(|(t, _)| *t == back), "{name}: {there:?} {answers:?}");
    }
}

#[test]
fn executions_of_a_line_are_its_breakpoint_hits() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let place = recursion.place("bottom");
    let answer = explorer.last(&[format!("executions -c 1000 {place}")]);
    let listed: Vec<u64> =
        answer.get("executions").as_array().expect("a list").iter().map(tracepoint).collect();
    // fibonacci(10) bottoms out 89 times.
    assert_eq!(listed.len(), 89);
    let mut commands = vec![format!("break {place}")];
    commands.extend(vec!["rc".to_string(); 89]);
    let hits: Vec<u64> = explorer.ask(&commands)[1..].iter().map(Answer::tracepoint).collect();
    assert_eq!(listed, hits);
}

#[test]
fn calls_have_arguments_values_callers_and_ends() {
    let recursion = Fixture::load("recursion");
    let explorer = recording("recursion").explore();
    let answer = explorer.last(&["calls -c 1000 fibonacci"]);
    let calls = answer.get("calls").as_array().expect("a list").clone();
    assert_eq!(calls.len(), 177, "calls of fibonacci(10)");
    let fibonacci = |n: u64| (0..n).fold((0u64, 1u64), |(a, b), _| (b, a + b)).0;
    for call in &calls {
        let argument =
            parse_hex(call.pointer("/arguments/0").and_then(Value::as_str).expect("an argument"));
        // The upper halves of both registers are anything.
        let value = parse_hex(text(call, "value")) as u32;
        assert_eq!(u64::from(value), fibonacci(argument & 0xffff_ffff), "{call}");
        assert_eq!(text(call, "ending"), "returned");
        let end = call.get("end").and_then(Value::as_u64).expect("an end");
        assert_eq!(call.get("instructions").and_then(Value::as_u64), Some(end - tracepoint(call)));
    }
    let caller = calls[0].get("caller").expect("a caller");
    assert_eq!(caller.get("function").and_then(Value::as_str), Some("main"));
    assert_eq!(caller.get("line").and_then(Value::as_u64), line(&recursion, "call"));
    let left = recording("longjmp").explore().last(&["calls -c 100 deep"]);
    let left = left.get("calls").as_array().expect("a list").clone();
    // deep(2), deep(3) and deep(4), each down to 0.
    assert_eq!(left.len(), 3 + 4 + 5);
    assert!(left.iter().all(|call| text(call, "ending") == "left"));
}

#[test]
fn output_has_every_line_and_its_moment() {
    let made = recording("loop_write");
    let explorer = made.explore();
    let answer = explorer.last(&["output"]);
    let lines = answer.get("lines").as_array().expect("lines").clone();
    let texts: Vec<String> = lines.iter().map(|line| text(line, "text").to_string()).collect();
    assert_eq!(texts, (0..20).map(|n| format!("line {n}")).collect::<Vec<_>>());
    let there = explorer.ask(&["output 8", "regs", "output --fd 2"]);
    assert_eq!(there[0].tracepoint(), tracepoint(&lines[7]));
    assert_eq!((there[1].register("rax"), there[1].register("rdi")), (1, 1), "at the write");
    let errors: String = there[2]
        .get("lines")
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| text(line, "text").to_string() + "\n")
        .collect();
    assert_eq!(errors, made.guest_stderr());
    assert!(!explorer.attempt(&["output 21"]).1[0].ok);
}

#[test]
fn registers_are_no_variables_of_their_names() {
    let fixture = Fixture::load("constants");
    let explorer = recording("constants").explore();
    let stop = to(&fixture, "call");
    let count = |more: &[&str]| {
        let answer = explorer.last(&then(stop.clone(), more));
        answer.get("total").as_u64().unwrap_or_else(|| panic!("{answer:?}"))
    };
    let list = "mod list -c 0 $rbx";
    // The caller of main has no such variable.
    assert_eq!(count(&[list]), count(&["up", list]));
    assert_eq!(count(&["mod list -c 0 rbx"]), 1);
    let answers = explorer.ask(&then(stop.clone(), &["watch $rbx", "watch rbx"]));
    let scope = |answer: &Answer| answer.get("breakpoint")["watch"].get("scope").is_some();
    let [.., register, variable] = &answers[..] else { panic!("{answers:?}") };
    assert!(!scope(register) && scope(variable), "{answers:?}");
}

#[test]
fn output_has_the_lines_of_each_file() {
    let explorer = recording("descriptors").explore();
    let lines = |command: &str| -> Vec<String> {
        let answer = explorer.last(&[command]);
        let lines = answer.get("lines").as_array().expect("lines").clone();
        lines.iter().map(|line| text(line, "text").to_owned()).collect()
    };
    let all = lines("output");
    let from = all.iter().position(|line| line == "first").expect("the first line");
    let expected = [
        "first",
        "begun and ended",
        "IN",
        "open still",
        "late",
        "goes on",
        "AT",
        "one two",
        "one two",
        "three",
    ];
    assert_eq!(all[from..from + expected.len()], expected, "{all:?}");
    let answer = explorer.last(&["output"]);
    let rows = answer.get("lines").as_array().expect("lines").clone();
    let late = rows.iter().find(|line| text(line, "text") == "late").expect("a line");
    let number = &late["descriptor"];
    let own = lines(&format!("output --fd {number}"));
    let from = own.iter().position(|line| line == "first").expect("the first line");
    assert_eq!(own[from..], ["first", "begun", "IN", "late", "goes on", "AT"], "{own:?}");
}

#[test]
fn inlined_functions_have_no_offset_of_the_one_they_are_in() {
    let fixture = Fixture::load("inline");
    let explorer = recording("inline").explore();
    let answer = explorer.last(&then(to(&fixture, "square"), &["backtrace"]));
    let frames = answer.get("frames").as_array().expect("frames").clone();
    let offsets: Vec<_> = frames.iter().map(|frame| frame["offset"].as_u64()).collect();
    let functions = ["square", "poly", "outer", "main"];
    assert_eq!(answer.functions()[..4], functions, "{answer:?}");
    assert!(offsets[0].is_none() && offsets[1].is_none(), "{answer:?}");
    assert!(offsets[2].is_some() && offsets[3].is_some(), "{answer:?}");
    let place = fixture.place("square");
    let table = explorer.text(&[format!("executions {place}")]).stdout_text();
    assert!(table.contains("square ") && !table.contains("square+"), "{table}");
    let text = explorer.text(&then(to(&fixture, "square"), &[])).stdout_text();
    assert!(text.contains("square at ") && !text.contains("square+"), "{text}");
}

#[test]
fn l18_watchpoints_stop_behind_writes_and_backwards_before_them() {
    let explorer = recording("tree").explore();
    let all = rows(&explorer.last(&["mod list -c 100 seed"]));
    let times: Vec<u64> = all.iter().map(tracepoint).collect();
    let mut commands = vec!["watch seed".to_string()];
    commands.extend(vec!["rc".to_string(); 49]);
    commands.extend(vec!["cr".to_string(); 49]);
    let answers = explorer.ask(&commands);
    let stops: Vec<u64> = answers[1..].iter().map(Answer::tracepoint).collect();
    let behind: Vec<u64> = times.iter().map(|t| t + 1).collect();
    let before: Vec<u64> = times.iter().rev().copied().collect();
    assert_eq!((&stops[..48], &stops[49..97]), (&behind[..], &before[..]));
    assert_eq!((answers[49].reason(), answers[98].reason()), ("exit", "start"));
    for (answer, row) in answers[1..].iter().zip(&all) {
        assert_eq!(answer.reason(), "watch");
        let stop = answer.get("stop");
        assert_eq!((stop.get("old"), stop.get("new")), (row.get("old"), row.get("new")));
        assert_eq!(stop.get("tracepoint"), row.get("tracepoint"));
    }
    // Steps stop there as well, and a disabled one nowhere.
    let commands = [
        "watch seed".to_string(),
        format!("jump {}", times[3] - 1),
        "ri 5".into(),
        "disable 1".into(),
        "rc".into(),
    ];
    let answers = explorer.ask(&commands);
    assert_eq!((answers[2].tracepoint(), answers[2].reason()), (times[3] + 1, "watch"));
    assert_eq!(answers[4].reason(), "exit");
}
