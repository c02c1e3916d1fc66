//! Drives the built `rdb-explore` over a small hand-made recording.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod synthetic;

use rdb_explorer::session::{Calls, Session, Stop};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::{Direction, Timeline};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use synthetic::Ending;

struct Recording {
    directory: tempfile::TempDir,
    trace: PathBuf,
}

impl Recording {
    fn new(ending: Ending) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trace = directory.path().join("made.trace");
        synthetic::write(&trace, ending);
        Self { directory, trace }
    }

    /// The output of some commands, as text.
    fn text(&self, commands: &[&str]) -> String {
        let output = explore(&self.trace, &with_commands(commands));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The last command's JSON object.
    fn json(&self, commands: &[&str]) -> Value {
        let mut arguments = with_commands(commands);
        arguments.push("--json".into());
        let output = explore(&self.trace, &arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), commands.len(), "{text}");
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    /// The last command's result.
    fn result(&self, commands: &[&str]) -> Value {
        let mut object = self.json(commands);
        assert_eq!(object["ok"], true, "{object}");
        object["result"].take()
    }
}

fn with_commands(commands: &[&str]) -> Vec<String> {
    commands.iter().flat_map(|command| ["-c".to_owned(), (*command).to_owned()]).collect()
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rdb-explore"))
}

fn explore(trace: &Path, arguments: &[String]) -> Output {
    program().arg(trace).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn exit_code(trace: &Path) -> (i32, String) {
    let output = explore(trace, &with_commands(&["where"]));
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), errors)
}

#[test]
fn a_crash_is_walked_in_both_directions() {
    let crash = Recording::new(Ending::Crash);
    let start = crash.result(&["where"]);
    assert_eq!((&start["tracepoint"], &start["end"]), (&0.into(), &8.into()));
    assert_eq!(start["stop"]["reason"], "start");
    assert_eq!(start["pc"], "0x401000");

    let end = crash.result(&["rend"]);
    assert_eq!(end["tracepoint"], 8);
    assert_eq!(end["pc"], "0x40100c");
    assert_eq!(end["stop"]["reason"], "signal");
    assert_eq!(end["stop"]["signal"], "SIGSEGV");
    assert_eq!(end["stop"]["address"], "0x0");
    assert_eq!(end["stop"]["disposition"], "fatal");

    let back = crash.result(&["rend", "sbi 3"]);
    assert_eq!((&back["tracepoint"], &back["stop"]["reason"]), (&5.into(), &"step".into()));
    // Returning to the end shows the signal again.
    let again = crash.result(&["rend", "sbi 3", "continue"]);
    assert_eq!((&again["tracepoint"], &again["stop"]["signal"]), (&8.into(), &"SIGSEGV".into()));
    let text = crash.text(&["rend", "sbi", "si"]);
    assert_eq!(text.matches("Program received signal SIGSEGV, Segmentation fault").count(), 2);
}

#[test]
fn breakpoints_stop_history_in_both_directions() {
    let run = Recording::new(Ending::Exit);
    let at = |commands: &[&str]| run.result(commands)["tracepoint"].clone();
    assert_eq!(at(&["b *0x401007", "c"]), 2);
    assert_eq!(at(&["b *0x401007", "c", "c", "c"]), 6);
    assert_eq!(at(&["b *0x401007", "c", "c", "c", "c"]), 8);
    assert_eq!(at(&["b *0x401007", "rend", "cr"]), 6);
    assert_eq!(at(&["b *0x401007", "rend", "cr", "cr"]), 4);
    assert_eq!(at(&["b *0x401007", "rend", "cr", "cr", "cr", "cr"]), 0);
    assert_eq!(at(&["b *0x401007", "si 5"]), 2);
    assert_eq!(at(&["b *0x401007", "disable 1", "si 5"]), 5);
    let stop = run.result(&["b *0x401007", "c"]);
    assert_eq!(stop["stop"]["breakpoints"][0], 1);
    let list = run.result(&["b *0x401007", "c", "c", "info breakpoints"]);
    assert_eq!(list["breakpoints"][0]["hits"], 2);
    assert_eq!(run.json(&["delete 9"])["error"], "no breakpoint number 9");
}

#[test]
fn an_exit_tells_its_status() {
    let run = Recording::new(Ending::Exit);
    assert_eq!(run.result(&["c"])["stop"]["status"], 3);
    assert!(run.text(&["c"]).contains("Program exited with status 3."));
    assert_eq!(run.result(&["info"])["exit"]["status"], 3);
}

#[test]
fn jumps_take_many_forms() {
    let run = Recording::new(Ending::Exit);
    let at = |target: &str| run.result(&["jump 4", target])["tracepoint"].clone();
    assert_eq!(at("jt -t 3"), 3);
    assert_eq!(at("jump +2"), 6);
    assert_eq!(at("jump -2"), 2);
    assert_eq!(at("jump end"), 8);
    assert_eq!(at("jump start"), 0);
    assert_eq!(at("jump 25%"), 2);
    let error = run.json(&["jump 9"]);
    assert_eq!(error["ok"], false);
    assert_eq!(error["command"], "jump 9");
    assert!(error["error"].as_str().unwrap().contains("not in this history"), "{error}");
    assert_eq!(run.result(&["si 99999999999"])["tracepoint"], 8);
    assert_eq!(run.result(&["rend", "sbi 99999999999"])["stop"]["reason"], "start");
    assert_eq!(run.result(&["replay 99999999999"])["tracepoint"], 8);
}

#[test]
fn registers_memory_and_code_are_those_of_the_tracepoint() {
    let run = Recording::new(Ending::Exit);
    let register = |at: &str| run.result(&[at, "regs rbx $ebx"])["registers"].clone();
    assert_eq!(register("jump 2")["rbx"], "0x0");
    assert_eq!(register("jump 5")["rbx"], "0x2");
    assert_eq!(register("jump end")["ebx"], "0x3");
    let all = run.result(&["regs all"]);
    assert_eq!(all["registers"]["ymm0"], "0x0");
    assert!(all["registers"].get("zmm0").is_none());

    let x = |command: &str| run.result(&[command])["rows"][0]["values"].clone();
    assert_eq!(x("x/s 0x402000")[0], r#""hi\n""#);
    assert_eq!(x("x/2xb 0x402000"), serde_json::json!(["0x68", "0x69"]));
    assert_eq!(x("x/2xw 0x402ffc"), serde_json::json!(["0x00000000", "??"]));
    assert!(run.json(&["x 0"])["error"].as_str().unwrap().contains("never mapped"));
    assert_eq!(run.result(&["x/4xb 0x402000", "x"])["rows"][0]["address"], "0x402004");

    let code = run.text(&["jump 2", "x/3i $pc-2"]);
    assert!(code.contains("=> 0x401007:\tinc rbx"), "{code}");
    assert!(code.contains("syscall"), "{code}");
    let att = run.text(&["set disassembly-flavor att", "disassemble/r 0x401000,+5"]);
    assert!(att.contains("b8 01 00 00 00") && att.contains("mov $0x1,%eax"), "{att}");
}

#[test]
fn system_calls_show_which_output_came_when() {
    let run = Recording::new(Ending::Exit);
    let calls = run.result(&["syscalls"]);
    let write = &calls["syscalls"][0];
    assert_eq!((&write["tracepoint"], &write["name"]), (&1.into(), &"write".into()));
    assert_eq!((&write["value"], &write["output"]), (&3.into(), &"hi\n".into()));
    assert!(run.text(&["syscalls"]).contains("| hi"));
    assert_eq!(run.result(&["syscalls --name read"])["syscalls"], serde_json::json!([]));
    assert_eq!(run.result(&["syscalls --from 2"])["syscalls"], serde_json::json!([]));
    assert!(run.json(&["syscalls --name nonsense"])["error"].is_string());
    let crash = Recording::new(Ending::Crash);
    assert_eq!(crash.result(&["info signals"])["signals"][0]["at"], 7);
}

#[test]
fn without_symbols_the_state_is_still_there() {
    let run = Recording::new(Ending::Exit);
    assert!(run.text(&["where"]).contains("mov eax, 0x1"));
    assert_eq!(run.result(&["maps"])["maps"].as_array().unwrap().len(), 2);
    assert_eq!(run.result(&["modules"])["modules"].as_array().unwrap().len(), 0);
    assert_eq!(run.result(&["bt"])["frames"][0]["pc"], "0x401000");
    for command in ["list", "break main", "break a.c:1", "break 3", "x &main", "disas main"] {
        assert_eq!(run.json(&[command])["ok"], false, "{command}");
    }
}

#[test]
fn commands_come_from_options_files_and_pipes_in_order() {
    let run = Recording::new(Ending::Exit);
    let script = run.directory.path().join("script");
    std::fs::write(&script, "# a comment\n\nsi\n").unwrap();
    let script = script.to_str().unwrap();
    let arguments = ["-c", "jump 4", "-x", script, "-c", "where", "--json"].map(String::from);
    let output = explore(&run.trace, &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["result"]["tracepoint"], 5);

    let mut child = program()
        .arg(&run.trace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"jump 3\nnonsense\nquit\nwhere\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches('#').count(), 1);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("rdb-explore: undefined command"));
}

#[test]
fn colour_is_off_unless_asked_for() {
    let run = Recording::new(Ending::Exit);
    assert!(!run.text(&["where"]).contains('\x1b'));
    assert!(run.text(&["set color on", "where"]).contains('\x1b'));
    let arguments = ["--color", "always", "-c", "where"].map(String::from);
    assert!(explore(&run.trace, &arguments).stdout.contains(&0x1b));
}

#[test]
fn what_is_no_usable_trace_has_its_own_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    assert_eq!(exit_code(&path).0, 7);
    assert_eq!(exit_code(directory.path()).0, 7);
    let mut head = rdb_schema::container::head();
    for (content, code) in [(&b""[..], 3), (b"#!/bin/sh\necho not a trace\n", 3), (&head, 6)] {
        std::fs::write(&path, content).unwrap();
        let (found, errors) = exit_code(&path);
        assert_eq!(found, code, "{errors}");
        assert!(errors.starts_with("rdb-explore: ") && errors.lines().count() == 1, "{errors}");
    }
    head[8] = 200;
    std::fs::write(&path, head).unwrap();
    assert_eq!(exit_code(&path).0, 4);
    head[8] = 0;
    std::fs::write(&path, head).unwrap();
    assert_eq!(exit_code(&path).0, 5);
    assert_eq!(program().output().unwrap().status.code(), Some(2));
}

#[test]
fn a_recording_cut_short_opens_with_a_notice() {
    let run = Recording::new(Ending::Exit);
    let bytes = std::fs::read(&run.trace).unwrap();
    std::fs::write(&run.trace, &bytes[..bytes.len() - 20]).unwrap();
    let output = explore(&run.trace, &with_commands(&["rend"]));
    assert!(output.status.success());
    assert!(!output.stderr.is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let run = Recording::new(Ending::Exit);
    let mut child = program()
        .arg(&run.trace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..10 {
        // The explorer may be gone already.
        let _ = stdin.write_all(b"help\n");
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_reference_comes_from_the_table() {
    let output = program().arg("--command-reference").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("| `jump T` | `jt` `goto` |"), "{text}");
}

#[test]
fn an_interrupt_stops_steps_by_lines() {
    let made = Recording::new(Ending::Crash);
    let mut session = Session::new(Timeline::open(&made.trace).unwrap(), DebugSearch::none());
    session.interrupt.raise();
    session.step_lines(u64::MAX, Direction::Forward, Calls::Into).unwrap();
    assert_eq!((session.cursor(), session.stop()), (0, &Stop::Interrupted));
}

#[test]
fn a_trace_truncated_while_it_is_open_is_said_so() {
    let made = Recording::new(Ending::Crash);
    let mut child = program()
        .arg(&made.trace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut first = String::new();
    writeln!(input, "where").unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    std::fs::OpenOptions::new().write(true).open(&made.trace).unwrap().set_len(0).unwrap();
    writeln!(input, "regs\nx/4x $rip\nmodules").unwrap();
    drop(input);
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(7), "{errors}");
    assert!(errors.contains("truncated"), "{errors}");
}
