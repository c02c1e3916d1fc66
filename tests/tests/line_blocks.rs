//! Lines with several blocks of code: each is looked at for executions.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;
use std::process::Command;

const ROUNDS: u64 = 12;

const PROGRAM: &str = r#"#include <stdio.h>
static int pick(int x)
{
    if (x < 3)
        return -1;
    if (x == 7)
        return 70;
    while (x > 4)
        x -= 3;
    return x * 10;
}
int main(int argc, char **argv)
{
    int total = argc - 1;
    for (int i = 0; i < 12; i++) {
        if ((total + i) & 1)
            total += pick(i);
        else
            total -= i * 3;
        if (total > 1000)
            break;
    }
    printf("%d\n", total);
    return 0;
}
"#;

const LOOP: u32 = 15;
const TEST: u32 = 20;

/// The program built at a level, which is there as long as the guest, and its trace.
fn recorded(level: &str) -> (Guest, Explorer) {
    let mut guest = Guest::system("", &[]);
    let source = guest.directory().join("blocks.c");
    std::fs::write(&source, PROGRAM).expect("a source");
    guest.program = guest.directory().join("blocks");
    let mut gcc = Command::new("gcc");
    must_run(gcc.args(["-g", level]).arg(&source).arg("-o").arg(&guest.program));
    let explorer = guest.record(&[]).explore();
    (guest, explorer)
}

#[test]
fn a_line_is_executed_as_often_as_steps_stop_there() {
    let (_guest, explorer) = recorded("-O0");
    let mut commands = vec!["break main".to_owned(), "continue".to_owned()];
    commands.extend(vec!["next".to_owned(); 6 * ROUNDS as usize]);
    let (_, answers) = explorer.attempt(&commands);
    for line in [LOOP, TEST] {
        let here = |answer: &&_| rdb_tests::explorer::Answer::line(answer) == Some(line.into());
        let stops = answers[2..].iter().filter(here).count() as u64;
        let total = explorer.last(&[format!("executions -c 0 blocks.c:{line}")]);
        assert_eq!(total.get("total").as_u64(), Some(stops), "line {line}");
        assert!(stops >= ROUNDS, "line {line}: {stops}");
    }
}

#[test]
fn copies_of_a_line_in_optimised_code_are_looked_at() {
    for level in ["-O1", "-O2", "-O3"] {
        let (_guest, explorer) = recorded(level);
        let each = explorer.last(&[format!("print-each total at blocks.c:{TEST}")]);
        let samples = each.get("samples").as_array().expect("samples");
        assert!(samples.len() as u64 >= ROUNDS, "{level}: {samples:?}");
        let ran = explorer.text(&[format!("why-not blocks.c:{TEST}")]).stdout_text();
        assert!(ran.contains("ran: first at"), "{level}: {ran}");
    }
}
