//! Records random programs with every engine, and compares: `random-programs --seeds 0..1000`;
//! or writes the program of one seed: `random-programs --write SEED FILE`.

use anyhow::{Context, Result, bail};
use rdb_tests::binaries::target_directory;
use rdb_tests::engines::disagreement;
use rdb_tests::guest::Guest;
use rdb_tests::random_program::{program, write};
use std::ops::Range;
use std::path::Path;
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

fn compare_all(seeds: Range<u64>) -> Result<()> {
    let keep = target_directory().join("differing");
    let (started, count) = (Instant::now(), seeds.end.saturating_sub(seeds.start));
    let mut failures = 0;
    for seed in seeds {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join(format!("seed-{seed}"));
        write(&file, &program(seed))?;
        let guest = Guest::system(&file, &[]);
        if let Some(found) = disagreement(&guest, &keep, &format!("seed-{seed}")) {
            failures += 1;
            println!("{found}\n");
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} programs in {seconds:.1} s: {failures} differ");
    if failures > 0 {
        bail!("engines differ; the programs are made anew by --write SEED FILE");
    }
    Ok(())
}
