//! What to measure, and how often.

/// The command line.
#[derive(Debug, Default)]
pub struct Options {
    /// One run of each, and less of single-stepping.
    pub quick: bool,
    /// Also the run of five thousand million instructions.
    pub long: bool,
    /// One JSON object a figure instead of a table.
    pub json: bool,
    rounds: Option<usize>,
    only: Vec<String>,
}

impl Options {
    /// Parses arguments; those that cargo adds are ignored.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Options {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--long" => options.long = true,
                "--json" => options.json = true,
                "--rounds" => options.rounds = arguments.next().and_then(|n| n.parse().ok()),
                "--only" => options.only.extend(arguments.next()),
                name if !name.starts_with('-') => options.only.push(argument),
                _ => {}
            }
        }
        options
    }

    /// Runs of each kind, of which the median counts.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 }).max(1)
    }

    /// Whether a workload was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Instructions that are single-stepped for comparison.
    pub fn stepped(&self) -> u64 {
        if self.quick { 20_000 } else { 60_000 }
    }
}
