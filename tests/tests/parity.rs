//! What rdb has to do at least, one test per row; the names of the tests begin with the row.

use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

fn fixture(name: &str) -> Fixture {
    Fixture::load(name)
}

fn line(fixture: &Fixture, mark: &str) -> Option<u64> {
    Some(u64::from(fixture.line(mark)))
}

fn to(fixture: &Fixture, mark: &str) -> Vec<String> {
    vec!["sbs".into(), format!("break {}", fixture.place(mark)), "rc".into()]
}

fn then(mut commands: Vec<String>, more: &[&str]) -> Vec<String> {
    commands.extend(more.iter().map(ToString::to_string));
    commands
}

#[test]
fn l3_step_back_inst_undoes_replay_inst() {
    let tree = fixture("tree");
    let commands =
        then(to(&tree, "build"), &["regs", "ri 25", "sbi 25", "regs", "ri", "sbi", "where"]);
    let answers = recording("tree").explore().ask(&commands);
    let start = answers[2].tracepoint();
    assert_eq!(answers[3].result, answers[6].result);
    let places: Vec<u64> =
        [4, 5, 7, 8, 9].iter().map(|at: &usize| answers[*at].tracepoint()).collect();
    assert_eq!(places, [start + 25, start, start + 1, start, start]);
}

#[test]
fn l2_step_back_goes_back_by_lines_into_calls() {
    let branch = fixture("branch");
    let commands = then(to(&branch, "print"), &["sb", "sb"]);
    let answers = recording("branch").explore().ask(&commands);
    // The last line begun before `print` is the end of `choose`, not the call in `main`.
    assert_eq!(answers[3].function(), Some("choose"));
    assert_eq!(answers[4].function(), Some("choose"));
    assert_eq!(answers[4].line(), line(&branch, "taken_when_clear"));
}

#[test]
fn l6_continue_reverse_stops_at_the_last_hit_else_the_start() {
    let recursion = fixture("recursion");
    let bottom = format!("break {}", recursion.place("bottom"));
    let commands = ["rend", &bottom, "cr", "cr", "rc", "delete 1", "cr"];
    let answers = recording("recursion").explore().ask(&commands);
    let (last, before) = (&answers[2], &answers[3]);
    assert_eq!((last.reason(), last.line()), ("breakpoint", line(&recursion, "bottom")));
    assert_eq!((before.reason(), before.line()), ("breakpoint", line(&recursion, "bottom")));
    assert!(before.tracepoint() < last.tracepoint());
    assert_eq!(answers[4].tracepoint(), last.tracepoint());
    assert_eq!((answers[6].reason(), answers[6].tracepoint()), ("start", 0));
}

#[test]
fn l7_replay_goes_forwards_by_lines_and_to_the_end() {
    let branch = fixture("branch");
    let explorer = recording("branch").explore();
    let answers = explorer.ask(&then(to(&branch, "test"), &["rs", "rs", "rs", "rend", "sbs"]));
    assert_eq!(answers[3].line(), line(&branch, "taken_when_clear"));
    assert_eq!(answers[4].function(), Some("choose"));
    assert_eq!(answers[6].tracepoint(), answers[6].end());
    assert_eq!(answers[6].reason(), "exit");
    assert_eq!(answers[7].tracepoint(), 0);
    let counted = explorer.ask(&then(to(&branch, "test"), &["rs 3"]));
    assert_eq!(counted[3].tracepoint(), answers[5].tracepoint());
}

#[test]
fn l8_where_and_jump_agree() {
    let explorer = recording("tree").explore();
    let end = explorer.last(&["where"]).end();
    let mut commands = Vec::new();
    for part in 0..=8 {
        commands.extend([format!("jt {}", end * part / 8), "ct".to_string()]);
    }
    let answers = explorer.ask(&commands);
    for (part, pair) in (0..).zip(answers.chunks(2)) {
        assert_eq!(pair[0].tracepoint(), end * part / 8);
        assert_eq!(pair[0].get("pc"), pair[1].get("pc"));
        assert_eq!(pair[1].tracepoint(), end * part / 8);
    }
    let (output, answers) = explorer.attempt(&[format!("jump {}", end + 1)]);
    assert_eq!((output.code(), answers[0].ok), (1, false));
}

#[test]
fn l11_breakpoints_hold_in_both_directions() {
    let explorer = recording("loop_write").explore();
    let loops = fixture("loop_write");
    let forwards = then(to(&loops, "write"), &["rc"; 20]);
    let mut hits: Vec<u64> =
        explorer.ask(&forwards)[2..22].iter().map(Answer::tracepoint).collect();
    let place = format!("break {}", loops.place("write"));
    let mut commands = vec!["rend".to_string(), place];
    commands.extend(vec!["cr".to_string(); 20]);
    let back: Vec<u64> = explorer.ask(&commands)[2..].iter().map(Answer::tracepoint).collect();
    hits.reverse();
    assert_eq!(hits, back);
}

#[test]
fn l11_a_crash_shows_its_signal_again() {
    for (name, signal) in [
        ("crash_segv", "SIGSEGV"),
        ("planted", "SIGFPE"),
        ("crash_abort", "SIGABRT"),
        ("crash_kill", "SIGTERM"),
    ] {
        let answers = recording(name).explore().ask(&["rend", "sb 2", "rend"]);
        for at in [0, 2] {
            assert_eq!(answers[at].reason(), "signal", "{name}");
            assert!(answers[at].stop().contains(signal), "{name}: {}", answers[at].stop());
        }
    }
}

#[test]
fn l12_the_stack_is_whole_again_before_the_memset() {
    let smash = fixture("stack_smash");
    let explorer = recording("stack_smash").explore();
    let answers = explorer.ask(&["rend", "backtrace", "sb", "sb"]);
    assert_eq!(answers[0].get("pc").as_str(), smash.truth.final_pc.as_deref());
    assert!(answers[0].stop().contains("SIGSEGV"));
    assert_eq!(answers[1].functions()[1..4], ["parse", "process", "main"], "from history");
    assert_eq!(answers[2].line(), line(&smash, "return"));
    assert_eq!(answers[3].line(), line(&smash, "corrupted"));
    // Where libc's own lines are known, the way back leads through memset's.
    let back = [&["rend"][..], &["sb"; 60]].concat();
    let there = explorer.ask(&back);
    let before = there.iter().find(|a| a.line() == line(&smash, "overrun"));
    let before = before.map(Answer::tracepoint).expect("the line of the memset is on the way");
    let answers = explorer.ask(&[format!("jump {before}"), "backtrace".into()]);
    assert_eq!(answers[1].functions()[..4], ["fill", "parse", "process", "main"]);
}

#[test]
fn l12_locals_are_whole_again_two_lines_before_the_stack_was_overrun() {
    let smash = fixture("stack_smash");
    let explorer = recording("stack_smash").explore();
    let commands = ["rend", "sb 2", "bt", &format!("break {}", smash.place("overrun")), "cr"];
    let answers = explorer.ask(&commands);
    assert_eq!(answers[2].functions()[..4], ["fill", "parse", "process", "main"], "from history");
    let before = format!("jump {}", answers[4].tracepoint());
    let full = explorer.last(&[&before, "backtrace full"]);
    let frames = full.get("frames").as_array().expect("frames");
    let value = |frame: usize, kind: &str, name: &str| {
        let variables = frames[frame][kind].as_array().expect("variables");
        let found = variables.iter().find(|v| v["name"] == name).expect("the variable");
        found["value"].as_str().expect("a value").to_string()
    };
    // fill(41) added 41 · 10 to the 5 of parse(40), which process(20) called.
    assert_eq!(value(0, "arguments", "id"), "41");
    assert_eq!(value(0, "locals", "local"), "410");
    assert_eq!(value(1, "arguments", "id"), "40");
    assert_eq!(value(1, "locals", "total"), "415");
    assert_eq!(value(2, "arguments", "id"), "20");
    assert_eq!(value(2, "locals", "doubled"), "40");
    // Any frame's variables and registers, by selecting it.
    let selected = [
        &before,
        "frame 2",
        "print doubled * 2",
        "print $sp",
        "up",
        "print result",
        "down",
        "print id",
        "frame 0",
        "print *total",
        "print $sp",
    ];
    let answers = explorer.ask(&selected);
    let shown = |at: usize| answers[at].get("value").as_str().expect("a value").to_string();
    assert_eq!([shown(2), shown(7), shown(9)], ["80", "20", "415"]);
    assert!(shown(3) > shown(10), "the stack grows down: {} {}", shown(3), shown(10));
    assert_eq!(answers[4].function(), Some("main"));
}

#[test]
fn l16_evaluating_leaves_no_mark_on_the_timeline() {
    let variables = fixture("variables");
    let recorded = recording("variables");
    let bytes = std::fs::read(&recorded.trace).expect("the trace");
    let looks = ["where", "regs all", "x/64xb &points", "backtrace full", "info locals"];
    let expressions = [
        "print points",
        "print p->x * 3 + by",
        "print *points@3",
        "print $rax + 1",
        "print $kept = counter",
        "print ($kept = 5, $kept + 1)",
        "display calls",
        "whatis points[1]",
        "frame 1",
        "print total",
        "info locals",
        "frame 0",
        "undisplay",
    ];
    let refused = [
        "print counter = 3",
        "print p->x = 1",
        "print points[0].x++",
        "print --counter",
        "print p->y += 2",
        "print $rax = 0",
        "print change(p, 1)",
    ];
    let commands = then(to(&variables, "change"), &looks);
    let commands = then(commands, &expressions);
    let commands = then(then(commands, &refused), &looks);
    let (_, answers) = recorded.explore().attempt(&commands);
    let (first, second) = (&answers[3..8], &answers[answers.len() - 5..]);
    for (before, after) in first.iter().zip(second) {
        assert!(before.ok && after.ok, "{before:?} {after:?}");
        assert_eq!(before.result, after.result, "{}", before.command);
    }
    let evaluated = &answers[8..8 + expressions.len()];
    assert!(evaluated.iter().all(|answer| answer.ok), "{evaluated:?}");
    for answer in &answers[8 + expressions.len()..answers.len() - 5] {
        let error = answer.error.as_deref().unwrap_or_default();
        let said =
            error.contains("history cannot be changed") || error.contains("cannot be called");
        assert!(said, "{}: {answer:?}", answer.command);
    }
    assert_eq!(std::fs::read(&recorded.trace).expect("the trace"), bytes);
}

#[test]
fn l13_the_untaken_path_is_not_in_the_history() {
    let branch = fixture("branch");
    let explorer = recording("branch").explore();
    let commands = then(to(&branch, "test"), &["x/1dw &flag", "rs"]);
    let answers = explorer.ask(&commands);
    assert_eq!(answers[3].values(), ["0"]);
    assert_eq!(answers[4].line(), line(&branch, "taken_when_clear"));
    let never = explorer.last(&to(&branch, "taken_when_set"));
    assert_eq!(never.reason(), "exit");
}

#[test]
fn l12_a_handler_is_called_by_the_kernel() {
    let signals = fixture("signals");
    let commands = then(to(&signals, "nested"), &["backtrace"]);
    let functions = recording("signals").explore().last(&commands).functions();
    assert_eq!(functions[..2], ["plain", "<signal handler called>"]);
    assert!(functions.contains(&"main".to_owned()), "{functions:?}");
}

#[test]
fn p1_a_program_is_walked_line_by_line_both_ways() {
    let variables = fixture("variables");
    let explorer = recording("variables").explore();
    let forwards = explorer.ask(&then(to(&variables, "call"), &["rs"; 12]));
    let there: Vec<_> = forwards[2..].iter().map(stop).collect();
    let last = there[12].0;
    let mut commands = then(to(&variables, "call"), &["delete 1"]);
    commands.push(format!("jump {last}"));
    commands.extend(vec!["sb".to_string(); 12]);
    let mut back: Vec<_> = explorer.ask(&commands)[4..].iter().map(stop).collect();
    back.reverse();
    // Both ways stop after each return, where the calling line goes on.
    assert_eq!(there, back[back.len() - there.len()..]);
}

/// Where an answer stands.
fn stop(answer: &Answer) -> (u64, Option<u64>) {
    (answer.tracepoint(), answer.line())
}

#[test]
fn p2_the_whole_stack_is_there_at_every_step() {
    let recursion = fixture("recursion");
    let mut commands = then(to(&recursion, "bottom"), &["backtrace"]);
    commands.extend((0..40).flat_map(|_| ["ri".to_string(), "backtrace".to_string()]));
    let answers = recording("recursion").explore().ask(&commands);
    // The first bottom is fibonacci(1), called by 2, 3, … 10, called by main.
    let functions = answers[3].functions();
    assert_eq!(functions.iter().filter(|name| *name == "fibonacci").count(), 10);
    assert_eq!(functions[10], "main");
    for pair in answers[4..].chunks(2) {
        assert!(pair[1].functions().iter().any(|name| name == "main"), "{pair:?}");
    }
}

#[test]
fn p2_arguments_and_locals_of_all_frames_are_there_at_every_step() {
    let recursion = fixture("recursion");
    let mut commands = to(&recursion, "bottom");
    commands.extend((0..60).flat_map(|_| ["ri".to_string(), "backtrace full".to_string()]));
    let answers = recording("recursion").explore().ask(&commands);
    for pair in answers[3..].chunks(2) {
        let frames = pair[1].get("frames").as_array().expect("frames");
        let calls = frames.iter().filter(|frame| frame["function"] == "fibonacci");
        let argument = |frame: &serde_json::Value| {
            let text = frame["arguments"][0]["value"].as_str().expect("an argument");
            text.parse::<i64>().expect("a number")
        };
        // The innermost may not have stored its argument yet; its callers have.
        let numbers: Vec<i64> = calls.filter(|frame| frame["level"] != 0).map(argument).collect();
        assert_eq!(numbers.last(), Some(&10), "{numbers:?}");
        let steps = numbers.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(steps.into_iter().all(|step| step == 1 || step == 2), "{numbers:?}");
        let main = frames.iter().find(|frame| frame["function"] == "main").expect("main");
        assert!(main["locals"].is_array() && main["arguments"].is_array(), "{main:?}");
    }
}

#[test]
fn p4_system_calls_come_in_time_order_with_their_data() {
    let answer = recording("loop_write").explore().last(&["syscalls"]);
    let text = answer.result.to_string();
    let places: Vec<usize> = (0..20)
        .map(|n| {
            text.find(&format!("line {n}\\n")).or_else(|| text.find(&format!("line {n}\\\\n")))
        })
        .map(|place| place.expect("the data of every write"))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("write") && text.contains("exit_group"));
}
