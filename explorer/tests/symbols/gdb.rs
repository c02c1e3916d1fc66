//! gdb's answers.

use std::path::Path;
use std::process::Command;

/// gdb's output for some commands in batch mode, errors included.
pub fn gdb(binary: &Path, commands: &[String]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-iex", "set debuginfod enabled off"]);
    for setting in ["width 0", "height 0", "confirm off", "breakpoint pending off"] {
        gdb.args(["-ex", &format!("set {setting}")]);
    }
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let output = gdb.arg(binary).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The addresses of each of these locations, as gdb sets breakpoints, sorted.
pub fn break_addresses(binary: &Path, location: &str) -> Vec<u64> {
    let text = gdb(binary, &[format!("break {location}"), "info breakpoints".into()]);
    let words = text.lines().skip_while(|line| !line.starts_with("Num")).flat_map(|line| {
        let skip = line.contains("<MULTIPLE>");
        line.split_whitespace().filter(move |w| !skip && w.starts_with("0x00"))
    });
    let mut found: Vec<_> = words.filter_map(hex).collect();
    found.sort_unstable();
    found
}

/// A number in gdb's `0x…`.
pub fn hex(word: &str) -> Option<u64> {
    let digits = word.trim().strip_prefix("0x")?;
    u64::from_str_radix(digits.split(|c: char| !c.is_ascii_hexdigit()).next()?, 16).ok()
}
