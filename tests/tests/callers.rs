//! Backtraces where the stack does not tell the callers: code without call frame information,
//! overwritten stacks, and longjmp. Compared with a stack of the calls that the history has, each
//! of which ends when the stack pointer is where it was before.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::{recording, recording_of};
use serde_json::Value;

/// A frame that was entered: where it returns to, and where the stack pointer is then.
struct Entered {
    back: u64,
    outside: u64,
}

/// The frames that are entered from some state on.
#[derive(Default)]
struct Frames {
    entered: Vec<Entered>,
    /// Of the last state: its instruction, the stack pointer, and the next instruction's address.
    last: Option<(String, u64, u64)>,
}

impl Frames {
    /// One instruction further: to where `rows` begin.
    fn step(&mut self, rows: &[Value], rsp: u64, top: u64) {
        let text = |row: usize, field: &str| rows[row][field].as_str().expect("text").to_owned();
        match &self.last {
            Some((code, _, behind)) if code.starts_with("call") => {
                self.entered.push(Entered { back: *behind, outside: rsp + 8 });
            }
            // Its signal has a handler.
            Some((code, before, behind)) if code == "int3" => {
                self.entered.push(Entered { back: *behind, outside: *before });
                self.entered.push(Entered { back: top, outside: rsp + 8 });
            }
            _ => {}
        }
        while self.entered.last().is_some_and(|frame| rsp >= frame.outside) {
            self.entered.pop();
        }
        self.last = Some((text(0, "text"), rsp, parse_hex(&text(1, "address"))));
    }

    fn addresses(&self) -> Vec<u64> {
        self.entered.iter().rev().map(|frame| frame.back).collect()
    }
}

/// The tracepoint at which a function is entered first.
fn entry(explorer: &Explorer, function: &str) -> u64 {
    explorer.ask(&[&*format!("break {function}"), "c"])[1].tracepoint()
}

fn addresses(answer: &Answer) -> Vec<u64> {
    let frames = answer.get("frames").as_array().expect("frames").iter();
    let physical = frames.filter(|frame| frame["inlined"] != true);
    physical.map(|frame| parse_hex(frame["pc"].as_str().expect("a pc"))).collect()
}

/// The callers at all states from the first entry of `function` on, of the program's own code and
/// at times of others', and how the history has them: the tracepoint, and where they go on.
fn calls_from(explorer: &Explorer, function: &str) -> Vec<(u64, Vec<u64>)> {
    let at = |t: u64| {
        let code = ["jump {}", "x/2i $pc", "print *(unsigned long *)$rsp"];
        let all = [&code[..], &["print (unsigned long)$rsp"]].concat();
        all.into_iter().map(move |command| command.replace("{}", &t.to_string()))
    };
    let (first, end) = (entry(explorer, function), explorer.last(&["where"]).end());
    let own = explorer.last(&[format!("jump {first}")]).get("module").clone();
    let commands: Vec<String> = (first..=end).flat_map(at).collect();
    let (_, answers) = explorer.attempt(&commands);
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for asked in answers.chunks(4) {
        let [there, code, top, rsp] = asked else { panic!("{asked:?}") };
        // Where a wild return led to, there is no instruction.
        if !code.ok {
            break;
        }
        let number = |answer: &Answer| -> u64 {
            answer.get("value").as_str().expect("a value").parse().expect("a number")
        };
        let top = if top.ok { number(top) } else { 0 };
        frames.step(code.get("instructions").as_array().expect("rows"), number(rsp), top);
        // It sets the stack pointer before it jumps.
        let jumps = there.function().is_some_and(|name| name.contains("longjmp"));
        let t = there.tracepoint();
        if !jumps && (*there.get("module") == own || t % 16 == 0) {
            found.push((t, frames.addresses()));
        }
    }
    found
}

/// Compares the backtraces of states with the calls before them. How many were compared.
fn compare(explorer: &Explorer, function: &str) -> usize {
    let wanted = calls_from(explorer, function);
    let at = |(t, _): &(u64, Vec<u64>)| [format!("jump {t}"), "bt".to_owned()];
    let answers = explorer.ask(&wanted.iter().flat_map(at).collect::<Vec<_>>());
    for ((t, wanted), asked) in wanted.iter().zip(answers.chunks(2)) {
        let got = addresses(&asked[1]);
        let inner = got.get(1..=wanted.len());
        assert_eq!(inner, Some(&wanted[..]), "#{t}: {got:x?}, wanted {wanted:x?}");
        assert!(got.len() > wanted.len() + 1, "#{t}: {got:x?}");
    }
    wanted.len()
}

#[test]
fn without_call_frame_information_callers_are_those_that_called() {
    let explorer = recording("frameless").explore();
    assert!(compare(&explorer, "work") > 1000);
}

#[test]
fn callers_are_known_after_their_addresses_were_overwritten() {
    let explorer = recording("stack_smash").explore();
    assert!(compare(&explorer, "process") > 50);
    let answers = explorer.ask(&["rend", "bt", "sb 1", "bt"]);
    assert_eq!(answers[1].functions()[1..4], ["parse", "process", "main"]);
    let frames = answers[3].get("frames").as_array().expect("frames");
    let methods: Vec<&Value> = frames.iter().take(4).map(|frame| &frame["method"]).collect();
    let overwritten = Value::from("history-overwritten");
    assert_eq!(methods[..2], [&Value::Null, &overwritten], "{frames:?}");
    let text = explorer.text(&["rend", "sb 1", "bt"]).stdout_text();
    assert!(text.contains("from history: the return address was overwritten"), "{text}");
}

#[test]
fn functions_without_call_frame_information_are_left_for_their_callers() {
    let explorer = recording("frameless").explore();
    let answers = explorer.ask(&[
        "tbreak leaf",
        "c",
        "up",
        "finish",
        "tbreak leaf",
        "c",
        "reverse-finish",
        "tbreak handler",
        "c",
        // Past the signal.
        "c",
        "bt",
    ]);
    assert_eq!(answers[2].function(), Some("varying"), "{:?}", answers[2]);
    assert_eq!((answers[3].function(), answers[3].reason()), (Some("eight"), "out"));
    assert_eq!((answers[6].function(), answers[6].reason()), (Some("eight"), "out"));
    let bt = answers[10].functions();
    assert_eq!(bt[..2], ["handler", "trap"], "{bt:?}");
    for outer in ["interrupted", "work", "main"] {
        assert!(bt.iter().any(|function| function == outer), "{bt:?}");
    }
}

#[test]
fn longjmp_returns_to_where_it_is_about_to_go() {
    let fixture = Fixture::load("longjmp");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let answers = explorer.ask(&["break __longjmp", "c"]);
    let first = answers[1].tracepoint();
    let commands: Vec<String> =
        (0..40).flat_map(|step| [format!("jump {}", first + step), "bt".into()]).collect();
    let mut inside = 0;
    for asked in explorer.ask(&commands).chunks(2) {
        if asked[0].function() != Some("__longjmp") {
            break;
        }
        inside += 1;
        assert!(asked[1].functions().iter().any(|function| function == "main"), "{:?}", asked[1]);
    }
    assert!(inside > 5, "{inside}");
}

#[test]
fn no_caller_is_made_up_where_a_context_is_changed() {
    let explorer = recording("contexts").explore();
    let first = entry(&explorer, "swapcontext");
    let at = |step: u64| [format!("jump {}", first + step), "bt".to_owned()];
    let answers = explorer.ask(&(0..300).flat_map(at).collect::<Vec<_>>());
    let stacks: Vec<_> = answers.iter().skip(1).step_by(2).collect();
    let inside = stacks.iter().filter(|bt| bt.functions()[0] == "swapcontext");
    let callers: Vec<_> = inside.map(|bt| (bt.functions(), &bt.get("frames")[1])).collect();
    assert!(callers.len() > 100);
    for (functions, caller) in callers.iter().filter(|(functions, _)| functions.len() > 1) {
        // What the information for frames has of a context that nothing has called yet, is where
        // it begins and ends.
        assert_eq!(caller["method"], "cfi", "{functions:?}");
        let called = ["main", "coroutine"].contains(&&*functions[1]);
        assert!(called || !functions.iter().any(|name| name == "main"), "{functions:?}");
    }
}
