//! What the README says about commands, options and exit codes is what the programs say.
//!
//! Those parts stand between markers. To write them anew:
//! `UPDATE_README=1 cargo test --workspace --test readme`.

use rdb_tests::binaries::{binaries, workspace};
use rdb_tests::process::{LIMIT, run};
use std::path::Path;
use std::process::Command;

/// The end of every generated part.
const END: &str = "<!-- end of the generated part -->";

/// What a program prints, given an option.
fn said(program: &Path, option: &str) -> String {
    let mut command = Command::new(program);
    // Help is as wide as COLUMNS says where there is no terminal.
    command.arg(option).env("COLUMNS", "80");
    let output = run(command, b"", LIMIT);
    assert_eq!(output.code(), 0, "{}", output.stderr_text());
    output.stdout_text()
}

/// The lines `  N  meaning` of a help text, as a table.
fn exit_codes(program: &Path) -> String {
    let help = said(program, "--help");
    let (_, codes) = help.split_once("Exit status").expect("help names exit codes");
    let mut table = String::from("| status | meaning |\n|---|---|\n");
    for line in codes.lines().skip(1) {
        let Some((code, meaning)) = line.trim().split_once(' ') else { continue };
        if code.parse::<u8>().is_ok() {
            table += &format!("| {code} | {} |\n", meaning.trim());
        }
    }
    assert!(table.lines().count() > 4, "no exit codes in {help}");
    table
}

/// The options of a help text, as it prints them.
fn options(program: &Path) -> String {
    let help = said(program, "-h");
    let (_, rest) = help.split_once("Options:\n").expect("help lists options");
    let (options, _) = rest.split_once("\n\n").expect("something behind the options");
    format!("```text\n{options}\n```\n")
}

/// The README with one part made anew.
fn with_part(readme: &str, name: &str, content: &str) -> String {
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = readme.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
    let (_, after) = rest.split_once(END).expect("the part ends");
    format!("{before}{start}{content}{END}{after}")
}

#[test]
fn the_generated_parts_are_up_to_date() {
    let (record, explore) = (&binaries().record, &binaries().explore);
    let path = workspace().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("a README");
    let parts = [
        ("options of rdb-record", options(record)),
        ("options of rdb-explore", options(explore)),
        ("command reference", said(explore, "--command-reference")),
        ("exit codes of rdb-record", exit_codes(record)),
        ("exit codes of rdb-explore", exit_codes(explore)),
    ];
    let mut fresh = readme.clone();
    let mut stale = Vec::new();
    for (name, content) in &parts {
        let next = with_part(&fresh, name, content);
        if next != fresh {
            stale.push(*name);
        }
        fresh = next;
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, fresh).expect("a writable README");
        return;
    }
    let remedy = "UPDATE_README=1 cargo test --workspace --test readme";
    assert!(stale.is_empty(), "README.md is out of date ({stale:?}); run `{remedy}`");
}
