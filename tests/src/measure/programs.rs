//! The programs of the benchmarks, built as distributions build theirs: optimised,
//! dynamically linked and position-independent.

use crate::binaries::workspace;
use crate::compile::must_run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A C program of the benchmark.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The source's name, without extension.
    pub name: &'static str,
    /// Further compiler flags.
    pub flags: &'static [&'static str],
}

/// Inserts into a tree, walks it, sorts, prints into strings.
pub const TREE: Source = Source { name: "tree", flags: &[] };

/// Compresses and hashes.
pub const HASH: Source = Source { name: "hash", flags: &[] };

/// Shuffles random numbers: nothing to predict.
pub const RANDOM: Source = Source { name: "random", flags: &[] };

/// Masked fused multiply-adds over arrays; only where the CPU [`has_avx512`].
pub const AVX512: Source = Source { name: "avx512", flags: &["-mavx512f"] };

/// Makes short system calls, [`CALLS_A_ROUND`] a round.
pub const SYSCALLS: Source = Source { name: "syscalls", flags: &[] };

/// System calls of each of [`SYSCALLS`]'s rounds.
pub const CALLS_A_ROUND: usize = 3;

/// Writes to many pages, to some all the time: for questions over the whole history.
pub const PAGES: Source = Source { name: "pages", flags: &["-g"] };

/// All of them.
pub const ALL: [Source; 6] = [TREE, HASH, RANDOM, AVX512, SYSCALLS, PAGES];

/// Whether this CPU can run [`AVX512`].
pub fn has_avx512() -> bool {
    std::is_x86_feature_detected!("avx512f")
}

/// Where the sources are.
pub fn folder() -> PathBuf {
    workspace().join("tests/benches/translate/programs")
}

/// Builds a program in a folder; its path.
pub fn build(source: Source, folder_for_it: &Path) -> PathBuf {
    let program = folder_for_it.join(source.name);
    let file = folder().join(source.name).with_extension("c");
    let mut compiler = Command::new("gcc");
    compiler.args(["-O2", "-pie", "-fPIE"]).args(source.flags).arg(file).arg("-o").arg(&program);
    must_run(&mut compiler);
    program
}
