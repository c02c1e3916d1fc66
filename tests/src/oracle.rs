//! gdb as outside oracle: the registers and lines of a program, instruction by instruction.

use crate::guest::Guest;
use crate::process::run;
use crate::sandbox::Cpu;
use std::path::Path;
use std::process::Command;

/// Names of the registers of a [`Step`], in its order.
pub const REGISTERS: [&str; 19] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "eflags", "fs_base",
];

/// Trap and resume flags: left by stepping, no part of the program's state.
const STEPPING_FLAGS: u64 = 0x1_0100;

/// The state just before an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The values of [`REGISTERS`]; `None` where two runs under gdb differ.
    pub registers: Vec<Option<u64>>,
    /// `file:line`, if the instruction has one.
    pub line: Option<String>,
}

impl Step {
    /// The instruction's address.
    pub fn pc(&self) -> u64 {
        self.registers[16].expect("steps end where the addresses of two runs part")
    }
}

/// Steps under gdb, from `from` (an expression of gdb's, such as `main`; its address is where
/// stepping starts), or from the first instruction. `None` after a loud message without gdb.
///
/// The program is run twice: what differs between the two runs (values that come from the
/// kernel's random bytes, from clocks, from the number of the processor) is masked, and the steps end where their paths part.
pub fn steps(guest: &Guest, from: Option<&str>, count: usize) -> Option<Vec<Step>> {
    let gdb = crate::tools::require_tool("gdb")?;
    let first = one_run(&gdb, guest, from, count, Cpu::First);
    let second = one_run(&gdb, guest, from, count, Cpu::Last);
    let same_path =
        first.iter().zip(&second).take_while(|(a, b)| a.registers[16] == b.registers[16]);
    let mut agreed: Vec<Step> = same_path.map(|(a, b)| agreed(a, b)).collect();
    mask_derived_flags(&mut agreed);
    Some(agreed)
}

/// Flags computed from a value that differs (a clock's) may be equal by chance: where a register
/// is masked, the flags of that step and the few after it are too.
fn mask_derived_flags(steps: &mut [Step]) {
    const REACH: usize = 8;
    let flags = REGISTERS.iter().position(|name| *name == "eflags").expect("flags are compared");
    let mut masked = 0;
    for step in steps {
        let differs = step.registers.iter().any(Option::is_none);
        masked = if differs { REACH } else { masked.saturating_sub(1) };
        if masked > 0 {
            step.registers[flags] = None;
        }
    }
}

/// A register's value without what stepping leaves in it.
pub fn without_stepping(name: &str, value: u64) -> u64 {
    // A system call copies the flags to r11.
    if matches!(name, "eflags" | "r11") { value & !STEPPING_FLAGS } else { value }
}

fn agreed(a: &Step, b: &Step) -> Step {
    let pairs = a.registers.iter().zip(&b.registers);
    let registers = pairs.map(|(x, y)| if x == y { *x } else { None }).collect();
    Step { registers, line: a.line.clone() }
}

fn one_run(gdb: &Path, guest: &Guest, from: Option<&str>, count: usize, cpu: Cpu) -> Vec<Step> {
    // The upper half of the time-stamp counter changes every few seconds only: the second run
    // is given another, so that what is computed from it is masked as well.
    let skew = if cpu == Cpu::Last { 0x5a5a } else { 0 };
    let settings = [
        ("RDB_FROM", from.map_or(String::new(), |name| format!("&{name}"))),
        ("RDB_STEPS", count.to_string()),
        ("RDB_SKEW", skew.to_string()),
    ];
    run_script(gdb, "oracle.py", guest, &settings, cpu).lines().map(parse).collect()
}

/// The places (`FILE:LINE`) among `places` that gdb's breakpoints stop at, in order, each as often
/// as it stops. `None` after a loud message without gdb.
pub fn visits(guest: &Guest, places: &[String]) -> Option<Vec<String>> {
    let gdb = crate::tools::require_tool("gdb")?;
    let settings = [("RDB_PLACES", places.join(","))];
    let text = run_script(&gdb, "visits.py", guest, &settings, Cpu::First);
    Some(text.lines().map(str::to_string).collect())
}

/// What gdb answers to commands where the guest begins the line of `place` (`FILE:LINE`) for the
/// `hit`-th time. `None` after a loud message without gdb.
pub fn answers(guest: &Guest, place: &str, hit: usize, commands: &[String]) -> Option<Vec<String>> {
    let gdb = crate::tools::require_tool("gdb")?;
    let settings = [
        ("RDB_PLACE", place.to_string()),
        ("RDB_HIT", hit.to_string()),
        ("RDB_COMMANDS", commands.join("\n")),
    ];
    let text = run_script(&gdb, "answers.py", guest, &settings, Cpu::First);
    Some(serde_json::from_str(&text).expect("gdb's answers"))
}

/// Runs a script of ours in gdb, the guest as its program, and gives what it writes to RDB_OUT.
fn run_script(
    gdb: &Path,
    script: &str,
    guest: &Guest,
    settings: &[(&str, String)],
    cpu: Cpu,
) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(script);
    let out = tempfile::NamedTempFile::new().expect("failed to create a file");
    let mut command = Command::new(gdb);
    command.args(["-nx", "-batch", "-iex", "set debuginfod enabled off"]);
    command.args(["-ex", "set startup-with-shell off", "-ex", "set disable-randomization on"]);
    // gdb adds LINES and COLUMNS: the guest's environment is set from nothing.
    command.args(["-ex", "unset environment"]);
    for (name, value) in &guest.env {
        let setting = format!("{} = {}", name.to_string_lossy(), value.to_string_lossy());
        command.args(["-ex", &format!("set environment {setting}")]);
    }
    command.arg("-x").arg(script).arg("--args").arg(&guest.program).args(&guest.args);
    command.current_dir(guest.directory()).envs(settings.iter().map(|(name, value)| (name, value)));
    command.env("RDB_OUT", out.path());
    crate::sandbox::pin(&mut command, cpu);
    let output = run(command, &guest.stdin, guest.limit);
    let text = std::fs::read_to_string(out.path()).expect("gdb's answer");
    assert!(!text.is_empty(), "gdb did not answer: {}", output.stderr_text());
    text
}

fn parse(text: &str) -> Step {
    let mut fields = text.split(' ');
    let line = fields.next().filter(|field| *field != "-").map(str::to_string);
    let value = |field: &str| u64::from_str_radix(field, 16).expect("gdb's hexadecimal");
    let pairs = REGISTERS.iter().zip(fields);
    let registers = pairs.map(|(name, field)| Some(without_stepping(name, value(field)))).collect();
    Step { registers, line }
}
