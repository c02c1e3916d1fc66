//! Writes the synthetic trace of three threads and two processes, to be looked at by hand:
//! `synthetic-threads FILE`.

use anyhow::Context;
use rdb_tests::threads::Threads;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).context("usage: synthetic-threads FILE")?;
    std::fs::copy(Threads::make().trace(), &path).context("failed to write the trace")?;
    Ok(())
}
