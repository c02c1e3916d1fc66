//! Compiles fixtures into `target/fixtures`, each once per content and flags.

use crate::binaries::target_directory;
use crate::fixture::Fixture;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to build a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Unoptimised, with debug information.
    O0,
    /// Optimised, with debug information.
    O2,
    /// Unoptimised, DWARF 4.
    Dwarf4,
    /// Unoptimised, DWARF 5.
    Dwarf5,
    /// Unoptimised, DWARF 4, types in units of their own, in `.debug_types`.
    TypeUnits4,
    /// The same in DWARF 5, in `.debug_info`.
    TypeUnits5,
    /// Statically linked, at a fixed address.
    Static,
    /// Statically linked, position-independent.
    StaticPie,
    /// Dynamically linked, position-independent.
    Pie,
    /// Dynamically linked, at a fixed address.
    NoPie,
    /// Without any symbol.
    Stripped,
    /// Debug information in a second file, found by `.gnu_debuglink`.
    Debuglink,
    /// Without libc: `_start` is the program's own.
    Freestanding,
}

impl Flavour {
    /// The flavour a truth names.
    pub fn named(name: &str) -> Flavour {
        match name {
            "O0" => Flavour::O0,
            "O2" => Flavour::O2,
            "dwarf4" => Flavour::Dwarf4,
            "dwarf5" => Flavour::Dwarf5,
            "type-units-4" => Flavour::TypeUnits4,
            "type-units-5" => Flavour::TypeUnits5,
            "static" => Flavour::Static,
            "static-pie" => Flavour::StaticPie,
            "pie" => Flavour::Pie,
            "no-pie" => Flavour::NoPie,
            "stripped" => Flavour::Stripped,
            "debuglink" => Flavour::Debuglink,
            "freestanding" => Flavour::Freestanding,
            _ => panic!("no flavour is named {name}"),
        }
    }

    /// Flags for gcc and g++.
    fn flags(self) -> &'static [&'static str] {
        match self {
            Flavour::O0 | Flavour::Debuglink => &["-g", "-O0"],
            Flavour::O2 => &["-g", "-O2"],
            Flavour::Dwarf4 => &["-gdwarf-4", "-O0"],
            Flavour::Dwarf5 => &["-gdwarf-5", "-O0"],
            Flavour::TypeUnits4 => &["-gdwarf-4", "-fdebug-types-section", "-O0"],
            Flavour::TypeUnits5 => &["-gdwarf-5", "-fdebug-types-section", "-O0"],
            Flavour::Static => &["-g", "-O0", "-static"],
            Flavour::StaticPie => &["-g", "-O0", "-static-pie", "-fPIE"],
            Flavour::Pie => &["-g", "-O0", "-pie", "-fPIE"],
            Flavour::NoPie => &["-g", "-O0", "-no-pie", "-fno-pie"],
            Flavour::Stripped => &["-O0", "-s"],
            Flavour::Freestanding => &["-g", "-nostdlib", "-static", "-no-pie"],
        }
    }

    fn rust_flags(self) -> &'static [&'static str] {
        match self {
            Flavour::O2 => &["-g", "-Copt-level=2"],
            Flavour::Static => &["-g", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"],
            Flavour::StaticPie => &["-g", "-Ctarget-feature=+crt-static"],
            Flavour::Stripped => &["-Cstrip=symbols"],
            _ => &["-g", "-Copt-level=0"],
        }
    }
}

/// The path of the fixture's program in a flavour, compiled now if it is not there yet.
///
/// Safe against other processes doing the same: each compiles in a folder of its own and
/// renames that into place; the first wins.
pub fn compile(fixture: &Fixture, flavour: Flavour) -> PathBuf {
    let arguments = arguments(fixture, flavour);
    let store = target_directory().join("fixtures");
    let program = store.join(key(fixture, flavour, &arguments)).join(&fixture.name);
    if !program.is_file() {
        build(fixture, flavour, &arguments, &store, &program);
    }
    program
}

/// The first flavour that a fixture's truth names.
pub fn first_flavour(fixture: &Fixture) -> Flavour {
    fixture.truth.flavours.first().map_or(Flavour::O0, |name| Flavour::named(name))
}

fn key(fixture: &Fixture, flavour: Flavour, arguments: &[String]) -> String {
    let mut hasher = DefaultHasher::new();
    std::fs::read(&fixture.source).expect("a readable source").hash(&mut hasher);
    (arguments, flavour, &fixture.source).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn build(fixture: &Fixture, flavour: Flavour, arguments: &[String], store: &Path, program: &Path) {
    std::fs::create_dir_all(store).expect("failed to create the fixtures' store");
    let folder = tempfile::Builder::new().prefix("building").tempdir_in(store);
    let folder = folder.expect("failed to create a folder");
    let fresh = folder.path().join(&fixture.name);
    match compiler(fixture) {
        Some(compiler) => {
            must_run(Command::new(compiler).args(arguments).arg("-o").arg(&fresh));
        }
        None => {
            std::fs::copy(&fixture.source, &fresh).expect("failed to copy a script");
        }
    }
    if flavour == Flavour::Debuglink {
        split_debug_information(&fresh);
    }
    // Losing the race leaves the winner's folder, which holds the same.
    let lost = std::fs::rename(folder.path(), program.parent().expect("a folder")).is_err();
    assert!(!lost || program.is_file(), "failed to put {} into place", program.display());
}

fn compiler(fixture: &Fixture) -> Option<&'static str> {
    match fixture.source.extension().and_then(|extension| extension.to_str()) {
        Some("c" | "S") => Some("gcc"),
        Some("cpp") => Some("g++"),
        Some("rs") => Some("rustc"),
        _ => None,
    }
}

fn arguments(fixture: &Fixture, flavour: Flavour) -> Vec<String> {
    let rust = compiler(fixture) == Some("rustc");
    let flags = if rust { flavour.rust_flags() } else { flavour.flags() };
    let mut all: Vec<String> = flags.iter().map(ToString::to_string).collect();
    all.extend(if rust { ["--edition=2024"] } else { ["-w"] }.map(String::from));
    all.extend(fixture.truth.flags.iter().cloned());
    all.push(fixture.source.to_string_lossy().into_owned());
    all.extend(fixture.truth.link.iter().cloned());
    all
}

fn split_debug_information(program: &Path) {
    let debug = program.with_extension("debug");
    must_run(Command::new("objcopy").arg("--only-keep-debug").args([program, debug.as_path()]));
    let link = format!("--add-gnu-debuglink={}", debug.display());
    must_run(Command::new("objcopy").arg("--strip-all").arg(link).arg(program));
}

/// Runs a command that has to succeed.
pub fn must_run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}
