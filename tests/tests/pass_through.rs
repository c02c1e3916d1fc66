//! The recorded program behaves as unrecorded: output, status, signals, surroundings.

use rdb_tests::compile::{Flavour, first_flavour};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::process::{Output, run};
use rdb_tests::recording::{Recording, recording, recording_of};
use rdb_tests::sandbox;

/// Every fixture that ends by itself.
fn fixtures() -> impl Iterator<Item = Fixture> {
    Fixture::all().into_iter().filter(|fixture| !fixture.truth.interactive)
}

fn assert_same(name: &str, recorded: &Recording, unrecorded: &Output) {
    let output = &recorded.output;
    assert_eq!(output.stdout_text(), unrecorded.stdout_text(), "{name}: standard output");
    assert_eq!(recorded.guest_stderr(), unrecorded.stderr_text(), "{name}: standard error");
    assert_eq!(output.code(), unrecorded.code(), "{name}: status, {}", output.stderr_text());
}

#[test]
fn every_fixture_does_recorded_what_its_truth_says() {
    for fixture in fixtures() {
        let (name, truth) = (&fixture.name, &fixture.truth);
        let recorded = recording(name);
        let code = recorded.output.code();
        assert_eq!(code, truth.code(), "{name}: {}", recorded.output.stderr_text());
        if let Some(expected) = &truth.stdout {
            assert_eq!(&recorded.output.stdout_text(), expected, "{name}");
            assert_eq!(recorded.guest_stderr(), truth.stderr, "{name}");
        }
        if let Some(length) = truth.stdout_length {
            assert_eq!(recorded.output.stdout.len(), length, "{name}");
        }
    }
}

#[test]
fn the_audit_explains_every_byte_of_every_fixture() {
    for fixture in fixtures() {
        let said = recording(&fixture.name).recorder_stderr();
        assert!(
            said.contains("rdb-record: audit: 0 bytes unexplained"),
            "{}: {said}",
            fixture.name
        );
    }
}

#[test]
fn every_flavour_of_a_program_is_recorded() {
    let fixture = Fixture::load("hello");
    for name in &fixture.truth.flavours {
        let recorded = recording_of(&fixture, Flavour::named(name));
        assert_eq!(recorded.output.stdout_text(), "hello, world\n", "{name}");
        let said = recorded.recorder_stderr();
        assert!(said.contains("audit: 0 bytes unexplained"), "{name}: {said}");
        let last = recorded.explore().last(&["replay-until-end"]);
        assert_eq!(last.reason(), "exit", "{name}");
    }
}

#[test]
fn the_closing_line_says_instructions_seconds_bytes_and_file() {
    let recorded = recording("hello");
    let said = recorded.recorder_stderr();
    let line = said.lines().find(|line| line.contains(" instructions, "));
    let line = line.unwrap_or_else(|| panic!("no closing line: {said}"));
    assert!(line.contains(" s, ") && line.contains(" bytes per instruction → "), "{line}");
    assert!(line.ends_with("run.trace"), "{line}");
    // The dynamic loader alone executes tens of thousands.
    assert!(recorded.instructions() > 10_000, "{line}");
    assert_eq!(recorded.instructions(), recorded.explore().last(&["where"]).end());
}

#[test]
fn arguments_environment_directory_and_descriptors_pass_through() {
    let fixture = Fixture::load("env_args");
    let mut guest = Guest::fixture(&fixture, first_flavour(&fixture));
    guest.env.push(("EMPTY".into(), "".into()));
    guest.env.push(("TEXT".into(), "a = b; $c \"d\"\n".into()));
    assert_same("env_args", &guest.record(&[]), &guest.unrecorded());
}

#[test]
fn unusual_descriptors_and_signal_dispositions_pass_through() {
    let fixture = Fixture::load("env_args");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let prepare = |command: &mut std::process::Command| {
        sandbox::open_descriptor(command, 57);
        sandbox::unusual_signals(command, libc::SIGUSR2, libc::SIGWINCH);
    };
    let mut recorder = guest.record_command(&[]);
    prepare(&mut recorder);
    let output = run(recorder, b"", guest.limit);
    let mut plain = std::process::Command::new(&guest.program);
    plain.args(&guest.args);
    sandbox::fix_addresses(&mut plain);
    let mut plain = guest.surroundings(plain);
    prepare(&mut plain);
    let unrecorded = run(plain, b"", guest.limit);
    let text = unrecorded.stdout_text();
    assert!(text.contains("fd 57 mode 0") && text.contains("signal 12 ignored"), "{text}");
    let recorded = Recording { output, trace: guest.trace(), fixture: None };
    assert_same("env_args", &recorded, &unrecorded);
}

#[test]
fn behind_stop_after_the_program_has_its_own_mappings_only() {
    let guest = Guest::system("/bin/cat", &["/proc/self/maps"]);
    let mappings = |stdout: &[u8]| stdout.iter().filter(|byte| **byte == b'\n').count();
    let expected = mappings(&guest.unrecorded().stdout);
    for options in [&["--stop-after", "30000"] as &[&str], &["--audit", "--stop-after", "30000"]] {
        let recorded = guest.record(options);
        assert_eq!(recorded.instructions(), 30_000);
        assert_eq!(mappings(&recorded.output.stdout), expected);
    }
}

#[test]
fn standard_input_reaches_the_program() {
    let fixture = Fixture::load("stdin_echo");
    let mut guest = Guest::fixture(&fixture, first_flavour(&fixture));
    guest.stdin = (0..40).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    assert_same("stdin_echo", &guest.record(&[]), &guest.unrecorded());
}

#[test]
fn an_interrupt_reaches_the_program_and_the_recording_is_sealed() {
    let fixture = Fixture::load("forever");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let mut running = guest.start_recording(&[]);
    running.wait_for_output("ready\n");
    running.signal_group(libc::SIGINT);
    let output = running.finish();
    assert_eq!(output.stdout_text(), "ready\ninterrupted\n");
    assert_eq!(output.code(), 3, "{}", output.stderr_text());
    let recorded = Recording { output, trace: guest.trace(), fixture: None };
    assert_eq!(recorded.explore().last(&["replay-until-end"]).reason(), "exit");
}

#[test]
fn a_program_that_is_killed_in_a_system_call_is_recorded_up_to_it() {
    let fixture = Fixture::load("forever");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let mut running = guest.start_recording(&["--audit"]);
    running.wait_for_output("ready\n");
    running.signal_grandchild(libc::SIGKILL);
    let output = running.finish();
    assert_eq!(output.code(), 128 + libc::SIGKILL);
    assert!(
        output.stderr_text().contains("audit: 0 bytes unexplained"),
        "{}",
        output.stderr_text()
    );
    let recorded = Recording { output, trace: guest.trace(), fixture: None };
    assert_eq!(recorded.explore().last(&["replay-until-end"]).reason(), "signal");
}

#[test]
fn a_script_runs_through_its_interpreter() {
    let fixture = Fixture::load("script");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    assert_same("script", &guest.record(&[]), &guest.unrecorded());
}

#[test]
fn the_trace_is_named_after_the_program_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let guest = Guest::system("/bin/true", &[]);
    let mut command = std::process::Command::new(&rdb_tests::binaries::binaries().record);
    command.arg(&guest.program);
    let output = run(guest.surroundings(command), b"", guest.limit);
    assert_eq!(output.code(), 0, "{}", output.stderr_text());
    let made = guest.directory().join("true.trace");
    let mode =
        std::fs::metadata(&made).expect("a trace named after the program").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!guest.directory().join("true.trace.incomplete").exists());
}

#[test]
fn options_may_follow_the_program_before_two_dashes() {
    let guest = Guest::system("/bin/echo", &[]);
    let mut command = std::process::Command::new(&rdb_tests::binaries::binaries().record);
    command.arg("/bin/echo").args(["-o", "other.trace", "--", "-n", "-o", "text"]);
    let output = run(guest.surroundings(command), b"", guest.limit);
    assert_eq!(output.stdout_text(), "-o text", "{}", output.stderr_text());
    assert!(guest.directory().join("other.trace").is_file());
}

#[test]
fn arguments_after_the_program_are_its_own() {
    let guest = Guest::system("/bin/echo", &["--audit", "-o", "x", "--help"]);
    assert_same("echo", &guest.record(&[]), &guest.unrecorded());
}
