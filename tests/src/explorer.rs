//! Runs `rdb-explore` on a trace and parses what it answers with `--json`.

use crate::binaries::binaries;
use crate::process::{LIMIT, Output, run};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Commands that fit on a command line; more go through a script file.
const COMMANDS_ON_LINE: usize = 30;

/// A trace to ask.
#[derive(Debug, Clone)]
pub struct Explorer {
    trace: PathBuf,
    limit: Duration,
}

/// The one object that a command prints with `--json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    /// The command as given.
    pub command: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// What it found.
    #[serde(default)]
    pub result: Value,
    /// Why it failed.
    pub error: Option<String>,
    /// Of an error in an expression, how many characters stand before its place.
    pub column: Option<u64>,
}

impl Answer {
    /// The result's field, or null.
    pub fn get(&self, field: &str) -> &Value {
        self.result.get(field).unwrap_or(&Value::Null)
    }

    /// The tracepoint that `where` and every moving command give.
    pub fn tracepoint(&self) -> u64 {
        self.get("tracepoint").as_u64().unwrap_or_else(|| panic!("no tracepoint in {self:?}"))
    }

    /// The last tracepoint.
    pub fn end(&self) -> u64 {
        self.get("end").as_u64().unwrap_or_else(|| panic!("no end in {self:?}"))
    }

    /// The line, if one is known.
    pub fn line(&self) -> Option<u64> {
        self.get("line").as_u64()
    }

    /// The function, if one is known.
    pub fn function(&self) -> Option<&str> {
        self.get("function").as_str()
    }

    /// The last part of the file's name, if one is known.
    pub fn file_name(&self) -> Option<&str> {
        self.get("file").as_str().map(|path| path.rsplit('/').next().unwrap_or(path))
    }

    /// Why the cursor stopped where it is.
    pub fn reason(&self) -> &str {
        let reason = self.result.pointer("/stop/reason").and_then(Value::as_str);
        reason.unwrap_or_else(|| panic!("no stop reason in {self:?}"))
    }

    /// The stop as text: for a look at a signal's name.
    pub fn stop(&self) -> String {
        self.get("stop").to_string()
    }

    /// A register of `regs`.
    pub fn register(&self, name: &str) -> u64 {
        let text = self.result.pointer(&format!("/registers/{name}")).and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("no register {name} in {self:?}"));
        parse_hex(text)
    }

    /// The functions of a `backtrace`, innermost first; an unknown one is `?`.
    pub fn functions(&self) -> Vec<String> {
        let frames = self.get("frames").as_array();
        let frames = frames.unwrap_or_else(|| panic!("no frames in {self:?}"));
        let name = |frame: &Value| {
            frame.get("function").and_then(Value::as_str).unwrap_or("?").to_string()
        };
        frames.iter().map(name).collect()
    }

    /// The values that `x` shows, in order, as it prints them.
    pub fn values(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect_values(&self.result, &mut found);
        found
    }
}

impl Explorer {
    /// An explorer of the trace at a path.
    pub fn new(trace: &Path) -> Explorer {
        Explorer { trace: trace.to_path_buf(), limit: LIMIT }
    }

    /// The same with another time limit.
    pub fn with_limit(mut self, limit: Duration) -> Explorer {
        self.limit = limit;
        self
    }

    /// Runs commands in one session; every one has to succeed.
    pub fn ask<C: AsRef<str>>(&self, commands: &[C]) -> Vec<Answer> {
        let (output, answers) = self.attempt(commands);
        assert_eq!(output.code(), 0, "{answers:?}, stderr: {}", output.stderr_text());
        assert_eq!(answers.len(), commands.len(), "one object per command: {answers:?}");
        let failed = answers.iter().find(|answer| !answer.ok);
        assert!(failed.is_none(), "failed: {failed:?}");
        answers
    }

    /// Runs commands and gives the last one's answer; every one has to succeed.
    pub fn last<C: AsRef<str>>(&self, commands: &[C]) -> Answer {
        self.ask(commands).pop().expect("at least one command")
    }

    /// Runs commands in one session, whatever comes of them.
    pub fn attempt<C: AsRef<str>>(&self, commands: &[C]) -> (Output, Vec<Answer>) {
        let output = self.run(commands, true);
        let text = output.stdout_text();
        let objects = serde_json::Deserializer::from_str(&text).into_iter::<Answer>();
        let answers: Result<Vec<Answer>, _> = objects.collect();
        let answers = answers.unwrap_or_else(|error| panic!("not JSON ({error}): {text}"));
        (output, answers)
    }

    /// Runs commands in one session and gives the text they print.
    pub fn text<C: AsRef<str>>(&self, commands: &[C]) -> Output {
        self.run(commands, false)
    }

    fn run<C: AsRef<str>>(&self, commands: &[C], json: bool) -> Output {
        let mut command = Command::new(&binaries().explore);
        command.arg(&self.trace).env("NO_COLOR", "1").env_remove("DEBUGINFOD_URLS");
        if json {
            command.arg("--json");
        }
        let script = tempfile::NamedTempFile::new().expect("failed to create a script");
        if commands.len() > COMMANDS_ON_LINE {
            let lines: String = commands.iter().map(|c| format!("{}\n", c.as_ref())).collect();
            std::fs::write(script.path(), lines).expect("failed to write a script");
            command.arg("-x").arg(script.path());
        } else {
            command.args(commands.iter().flat_map(|each| ["-c", each.as_ref()]));
        }
        run(command, b"", self.limit)
    }
}

/// A number written `0x…`.
pub fn parse_hex(text: &str) -> u64 {
    let digits = text.trim_start_matches("0x").replace('_', "");
    u64::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("not hexadecimal: {text:?}"))
}

fn collect_values(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_values(item, into)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "values" => into.extend(field.as_array().into_iter().flatten().map(plain)),
                    "value" => into.push(plain(field)),
                    _ => collect_values(field, into),
                }
            }
        }
        _ => {}
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
