//! Conversions of C, against what the program itself makes of the same expressions.

use rdb_tests::compile::must_run;
use rdb_tests::fixture::marks;
use rdb_tests::guest::Guest;
use std::process::Command;

/// Expressions with values that fit `double`.
const EXPRESSIONS: [&str; 28] = [
    "(_Bool)pointer",
    "(_Bool)text",
    "(_Bool)main",
    "(_Bool)&number",
    "(_Bool)round",
    "(_Bool)nowhere",
    "(_Bool)256",
    "(_Bool)0.25",
    "(_Bool)0.0",
    "(1 ? -1 : 1u) > 0",
    "(0 ? 1u : -1) > 0",
    "(1 ? 1 : 1.5)/2",
    "(0 ? 1.5 : 1)/2",
    "(1 ? 1 : 1.5f)/2",
    "sizeof(1 ? 1 : 1.5)",
    "sizeof(1 ? 1 : 1ul)",
    "sizeof(1 ? small : letter)",
    "(1 ? -3 : 16ull) / 2 > 5",
    "(1 ? letter : 1.5)/2",
    "(1 ? pointer : 0) == pointer",
    "small % bits.three",
    "~bits.three >> 10",
    "small > bits.three",
    "-bits.three",
    "small < bits.all",
    "-bits.wide",
    "bits.three - 6 < 0",
    "(1 ? small : bits.three) > 0",
];

const SOURCE: &str = "
#include <stdio.h>
struct bits { unsigned three : 3; unsigned all : 32; int own : 4; unsigned long wide : 5; };
int main(void)
{
    static _Alignas(256) char text[256];
    char *pointer = text, *nowhere = 0, letter = 'a', *round = text + 256;
    int number = 4;
    short small = -2;
    struct bits bits = { 5, 6, -7, 8 };
SHOWN
    return number == 0 || !round || !nowhere && letter == 0 || small == 0 || bits.own == 0; // MARK: end
}
";

#[test]
fn conversions_are_those_of_the_program() {
    let mut guest = Guest::system("", &[]);
    guest.program = guest.directory().join("conversions");
    let path = guest.directory().join("conversions.c");
    let show = |text: &&str| format!("    printf(\"%.17g\\n\", (double)({text}));\n");
    let shown: String = EXPRESSIONS.iter().map(show).collect();
    std::fs::write(&path, SOURCE.replace("SHOWN", &shown)).expect("a source");
    must_run(Command::new("gcc").args(["-g", "-O0", "-w", "-o"]).arg(&guest.program).arg(&path));
    let expected = guest.unrecorded().stdout_text();
    let mut commands = vec![format!("break conversions.c:{}", marks(&path)["end"])];
    commands.push("continue".to_owned());
    commands.extend(EXPRESSIONS.iter().map(|text| format!("print (double)({text})")));
    let recording = guest.record(&[]);
    let (_, answers) = recording.explore().attempt(&commands);
    let wrong = EXPRESSIONS.iter().zip(&answers[2..]).zip(expected.lines());
    let wrong = wrong.filter(|((_, answer), line)| answer.get("value") != *line);
    let wrong: Vec<_> =
        wrong.map(|((text, answer), line)| format!("{text}: {line}, {answer:?}")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(expected.lines().count(), EXPRESSIONS.len());
}
