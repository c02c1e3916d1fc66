//! Calls in the Trace Event Format ("JSON Array" within "JSON Object"), which
//! chrome://tracing and ui.perfetto.dev load. Timestamps are tracepoints.

use super::{Names, Visitor};
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes a B event where a function is entered and an E event where it is left.
pub struct TraceEvents<W> {
    out: W,
    process: u32,
    /// Names as JSON strings, by number.
    names: HashMap<u32, String>,
    /// Functions entered.
    calls: u64,
}

impl<W: Write> TraceEvents<W> {
    /// Begins a file for a process of this number and name.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, process: u32, name: &str) -> io::Result<Self> {
        let name = serde_json::to_string(name)?;
        write!(
            out,
            "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{{\"name\":\"process_name\",\"ph\":\"M\",\
             \"pid\":{process},\"args\":{{\"name\":{name}}}}}"
        )?;
        Ok(Self { out, process, names: HashMap::new(), calls: 0 })
    }

    /// Ends the file; how many calls it has.
    ///
    /// # Errors
    /// Those of what it writes to.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(self.calls)
    }
}

impl<W: Write> Visitor for TraceEvents<W> {
    fn enter(&mut self, thread: u32, t: u64, function: u32, names: &Names<'_>) -> io::Result<()> {
        let text = || serde_json::Value::from(names.name(function)).to_string();
        let name = self.names.entry(function).or_insert_with(text);
        self.calls += 1;
        let process = self.process;
        write!(
            self.out,
            ",\n{{\"name\":{name},\"ph\":\"B\",\"ts\":{t},\"pid\":{process},\"tid\":{thread}}}"
        )
    }

    fn leave(&mut self, thread: u32, t: u64) -> io::Result<()> {
        let process = self.process;
        write!(self.out, ",\n{{\"ph\":\"E\",\"ts\":{t},\"pid\":{process},\"tid\":{thread}}}")
    }

    fn run(&mut self, _: u32, _: u64) {}
}
