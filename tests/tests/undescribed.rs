//! Functions that no debug information describes: as values, and stepped out of.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;
use std::process::Command;

const BARE: &str = "\
int inside(int x) { return x * 3; }
int bare(int x) { int sum = 0; for (int i = 0; i < 3; i++) sum += inside(x + i); return sum; }
int barely(int x) { return bare(x) + 1; }
";

const MAIN: &str = "\
#include <stdio.h>
int barely(int x);
int main(int argc, char **argv)
{
  int sum = barely(argc);
  printf(\"%d\\n\", sum);
  return 0;
}
";

/// A program whose functions beside `main` have neither lines nor types.
fn guest() -> Guest {
    let guest = Guest::compiled("bare.c", BARE, &["gcc", "-O0", "-c"]);
    let object = guest.directory().join("bare.o");
    std::fs::rename(guest.directory().join("program"), &object).expect("an object");
    std::fs::write(guest.directory().join("main.c"), MAIN).expect("failed to write a source");
    let mut compile = Command::new("gcc");
    compile.args(["-g", "-O0", "-no-pie", "main.c", "bare.o", "-o", "program"]);
    must_run(compile.current_dir(guest.directory()));
    guest
}

fn value(explorer: &Explorer, expression: &str) -> String {
    let answer = explorer.last(&["break *bare", "continue", &format!("print {expression}")]);
    answer.get("value").as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[test]
fn a_function_without_a_type_is_its_address_as_in_gdb() {
    let guest = guest();
    let explorer = guest.recorded();
    let entry = value(&explorer, "/x $pc");
    let told = value(&explorer, "bare");
    assert_eq!(told, format!("{{<text variable, no debug info>}} {entry} <bare>"));
    assert_eq!(value(&explorer, "/x (long)bare"), entry);
    assert_eq!(value(&explorer, "$pc == bare"), "1");
    assert!(value(&explorer, "(void*)bare").contains(&entry));
    let each = explorer.last(&["print-each $rdi at *bare if $rip == bare"]);
    assert_eq!(each.get("samples").as_array().map(Vec::len), Some(1), "{each:?}");
}

#[test]
fn a_step_leaves_a_function_without_lines_as_in_gdb() {
    let guest = guest();
    let explorer = guest.recorded();
    for step in ["next", "step"] {
        let answers = explorer.ask(&["break *bare", "continue", step, step]);
        assert_eq!(answers[2].function(), Some("barely"), "{step}: {:?}", answers[2]);
        assert_eq!(answers[3].function(), Some("main"), "{step}: {:?}", answers[3]);
    }
    let back = explorer.ask(&["break *bare", "continue", "stepi 3", "reverse-next"]);
    assert_eq!(back[3].function(), Some("barely"), "{:?}", back[3]);
}
