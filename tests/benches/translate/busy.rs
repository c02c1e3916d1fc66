//! Programs that keep the processor busy, some hundred million instructions each.

use crate::subject::{Bars, Subject};
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{AVX512, HASH, RANDOM, Source, TREE, build, folder, has_avx512};
use rdb_tests::measure::report::Bar;
use rdb_tests::tools::{find_tool, python, skip};

/// Million instructions a second, of all and of those that the first bar names.
const LEAST: f64 = 120.0;
const LEAST_OF_FIRST: f64 = 300.0;

fn bars(least: f64) -> Bars {
    Bars {
        rate: Bar::AtLeast(least),
        bytes: Bar::AtMost(0.35),
        length: Bar::AtLeast(200.0),
        ..Bars::default()
    }
}

pub fn tree(name: &'static str) -> Option<Subject> {
    let bars = Bars { slowdown: Bar::AtMost(20.0), ..bars(LEAST_OF_FIRST) };
    Some(Subject::new(name, compiled(TREE, "15"), bars))
}

pub fn hash(name: &'static str) -> Option<Subject> {
    Some(Subject::new(name, compiled(HASH, "20"), bars(LEAST_OF_FIRST)))
}

pub fn random(name: &'static str) -> Option<Subject> {
    Some(Subject::new(name, compiled(RANDOM, "120"), bars(LEAST)))
}

pub fn avx512(name: &'static str) -> Option<Subject> {
    if !has_avx512() {
        skip("avx512: this CPU has no AVX-512");
        return None;
    }
    Some(Subject::new(name, compiled(AVX512, "100000"), bars(LEAST)))
}

/// Lua's interpreter, or Python's where that is missing.
pub fn script(name: &'static str) -> Option<Subject> {
    let lua = find_tool("lua5.4").map(|lua| (lua, "loop.lua", "4"));
    let (program, file, rounds) = lua.or_else(|| Some((python()?, "loop.py", "5")))?;
    let path = folder().join(file);
    let guest = Guest::system(program, &[path.to_str()?, rounds]);
    println!("script is {} {file}", guest.program.display());
    Some(Subject::new(name, guest, bars(LEAST_OF_FIRST)))
}

/// A program of the benchmark with so many rounds to make.
pub fn compiled(source: Source, rounds: &str) -> Guest {
    let mut guest = Guest::system("", &[rounds]);
    guest.program = build(source, guest.directory());
    guest
}
