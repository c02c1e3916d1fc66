//! Characters of more than a byte, and numbers of more than a double: as gdb shows them, or
//! refused in so many words.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use rdb_tests::values::{assert_same, assert_values};

const O0: [Flavour; 1] = [Flavour::O0];

fn explorer() -> Explorer {
    recording("wide").explore()
}

/// The answers where the fixture prints.
fn ask(commands: &[&str]) -> Vec<Answer> {
    let go = format!("until {}", Fixture::load("wide").place("print"));
    let (_, answers) = explorer().attempt(&[&[&*go], commands].concat());
    answers[1..].to_vec()
}

#[test]
fn wide_characters_are_as_in_gdb() {
    let commands = [
        "print wide",
        "print sixteen",
        "print thirtytwo",
        "print at_wide",
        "print at_sixteen",
        "print at_thirtytwo",
        "print nowhere",
        "print letter",
        "print euro",
        "print newline",
        "print quote",
        "print beyond",
        "print accented",
        "print smile",
        "print empty",
        "print many",
        "print run",
        "print record",
        "print wide[1]",
        "print *at_wide@4",
        "print &wide",
        "print/x sixteen",
        "print/d letter",
        "print/c letter",
        "print/s at_wide",
    ];
    assert_same("wide", &O0, ("print", 1), &commands);
}

#[test]
fn numbers_wider_than_a_double_are_as_in_gdb() {
    let commands = [
        "print quad",
        "print three",
        "print smallest",
        "print largest",
        "print both",
        "print tenth",
        "print huge",
        "print/x quad",
        "print/x tenth",
        "print/f quad",
        "print quad == 3",
        "print three == 3",
        "print tenth > 1.1",
        "print tenth < 2",
        "print huge >= quad",
        "print below != -2.5",
        "print !zero",
        "print huge && 1",
        "print (double)tenth",
        "print (float)quad",
        "print (long)below",
        "print (int)three",
    ];
    assert_same("wide", &O0, ("print", 1), &commands);
}

#[test]
fn arithmetic_rounds_to_the_format_as_in_gdb() {
    let commands = [
        "print tenth + 1",
        "print tenth + tenth",
        "print tenth * third",
        "print 1 / third",
        "print tenth - doubles[0]",
        "print floats[1] * tenth",
        "print huge * huge",
        "print huge - huge",
        "print least / 2",
        "print least * 0.75",
        "print -tenth",
        "print zero / zero",
        "print (huge * huge) - (huge * huge)",
        "print 18446744073709551615 + tenth",
        "print 7 / tenth",
        "whatis tenth + 1",
        "whatis floats[0] + tenth",
        "print (long double)1.1",
        "print (long double)floats[1]",
        "print (long double)18446744073709551615",
        "print 1.1L",
        "print 1.1L == tenth",
        "print 5.L / .5L",
        "whatis 1.1L",
        "print quad + 1",
        "print quad * three",
        "print quad / 3",
        "print (_Float128)tenth",
        "print (long double)quad",
        "print -quad",
        "print half",
        "print half + 1",
        "print half * half",
        "whatis half + 1",
        "whatis half + doubles[0]",
        "print (float)half",
        "print half == 1.1",
        "print (_Float16)1.1",
        "print/x half",
        "print rotated",
        "print $_creal(rotated)",
        "print $_cimag(rotated)",
        "print $_creal(both)",
        "print $x = tenth + 1",
        "print $x * 2",
    ];
    assert_same("wide", &O0, ("print", 1), &commands);
}

#[test]
fn wide_literals_are_as_in_gdb() {
    let commands = [
        "print L'a'",
        "print u'a'",
        "print U'a'",
        "print L'\\n'",
        "print L'\\x20ac'",
        "print U'\\u20ac'",
        "whatis L'a'",
        "whatis u'a'",
        "print L\"abc\"",
        "print u\"\u{1F600}\"",
        "print U\"thirty\\n\"",
        "whatis L\"abc\"",
        "print sizeof(L\"abc\")",
        "print sizeof(u\"abc\")",
        "print letter == L'w'",
        "print sixteen[0] == u's'",
        "print L\"abc\"[1]",
        "print (int)L'a'",
    ];
    assert_same("wide", &O0, ("print", 1), &commands);
    assert_values("wide", "print", &[("u8'a'", "97 'a'"), ("sizeof(u8\"ab\")", "3")]);
}

#[test]
fn what_is_not_computed_exactly_is_refused() {
    let refused = [
        ("print tenth % 2", "integers are needed here"),
        ("print ~quad", "an integer is needed here"),
        ("print tenth + pair", "a number is needed here, not struct pair"),
        ("print doubles[tenth]", "an index has to be an integer, not long double"),
        ("print $_creal(tenth)", "long double is no complex number"),
        ("print L'ab'", "L'ab' is not one character"),
        ("print L'a", "incomplete"),
        ("print (long)1e300", "1.0000000000000001e+300 does not fit long"),
        ("print (int)3e9", "3000000000 does not fit int"),
        ("print (unsigned)-1.0", "-1 does not fit unsigned int"),
        ("print (long)huge", "does not fit long"),
        ("print (long)doubles[1]", "does not fit long"),
    ];
    let answers = ask(&refused.map(|(command, _)| command));
    for ((command, said), answer) in refused.iter().zip(&answers) {
        let error = answer.error.as_deref().unwrap_or_default();
        assert!(!answer.ok && error.contains(said), "{command}: {answer:?}");
    }
    let kept =
        [("(char)65.9", "65 'A'"), ("(_Bool)0.5", "true"), ("(long)1e18", "1000000000000000000")];
    assert_values("wide", "print", &kept);
}

#[test]
fn what_has_no_parts_is_not_seen_as_a_record() {
    let answers =
        ask(&["print (struct pair)colour", "print 1+(struct pair)5", "print (struct pair)ints"]);
    assert!(
        answers[0].error.as_deref().is_some_and(|e| e.contains("enum colour cannot be converted"))
    );
    assert!(answers[1].error.as_deref().is_some_and(|e| e.contains("int cannot be converted")));
    assert_eq!(answers[2].get("value"), "{a = 1, b = -2}");
    let go = format!("until {}", Fixture::load("wide").place("print"));
    let shown = explorer().text(&[&*go, "print 1+(struct pair)5"]);
    let text = shown.stdout_text() + &shown.stderr_text();
    assert!(text.contains("\n    1+(struct pair)5\n      ^"), "{text}");
}

#[test]
fn memory_is_examined_as_in_gdb() {
    let commands = [
        "x/4fw floats",
        "x/4fg doubles",
        "x/2fw doubles",
        "x/fg ints",
        "x/4dw ints",
        "x/4cw ints",
        "x/8cb text",
        "x/4xb ints",
        "x/2ob ints",
        "x/2tb ints",
        "x/2zh ints",
        "x/s text",
        "x/2s text",
        "x/s same",
        "x/hs sixteen",
        "x/ws wide",
        "x/ws thirtytwo",
        "x/2hs sixteen",
        "x/s wide",
        "x/2dw ints",
        "print $_",
        "print $__",
    ];
    assert_same("wide", &O0, ("print", 1), &commands);
}

#[test]
fn computed_values_are_not_watched_as_addresses() {
    let answers = ask(&[
        "watch pair.a+1",
        "watch $rax+1",
        "watch at_wide + 1",
        "print &pair.a",
        "watch &pair.a",
    ]);
    let address = answers[3].get("value").as_str().unwrap_or_default();
    let address = address.split(' ').find(|word| word.starts_with("0x")).unwrap_or_default();
    let error = |answer: &Answer| answer.error.clone().unwrap_or_default();
    assert!(error(&answers[0]).ends_with(&format!("*(int *) {address}")), "{answers:?}");
    assert!(error(&answers[1]).ends_with("ask about what it is made of, $rax"), "{answers:?}");
    assert!(error(&answers[2]).contains("at_wide + 1 is computed"), "{answers:?}");
    assert!(answers[4].ok, "an address: {answers:?}");
    // Nor are they asked about, but for pointers and what is computed of registers.
    for question in ["mod list", "last", "reads"] {
        let answers = ask(&[&format!("{question} pair.a+1"), &format!("{question} pair.a*2.0")]);
        assert!(answers.iter().all(|a| error(a).contains("is computed")), "{answers:?}");
    }
    let computed = ["print $rsp + 8", "mod list -c 1 $rsp + 8", "mod list -c 1 &pair.a + 0"];
    assert!(ask(&computed).iter().all(|answer| answer.ok));
    // What it says to watch can be watched.
    let named = error(&answers[0]);
    let named = named.rsplit(", ").next().unwrap_or_default();
    let found = explorer().ask(&[format!("watch {named}"), "rc".into()]);
    assert_eq!(found[1].reason(), "watch");
    assert_eq!(found[1].get("stop")["new_value"], "7");
}
