//! The programs of the benchmark `translate` compile, and do the same in every run.

use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{ALL, AVX512, build, has_avx512};
use rdb_tests::tools::skip;

#[test]
fn they_do_the_same_in_every_run() {
    for source in ALL {
        let mut guest = Guest::system("", &["2"]);
        guest.program = build(source, guest.directory());
        if source.name == AVX512.name && !has_avx512() {
            skip("this CPU has no AVX-512");
            continue;
        }
        let (once, again) = (guest.unrecorded(), guest.unrecorded());
        assert_eq!(once.code(), 0, "{}", source.name);
        assert!(!once.stdout.is_empty(), "{}", source.name);
        assert_eq!(once.stdout, again.stdout, "{}", source.name);
    }
}
