//! Ctrl-C stops any question, not the explorer: what was asked after it is not run.

use rdb_tests::binaries::binaries;
use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{PAGES, build};
use rdb_tests::process::{LIMIT, Running};
use std::process::Command;

/// Clock ticks of user time after which a question is surely being answered: starting takes a
/// few.
const TICKS: u64 = 40;

/// User time of a process so far, clock ticks (proc_pid_stat(5), utime).
fn user_time(process: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = behind_name.split_whitespace();
    fields.nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

#[test]
fn ctrl_c_stops_every_question() {
    let mut guest = Guest::system("", &["150"]);
    guest.program = build(PAGES, guest.directory());
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    Explorer::new(&recording.trace).last(&["index"]);
    let export = format!("export folded {}", guest.directory().join("out").display());
    let questions: &[&[&str]] = &[
        &["modification -w future -c 100000000 counter"],
        &["reads -w future -c 100000000 counter"],
        &["print-each -c 100000000 counter at step"],
        &["calls -w future -c 100000000 step"],
        &["executions -w future -c 100000000 step"],
        &["break step if counter > 1000000000", "rc"],
        &["rwatch counter if counter > 1000000000", "rc"],
        &["watch counter if counter > 1000000000", "rc"],
        &[&export],
    ];
    for question in questions {
        let mut command = Command::new(&binaries().explore);
        command.arg(&recording.trace);
        for part in *question {
            command.args(["-c", part]);
        }
        command.args(["-c", "info"]);
        let mut running = Running::start(command, b"", LIMIT);
        let process = running.id();
        running.wait_until("a question at work", || user_time(process) >= TICKS);
        running.signal(libc::SIGINT);
        let output = running.finish();
        assert_eq!(output.code(), 1, "{question:?}: {}", output.stderr_text());
        let said = output.stderr_text();
        assert!(said.contains("interrupted"), "{question:?}");
        assert_eq!(said.lines().count(), 1, "{question:?}: {said}");
        assert!(!output.stdout_text().contains("instructions"), "{question:?}: no info follows");
    }
    assert!(!guest.directory().join("out").exists());
}

/// Whether a process still handles SIGINT (proc_pid_status(5), SigCgt).
fn handles_sigint(process: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask >> (libc::SIGINT - 1) & 1 == 1)
}

/// Attempts to send the second signal before the first has ended the question.
const ATTEMPTS: usize = 30;

#[test]
fn a_second_ctrl_c_ends_the_explorer_and_leaves_no_file() {
    let mut guest = Guest::system("", &["150"]);
    guest.program = build(PAGES, guest.directory());
    let trace = guest.record(&[]).trace;
    Explorer::new(&trace).last(&["index"]);
    let folder = guest.directory().join("exports");
    std::fs::create_dir(&folder).expect("a folder");
    let export = format!("export calls {}", folder.join("out").display());
    let attempt = || {
        let mut command = Command::new(&binaries().explore);
        command.arg(&trace).args(["-c", &export]);
        let mut running = Running::start(command, b"", LIMIT);
        let process = running.id();
        running.wait_until("an export at work", || user_time(process) >= TICKS);
        running.signal(libc::SIGINT);
        while handles_sigint(process) {
            std::hint::spin_loop();
        }
        running.signal(libc::SIGINT);
        let code = running.finish().code();
        let left: Vec<_> = std::fs::read_dir(&folder).expect("a folder").flatten().collect();
        assert!(left.is_empty(), "{left:?} after status {code}");
        code
    };
    let killed = 128 + libc::SIGINT;
    let ended = (0..ATTEMPTS).any(|_| {
        let code = attempt();
        assert!(code == 1 || code == killed, "{code}");
        code == killed
    });
    assert!(ended, "no second signal came in time");
}
