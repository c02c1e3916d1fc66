//! Values of which the program keeps some parts, and names of enumerations: as gdb shows them.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
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

#[test]
fn what_is_optimized_out_is_said_to_be() {
    let explorer = recording_of(&Fixture::load("pieces"), Flavour::O2).explore();
    for question in ["last b.y", "mod list b.y", "why b.y", "watch b.y"] {
        let (_, answers) =
            explorer.attempt(&["break use", "continue", "up", "print b.y", question]);
        assert_eq!(answers[3].get("value"), "<optimized out>");
        assert_eq!(answers[4].error.as_deref(), Some("b.y is optimized out here"), "{question}");
    }
}
