//! Records random programs with every engine, and compares: `random-programs --seeds 0..1000`;
//! or writes the program of one seed: `random-programs --write SEED FILE`.

use anyhow::{Context, Result, bail};
use rdb_tests::binaries::target_directory;
use rdb_tests::engines::disagreement;
use rdb_tests::parallel::for_each;
use rdb_tests::random_program::{program, with_guest, write};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--seeds", range] => compare_all(seeds(range)?),
        ["--write", seed, file] => write(Path::new(file), &program(seed.parse()?))
            .with_context(|| format!("failed to write {file}")),
        _ => bail!("usage: random-programs --seeds FIRST..END | --write SEED FILE"),
    }
}

fn seeds(text: &str) -> Result<Range<u64>> {
    let (first, end) = text.split_once("..").context("seeds are FIRST..END")?;
    Ok(first.parse()?..end.parse()?)
}

/// Compares as many at a time as there are processors.
fn compare_all(seeds: Range<u64>) -> Result<()> {
    let keep = target_directory().join("differing");
    let (started, count) = (Instant::now(), seeds.end.saturating_sub(seeds.start));
    let jobs = std::thread::available_parallelism()?.get();
    let differing = Mutex::new(Vec::new());
    for_each(seeds, jobs, |seed| {
        with_guest(seed, |guest| {
            if let Some(found) = disagreement(guest, &[], &keep, &format!("seed-{seed}")) {
                println!("{found}\n");
                differing.lock().expect("no panic holds it").push(seed);
            }
        });
    });
    let differing = differing.into_inner()?;
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} programs in {seconds:.1} s: {} differ", differing.len());
    if !differing.is_empty() {
        bail!("engines differ on {differing:?}; the programs are made anew by --write SEED FILE");
    }
    Ok(())
}
