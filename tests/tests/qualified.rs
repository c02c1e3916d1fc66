//! Members named with their classes, pointers to members, and types where values belong.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use rdb_tests::values::{assert_same, assert_values};

#[test]
fn members_named_with_their_classes_are_as_in_gdb() {
    let commands = [
        "print B::own",
        "print B::count",
        "print Renamed::count",
        "print space::A::count",
        "print Box<int>::count",
        "print Box<char>::count",
        "print Boxed::count",
        "print Box<int>::last",
        "print B::limit",
        "print B::Inner::made",
        "print sizeof(B::b)",
        "print sizeof(space::A::a)",
        "print sizeof(Box<int>::held)",
        "print sizeof(B::Inner)",
        "print sizeof(space::A::Nested)",
        "print (B::Inner *)0",
        "whatis B::b",
        "ptype B::b",
        "whatis B::array",
        "print &B::b",
        "print &B::a",
        "print &B::o",
        "print &Renamed::b",
        "print &Box<int>::held",
        "print &B::count",
        "whatis &B::b",
        "whatis &B::a",
        "print (long)&B::o",
        "print object.space::A::same",
        "print p->space::A::same",
        "print p->B::same",
        "print B::SMALL",
        "print space::Color::Red",
        "print B::nosuch",
        "print B::same",
        "print &B::bits",
    ];
    let flavours = [Flavour::O0, Flavour::Dwarf4, Flavour::TypeUnits5];
    assert_same("qualified", &flavours, ("print", 1), &commands);
}

#[test]
fn in_a_method_they_are_those_of_this() {
    let commands = [
        "print space::A::a",
        "print space::A::same",
        "print B::same",
        "print B::b",
        "print Renamed::b",
        "print space::Other::o",
        "print space::A::count",
        "print space::A::a + a",
        "print sizeof(space::A::a)",
        "print &space::A::a",
        "print &B::b",
        "print this->space::A::a",
        "whatis space::A::a",
    ];
    assert_same("qualified", &[Flavour::O0, Flavour::Dwarf4], ("derived", 1), &commands);
}

#[test]
fn pointers_to_members_are_as_in_gdb() {
    let commands = [
        "print member",
        "print of_base",
        "print none",
        "print first",
        "print far",
        "print virt",
        "print nothing",
        "print constant",
        "print arrays",
        "whatis member",
        "whatis constant",
        "whatis function",
        "whatis virt",
        "whatis second",
        "ptype function",
        "print sizeof(member)",
        "print sizeof(function)",
        "print object.*member",
        "print p->*member",
        "print object.*of_base",
        "print p->*of_base + 1",
        "print p->*far",
        "print (p->*arrays)[1]",
        "print object.*constant",
        "print &(object.*of_base) == &object.space::A::same",
        "print member == &B::same",
        "print member == none",
        "print function == nothing",
        "print (int)member",
        "print/x member",
        "print *member",
        "print member + 1",
    ];
    assert_same("qualified", &[Flavour::O0, Flavour::Dwarf4], ("print", 1), &commands);
}

#[test]
fn pointers_to_functions_of_classes_lead_to_them() {
    let answers = stopped(&["print function", "print second", "print p->*virt", "print p->*none"]);
    let text = |at: usize| answers[at].get("value").as_str().unwrap_or_default().to_owned();
    assert!(text(0).starts_with("(int (B::*)(B * const, int)) 0x"), "{answers:?}");
    assert!(text(0).contains("<B::method"), "{answers:?}");
    assert!(text(1).contains("<space::Other::twice"), "{answers:?}");
    assert!(text(1).ends_with(", this adjustment 16"), "{answers:?}");
    assert!(text(2).starts_with("{int (space::A * const, int)} 0x"), "{answers:?}");
    assert!(text(2).contains("<B::virtually"), "{answers:?}");
    assert_eq!(answers[3].error.as_deref(), Some("the pointer to a member is null"));
    assert_values(
        "qualified",
        "print",
        &[("member == nullptr", "false"), ("none == nullptr", "true"), ("!none", "true")],
    );
}

#[test]
fn types_and_what_void_points_to_have_no_values() {
    let refused = [
        ("print int", 0, "int is a type, not a value"),
        ("print 1 + unsigned long", 4, "unsigned long is a type"),
        ("print B", 0, "B is a type"),
        ("print -struct B", 1, "B is a type"),
        ("print Box<int>", 0, "Box<int> is a type"),
        ("print Renamed *", 0, "Renamed * is a type"),
        ("print space::A::Nested", 0, "space::A::Nested is a type"),
        ("print *opaque", 0, "cast the pointer first"),
        ("print 2 + *opaque", 4, "void"),
        ("print opaque[1]", 6, "cast the pointer first"),
        ("print space::A::a", 0, "no object of that class"),
        ("print 1 + B::b", 4, "no object of that class"),
        ("print B::nosuch", 0, "B has no member \"nosuch\""),
        ("print *member", 0, "int B::*"),
    ];
    let commands: Vec<&str> = refused.iter().map(|(command, ..)| *command).collect();
    for (answer, (command, column, said)) in stopped(&commands).iter().zip(refused) {
        let error = answer.error.as_deref().unwrap_or_default();
        assert!(error.contains(said), "{command}: {error}");
        assert_eq!(answer.column, Some(column), "{command}: {error}");
    }
    let same = [
        "whatis *opaque",
        "print sizeof(*opaque)",
        "print &*opaque == opaque",
        "print *(int *)opaque",
    ];
    assert_same("qualified", &[Flavour::O0], ("print", 1), &same);
}

#[test]
fn enumerations_are_spelled_out_as_in_gdb() {
    let commands = [
        "ptype Unnamed",
        "ptype unnamed.kind",
        "whatis unnamed.kind",
        "whatis unnamed.list",
        "whatis unnamed.sort",
        "ptype unnamed.sort",
        "print unnamed",
        "print Unnamed::SOME",
        "print Unnamed::FIRST",
        "ptype TOP",
        "print top",
        "whatis top",
        "ptype color",
        "ptype space::Color",
        "ptype level",
        "ptype kind",
        "print color",
        "print kind",
    ];
    assert_same("qualified", &[Flavour::O0, Flavour::Dwarf4], ("print", 1), &commands);
}

#[test]
fn conditions_may_name_members_with_their_classes() {
    let place = Fixture::load("qualified").place("derived");
    let go = format!("break {place} if space::A::a == 1 && B::same == 7");
    let answers = recording("qualified").explore().ask(&[&*go, "continue", "print by"]);
    assert_eq!(answers[2].get("value"), "1", "{answers:?}");
}

/// Answers where the fixture's line `print` begins.
fn stopped(commands: &[&str]) -> Vec<Answer> {
    let go = format!("break {}", Fixture::load("qualified").place("print"));
    let all: Vec<&str> = [&*go, "continue"].into_iter().chain(commands.iter().copied()).collect();
    recording("qualified").explore().attempt(&all).1.split_off(2)
}
