//! Values of which the program keeps some parts, and names of enumerations: as gdb shows them.

use rdb_tests::compile::Flavour;
use rdb_tests::values::assert_same;

#[test]
fn what_is_kept_of_aggregates_is_shown() {
    let commands = [
        "up",
        "info locals",
        "print b",
        "print b.x",
        "print b.y",
        "print b.z + b.w",
        "print t",
        "print t.c",
        "print t.c[3]",
        "print s",
        "print s.j",
        "print s.rows",
        "print s.rows[1]",
        "print s.i.b",
    ];
    for hit in [2, 4, 7] {
        assert_same("pieces", &[Flavour::O2], ("use", hit), &commands);
    }
}

#[test]
fn only_flags_are_shown_as_flags() {
    let commands = ["print sequences", "print flags", "print groups", "print signs"];
    assert_same("pieces", &[Flavour::O0], ("use", 1), &commands);
}
