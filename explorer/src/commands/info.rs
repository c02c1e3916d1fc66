//! `info`: what this trace is.

use super::{Command, Group, Output};
use crate::render::{Page, Style, thousands};
use crate::session::Session;
use rdb_schema::event::Exit;
use rdb_schema::syscalls::signals::signal_name;
use serde::Serialize;

#[derive(Serialize)]
struct Info {
    program: String,
    arguments: Vec<String>,
    process: u32,
    exit: Ending,
    /// Tracepoints.
    instructions: u64,
    recorder: String,
    engine: String,
    host: String,
    system: String,
    cpu: String,
    /// Nanoseconds since the epoch.
    recorded_at: u64,
    /// Of the trace, bytes.
    file_bytes: u64,
    /// Those that the modules' files take.
    module_bytes: u64,
    modules: usize,
    /// Tracepoints that a translating engine left to single-stepping, by reason.
    stepped: Vec<(String, u64)>,
    notices: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Ending {
    Status { status: i32 },
    Signal { signal: String },
    Unknown,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Info {
    fn of(session: &Session) -> Self {
        let timeline = session.timeline();
        let header = timeline.header();
        Self {
            program: text(&header.start.executable),
            arguments: header.start.arguments.iter().map(|a| text(a)).collect(),
            process: header.start.process,
            exit: match timeline.exit() {
                Exit::Status(status) => Ending::Status { status },
                Exit::Signal(number) => Ending::Signal { signal: signal_name(number).into_owned() },
                Exit::Unknown => Ending::Unknown,
            },
            instructions: timeline.end(),
            recorder: header.recorder.clone(),
            engine: header.engine.clone(),
            host: header.host.name.clone(),
            system: header.host.system.clone(),
            cpu: header.host.cpu_model.clone(),
            recorded_at: header.host.start_time,
            file_bytes: timeline.file_bytes(),
            module_bytes: timeline.module_file_bytes(),
            modules: timeline.modules().len(),
            stepped: timeline.stepped().to_vec(),
            notices: timeline.notices().to_vec(),
        }
    }

    fn ending(&self) -> String {
        match &self.exit {
            Ending::Status { status } => format!("exited with status {status}"),
            Ending::Signal { signal } => format!("killed by {signal}"),
            Ending::Unknown => "the recording ends before the program".to_owned(),
        }
    }

    /// The most frequent reasons first.
    fn stepped(&self) -> String {
        let total: u64 = self.stepped.iter().map(|(_, count)| count).sum();
        let one = |(reason, count): &(String, u64)| format!("{reason} {}", thousands(*count));
        let reasons: Vec<String> = self.stepped.iter().map(one).collect();
        match total {
            0 => "none".to_owned(),
            _ => format!("{}: {}", thousands(total), reasons.join(", ")),
        }
    }

    /// As the recorder counts: the modules' files are there once, however long the program runs.
    fn size(&self) -> String {
        let (bytes, files) = (thousands(self.file_bytes), thousands(self.module_bytes));
        let rest = self.file_bytes.saturating_sub(self.module_bytes);
        let each = rest as f64 / self.instructions.max(1) as f64;
        format!("{bytes} bytes: modules' files {files}, the rest {each:.2} an instruction")
    }
}

impl Output for Info {
    fn render(&self, page: &mut Page) {
        let rows = [
            ("program", self.program.clone()),
            ("arguments", self.arguments.join(" ")),
            ("process", self.process.to_string()),
            ("ending", self.ending()),
            ("instructions", thousands(self.instructions)),
            ("trace", self.size()),
            ("modules", self.modules.to_string()),
            ("recorder", format!("{}, engine {}", self.recorder, self.engine)),
            ("host", format!("{}, {}", self.host, self.system)),
            ("cpu", self.cpu.clone()),
        ];
        let stepped = (self.engine == "translate").then(|| ("stepped", self.stepped()));
        for (name, value) in rows.into_iter().chain(stepped) {
            page.put(Style::Heading, format!("{name:<13}")).plain(value).end();
        }
        for notice in &self.notices {
            page.put(Style::Alert, format!("notice: {notice}")).end();
        }
    }
}

/// `info`.
pub static INFO: Command = Command {
    name: "info",
    aliases: &["i", "inf"],
    group: Group::Position,
    arguments: &[],
    help: "show what was recorded, where, and how it ended",
    details: "`info breakpoints`, `info registers`, `info signals` and others show one thing each.",
    run: |session, _| Ok(Box::new(Info::of(session))),
};
