//! Every engine records the same: all deterministic fixtures, instruction for instruction.

use rdb_tests::binaries::target_directory;
use rdb_tests::compile::first_flavour;
use rdb_tests::engines::disagreement;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::parallel::for_each;
use std::sync::Mutex;

#[test]
fn engines_agree_on_every_deterministic_fixture() {
    let keep = target_directory().join("differing");
    let failures = Mutex::new(Vec::new());
    for_each(Fixture::all().into_iter().filter(is_comparable), 2, |fixture| {
        let guest = Guest::fixture(&fixture, first_flavour(&fixture));
        let found = disagreement(&guest, &keep, &fixture.name);
        if let Some(failure) = found {
            failures.lock().expect("no panic holds it").push(failure);
        }
    });
    let failures = failures.into_inner().expect("no panic holds it");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Programs that end by themselves, and do the same in every run.
fn is_comparable(fixture: &Fixture) -> bool {
    !fixture.truth.interactive && fixture.truth.varies.is_none()
}
