//! Damaged traces: never a panic, a hang or a huge allocation, and no wrong state shown as right.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::process::Output;
use rdb_tests::recording::recording;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// Damages of each kind that are tried.
const ROUNDS: usize = 40;

/// How long one damaged trace may keep the explorer busy.
const LIMIT: Duration = Duration::from_secs(20);

/// An intact trace, and what it answers.
struct Intact {
    bytes: Vec<u8>,
    commands: Vec<String>,
    answers: Vec<Answer>,
    folder: TempDir,
    random: TestRng,
}

impl Intact {
    fn new(seed: u8) -> Intact {
        let made = recording("branch");
        let end = made.explore().last(&["where"]).end();
        let mut commands = vec!["sbs".to_string(), "regs".to_string()];
        for part in 1..5 {
            commands.extend([
                format!("jump {}", end * part / 5),
                "regs".into(),
                "x/8xg $rsp".into(),
            ]);
        }
        commands.extend(["backtrace".into(), "rend".into(), "syscalls".into(), "maps".into()]);
        let answers = made.explore().ask(&commands);
        let bytes = std::fs::read(&made.trace).expect("a trace");
        let folder = tempfile::tempdir().expect("failed to create a folder");
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        Intact { bytes, commands, answers, folder, random }
    }

    fn place(&mut self) -> usize {
        let length = u64::try_from(self.bytes.len()).expect("a length");
        usize::try_from(self.random.next_u64() % length).expect("a place")
    }

    fn damaged(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("damaged.trace");
        std::fs::write(&path, bytes).expect("failed to write a trace");
        path
    }

    /// Asks a damaged trace the same questions.
    fn check(&self, bytes: &[u8], what: &str) {
        let explorer = Explorer::new(&self.damaged(bytes)).with_limit(LIMIT);
        let (output, answers) = explorer.attempt(&self.commands);
        let said = output.stderr_text();
        assert!(output.status.code().is_some(), "{what}: killed by a signal: {said}");
        assert!(
            (0..=7).contains(&output.code()) && output.code() != 2,
            "{what}: {}",
            output.code()
        );
        assert!(!said.contains("panicked"), "{what}: {said}");
        self.check_answers(&output, &answers, what);
    }

    /// Each answer is the intact one, or failed, or is covered by a notice on stderr. A notice
    /// excuses a shorter history, not other registers at the same tracepoint.
    fn check_answers(&self, output: &Output, answers: &[Answer], what: &str) {
        let noticed = !output.stderr_text().trim().is_empty();
        let mut same_place = true;
        for (got, expected) in answers.iter().zip(&self.answers) {
            let same = got == expected;
            assert!(same || !got.ok || noticed, "{what}: {got:?} instead of {expected:?}");
            if got.command == "regs" {
                assert!(same || !got.ok || !same_place, "{what}: wrong registers: {got:?}");
            } else if !expected.get("tracepoint").is_null() {
                same_place = got.get("tracepoint") == expected.get("tracepoint");
            }
        }
    }
}

#[test]
fn a_truncated_trace_opens_up_to_its_last_whole_frame() {
    let mut intact = Intact::new(1);
    for _ in 0..ROUNDS {
        let length = intact.place();
        intact.check(&intact.bytes[..length], &format!("truncated to {length} bytes"));
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_harmless() {
    let mut intact = Intact::new(2);
    for _ in 0..ROUNDS {
        let (place, change) = (intact.place(), intact.place());
        let mut bytes = intact.bytes.clone();
        bytes[place] ^= u8::try_from(change % 255 + 1).expect("a byte");
        intact.check(&bytes, &format!("byte {place} changed"));
    }
}

#[test]
fn a_trace_cut_at_the_very_end_still_answers() {
    let intact = Intact::new(3);
    for cut in [1, 8, 64] {
        let length = intact.bytes.len() - cut;
        let explorer = Explorer::new(&intact.damaged(&intact.bytes[..length]));
        let (output, answers) = explorer.attempt(&["jump 1000", "regs"]);
        assert_eq!(output.code(), 0, "{answers:?} {}", output.stderr_text());
        assert!(!output.stderr_text().is_empty(), "a cut trace is said to be one");
    }
}
