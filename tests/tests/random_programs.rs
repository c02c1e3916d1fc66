//! Random programs: every engine records the same, and they behave as unrecorded. More seeds by
//! hand: `cargo run -p rdb-tests --bin random-programs -- --seeds 0..1000`.

use rdb_tests::binaries::target_directory;
use rdb_tests::closing::Closing;
use rdb_tests::engines::{ENGINES, disagreement, record};
use rdb_tests::parallel::for_each;
use rdb_tests::random_program::with_guest;

/// Seeds whose recordings are compared.
const SEEDS: std::ops::Range<u64> = 0..48;

/// Seeds whose recordings are audited.
const AUDITED: std::ops::Range<u64> = 100..112;

#[test]
fn engines_agree_on_random_programs() {
    let keep = target_directory().join("differing");
    for_each(SEEDS, 2, |seed| {
        with_guest(seed, |guest| {
            let found = disagreement(guest, &[], &keep, &format!("seed-{seed}"));
            assert!(found.is_none(), "{}", found.unwrap_or_default());
        });
    });
}

#[test]
fn random_programs_behave_as_unrecorded_and_audits_explain_them() {
    for (seed, engine) in AUDITED.flat_map(|seed| ENGINES.iter().map(move |e| (seed, *e))) {
        with_guest(seed, |guest| {
            let bare = guest.unrecorded();
            let recorded = record(guest, engine).recording.output;
            assert_eq!(recorded.stdout, bare.stdout, "seed {seed}, {engine:?}");
            assert_eq!(recorded.code(), bare.code(), "seed {seed}, {engine:?}");
            assert_eq!(bare.stdout.len(), 8, "seed {seed}: its checksum");
            let audited = guest.record(&[engine, &["--audit"]].concat());
            let closing = Closing::parse(&audited.recorder_stderr());
            assert_eq!(closing.and_then(|closing| closing.unexplained), Some(0), "seed {seed}");
        });
    }
}
