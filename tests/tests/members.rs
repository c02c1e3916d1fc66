//! Classes of C++ and types of Rust spelled out, and the names of what is inlined: as in gdb.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use rdb_tests::values::{assert_same, assert_values};

#[test]
fn classes_are_spelled_out_as_in_gdb() {
    let commands = [
        "ptype derived",
        "ptype mixed",
        "ptype empty",
        "ptype hidden",
        "ptype plain",
        "ptype Virtual",
        "ptype &derived",
        "ptype Hidden *",
    ];
    assert_same("members", &[Flavour::O0], ("print", 1), &commands);
}

#[test]
fn types_of_rust_are_spelled_out_as_in_gdb() {
    let commands = [
        "ptype *shape",
        "ptype some",
        "ptype *record",
        "ptype level",
        "ptype pair",
        "ptype either",
        "ptype unit",
    ];
    assert_same("rust_types", &[Flavour::O0], ("print", 1), &commands);
}

#[test]
fn rust_casts_by_as() {
    let commands = [
        "print 1 as u8",
        "print 2 + 300 as u16",
        "print record.a as u64 + 1",
        "print -1 as i8",
        "print 65 as u8 as u32 * 2",
        "print 3 as f64 / 2.0",
        "print sizeof(1 as u8)",
        "whatis 1 as i64",
    ];
    assert_same("rust_types", &[Flavour::O0], ("print", 1), &commands);
    assert_values(
        "rust_types",
        "print",
        &[("(1 as u128) << 100", "1267650600228229401496703205376")],
    );
}

#[test]
fn inlined_functions_are_named_with_their_classes() {
    let fixture = Fixture::load("members");
    let explorer = recording_of(&fixture, Flavour::O2).explore();
    let lambda = "main(int, char**)::<lambda(int)>";
    let functions = |mark: &str, hits: usize| {
        let mut commands = vec![format!("break {}", fixture.place(mark))];
        commands.extend(vec!["rc".to_owned(); hits]);
        commands.push("bt".to_owned());
        explorer.last(&commands).functions()
    };
    // The names that gdb gives them.
    let applied = functions("lambda", 1);
    assert_eq!(applied[..2], ["operator()".to_owned(), format!("space::apply<{lambda} >")]);
    let held = functions("lambda", 2);
    assert_eq!(held[1], format!("space::Holder<{lambda} >::go"));
    let unnamed = functions("unnamed", 1);
    assert_eq!(unnamed[0], "(anonymous namespace)::Unnamed::operator()");
    assert_eq!(functions("local", 1)[0], "Local::method");
}
