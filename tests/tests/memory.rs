//! Memory of traces without page versions; and the recorder's own mappings, which nobody sees.

use rdb_explorer::timeline::Timeline;
use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::random_program::Random;
use rdb_tests::recording::recording;
use rdb_tests::strip::without_versions;
use std::path::Path;

/// Bytes asked for in one question.
const PART: u64 = 0x3000;

fn same_memory(name: &str, original: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let stripped = folder.path().join("stripped.trace");
    without_versions(original, &stripped);
    let original = Timeline::open(original).expect("a trace");
    let stripped = Timeline::open(&stripped).expect("a trace");
    assert_eq!(stripped.end(), original.end());
    assert!(original.chunk_count() > 1, "{name} is too short");
    let mut random = Random::new(1);
    for _ in 0..60 {
        let t = random.below(original.end() + 1);
        let space = original.space(t).expect("mappings");
        let mappings: Vec<_> = space.iter().collect();
        for _ in 0..8 {
            let mapping = mappings[random.below(mappings.len() as u64) as usize];
            let at = mapping.start + random.below(mapping.end - mapping.start);
            let expected = original.memory(t, at, PART as usize).expect("memory");
            let found = stripped.memory(t, at, PART as usize).expect("memory");
            let wrong = (0..expected.len()).find(|i| expected[*i] != found[*i]);
            if let Some(i) = wrong {
                let place = at + i as u64;
                panic!("{name} at {t}, {place:#x}: {:?} is {:?}", expected[i], found[i]);
            }
        }
    }
}

#[test]
fn memory_is_the_same_without_page_versions() {
    same_memory("exceptions", &recording("exceptions").trace);
}

#[test]
fn memory_is_the_same_without_page_versions_across_exec() {
    // Stepping makes short chunks.
    let guest = Guest::fixture(&Fixture::load("exec_self"), Flavour::O0);
    let recorded = guest.record(&["--engine", "step"]);
    same_memory("exec_self", &recorded.trace);
}

#[test]
fn memory_is_the_same_without_page_versions_whatever_the_kernel_writes() {
    same_memory("syscalls", &recording("syscalls").trace);
}

#[test]
fn programs_do_not_see_the_recorders_mappings() {
    let fixture = Fixture::load("own_maps");
    let mut guest = Guest::fixture(&fixture, Flavour::O0);
    let recorded = guest.record(&[]);
    assert_eq!(Some(recorded.output.stdout_text()), fixture.truth.stdout);
    for (word, expected) in [("memfd:rdb", "hidden\n"), ("[stack]", "shown\n")] {
        guest.args = vec![word.into()];
        let recorded = guest.record(&[]);
        assert_eq!(recorded.output.stdout_text(), expected, "{word}");
    }
}
