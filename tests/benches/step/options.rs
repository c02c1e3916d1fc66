//! What to measure, and for how long.

use std::path::PathBuf;

/// The command line.
#[derive(Debug, Default)]
pub struct Options {
    /// Less than a minute instead of less than ten.
    pub quick: bool,
    /// One JSON object a figure instead of a table.
    pub json: bool,
    /// Names of workloads; none: all.
    pub only: Vec<String>,
    /// Only jump about in this trace: the benchmark starts itself so.
    pub jumps_in: Option<PathBuf>,
}

impl Options {
    /// Parses arguments; those that cargo adds are ignored.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Options {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--jumps-in" => options.jumps_in = arguments.next().map(PathBuf::from),
                name if !name.starts_with('-') => options.only.push(argument),
                _ => {}
            }
        }
        options
    }

    /// Single steps in one timed run.
    pub fn stretch(&self) -> u64 {
        if self.quick { 60_000 } else { 200_000 }
    }

    /// Timed runs, of which the median counts.
    pub fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// Instructions recorded of a long program.
    pub fn long(&self) -> u64 {
        if self.quick { 200_000 } else { 2_000_000 }
    }

    /// Instructions of the trace that is jumped about in: more than the bar's three million.
    pub fn longest(&self) -> u64 {
        if self.quick { 200_000 } else { 3_100_000 }
    }
}
