//! The names of what is inlined: as in gdb.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;

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
