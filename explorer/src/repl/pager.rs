//! Long answers, page by page.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The status with which a shell says that there is no such command.
const NO_COMMAND: i32 = 127;

/// Bytes of text kept until it is clear that somebody reads it: more than a pipe holds.
const KEPT: usize = 1 << 20;

/// A pager at work.
pub(super) struct Pager {
    child: Child,
    input: Option<ChildStdin>,
    /// What it was given, while that is little.
    kept: Option<String>,
    left: bool,
}

impl Pager {
    /// The user's pager, else less; `None` if no shell can be started.
    pub fn new() -> Option<Self> {
        let own = std::env::var_os("PAGER").filter(|pager| !pager.is_empty());
        let mut command = Command::new("sh");
        command.arg("-c").arg(own.as_deref().unwrap_or(OsStr::new("less")));
        if std::env::var_os("LESS").is_none() {
            // Colours, and the text stays on the screen.
            command.env("LESS", "FRX");
        }
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take();
        Some(Self { child, input, kept: Some(String::new()), left: false })
    }

    /// Gives it text. If it takes no more, what nobody has seen: all, unless it was left.
    ///
    /// # Errors
    /// Those of writing to it, and of waiting for it.
    pub fn take(&mut self, text: &str) -> io::Result<Option<String>> {
        if let Some(kept) = &mut self.kept {
            kept.push_str(text);
        }
        if self.kept.as_ref().is_some_and(|kept| kept.len() > KEPT + text.len()) {
            self.kept = None;
        }
        let Some(input) = &mut self.input else { return Ok(Some(String::new())) };
        match input.write_all(text.as_bytes()) {
            // It was left before its end, or there is none.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.wait().map(Some),
            written => written.map(|()| None),
        }
    }

    /// Whether somebody left it before its end.
    pub fn was_left(&self) -> bool {
        self.left
    }

    /// Waits for it; the text, if there is no such pager.
    ///
    /// # Errors
    /// Those of waiting for it.
    pub fn end(mut self) -> io::Result<Option<String>> {
        if self.left {
            return Ok(None);
        }
        let unseen = self.wait()?;
        Ok((!self.left).then_some(unseen))
    }

    fn wait(&mut self) -> io::Result<String> {
        self.input = None;
        self.left = self.child.wait()?.code() != Some(NO_COMMAND);
        Ok(if self.left { String::new() } else { self.kept.take().unwrap_or_default() })
    }
}
