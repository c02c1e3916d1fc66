//! Variables without bytes in the file, in the pages behind those that have some: as gdb names
//! them.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use rdb_tests::values::assert_same;

const FLAVOURS: [Flavour; 3] = [Flavour::O0, Flavour::NoPie, Flavour::Static];

#[test]
fn addresses_have_their_symbols() {
    let commands = [
        "print &table[149]",
        "print (void *) &bytes[39999]",
        "print (void *) &bytes[40000]",
        "print &sink",
        "print &tail",
        "x/2xb &bytes[39998]",
        "x/2xb (char *) &table + 21000",
    ];
    assert_same("constants", &FLAVOURS, ("call", 1), &commands);
}

#[test]
fn questions_name_the_variables() {
    let fixture = Fixture::load("constants");
    for flavour in FLAVOURS {
        let explorer = recording_of(&fixture, flavour).explore();
        let until = format!("until {}", fixture.place("call"));
        let commands = [&*until, "info symbol &bytes[39999]", "why bytes[39999]", "maps"];
        let answers = explorer.ask(&commands);
        let symbol = &answers[1];
        assert_eq!((symbol.get("symbol"), symbol.get("offset")), (&"bytes".into(), &39999.into()));
        let module = symbol.get("module").as_str().expect("a module");
        let maps = answers[3].get("maps").as_array().expect("a list");
        let own = maps.iter().filter(|map| map["bss_of"] == module).count();
        assert!(own > 0, "{flavour:?}: {maps:?}");
        let text = explorer.text(&commands[..3]).stdout_text();
        assert!(text.contains("bytes+39999"), "{flavour:?}: {text}");
        let (_, answers) = explorer.attempt(&[&*until, "info symbol $rsp"]);
        assert!(answers[1].error.is_some(), "the stack is no module's: {answers:?}");
    }
}
