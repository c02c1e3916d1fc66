//! The kinds of breakpoints, in both directions, against the list of all crossings.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

fn explorer() -> Explorer {
    recording("recursion").explore()
}

fn bottom() -> String {
    Fixture::load("recursion").place("bottom")
}

fn tracepoints(answer: &Answer) -> Vec<u64> {
    let rows = answer.get("executions").as_array().expect("executions");
    rows.iter().map(|row| row["tracepoint"].as_u64().expect("a tracepoint")).collect()
}

/// All crossings of the bottom of the recursion.
fn crossings() -> Vec<u64> {
    let found = explorer().last(&[format!("executions -c 1000 {}", bottom())]);
    let all = tracepoints(&found);
    assert_eq!(all.len(), 89);
    all
}

fn hits(answer: &Answer, at: usize) -> (u64, u64) {
    let row = &answer.get("breakpoints")[at];
    (row["hits"].as_u64().expect("hits"), row["ignore"].as_u64().unwrap_or(0))
}

#[test]
fn l11_an_ignored_breakpoint_is_due_at_the_next_crossing_behind_those_in_both_directions() {
    let all = crossings();
    for count in [0, 1, 7, 40, 87, 88] {
        let there = explorer().ask(&[
            format!("break {}", bottom()),
            format!("ignore 1 {count}"),
            "rc".into(),
            "info b".into(),
            "rc".into(),
            "info b".into(),
        ]);
        assert_eq!(there[2].tracepoint(), all[count]);
        assert_eq!(hits(&there[3], 0), (count as u64 + 1, 0));
        let next = all.get(count + 1);
        assert_eq!(there[4].tracepoint(), next.copied().unwrap_or(there[4].end()));
        assert_eq!(hits(&there[5], 0).0, count as u64 + 1 + u64::from(next.is_some()));
        let back = explorer().ask(&[
            "rend".into(),
            format!("break {}", bottom()),
            format!("ignore 1 {count}"),
            "cr".into(),
            "info b".into(),
        ]);
        assert_eq!(back[3].tracepoint(), all[all.len() - 1 - count]);
        assert_eq!(hits(&back[4], 0), (count as u64 + 1, 0));
    }
}

#[test]
fn l11_more_than_there_is_to_ignore_runs_to_the_edge_and_is_counted() {
    let all = crossings();
    let answers = explorer().ask(&[
        format!("break {} if n == 1", bottom()),
        "ignore 1 100".into(),
        "rc".into(),
        "info b".into(),
        "cr".into(),
        "info b".into(),
    ]);
    assert_eq!(answers[2].reason(), "exit");
    // fibonacci(10) ends in fibonacci(1) 55 times.
    assert_eq!(hits(&answers[3], 0), (55, 45));
    let ones = all.iter().rev();
    assert_eq!(answers[4].reason(), "breakpoint");
    assert!(ones.clone().any(|t| *t == answers[4].tracepoint()));
    assert_eq!(hits(&answers[5], 0), (55 + 46, 0));
}

#[test]
fn l11_steps_take_what_they_cross_off_the_count() {
    let all = crossings();
    // From the first crossing, instruction by instruction and line by line.
    let far = all[4] - all[0] + 1;
    let answers = explorer().ask(&[
        format!("jump {}", all[0] - 1),
        format!("break {}", bottom()),
        "ignore 1 3".into(),
        "stepi".into(),
        "info b".into(),
        format!("stepi {far}"),
        "info b".into(),
        "ignore 1 2".into(),
        "reverse-stepi 100000000".into(),
        "info b".into(),
    ]);
    assert_eq!((answers[3].tracepoint(), answers[3].reason()), (all[0], "step"));
    assert_eq!(hits(&answers[4], 0), (1, 2));
    assert_eq!((answers[5].tracepoint(), answers[5].reason()), (all[3], "breakpoint"));
    assert_eq!(hits(&answers[6], 0), (4, 0));
    assert_eq!(answers[8].tracepoint(), all[0]);
    assert_eq!(hits(&answers[9], 0), (4 + 3, 0));
    let over = explorer().ask(&[
        format!("break {}", Fixture::load("recursion").place("call")),
        "rc".into(),
        format!("break {}", bottom()),
        "ignore 2 88".into(),
        "next".into(),
        "info b".into(),
    ]);
    assert_eq!((over[4].tracepoint(), over[4].reason()), (all[88], "breakpoint"));
    assert_eq!(hits(&over[5], 1), (89, 0));
}

#[test]
fn l11_ignored_watchpoints_are_passed_by_in_both_directions() {
    let explorer = recording("tree").explore();
    let writes = explorer.last(&["modification -c 1000 seed"]);
    let rows = writes.get("modifications").as_array().expect("rows");
    let at: Vec<u64> = rows.iter().map(|row| row["tracepoint"].as_u64().expect("t")).collect();
    assert_eq!(at.len(), 48);
    for count in [0, 1, 20, 47] {
        let ignore = format!("ignore 1 {count}");
        let answers =
            explorer.ask(&["watch seed", &ignore, "rc", "info b", "rend", &ignore, "cr", "info b"]);
        assert_eq!(answers[2].tracepoint(), at[count] + 1);
        assert_eq!(hits(&answers[3], 0), (count as u64 + 1, 0));
        assert_eq!(answers[6].tracepoint(), at[47 - count]);
        assert_eq!(hits(&answers[7], 0), (2 * (count as u64 + 1), 0));
    }
    // Reads and writes of awatch are counted together: seed is read before each write.
    let stops = |first: &str| {
        let mut commands = vec!["awatch seed".to_owned(), first.to_owned()];
        commands.extend(vec!["rc".to_owned(); 6]);
        explorer.ask(&commands)[2..].iter().map(Answer::tracepoint).collect::<Vec<u64>>()
    };
    assert_eq!(stops("ignore 1 0")[4..], stops("ignore 1 4")[..2]);
}

#[test]
fn l11_a_pattern_is_a_breakpoint_at_all_functions_that_match() {
    let explorer = explorer();
    let both = ["executions -c 1000 is_even", "executions -c 1000 is_odd"]
        .map(|question| tracepoints(&explorer.last(&[question])));
    let mut all = both.concat();
    all.sort_unstable();
    let mut commands = vec!["rbreak ^is_(even|odd)$".to_owned()];
    commands.extend(vec!["rc".to_owned(); all.len() + 1]);
    let answers = explorer.ask(&commands);
    let targets = answers[0].result["breakpoint"]["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), 2);
    let stops = answers[1..].iter().filter(|answer| answer.reason() == "breakpoint");
    assert_eq!(stops.map(Answer::tracepoint).collect::<Vec<u64>>(), all);
    let text = explorer.text(&["rbreak ^is_(even|odd)$"]).stdout_text();
    assert!(text.starts_with("Breakpoint 1 at 2 places:"), "{text}");
    for wrong in ["rbreak nosuch_function_xyz", "rbreak a{2}", "rbreak (", "rbreak"] {
        let (output, answers) = explorer.attempt(&[wrong]);
        assert_eq!(output.code(), 1, "{wrong}");
        assert!(answers[0].error.is_some(), "{wrong}");
    }
    // As in any other place for a location.
    let found = explorer.last(&["executions -c 1000 /^is_(even|odd)$/"]);
    assert_eq!(tracepoints(&found), all);
}

#[test]
fn l11_a_temporary_breakpoint_stops_once() {
    let all = crossings();
    let commands = [&*format!("tbreak {}", bottom()), "rc", "info b", "rc"];
    let answers = explorer().ask(&commands);
    assert_eq!((answers[1].tracepoint(), answers[1].reason()), (all[0], "breakpoint"));
    assert_eq!(answers[2].get("breakpoints").as_array().map(Vec::len), Some(0));
    assert_eq!(answers[3].reason(), "exit");
    let back = explorer().ask(&["rend", &format!("tbreak {}", bottom()), "cr", "cr"]);
    assert_eq!((back[2].tracepoint(), back[3].reason()), (all[88], "start"));
}

#[test]
fn breakpoints_are_named_by_numbers_and_ranges() {
    let mut commands = vec![format!("break {}", bottom()); 6];
    commands.extend(
        ["delete 2-3 5", "info b", "disable breakpoints 1", "info b", "delete"].map(str::to_owned),
    );
    let answers = explorer().ask(&commands);
    let numbers = |answer: &Answer| -> Vec<(u64, bool)> {
        let rows = answer.get("breakpoints").as_array().expect("breakpoints");
        let of = |row: &serde_json::Value| (row["number"].as_u64(), row["enabled"].as_bool());
        rows.iter().map(of).map(|(n, on)| (n.expect("n"), on.expect("on"))).collect()
    };
    assert_eq!(numbers(&answers[7]), [(1, true), (4, true), (6, true)]);
    assert_eq!(numbers(&answers[9]), [(1, false), (4, true), (6, true)]);
    for wrong in
        ["delete 7", "delete x", "delete 3-1", "delete 1-4294967295", "ignore 9 1", "ignore 1"]
    {
        let (_, answers) = explorer().attempt(&[wrong]);
        assert!(answers[0].error.is_some(), "{wrong}");
    }
}

#[test]
fn l11_a_watch_of_a_local_ends_with_its_frame_in_both_directions() {
    let explorer = explorer();
    let second = Fixture::load("recursion").place("second");
    // a is written once, before this line; the frame returns, and was called.
    let go = [format!("break {second} if n == 6"), "rc".to_owned(), "delete".to_owned()];
    let out = |last: &str| explorer.last(&[&go[..], &[last.to_owned()]].concat());
    let (returns, called) = (out("finish"), out("reverse-finish"));
    let watch = |more: &[&str]| {
        let more = more.iter().map(|one| (*one).to_owned());
        explorer.ask(&go.iter().cloned().chain(more).collect::<Vec<_>>())
    };
    let forwards = watch(&["watch b", "rc", "rc", "info b", "rc"]);
    assert_eq!(forwards[4].reason(), "watch");
    assert_eq!((forwards[5].reason(), forwards[5].tracepoint()), ("scope", returns.tracepoint()));
    assert_eq!(forwards[6].get("breakpoints").as_array().map(Vec::len), Some(0));
    assert_eq!(forwards[7].reason(), "exit");
    let backwards = watch(&["watch a", "cr", "cr", "info b"]);
    assert_eq!(backwards[4].reason(), "watch");
    assert_eq!((backwards[5].reason(), backwards[5].tracepoint()), ("scope", called.tracepoint()));
    assert_eq!(backwards[6].get("breakpoints").as_array().map(Vec::len), Some(0));
    // A raw address is watched whatever happens to the frame.
    let raw = watch(&["watch *(int *)($rbp - 24)", "finish", "info b"]);
    assert_eq!(raw[5].get("breakpoints").as_array().map(Vec::len), Some(1));
    // A breakpoint at the same place is still said, and so is the end.
    let address = returns.get("pc").as_str().expect("a pc").to_owned();
    let both = watch(&[
        "watch b",
        "disable",
        &format!("break *{address} if n == 7"),
        "enable",
        "rc",
        "rc",
    ]);
    assert_eq!(both[8].reason(), "breakpoint");
    assert!(
        both[8].get("condition_faults").to_string().contains("left the block"),
        "{:?}",
        both[8]
    );
}

#[test]
fn l5_inlined_functions_are_left_like_others() {
    use rdb_tests::compile::Flavour;
    use rdb_tests::recording::recording_of;
    let inline = Fixture::load("inline");
    let explorer = recording_of(&inline, Flavour::O2).explore();
    let go = [format!("break {}", inline.place("square")), "rc".to_owned(), "delete".to_owned()];
    let ask = |more: &[&str]| {
        let more = more.iter().map(|one| (*one).to_owned());
        explorer.ask(&go.iter().cloned().chain(more).collect::<Vec<_>>())
    };
    // There are two copies, called in two lines of poly.
    let copy = |answer: &Answer| {
        let names = answer.functions();
        (names[..2].to_vec(), answer.get("frames")[1]["line"].as_u64())
    };
    let answers = ask(&["bt", "finish", "bt"]);
    assert_eq!(answers[3].functions()[..4], ["square", "poly", "outer", "main"]);
    assert_eq!(answers[4].reason(), "out");
    // Out of that copy: the way there is in it, instruction by instruction.
    assert_ne!(copy(&answers[5]), copy(&answers[3]));
    let between = answers[4].tracepoint() - answers[1].tracepoint();
    let mut steps = Vec::new();
    for _ in 1..between {
        steps.extend(["stepi", "bt"]);
    }
    for answer in ask(&steps)[3..].iter().skip(1).step_by(2) {
        assert_eq!(copy(answer), copy(&answers[3]));
    }
    // Back out of it: to the last state before the copy began.
    let back = ask(&["stepi", "reverse-finish", "bt", "stepi", "bt"]);
    assert_eq!(back[4].reason(), "out");
    assert_ne!(back[5].functions()[0], "square");
    assert_eq!(back[7].functions()[0], "square");
    // Of a frame further out: the function whose code it is.
    let outer = ask(&["frame 2", "finish"]);
    assert_eq!(outer[4].function(), Some("main"));
    let middle = ask(&["frame 1", "finish", "bt"]);
    assert_eq!(middle[4].reason(), "out");
    assert!(!middle[5].functions().contains(&"poly".to_owned()), "{:?}", middle[5].functions());
}

#[test]
fn a_file_of_code_that_is_mapped_as_data_is_no_second_place() {
    let explorer = recording("own_file").explore();
    let answers = explorer.ask(&["break work", "calls work", "rc", "rc", "rc"]);
    let places = answers[0].get("breakpoint")["targets"].as_array().map(Vec::len);
    assert_eq!(places, Some(1), "{:?}", answers[0]);
    let calls = answers[1].get("calls").as_array().map(Vec::len);
    assert_eq!(calls, Some(2), "{:?}", answers[1]);
    assert_eq!(answers[4].reason(), "exit");
}

#[test]
fn all_that_stop_at_one_state_are_told_and_counted() {
    let explorer = recording("many_hits").explore();
    let first = explorer.last(&["watch total", "rc"]);
    let behind = first.get("pc").as_str().expect("a pc").to_owned();
    let break_there = format!("tbreak *{behind}");
    let answers = explorer.ask(&[
        "watch total",
        &break_there,
        "watch -l total",
        "rc",
        "info breakpoints",
        "rc",
    ]);
    let (stop, listed) = (&answers[3], &answers[4]);
    assert_eq!((stop.reason(), stop.tracepoint()), ("watch", first.tracepoint()));
    let also = stop.get("also").as_array().expect("what else stopped").clone();
    let reasons: Vec<&str> = also.iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(reasons, ["breakpoint", "watch"], "{also:?}");
    assert_eq!(also[0]["breakpoints"].to_string(), "[2]");
    assert_eq!(
        (&also[1]["number"], &also[1]["new_value"]),
        (&3.into(), &stop.get("stop")["new_value"])
    );
    assert_eq!((hits(listed, 0).0, hits(listed, 1).0), (1, 1), "the temporary one is gone");
    assert_eq!(listed.get("breakpoints").as_array().map(Vec::len), Some(2));
    let shown = explorer.text(&["watch total", &break_there, "rc"]).stdout_text();
    assert!(
        shown.contains("\nWatchpoint 1: total, ") && shown.contains("\nBreakpoint 2\n"),
        "{shown}"
    );
    assert_eq!(answers[5].reason(), "watch");
}
