//! What types are aligned to, as the program itself has it.

use rdb_tests::compile::must_run;
use rdb_tests::guest::Guest;
use std::process::Command;

const TYPES: [&str; 12] = [
    "char",
    "long double",
    "int *",
    "struct plain",
    "struct aligned",
    "struct member",
    "struct around",
    "struct bits",
    "union either",
    "wide",
    "of_wide",
    "vector",
];

const SOURCE: &str = "
#include <stdio.h>
struct plain { char c; short s[3]; };
struct aligned { _Alignas(32) char c; };
struct member { char a; _Alignas(16) int b; };
struct around { struct aligned x; char c; };
struct bits { char a; int b : 3; };
union either { char c; double d; };
typedef int wide __attribute__((aligned(16)));
typedef const wide of_wide;
typedef float vector __attribute__((vector_size(16)));
struct __attribute__((packed)) packed { char c; int i; };
struct plain v1; struct aligned v2; struct member v3; struct around v4; struct bits v5;
union either v6; of_wide v7; vector v8; struct packed v9;
int main(void)
{
    TYPES
    return 0;
}
";

#[test]
fn alignments_are_what_the_program_says() {
    let mut guest = Guest::system("", &[]);
    let source = guest.directory().join("alignments.c");
    let prints = TYPES.map(|of| format!("printf(\"%zu\\n\", _Alignof({of}));"));
    std::fs::write(&source, SOURCE.replace("TYPES", &prints.join("\n"))).expect("a source");
    guest.program = guest.directory().join("alignments");
    must_run(Command::new("gcc").args(["-g", "-O0"]).arg(&source).arg("-o").arg(&guest.program));
    let said = guest.unrecorded().stdout_text();
    let go = ["break main".to_owned(), "continue".to_owned()];
    let asked = TYPES.map(|of| format!("print _Alignof({of})"));
    let refused = ["print _Alignof(struct packed)".to_owned()];
    let all: Vec<String> = go.iter().chain(&asked).chain(&refused).cloned().collect();
    let recording = guest.record(&[]);
    let (_, mut answers) = recording.explore().attempt(&all);
    let packed = answers.pop().expect("an answer");
    for ((of, said), answer) in TYPES.iter().zip(said.lines()).zip(&answers[2..]) {
        assert_eq!(answer.get("value"), said, "{of}");
    }
    // Nothing states it.
    let why = packed.error.unwrap_or_default();
    assert!(why.contains("the alignment of struct packed is not known"), "{why}");
}
