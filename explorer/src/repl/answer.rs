//! Running one command line, and printing what it answers.

use super::flow::Outflow;
use crate::commands::{self, CommandError, Output};
use crate::render::Page;
use crate::session::Session;
use serde::Serialize;
use std::io::{self, BufWriter, Write};

/// Bytes of JSON that are written together.
const BUFFER: usize = 1 << 16;

/// How a command went; of several, the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It answered.
    Done,
    /// It answered that what it compared differs.
    Differs,
    /// It failed; the error is printed.
    Failed,
}

/// Prints answers: text, or one JSON object a line.
pub struct Answerer<'a> {
    /// Whether to print JSON.
    pub json: bool,
    /// Columns tables may take; `None`: as many as they need.
    pub width: Option<usize>,
    /// Lines the terminal has, where somebody reads at it: longer answers go to a pager.
    pub height: Option<usize>,
    /// Whether nobody sits at a prompt: who runs the script says that it was interrupted.
    pub script: bool,
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Where errors go in text mode.
    pub errors: &'a mut dyn Write,
}

#[derive(Serialize)]
struct Reply<'a> {
    command: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a dyn Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl Answerer<'_> {
    /// Runs one line. Blank lines and comments (`#`) do nothing.
    ///
    /// # Errors
    /// When the answer cannot be written.
    pub fn run(&mut self, session: &mut Session, line: &str) -> io::Result<Outcome> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Outcome::Done);
        }
        let result = commands::run(session, line);
        self.notices(session)?;
        let outcome = match &result {
            Ok(output) if output.differs() => Outcome::Differs,
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        match self.json {
            true => self.json(line, &result)?,
            false => self.text(session, &result)?,
        }
        // A long list is made while it is shown.
        let stopped = result.as_ref().ok().and_then(|output| output.stopped());
        if let Some(error) = stopped.as_ref().filter(|_| !self.json) {
            self.error(error)?;
        }
        self.out.flush()?;
        Ok(stopped.map_or(outcome, |_| Outcome::Failed))
    }

    /// Prints what the user should know besides.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn notices(&mut self, session: &Session) -> io::Result<()> {
        for notice in session.take_notices() {
            writeln!(self.errors, "rdb-explore: {}", crate::render::escape(&notice))?;
        }
        Ok(())
    }

    fn json(
        &mut self,
        command: &str,
        result: &Result<Box<dyn Output>, CommandError>,
    ) -> io::Result<()> {
        let reply = Reply {
            command,
            ok: result.is_ok(),
            result: result.as_ref().ok().map(AsRef::as_ref),
            error: result.as_ref().err().map(ToString::to_string),
            column: result.as_ref().err().and_then(CommandError::column),
        };
        let mut out = BufWriter::with_capacity(BUFFER, &mut *self.out);
        serde_json::to_writer(&mut out, &reply)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    fn text(
        &mut self,
        session: &Session,
        result: &Result<Box<dyn Output>, CommandError>,
    ) -> io::Result<()> {
        match result {
            Ok(output) => {
                let settings = session.settings();
                let height = self.height.filter(|_| settings.pagination);
                let mut outflow = Outflow::new(self.out, height);
                let mut page = Page::flowing(self.width, settings.color, &mut outflow);
                output.render(&mut page);
                let rest = page.finish();
                outflow.end(&rest)
            }
            Err(error) => self.error(error),
        }
    }

    fn error(&mut self, error: &CommandError) -> io::Result<()> {
        // What was answered before stands before the error.
        self.out.flush()?;
        if self.script && error.is_interruption() {
            return Ok(());
        }
        let text = crate::render::escape(&error.to_string());
        writeln!(self.errors, "rdb-explore: {text}")?;
        for line in error.pointed().into_iter().flatten() {
            writeln!(self.errors, "    {}", crate::render::escape(&line))?;
        }
        Ok(())
    }
}
