//! Constants of the debug information: as gdb understands them.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use rdb_tests::values::assert_same;

#[test]
fn lengths_and_enumerators_are_as_in_gdb() {
    let commands = [
        "print line",
        "print sizeof(line)",
        "print squares",
        "print sizeof(table)",
        "print table[3]",
        "print table[149]",
        "print table[129].state",
        "print bytes[39999]",
        "print sizeof(bytes)",
        "print sizeof(none)",
        "print table[3].state == BUSY",
        "print (int)FULL",
        "print (int)BELOW",
        "print/d HUGE_ONE",
        "print (enum state)150",
        "ptype squares",
        "ptype struct entry",
        "whatis bytes",
    ];
    assert_same("constants", &[Flavour::O0], ("print", 1), &commands);
}

#[test]
fn pointers_to_characters_of_variables_are_named_as_in_gdb() {
    let commands = [
        "print &table[3].name[0]",
        "print (char *)&table[0]",
        "print &table[3].name[2]",
        "print &bytes[39999]",
        "print (char *)bytes",
        "print (unsigned char *)&table[3].name[1]",
        "print (char *)line",
        "print (char *)0",
    ];
    assert_same("constants", &[Flavour::O0], ("print", 1), &commands);
}

#[test]
fn variables_that_are_constants_are_as_in_gdb() {
    let names = ["limit", "high", "below", "wide", "least", "byte", "small"];
    let commands = names.map(|name| format!("print {name}"));
    let commands: Vec<_> = commands.iter().map(String::as_str).collect();
    assert_same("constants", &[Flavour::O2], ("use", 1), &commands);
}

#[test]
fn writes_behind_the_127th_element_are_found() {
    let fixture = Fixture::load("constants");
    let go = format!("until {}", fixture.place("call"));
    let answers = recording("constants").explore().ask(&[&*go, "last table[149].state"]);
    let line = fixture.marks["call"] - 3;
    assert_eq!(answers[1].line(), Some(line.into()), "{:?}", answers[1]);
}
