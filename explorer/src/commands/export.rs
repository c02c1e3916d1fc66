//! `export`: files for other programs.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::export::{ExportError, Folded, TraceEvents, follow};
use crate::render::{Page, thousands};
use crate::session::Session;
use crate::whole_file::{WholeFile, stream};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[derive(Serialize)]
struct Exported {
    file: String,
    bytes: u64,
    /// Functions entered.
    calls: u64,
    /// Different stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    stacks: Option<u64>,
}

impl Output for Exported {
    fn render(&self, page: &mut Page) {
        let stacks = self.stacks.map(|stacks| format!(" in {} stacks", thousands(stacks)));
        let (calls, bytes) = (thousands(self.calls), thousands(self.bytes));
        let stacks = stacks.unwrap_or_default();
        page.line(format!("{calls} calls{stacks}, {bytes} bytes → {}", self.file));
    }
}

/// What an export wrote: calls, stacks.
type Written = (u64, Option<u64>);

/// Where an export goes: its bytes are counted.
struct Out<'f> {
    file: &'f File,
    bytes: &'f mut u64,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        *self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file that takes its name when it is whole, or to a device or a pipe.
fn export(
    session: &Session,
    name: &str,
    write: impl FnOnce(&mut BufWriter<Out<'_>>) -> Result<Written, ExportError>,
) -> CommandResult {
    let path = Path::new(name);
    let failed = |error: std::io::Error| {
        CommandError::Other(format!("failed to write {}: {error}", path.display()))
    };
    refuse_trace(session, path)?;
    let mut bytes = 0;
    let to = |file: &File| {
        let written = write(&mut BufWriter::new(Out { file, bytes: &mut bytes }));
        let written = written.map_err(|error| match error {
            ExportError::State(error) => CommandError::State(error),
            ExportError::Io(error) => failed(error),
        })?;
        // What took long may have been stopped at its very end.
        session.interrupt.check()?;
        Ok::<_, CommandError>(written)
    };
    let (calls, stacks) = match stream(path).map_err(failed)? {
        Some(file) => to(&file)?,
        None => {
            let made = WholeFile::new(path).map_err(failed)?;
            let written = to(made.file())?;
            made.finish().map_err(failed)?;
            written
        }
    };
    Ok(Box::new(Exported { file: name.to_owned(), bytes, calls, stacks }))
}

/// An export must not replace the trace.
fn refuse_trace(session: &Session, path: &Path) -> Result<(), CommandError> {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
    let trace = identity(session.timeline().path());
    if trace.is_some() && identity(path) == trace {
        let shown = path.display();
        return Err(CommandError::Other(format!(
            "failed to write {shown}: it is the trace itself"
        )));
    }
    Ok(())
}

/// Both formats of calls, as usage shows them.
const FORMAT: &str = "perfetto|chrome";

/// Both kinds, as usage shows them.
const WHAT: &str = "calls|folded";

/// Writes a history to the file of a path.
type Writer = fn(&Session, &str) -> CommandResult;

/// What can be exported, by name.
static KINDS: &[(&str, Writer)] = &[("calls", calls), ("folded", folded)];

fn calls(session: &Session, path: &str) -> CommandResult {
    let start = &session.timeline().header().start;
    let program = String::from_utf8_lossy(&start.executable).into_owned();
    export(session, path, |out| {
        let mut events = TraceEvents::new(out, start.process, &program)?;
        follow(session, &mut events)?;
        Ok((events.finish()?, None))
    })
}

fn folded(session: &Session, path: &str) -> CommandResult {
    export(session, path, |out| {
        let mut folded = Folded::default();
        let names = follow(session, &mut folded)?;
        let stacks = folded.write(&names, out)?;
        Ok((folded.calls(), Some(stacks)))
    })
}

fn run(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let what = arguments.get(WHAT).unwrap_or_default();
    let kind = KINDS.iter().find(|(name, _)| *name == what);
    let (_, write) = kind.ok_or_else(|| arguments.error(format!("no export of {what:?}")))?;
    let format = arguments.get(FORMAT).unwrap_or("perfetto");
    if !["perfetto", "chrome"].contains(&format) {
        return Err(arguments.error(format!("{format:?} is not perfetto or chrome")));
    }
    write(session, arguments.get("FILE").unwrap_or_default().trim())
}

/// `export`.
pub static EXPORT: Command = Command {
    name: "export",
    aliases: &[],
    group: Group::History,
    arguments: &[
        Argument {
            name: FORMAT,
            form: Form::Option,
            short: Some("--format"),
            kind: Kind::Text,
            help: "of calls: perfetto, as if left out, or chrome; both load the same file",
        },
        Argument {
            name: WHAT,
            form: Form::Required,
            short: None,
            kind: Kind::Text,
            help: "calls, or folded: stacks with weights, for flame graphs",
        },
        Argument {
            name: "FILE",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Path,
            help: "where to; a file of that name is replaced, a device or a pipe written to",
        },
    ],
    help: "write all calls to a file, for ui.perfetto.dev, chrome://tracing or flame graphs",
    details: "The file of calls is in the Trace Event Format; its timestamps are tracepoints. The \
              folded one has a line for every call stack, with the instructions executed in it: \
              together they are as many as the history has tracepoints. A call ends when the \
              stack pointer rises above its frame. Inlined copies are no calls.",
    run,
};
