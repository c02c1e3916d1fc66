//! Every kind of bad input: one clear line, a documented exit status, nothing lost.

use rdb_tests::compile::first_flavour;
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::process::{Output, run};
use rdb_tests::recording::recording;
use rdb_tests::tools::skip;
use rdb_tests::{binaries::binaries, sandbox};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file in the guest's directory, executable or not.
fn file(guest: &Guest, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
    let path = guest.directory().join(name);
    std::fs::write(&path, bytes).expect("failed to write a file");
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&path, permissions).expect("failed to set a mode");
    path
}

/// Exactly one line on standard error, which names what it is about.
fn assert_one_line(output: &Output, code: i32, mentions: &str) {
    let said = output.stderr_text();
    assert_eq!(output.code(), code, "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(mentions), "{said:?} does not mention {mentions:?}");
    assert!(!said.contains("panicked"), "{said}");
}

/// The first 64 bytes of an executable ELF file of that class (1: 32 bits, 2: 64) and machine.
fn elf(class: u8, machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
    bytes[16..18].copy_from_slice(&2u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20..24].copy_from_slice(&1u32.to_le_bytes());
    bytes
}

/// Records a program that must not start.
fn record_unstartable(program: &Path) -> Output {
    let guest = Guest::system(program, &[]);
    let recorded = guest.record(&[]);
    assert!(!recorded.trace.exists(), "no trace of a program that did not start");
    assert!(!guest.directory().join("run.trace.incomplete").exists());
    recorded.output
}

#[test]
fn nobody_can_hear_the_recorder() {
    let guest = Guest::system("false", &[]);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" 2>/dev/full", "sh"]).arg(&binaries().record);
    command.arg("-o").arg(guest.trace()).arg("false");
    let output = run(guest.surroundings(command), b"", guest.limit);
    assert_eq!(output.code(), 1, "the program's own status");
    assert!(guest.trace().exists());
}

#[test]
fn a_missing_program() {
    assert_one_line(&record_unstartable(Path::new("/no/such/program")), 127, "/no/such/program");
    assert_one_line(
        &record_unstartable(Path::new("no-such-program-in-path")),
        127,
        "no-such-program-in-path",
    );
}

#[test]
fn a_program_that_may_not_be_executed() {
    let keep = Guest::system("/bin/true", &[]);
    let data = file(&keep, "data", b"just text\n", 0o644);
    assert_one_line(&record_unstartable(&data), 126, "data");
    assert_one_line(&record_unstartable(keep.directory()), 126, "directory");
    let text = file(&keep, "text", b"\x01\x02 no executable format\n", 0o755);
    assert_one_line(&record_unstartable(&text), 126, "text");
}

#[test]
fn a_32_bit_or_foreign_program() {
    let keep = Guest::system("/bin/true", &[]);
    let narrow = file(&keep, "narrow", &elf(1, 3), 0o755);
    assert_one_line(&record_unstartable(&narrow), 123, "32");
    let foreign = file(&keep, "foreign", &elf(2, 183), 0o755);
    assert_one_line(&record_unstartable(&foreign), 123, "foreign");
}

#[test]
fn a_script_without_its_interpreter() {
    let keep = Guest::system("/bin/true", &[]);
    let script = file(&keep, "script", b"#!/no/such/interpreter\n", 0o755);
    assert_one_line(&record_unstartable(&script), 127, "/no/such/interpreter");
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_the_program_starts() {
    let guest = Guest::system("/bin/true", &[]);
    let started = guest.directory().join("started");
    let folder = guest.directory().to_string_lossy().into_owned();
    for output in ["/no/such/folder/run.trace", "/proc/run.trace", &folder] {
        let mut command = Command::new(&binaries().record);
        command.args(["-o", output, "/usr/bin/touch"]).arg(&started);
        let output = run(guest.surroundings(command), b"", guest.limit);
        assert_one_line(&output, 121, "");
        assert!(!started.exists(), "the program was started");
    }
}

#[test]
fn ptrace_forbidden() {
    let guest = Guest::system("/bin/true", &[]);
    let mut command = guest.record_command(&[]);
    sandbox::forbid_ptrace(&mut command);
    let output = run(command, b"", guest.limit);
    let said = output.stderr_text();
    assert_eq!(output.code(), 120, "{said}");
    assert!(said.contains("trace"), "{said}");
    let names_a_remedy =
        ["ptrace_scope", "seccomp", "SYS_PTRACE"].iter().any(|word| said.contains(word));
    assert!(names_a_remedy, "{said}");
}

#[test]
fn wrong_usage() {
    for arguments in [
        &[][..],
        &["--no-such-option", "/bin/true"],
        &["--engine", "none", "/bin/true"],
        &["--stop-after", "x", "/bin/true"],
    ] {
        let mut command = Command::new(&binaries().record);
        command.args(arguments);
        let output = run(command, b"", rdb_tests::process::LIMIT);
        assert_eq!(output.code(), 2, "{arguments:?}: {}", output.stderr_text());
    }
    let output = run(Command::new(&binaries().explore), b"", rdb_tests::process::LIMIT);
    assert_eq!(output.code(), 2, "{}", output.stderr_text());
}

#[test]
fn a_second_thread_seals_the_recording_and_the_program_runs_on() {
    let fixture = Fixture::load("thread");
    let recorded = recording("thread");
    assert_eq!(Some(recorded.output.stdout_text()), fixture.truth.stdout);
    assert_eq!(recorded.output.code(), 0);
    assert!(recorded.recorder_stderr().contains("thread"), "{}", recorded.recorder_stderr());
    let last = recorded.explore().last(&["rend"]);
    assert_eq!(last.tracepoint(), recorded.instructions());
}

#[test]
fn children_run_unrecorded() {
    let fixture = Fixture::load("fork_child");
    let recorded = recording("fork_child");
    assert_eq!(Some(recorded.output.stdout_text()), fixture.truth.stdout);
    assert_eq!(recorded.explore().last(&["rend"]).reason(), "exit");
}

/// Records a guest onto a file system of 600 KB in a mount namespace of its own; what was
/// written of the trace is copied out.
fn record_on_full_disk(guest: &Guest, choice: &str) -> Option<Output> {
    let usable =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        skip("no mount namespace can be made here");
        return None;
    }
    let disk = guest.directory().join("disk");
    std::fs::create_dir_all(&disk).expect("failed to create a folder");
    let script = r#"mount -t tmpfs -o size=600k none disk || exit 99
        "$1" -o disk/run.trace --on-full "$2" "$3"; status=$?
        cp disk/run.trace* . ; exit $status"#;
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(&binaries().record).arg(choice);
    command.arg(&guest.program);
    Some(run(guest.surroundings(command), &guest.stdin, guest.limit))
}

fn unfinished(guest: &Guest) -> Explorer {
    let names = ["run.trace", "run.trace.incomplete"];
    let mut paths = names.iter().map(|name| guest.directory().join(name));
    Explorer::new(&paths.find(|path| path.is_file()).expect("what was written is kept"))
}

#[test]
fn a_full_disk_and_the_program_goes_on() {
    let fixture = Fixture::load("stdin_echo");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let Some(output) = record_on_full_disk(&guest, "continue") else { return };
    assert_eq!(Some(output.stdout_text()), fixture.truth.stdout, "{}", output.stderr_text());
    assert_eq!(output.code(), fixture.truth.code(), "{}", output.stderr_text());
    assert!(output.stderr_text().to_lowercase().contains("space"), "{}", output.stderr_text());
    assert_readable_or_said(&unfinished(&guest));
}

#[test]
fn a_full_disk_and_the_program_stops() {
    // A program that ends by itself may do so before its recorder notices.
    let fixture = Fixture::load("forever");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let Some(output) = record_on_full_disk(&guest, "stop") else { return };
    assert_eq!(output.code(), 122, "{}", output.stderr_text());
    assert_readable_or_said(&unfinished(&guest));
}

/// Opens, or says in one line that nothing of it can be used.
fn assert_readable_or_said(explorer: &Explorer) {
    let (output, answers) = explorer.attempt(&["where", "rend", "regs"]);
    match output.code() {
        0 => assert!(answers.iter().all(|answer| answer.ok), "{answers:?}"),
        6 => assert_eq!(output.stderr_text().lines().count(), 1, "{}", output.stderr_text()),
        other => panic!("exit status {other}: {}", output.stderr_text()),
    }
}

#[test]
fn a_killed_recorder_leaves_a_file_that_opens() {
    let fixture = Fixture::load("forever");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let mut running = guest.start_recording(&[]);
    running.wait_for_output("ready\n");
    running.signal(libc::SIGKILL);
    running.finish();
    let left = guest.directory().join("run.trace.incomplete");
    assert!(left.is_file());
    assert_readable_or_said(&Explorer::new(&left));
}

#[test]
fn a_file_that_is_no_trace() {
    let keep = Guest::system("/bin/true", &[]);
    for (name, bytes) in
        [("empty", &b""[..]), ("text", b"hello\n"), ("elf", &elf(2, 62)), ("zeros", &[0; 5000])]
    {
        let path = file(&keep, name, bytes, 0o600);
        assert_one_line(&Explorer::new(&path).text(&["where"]), 3, name);
    }
}

#[test]
fn a_trace_that_cannot_be_read() {
    let output = Explorer::new(Path::new("/no/such/run.trace")).text(&["where"]);
    assert_one_line(&output, 7, "/no/such/run.trace");
    let output = Explorer::new(Path::new("/tmp")).text(&["where"]);
    assert_one_line(&output, 7, "/tmp");
}

/// The trace with another version: a little-endian u32 behind eight bytes of magic.
fn with_version(guest: &Guest, version: u32) -> Explorer {
    let mut bytes = std::fs::read(recording("branch").trace).expect("a trace");
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    Explorer::new(&file(guest, "other.trace", &bytes, 0o600))
}

#[test]
fn a_newer_and_an_older_trace() {
    let keep = Guest::system("/bin/true", &[]);
    assert_one_line(&with_version(&keep, 4_000_000_000).text(&["where"]), 4, "newer");
    assert_one_line(&with_version(&keep, 0).text(&["where"]), 5, "older");
}

#[test]
fn commands_that_make_no_sense_fail_and_say_so() {
    let explorer = recording("branch").explore();
    for command in [
        "nonsense",
        "jump",
        "jump x",
        "jump 99999999999",
        "break no_such_function",
        "break branch.c:9999",
        "delete 7",
        "x/zz 1",
        "x/4xb 0",
        "replay 99999999999999999999",
        "regs nonsense",
    ] {
        let (output, answers) = explorer.attempt(&[command]);
        assert_eq!(output.code(), 1, "{command}: {answers:?}");
        assert!(!answers[0].ok && answers[0].error.is_some(), "{command}: {answers:?}");
        assert!(!output.stderr_text().contains("panicked"), "{command}");
    }
}

#[test]
fn an_unknown_function_is_answered_with_near_names_of_all_modules() {
    let (_, answers) = recording("branch").explore().attempt(&["break chose", "break printff"]);
    let said = |at: usize| answers[at].error.clone().unwrap_or_default();
    assert!(said(0).contains("choose"), "{}", said(0));
    assert!(said(1).contains("printf"), "{}", said(1));
}
