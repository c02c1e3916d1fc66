//! The recorder's own lines at the end of a recording.

/// What `rdb-record` says of a finished recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closing {
    /// Tracepoints recorded.
    pub instructions: u64,
    /// Seconds from exec to the end of the recording.
    pub seconds: f64,
    /// Bytes of the trace beyond its modules, per instruction.
    pub bytes_each: f64,
    /// Bytes that an audit could not explain; `None` without an audit.
    pub unexplained: Option<u64>,
}

impl Closing {
    /// Finds the closing lines in what was written to standard error.
    pub fn parse(text: &str) -> Option<Closing> {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("rdb-record: "));
        let line = lines.clone().find(|line| line.contains(" instructions, "))?;
        let (instructions, rest) = line.split_once(" instructions, ")?;
        let (seconds, rest) = rest.split_once(" s, ")?;
        let (bytes_each, _) = rest.split_once(" bytes per instruction")?;
        let audit = lines.find_map(|line| line.strip_prefix("audit: "));
        Some(Closing {
            instructions: instructions.parse().ok()?,
            seconds: seconds.parse().ok()?,
            bytes_each: bytes_each.parse().ok()?,
            unexplained: audit.and_then(|audit| audit.split(' ').next()?.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Closing;

    const LINE: &str =
        "rdb-record: 123456 instructions, 4.20 s, 1.41 bytes per instruction → true.trace\n";

    #[test]
    fn closing_lines_are_found_among_the_programs_own() {
        let audit = "rdb-record: audit: 17 bytes unexplained\n";
        let text = format!("9 instructions, it said\n{audit}{LINE}");
        let closing = Closing::parse(&text).expect("a closing line");
        let expected = Closing {
            instructions: 123_456,
            seconds: 4.2,
            bytes_each: 1.41,
            unexplained: Some(17),
        };
        assert_eq!(closing, expected);
    }

    #[test]
    fn without_an_audit_nothing_is_said_of_it() {
        assert_eq!(Closing::parse(LINE).and_then(|closing| closing.unexplained), None);
        assert_eq!(Closing::parse("rdb-record: failed to write the trace: full"), None);
    }
}
