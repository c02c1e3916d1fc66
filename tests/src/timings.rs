//! What `rdb-record --timings` says.

/// Numbers by their names, in the recorder's order.
pub type Numbers = Vec<(String, f64)>;

/// Where a recording's time went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings {
    /// Seconds by what they were spent on.
    pub seconds: Numbers,
    /// Stops of the program by their cause.
    pub stops: Numbers,
}

impl Timings {
    /// Finds both lines in what was written to standard error.
    pub fn parse(text: &str) -> Option<Timings> {
        let line = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix("rdb-record: "));
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
        };
        Some(Timings { seconds: numbers(&line("seconds")?)?, stops: numbers(&line("stops")?)? })
    }
}

/// `NAME NUMBER, NAME NUMBER, …`; names may have spaces.
fn numbers(text: &str) -> Option<Numbers> {
    let number = |item: &str| {
        let (name, number) = item.rsplit_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    text.split(", ").map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::Timings;

    #[test]
    fn both_lines_are_found_among_others() {
        let text = "seconds: 3, it said\nrdb-record: seconds: sealing 0.250, writer writes 1.5\n\
                    rdb-record: stops: full logs 12\n";
        let timings = Timings::parse(text).expect("both lines");
        let seconds = [("sealing".to_owned(), 0.25), ("writer writes".to_owned(), 1.5)];
        assert_eq!(timings.seconds, seconds);
        assert_eq!(timings.stops, [("full logs".to_owned(), 12.0)]);
        assert_eq!(Timings::parse("rdb-record: stops: full logs 12"), None);
    }
}
