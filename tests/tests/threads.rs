//! Histories of several threads and processes, end to end on synthetic traces. What they tell is
//! also told by recordings of one thread that changes stacks: the truth here.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::threads::Threads;
use serde_json::Value;
use std::sync::OnceLock;

/// The trace that all of these tests share.
fn threads() -> &'static Threads {
    static MADE: OnceLock<Threads> = OnceLock::new();
    MADE.get_or_init(Threads::make)
}

/// An explorer of the first process as one thread.
fn single() -> Explorer {
    Explorer::new(&threads().single[0])
}

/// The id of the thread of a position.
fn thread(answer: &Answer) -> u64 {
    answer.get("thread").as_u64().unwrap_or_else(|| panic!("no thread in {answer:?}"))
}

fn rows<'a>(answer: &'a Answer, field: &str) -> &'a [Value] {
    answer.get(field).as_array().unwrap_or_else(|| panic!("no {field} in {answer:?}"))
}

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("no {field} in {row}"))
}

/// `fields` of each row, as text.
fn columns(answer: &Answer, rows_of: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let cells = |row: &Value| fields.iter().map(|field| row[*field].to_string()).collect();
    rows(answer, rows_of).iter().map(cells).collect()
}

/// The tracepoints of a thread of the first process, in order.
fn tracepoints(id: u32) -> Vec<u64> {
    let turns = threads().turns[0].iter().filter(|turn| turn.thread == id);
    turns.flat_map(|turn| turn.first..turn.end).collect()
}

#[test]
fn the_synthetic_trace_has_three_threads_and_two_processes() {
    let made = threads();
    assert_eq!(made.processes.len(), 2);
    for process in 0..2 {
        assert_eq!(made.threads(process).len(), 3);
        assert!(made.turns[process].len() > 30, "{:?}", made.turns[process]);
    }
    let end = made.explore().last(&["rend"]);
    assert_eq!(end.tracepoint(), made.turns[0].last().expect("a turn").end);
    assert_eq!(end.reason(), "exit");
}

#[test]
fn every_state_is_that_of_the_recording_it_was_made_of() {
    let made = threads();
    let end = made.turns[0].last().expect("a turn").end;
    // Where stacks change, the thread waits instead: not those states.
    let changes = made.turns[0].iter().flat_map(|turn| [turn.end - 1, turn.end - 2]);
    let changes: Vec<u64> = changes.collect();
    let start = made.turns[0][1].first - 100;
    let states = (0..400).map(|at| start + at * (end - start) / 400);
    let states: Vec<u64> = states.filter(|state| !changes.contains(state)).collect();
    let looks = |t: &u64| [format!("jump {t}"), "regs all".into(), "x/6dw &shared".into()];
    let commands: Vec<String> = states.iter().flat_map(looks).collect();
    let (told, truth) = (made.explore().ask(&commands), single().ask(&commands));
    for (told, truth) in told.chunks(3).zip(truth.chunks(3)) {
        let t = told[0].tracepoint();
        assert_eq!(thread(&told[0]), u64::from(made.thread(0, t)), "tracepoint {t}");
        assert_eq!(told[1].result, truth[1].result, "tracepoint {t}");
        assert_eq!(told[2].result, truth[2].result, "tracepoint {t}");
    }
}

#[test]
fn questions_over_history_are_over_all_threads() {
    let made = threads();
    for (question, field, fields) in [
        ("mod list -c 1000 shared", "modifications", &["tracepoint", "old", "new"][..]),
        ("mod list -c 1000 counts", "modifications", &["tracepoint", "old", "new"]),
        ("mod list -c 1000 self", "modifications", &["tracepoint", "old", "new"]),
        ("executions -c 1000 add", "executions", &["tracepoint", "line"]),
        ("calls -c 1000 add", "calls", &["tracepoint", "arguments"]),
        ("output", "lines", &["tracepoint", "text"]),
        ("syscalls", "syscalls", &["tracepoint", "name", "value"]),
    ] {
        let (told, truth) = (made.explore().last(&[question]), single().last(&[question]));
        assert_eq!(columns(&told, field, fields), columns(&truth, field, fields), "{question}");
        assert!(rows(&told, field).len() > 3, "{question}");
        for row in rows(&told, field) {
            let at = number(row, "tracepoint");
            assert_eq!(number(row, "thread"), u64::from(made.thread(0, at)), "{question} {row}");
        }
    }
    // Their thread stands in the tables, where there are several.
    for question in ["mod list shared", "executions add", "calls add"] {
        let heading = |explorer: Explorer| {
            let text = explorer.text(&[question]).stdout_text();
            text.lines().next().unwrap_or_default().contains("thread")
        };
        assert!(heading(made.explore()) && !heading(single()), "{question}");
    }
}

#[test]
fn a_call_ends_when_its_own_thread_leaves_it() {
    let made = threads();
    let answer = made.explore().last(&["calls -c 1000 add"]);
    for id in made.threads(0) {
        let own =
            rows(&answer, "calls").iter().filter(|row| number(row, "thread") == u64::from(id));
        let mut sum = 0;
        for (row, amount) in own.zip(1..) {
            sum += amount;
            assert_eq!(row["value"], format!("{sum:#x}"), "{row}");
            let (start, end) = (number(row, "tracepoint"), number(row, "end"));
            assert_eq!(made.thread(0, end), id);
            let between = tracepoints(id).into_iter().filter(|t| (start..end).contains(t)).count();
            assert_eq!(number(row, "instructions"), between as u64, "{row}");
        }
        assert_eq!(sum, 78);
    }
}

#[test]
fn writes_to_a_register_are_those_of_the_selected_thread() {
    let made = threads();
    let own = |answer: &Answer, id: u32| -> Vec<Vec<String>> {
        let turns: Vec<_> = made.turns[0].iter().filter(|turn| turn.thread == id).collect();
        let kept = |row: &&Value| {
            let t = number(row, "tracepoint");
            turns.iter().any(|turn| (turn.first..turn.end - 2).contains(&t))
        };
        let cells = |row: &Value| ["tracepoint", "old", "new"].map(|f| row[f].to_string()).into();
        rows(answer, "modifications").iter().filter(kept).map(cells).collect()
    };
    let question = "mod -c 100000 $rbp";
    let jump = format!("jump {}", made.amid(55));
    let truth = single().last(&[&*jump, question]);
    for (at, id) in made.threads(0).into_iter().enumerate() {
        let answers = [jump.clone(), format!("thread {}", at + 1), question.to_owned()];
        let told = made.explore().last(&answers);
        assert_eq!(own(&told, id), own(&truth, id));
        assert!(!own(&told, id).is_empty());
        let all = rows(&told, "modifications").iter();
        assert!(all.into_iter().all(|row| number(row, "thread") == u64::from(id)));
    }
}

#[test]
fn instruction_steps_stay_in_their_thread() {
    let made = threads();
    let own = tracepoints(made.threads(0)[1]);
    let start = own[5];
    for count in [1, 2, 100, 500, 1000] {
        let there = own[5 + count];
        let answers = made.explore().ask(&[
            format!("jump {start}"),
            format!("stepi {count}"),
            format!("reverse-stepi {count}"),
        ]);
        assert_eq!(answers[1].tracepoint(), there);
        assert_eq!(answers[2].tracepoint(), start);
    }
    // Past its end and its beginning.
    let life = (own[0], own[own.len() - 1]);
    let answers = made.explore().ask(&[
        format!("jump {start}"),
        "stepi 100000".into(),
        "threads".into(),
        "reverse-stepi".into(),
        "reverse-stepi 100000".into(),
        "set step-threads all".into(),
        "stepi 200".into(),
    ]);
    assert_eq!((answers[1].tracepoint(), answers[1].reason()), (life.1 + 1, "thread-end"));
    assert_eq!(thread(&answers[1]), u64::from(made.threads(0)[1]));
    assert_eq!(rows(&answers[2], "threads")[1]["state"], "ended");
    assert_eq!(answers[3].tracepoint(), life.1);
    assert_eq!((answers[4].tracepoint(), answers[4].reason()), (life.0, "thread-start"));
    assert_eq!(answers[6].tracepoint(), life.0 + 200, "all threads' instructions");
}

#[test]
fn a_selected_thread_steps_from_where_it_is_whoever_runs_at_the_cursor() {
    let made = threads();
    let place = made.fixture.place("before");
    let own = tracepoints(made.threads(0)[1]);
    let stop = ["break PLACE thread 2", "rc", "delete"].map(|c| c.replace("PLACE", &place));
    let began = made.explore().ask(&stop)[1].tracepoint();
    // The last state of the turn before in which another thread runs, and one in the middle of it.
    let turns = &made.turns[0];
    let at =
        turns.iter().position(|turn| turn.first > began && turn.thread != made.thread(0, began));
    let other = &turns[at.expect("a turn of another thread")];
    for cursor in [other.first + 1, (other.first + other.end) / 2] {
        let last = own.iter().rev().find(|t| **t < cursor).expect("one before");
        let next = own.iter().find(|t| **t > cursor).expect("one behind");
        for step in ["next", "step", "stepi", "reverse-stepi"] {
            let from_there = |t: u64| {
                let commands = [format!("jump {t}"), "thread 2".to_owned(), step.to_owned()];
                made.explore().ask(&commands)[2].clone()
            };
            let stepped = from_there(cursor);
            assert_eq!(thread(&stepped), u64::from(made.threads(0)[1]), "{step}");
            match step {
                "reverse-stepi" => assert_eq!(stepped.tracepoint(), *last),
                "stepi" => assert!(stepped.tracepoint() > *next, "{step} from {cursor}"),
                // A line's step is that of the thread where it waits.
                _ => assert_eq!(stepped.tracepoint(), from_there(*next).tracepoint(), "{step}"),
            }
        }
    }
}

#[test]
fn line_steps_stay_in_their_thread_and_pass_others_turns() {
    let made = threads();
    let fixture = &made.fixture;
    let id = u64::from(made.threads(0)[1]);
    let place = fixture.place("before");
    let mut commands = vec![format!("break {place} thread 2"), "rc".into(), "delete".into()];
    commands.extend(vec!["next".to_owned(); 200]);
    let answers = made.explore().ask(&commands);
    let there: Vec<&Answer> = answers[3..].iter().collect();
    let stepped = there.iter().take_while(|answer| answer.reason() == "step");
    let stepped: Vec<&&Answer> = stepped.collect();
    assert!(stepped.len() > 45, "{}", stepped.len());
    assert!(stepped.iter().all(|answer| thread(answer) == id));
    // Never into another function than its own and those that it returns to.
    let functions = ["add", "work"];
    let known = |answer: &&&&Answer| functions.contains(&answer.function().unwrap_or_default());
    assert!(stepped.iter().filter(known).count() > 40);
    // The turns of others lie between some of them.
    let turns = |answer: &Answer| {
        made.turns[0].iter().position(|turn| answer.tracepoint() < turn.end).unwrap_or(usize::MAX)
    };
    assert!(stepped.windows(2).any(|pair| turns(pair[1]) > turns(pair[0]) + 2));
    // Each line of one call of add, in order, as gdb would step it.
    let lines = ["before", "turn", "count", "shared", "added"].map(|m| u64::from(fixture.line(m)));
    let seen: Vec<u64> = stepped.iter().filter_map(|answer| answer.line()).collect();
    assert!(seen.windows(3).any(|three| three == &lines[2..5]), "{seen:?}");
    // Back the same way.
    let last = stepped[40];
    let mut commands = vec![format!("jump {}", last.tracepoint())];
    commands.extend(vec!["reverse-next".to_owned(); 40]);
    let back = made.explore().ask(&commands);
    assert!(back[1..].iter().all(|answer| thread(answer) == id));
    let visited: Vec<u64> = stepped.iter().map(|answer| answer.tracepoint()).collect();
    let again = back[1..].iter().filter(|answer| visited.contains(&answer.tracepoint())).count();
    assert!(again > 30, "{again}");
}

#[test]
fn leaving_a_function_waits_for_its_own_threads_return() {
    let made = threads();
    let place = made.fixture.place("turn");
    for number in 1..=3 {
        let answers = made.explore().ask(&[
            &*format!("break {place} thread {number}"),
            "rc",
            "backtrace",
            "finish",
            "reverse-finish",
            "delete",
            "reverse-step",
            "finish",
        ]);
        let id = u64::from(made.threads(0)[number - 1]);
        assert!(
            answers.iter().enumerate().all(|(at, a)| [0, 2, 5].contains(&at) || thread(a) == id)
        );
        assert_eq!(answers[2].functions()[..2], ["add", "work"]);
        assert_eq!((answers[3].reason(), answers[3].function()), ("out", Some("work")));
        assert!(answers[3].tracepoint() > answers[1].tracepoint());
        assert_eq!(answers[7].function(), Some("work"));
    }
}

#[test]
fn breakpoints_stop_any_thread_or_the_one_they_are_for() {
    let made = threads();
    let place = made.fixture.place("shared");
    let single_hits = {
        let mut commands = vec![format!("break {place}")];
        commands.extend(vec!["rc".to_owned(); 36]);
        single().ask(&commands)[1..].iter().map(Answer::tracepoint).collect::<Vec<u64>>()
    };
    let mut commands = vec![format!("break {place}")];
    commands.extend(vec!["rc".to_owned(); 36]);
    let all = made.explore().ask(&commands);
    let hits: Vec<u64> = all[1..].iter().map(Answer::tracepoint).collect();
    assert_eq!(hits, single_hits);
    for (at, id) in made.threads(0).into_iter().enumerate() {
        let own: Vec<u64> = hits.iter().copied().filter(|t| made.thread(0, *t) == id).collect();
        assert_eq!(own.len(), 12);
        let mut commands = vec![format!("break {place} thread {} if amount > 0", at + 1)];
        commands.extend(vec!["rc".to_owned(); 12]);
        let there: Vec<u64> =
            made.explore().ask(&commands)[1..].iter().map(Answer::tracepoint).collect();
        assert_eq!(there, own);
        commands[0] = format!("break {place} thread {id}");
        commands.insert(1, "rend".to_owned());
        commands[2..].fill("cr".to_owned());
        let mut back: Vec<u64> =
            made.explore().ask(&commands)[2..].iter().map(Answer::tracepoint).collect();
        back.reverse();
        assert_eq!(back, own);
    }
    let text =
        made.explore().text(&[&*format!("break {place} thread 3"), "rc", "watch shared", "rc"]);
    let text = text.stdout_text();
    assert!(text.contains("Thread 3: Breakpoint 1"), "{text}");
    assert!(text.contains("Thread 3: Watchpoint 2"), "{text}");
    let (_, answers) =
        made.explore().attempt(&["break add thread 9", "break add thread x", "thread 2"]);
    assert!(answers.iter().all(|answer| !answer.ok), "{answers:?}");
}

#[test]
fn a_breakpoint_of_another_thread_interrupts_a_step() {
    let made = threads();
    let fixture = &made.fixture;
    let (turn, count) = (fixture.place("turn"), fixture.place("count"));
    let answers = made.explore().ask(&[
        format!("break {turn} thread 1"),
        "rc".into(),
        "delete".into(),
        format!("break {count} thread 2"),
        "next".into(),
        "thread 1".into(),
        "delete".into(),
        "next".into(),
    ]);
    assert_eq!(answers[4].reason(), "breakpoint");
    assert_eq!(thread(&answers[4]), u64::from(made.threads(0)[1]));
    assert_eq!(thread(&answers[7]), u64::from(made.threads(0)[0]));
    // Where it waits: in what the line before called.
    assert_eq!(answers[7].function(), Some("take_turns"));
}

#[test]
fn watchpoints_see_every_threads_writes() {
    let made = threads();
    let truth = single().last(&["mod list -c 1000 shared"]);
    let writes: Vec<u64> =
        rows(&truth, "modifications").iter().map(|row| number(row, "tracepoint")).collect();
    let mut commands = vec!["watch shared".to_owned()];
    commands.extend(vec!["rc".to_owned(); writes.len()]);
    let answers = made.explore().ask(&commands);
    let stops: Vec<u64> = answers[1..].iter().map(|answer| answer.tracepoint() - 1).collect();
    assert_eq!(stops, writes);
    let of = |answer: &Answer| thread(answer) == u64::from(made.thread(0, answer.tracepoint() - 1));
    assert!(answers[1..].iter().all(of));
    // Of a register, only the thread's it was set in.
    let jump = format!("jump {}", made.amid(38));
    let answers = made.explore().ask(&[&*jump, "thread 2", "watch $rbp", "rc", "rc", "cr"]);
    let id = u64::from(made.threads(0)[1]);
    assert!(answers[3..].iter().all(|answer| thread(answer) == id && answer.reason() == "watch"));
}

#[test]
fn every_thread_can_be_looked_at_whoever_runs() {
    let made = threads();
    let begun = tracepoints(made.threads(0)[2])[0];
    let later: Vec<_> = made.turns[0].iter().filter(|turn| turn.first > begun).collect();
    for t in [1, 6, 13, 20].map(|turn: usize| later[turn].first.midpoint(later[turn].end)) {
        let answers = made.explore().ask(&[
            &*format!("jump {t}"),
            "threads",
            "thread apply all bt",
            "thread apply all regs",
            "where",
        ]);
        let listed = rows(&answers[1], "threads");
        assert_eq!(listed.len(), 3);
        let running = made.thread(0, t);
        let stacks = rows(&answers[2], "threads");
        for (at, (row, id)) in listed.iter().zip(made.threads(0)).enumerate() {
            assert_eq!(number(row, "thread"), u64::from(id));
            assert_eq!(row["current"], id == running);
            assert_eq!(row["state"] == "running", id == running);
            let frames = stacks[at]["result"]["frames"].as_array().expect("frames");
            let functions: Vec<_> = frames.iter().filter_map(|f| f["function"].as_str()).collect();
            let outermost = ["main", "run_second", "run_third"][at];
            assert!(functions.contains(&outermost), "{functions:?}");
            let of = frames.iter().find(|frame| frame["function"] == "work").expect("work");
            assert_eq!(of["arguments"][0]["value"], at.to_string(), "the stack of its own");
            // As its next turn begins.
            let next = tracepoints(id).into_iter().find(|own| *own >= t).expect("another turn");
            let truth = single().last(&[format!("jump {next}"), "regs".into()]);
            let registers = &rows(&answers[3], "threads")[at]["result"];
            assert_eq!(registers, &truth.result, "thread {id} at {t}");
        }
        assert_eq!(thread(&answers[4]), u64::from(running));
    }
    let (_, answers) =
        made.explore().attempt(&["jump 100", "thread 2", "thread apply all rc", "info threads"]);
    assert!(!answers[1].ok && !answers[2].ok);
    assert_eq!(rows(&answers[3], "threads")[2]["state"], "not-started");
}

#[test]
fn processes_have_histories_of_their_own() {
    let made = threads();
    let explorer = made.explore();
    let list = explorer.last(&["info inferiors"]);
    let ids: Vec<u64> = rows(&list, "processes").iter().map(|row| number(row, "process")).collect();
    assert_eq!(ids, made.processes.iter().map(|id| u64::from(*id)).collect::<Vec<_>>());
    assert_eq!(number(&rows(&list, "processes")[1], "parent"), ids[0]);
    let place = made.fixture.place("first_works");
    let answers = explorer.ask(&[
        &*format!("break {place}"),
        "rc",
        "print base",
        "process 2",
        "print base",
        "rc",
        "print base",
        "mod list -c 1000 shared",
        "watch shared",
        "rc",
        "inferior 1",
        "print base",
        "rc",
        "mod list -c 1000 shared",
    ]);
    let value = |at: usize| answers[at].get("value").as_str().expect("a value").to_owned();
    assert_eq!([value(2), value(4), value(6), value(11)], ["1", "0", "100", "1"]);
    assert_eq!((answers[3].tracepoint(), answers[3].get("process").as_u64()), (0, Some(2)));
    assert_eq!((answers[5].reason(), answers[9].reason()), ("breakpoint", "watch"));
    assert_eq!(answers[10].tracepoint(), answers[1].tracepoint(), "where it was left");
    assert_eq!(answers[12].reason(), "exit", "a watchpoint is of its own address space");
    for (at, process) in [(7, 1), (13, 0)] {
        let truth = Explorer::new(&made.single[process]).last(&["mod list -c 1000 shared"]);
        let fields = ["tracepoint", "old", "new"];
        assert_eq!(
            columns(&answers[at], "modifications", &fields),
            columns(&truth, "modifications", &fields)
        );
    }
    let (_, answers) = explorer.attempt(&["process 3"]);
    assert_eq!(answers[0].error.as_deref(), Some("no process 3; there are 2"));
}

#[test]
fn bookmarks_know_their_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("threads.trace");
    std::fs::copy(threads().trace(), &trace).expect("a copy");
    let explorer = Explorer::new(&trace);
    let (here, there) = (threads().amid(12), threads().amid(25));
    explorer.ask(&[
        format!("bookmark create here -t {here}"),
        "process 2".into(),
        format!("bookmark create there -t {there}"),
    ]);
    let answers = explorer.ask(&["bookmark jump there", "bookmark list", "bookmark jump here"]);
    assert_eq!((answers[0].tracepoint(), answers[0].get("process").as_u64()), (there, Some(2)));
    let listed = rows(&answers[1], "bookmarks");
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&false.into(), &true.into()));
    assert!(listed[0]["pc"].is_null() && listed[1]["pc"].is_string());
    assert_eq!((answers[2].tracepoint(), answers[2].get("process").as_u64()), (here, Some(1)));
}

#[test]
fn why_a_line_did_not_run_is_about_the_selected_thread() {
    let made = threads();
    let place = made.fixture.place("third_ends");
    let question = format!("why-not {place}");
    let jump = format!("jump {}", made.amid(38));
    let ask = |number: u64| {
        let select = format!("thread {number}");
        made.explore().last(&[&*jump, &*select, &*question])
    };
    let ends = made.explore().last(&[&*format!("break {place}"), &*jump, "rc"]).tracepoint();
    for number in [1, 2] {
        let answer = ask(number);
        assert!(answer.get("ran").is_null(), "{answer:?}");
        assert_eq!(answer.get("thread"), number, "{answer:?}");
        assert_eq!(answer.get("elsewhere"), &serde_json::json!([ends, 3]), "{answer:?}");
    }
    let answer = ask(3);
    assert_eq!(answer.get("ran"), ends, "{answer:?}");
    let text = made.explore().text(&[&*jump, "thread 1", &*question]).stdout_text();
    assert!(text.contains("did not run in thread 1"), "{text}");
    assert!(text.contains("Thread 3 ran it: first at #"), "{text}");
}

#[test]
fn where_a_register_came_from_is_about_the_selected_thread() {
    let made = threads();
    let question = "why -c 4 $rbp";
    let there = made.amid(55);
    let links = |answer: &Answer| columns(answer, "links", &["name", "tracepoint", "value"]);
    for (at, id) in made.threads(0).into_iter().enumerate() {
        let next = tracepoints(id).into_iter().find(|t| *t >= there).expect("another turn");
        let truth = made.explore().last(&[&*format!("jump {next}"), question]);
        let select = format!("thread {}", at + 1);
        let told = made.explore().last(&[&*format!("jump {there}"), &*select, question]);
        assert!(!links(&told).is_empty());
        assert_eq!(links(&told), links(&truth), "thread {}", at + 1);
        let ended = made.explore().last(&["rend", &*select, question]);
        let first = number(&rows(&ended, "links")[0], "tracepoint");
        assert!(tracepoints(id).contains(&first), "#{first} is not of thread {}", at + 1);
    }
}
