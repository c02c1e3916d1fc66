//! The rows of what rdb has to do at least that move through history: one test per row, with all
//! names of the commands, against the list of all executions.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

fn explorer() -> Explorer {
    recording("tree").explore()
}

fn place(mark: &str) -> String {
    Fixture::load("tree").place(mark)
}

/// Commands that lead to the second visit of a mark, with no breakpoint left.
fn to(mark: &str) -> Vec<String> {
    vec![format!("break {}", place(mark)), "rc".into(), "rc".into(), "delete".into()]
}

/// Where `command` leads from the second visit of a mark.
fn from(mark: &str, command: &str) -> Answer {
    explorer().last(&[to(mark), vec![command.to_owned()]].concat())
}

/// Where repeating a command leads, each time.
fn repeated(mark: &str, command: &str, times: usize) -> Vec<u64> {
    let commands = [to(mark), vec![command.to_owned(); times]].concat();
    explorer().ask(&commands)[4..].iter().map(Answer::tracepoint).collect()
}

/// The tracepoints that execute the first instruction of a location.
fn executions(location: &str) -> Vec<u64> {
    let found = explorer().last(&[format!("executions -c 100000 {location}")]);
    let rows = found.get("executions").as_array().expect("executions").iter();
    rows.map(|row| row["tracepoint"].as_u64().expect("a tracepoint")).collect()
}

fn before(all: &[u64], t: u64) -> Option<u64> {
    all.iter().copied().rev().find(|one| *one < t)
}

fn after(all: &[u64], t: u64) -> Option<u64> {
    all.iter().copied().find(|one| *one > t)
}

/// Every name leads to the same place.
fn same(mark: &str, names: &[&str], arguments: &str) -> Answer {
    let all: Vec<Answer> = names.iter().map(|n| from(mark, &format!("{n} {arguments}"))).collect();
    for answer in &all {
        assert_eq!(answer.result, all[0].result, "{}", answer.command);
    }
    all[0].clone()
}

#[test]
fn l2_step_back_goes_n_source_lines_back_into_calls() {
    let single = repeated("build", "step-back", 1000);
    // Out of an inlined function that begins there, a step stays at the tracepoint.
    assert!(single.windows(2).all(|pair| pair[1] <= pair[0]), "{single:?}");
    assert!(single.windows(40).all(|some| some[39] < some[0] || some[0] == 0), "{single:?}");
    for count in [1, 2, 5, 20] {
        let names = ["step-back", "sb", "prev", "ps", "step-back -c"];
        let there = same("build", &names, &count.to_string());
        assert_eq!(there.tracepoint(), single[count - 1]);
    }
    // Back over the line that called insert, into its end.
    let functions: Vec<_> =
        (1..=12).map(|n| from("build", &format!("sb {n}")).function().map(str::to_owned)).collect();
    assert!(functions.contains(&Some("insert".to_owned())), "{functions:?}");
    // Among them are the lines that the executions of a line say; libc may have lines, too.
    let starts = executions(&place("build"));
    assert!(single.iter().any(|t| starts.contains(t)));
}

#[test]
fn l3_step_back_inst_goes_n_instructions_back() {
    let start = from("build", "where").tracepoint();
    for count in [1, 2, 100, 1000] {
        let names = ["step-back-inst", "sbi", "pi", "step-back-inst -c", "reverse-stepi"];
        let there = same("build", &names, &count.to_string());
        assert_eq!((there.tracepoint(), there.reason()), (start - count, "step"));
    }
    let beyond = from("build", "sbi 100000000");
    assert_eq!((beyond.tracepoint(), beyond.reason()), (0, "start"));
}

#[test]
fn l4_step_back_until_an_address_or_a_line() {
    let start = from("sort", "rend").tracepoint();
    for mark in ["random", "allocate", "deeper", "compare"] {
        let all = executions(&place(mark));
        let pc = explorer().last(&[format!("jump {}", all[0])]);
        let pc = pc.get("pc").as_str().expect("a pc").to_owned();
        let commands = ["step-back-until-address -a", "step-back-until-address", "pa", "pa -a"];
        let lines = ["step-back-until-line -l", "step-back-until-line", "pl", "pl -l"];
        let asked = commands.map(|one| format!("{one} {pc}"));
        let asked = asked.into_iter().chain(lines.map(|one| format!("{one} {}", place(mark))));
        for command in asked {
            let answers = explorer().ask(&["rend", &command, &command]);
            let last = before(&all, start);
            assert_eq!(Some(answers[1].tracepoint()), last, "{command}");
            assert_eq!(answers[1].reason(), "until", "{command}");
            assert_eq!(
                Some(answers[2].tracepoint()),
                before(&all, last.expect("one")),
                "{command}"
            );
        }
    }
    // A line of the current file, and one that history does not pass before.
    let here = Fixture::load("tree").line("random");
    let (short, long) =
        (from("build", &format!("pl {here}")), from("build", &format!("pl {}", place("random"))));
    assert_eq!(short.tracepoint(), long.tracepoint());
    let never = from("build", &format!("pl {}", place("sort")));
    assert_eq!((never.tracepoint(), never.reason()), (0, "start"));
}

#[test]
fn l5_step_back_until_out_and_to_the_start() {
    let there = same("left", &["step-back-until-out", "sbo", "pf", "reverse-finish"], "");
    assert_eq!(there.reason(), "out");
    // To the call: one instruction further is the function's first, in a frame less deep.
    let answers = explorer().ask(
        &[
            to("left"),
            ["bt", "sbo", "bt", "ri", "executions -c 1 insert"].map(str::to_owned).to_vec(),
        ]
        .concat(),
    );
    assert_eq!(answers[4].functions()[1..], answers[6].functions()[..]);
    assert_eq!(answers[7].function(), Some("insert"));
    assert_eq!(answers[7].get("offset"), 0);
    // All the way out, call by call.
    let depth = answers[4].functions().iter().position(|name| name == "main").expect("main");
    let main = repeated("left", "sbo", depth);
    let last = explorer().last(&[format!("jump {}", main[depth - 1])]);
    assert_eq!(last.function(), Some("main"));
    let start = same("left", &["step-back-until-start", "sbs"], "");
    assert_eq!((start.tracepoint(), start.reason()), (0, "start"));
    // Whatever breakpoints there are.
    let commands = [to("left"), vec!["break insert".into(), "sbs".into()]].concat();
    assert_eq!(explorer().last(&commands).tracepoint(), 0);
}

#[test]
fn l6_continue_reverse_goes_to_the_last_enabled_hit_else_the_beginning() {
    for name in ["continue-reverse", "cr", "reverse-continue"] {
        let hits = |mark: &str| executions(&place(mark));
        let (random, sort) = (hits("random"), hits("sort"));
        let breaks = [format!("break {}", place("random")), format!("break {}", place("sort"))];
        let both =
            [breaks.to_vec(), ["rend", name, name, name].map(str::to_owned).to_vec()].concat();
        let answers = explorer().ask(&both);
        let stops: Vec<u64> = answers[3..].iter().map(Answer::tracepoint).collect();
        let mut expected: Vec<u64> = random.iter().chain(&sort).copied().collect();
        expected.sort_unstable();
        expected.reverse();
        assert_eq!(stops, expected[..3], "{name}");
        assert!(answers[3..].iter().all(|answer| answer.reason() == "breakpoint"));
        let one =
            [breaks.to_vec(), ["disable 2", "rend", name].map(str::to_owned).to_vec()].concat();
        assert_eq!(Some(&explorer().last(&one).tracepoint()), random.last(), "{name}");
        let none =
            [breaks.to_vec(), ["disable", "rend", name].map(str::to_owned).to_vec()].concat();
        let start = explorer().last(&none);
        assert_eq!((start.tracepoint(), start.reason()), (0, "start"), "{name}");
    }
}

#[test]
fn l7_replay_goes_the_same_ways_forwards() {
    // Lines.
    let single = repeated("build", "replay", 12);
    for count in [1, 5, 12] {
        let there = same("build", &["replay", "rs", "step", "replay -c"], &count.to_string());
        assert_eq!(there.tracepoint(), single[count - 1]);
    }
    // Instructions.
    let start = from("build", "where").tracepoint();
    for count in [1, 100] {
        let there =
            same("build", &["replay-inst", "ri", "stepi", "replay-inst -c"], &count.to_string());
        assert_eq!(there.tracepoint(), start + count);
    }
    // Addresses and lines.
    for mark in ["random", "deeper", "compare"] {
        let all = executions(&place(mark));
        let next = after(&all, start);
        let pc = explorer().last(&[format!("jump {}", all[0])]);
        let pc = pc.get("pc").as_str().expect("a pc").to_owned();
        let there = same("build", &["replay-until-address", "ra", "replay-until-address -a"], &pc);
        assert_eq!((Some(there.tracepoint()), there.reason()), (next, "until"), "{mark}");
        let there =
            same("build", &["replay-until-line", "rl", "replay-until-line -l"], &place(mark));
        assert_eq!(Some(there.tracepoint()), next, "{mark}");
    }
    // Out: behind the call that step-back-until-out goes back to.
    let out = same("left", &["replay-until-out", "rf", "finish"], "");
    assert_eq!(out.reason(), "out");
    let call = from("left", "sbo");
    let behind = explorer().ask(&[format!("jump {}", call.tracepoint()), "next".into()]);
    assert!(behind[1].tracepoint() >= out.tracepoint());
    assert_eq!(out.function(), from("left", "bt").functions().get(1).map(String::as_str));
    // The end, whatever breakpoints there are; and on to them.
    let end = same("left", &["replay-until-end", "rend"], "");
    assert_eq!((end.tracepoint(), end.reason()), (end.end(), "exit"));
    for name in ["replay-continue", "rc", "continue"] {
        let mut commands = vec![format!("break {}", place("deeper"))];
        let all = executions(&place("deeper"));
        commands.extend(vec![name.to_owned(); all.len() + 1]);
        let answers = explorer().ask(&commands);
        let stops: Vec<u64> = answers[1..].iter().map(Answer::tracepoint).collect();
        assert_eq!(stops[..all.len()], all, "{name}");
        assert_eq!(answers[all.len() + 1].reason(), "exit");
    }
}

#[test]
fn l11_breakpoints_hold_both_ways_and_stop_reasons_come_back() {
    let crash = recording("crash_segv").explore();
    let fixture = Fixture::load("crash_segv");
    let mark = fixture.marks.keys().next().expect("a mark").clone();
    let end = crash.last(&["rend"]);
    assert_eq!(end.reason(), "signal");
    let signal = end.get("stop").clone();
    // However one returns to it.
    let back = end.tracepoint() - 3;
    for way in ["rend", "rc", "ri 3", "ri 100", "rs 100", "next 100", "jump end"] {
        let answers =
            crash.ask(&[format!("jump {back}"), way.to_owned(), "sbi".into(), "where".into()]);
        assert_eq!(answers[1].get("stop"), &signal, "{way}");
        assert_ne!(answers[3].reason(), "signal", "{way}");
    }
    // Both ways over a breakpoint, and at it whatever leads there.
    let place = fixture.place(&mark);
    let hit = crash.ask(&[&*format!("break {place}"), "rc"])[1].tracepoint();
    for (from, way) in [(0, "rc"), (end.tracepoint(), "cr"), (hit + 1, "sbi"), (hit - 1, "ri")] {
        let answers =
            crash.ask(&[format!("break {place}"), format!("jump {from}"), way.to_owned()]);
        assert_eq!((answers[2].tracepoint(), answers[2].reason()), (hit, "breakpoint"), "{way}");
    }
}

#[test]
fn p4_system_calls_have_arguments_results_and_data_in_time_order() {
    let explorer = recording("loop_write").explore();
    let answer = explorer.last(&["syscalls -c 1000"]);
    let rows = answer.get("syscalls").as_array().expect("system calls");
    let times: Vec<u64> = rows.iter().map(|row| row["tracepoint"].as_u64().expect("t")).collect();
    assert!(times.is_sorted() && times.len() > 20);
    let writes: Vec<_> = rows.iter().filter(|row| row["name"] == "write").collect();
    assert_eq!(writes.len(), 20);
    for (n, row) in writes.iter().enumerate() {
        let data = format!("line {n}\n");
        assert_eq!(row["output"], data, "{row}");
        assert_eq!(row["value"], data.len(), "{row}");
        assert!(row["arguments"][1]["text"].to_string().contains(&format!("line {n}")), "{row}");
        assert_eq!(row["arguments"][2]["text"], data.len().to_string(), "{row}");
        // The registers at that tracepoint say the same.
        let at = format!("jump {}", row["tracepoint"]);
        let registers = explorer.last(&[&*at, "regs"]);
        assert_eq!(registers.register("rax"), 1);
        assert_eq!(row["arguments"][0]["text"], registers.register("rdi").to_string(), "{row}");
        assert_eq!(registers.register("rdx"), data.len() as u64);
    }
    let last = rows.last().expect("a call");
    assert_eq!(
        (last["name"].as_str(), &last["value"]),
        (Some("exit_group"), &serde_json::Value::Null)
    );
}
