//! gdb as outside oracle: recorded registers and lines are what single-stepping shows.

use rdb_tests::compile::{Flavour, first_flavour};
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::oracle::{REGISTERS, Step, steps, without_stepping};

/// EFLAGS.TF.
const TRAP_FLAG: u64 = 0x100;

/// Compares `count` instructions from `from` on.
fn compare(name: &str, from: Option<&str>, count: usize) {
    let fixture = Fixture::load(name);
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));
    let Some(steps) = steps(&guest, from, count) else { return };
    // Recorded here, not shared: path, environment and directory have to be those of gdb's run.
    let recorded = guest.record(&[]);
    compare_steps(&recorded.explore(), &steps, Some(&fixture.source_name()));
}

fn compare_steps(explorer: &Explorer, steps: &[Step], source: Option<&str>) {
    let first = steps.first().expect("at least one step").pc();
    let start = first_tracepoint(explorer, first);
    let commands = (start..).take(steps.len());
    let commands: Vec<String> =
        commands.flat_map(|t| [format!("jump {t}"), "regs".into()]).collect();
    let answers = explorer.ask(&commands);
    let mut history = Vec::new();
    for (number, (step, pair)) in steps.iter().zip(answers.chunks(2)).enumerate() {
        let differences = differences(step, &pair[0], &pair[1], source);
        history.push(format!("  {:#x} {:?}", step.pc(), step.line));
        let before = &history[history.len().saturating_sub(3)..];
        assert!(
            differences.is_empty(),
            "step {number}:\n{}\n{}",
            before.join("\n"),
            differences.join("\n")
        );
    }
}

/// Where the address is executed first: the start, or the first stop at a breakpoint on it.
fn first_tracepoint(explorer: &Explorer, address: u64) -> u64 {
    let start = explorer.ask(&["step-back-until-start", "regs"]);
    if start[1].register("rip") == address {
        return start[0].tracepoint();
    }
    let place = format!("break *{address:#x}");
    explorer.last(&["step-back-until-start", &place, "replay-continue"]).tracepoint()
}

fn differences(
    step: &Step,
    place: &Answer,
    registers: &Answer,
    source: Option<&str>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (name, expected) in REGISTERS.iter().zip(&step.registers) {
        let got = without_stepping(name, registers.register(name));
        // Under gdb, pushf stores the trap flag that stepping sets, and pop loads it.
        let same =
            |expected: &u64| *expected == got || (*name == "rax" && *expected == got | TRAP_FLAG);
        if let Some(expected) = expected.filter(|expected| !same(expected)) {
            found.push(format!("- {name} {expected:#x}\n+ {name} {got:#x}"));
        }
    }
    let line = place.file_name().zip(place.line()).map(|(file, line)| format!("{file}:{line}"));
    // In optimised libraries one address belongs to several lines, and gdb's choice among them
    // is its own: lines are compared in the fixture's source.
    let own = |line: &String| source.is_some_and(|name| line.starts_with(name));
    if step.line.as_ref().is_some_and(own) && line != step.line {
        found.push(format!("- {:?}\n+ {line:?}", step.line));
    }
    found
}

#[test]
fn the_first_instructions_of_the_loader_agree_with_gdb() {
    compare("hello", None, 500);
}

#[test]
fn a_tree_in_c_agrees_with_gdb() {
    compare("tree", Some("main"), 800);
}

#[test]
fn recursion_in_c_agrees_with_gdb() {
    compare("recursion", Some("main"), 600);
}

#[test]
fn exceptions_in_cpp_agree_with_gdb() {
    compare("exceptions", Some("main"), 600);
}

#[test]
fn every_class_of_instruction_agrees_with_gdb() {
    compare("instructions", None, 900);
}

#[test]
fn a_static_program_agrees_with_gdb() {
    let fixture = Fixture::load("hello");
    let guest = Guest::fixture(&fixture, Flavour::Static);
    let Some(steps) = steps(&guest, None, 500) else { return };
    compare_steps(&guest.record(&[]).explore(), &steps, None);
}
