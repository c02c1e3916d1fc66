//! Long answers, page by page.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::process::{Command, Stdio};

/// The status with which a shell says that there is no such command.
const NO_COMMAND: i32 = 127;

/// Shows text with the user's pager, else with less. False if there is none: the text is yet
/// to be shown.
///
/// # Errors
/// Those of waiting for it.
pub fn show(text: &str) -> io::Result<bool> {
    let own = std::env::var_os("PAGER").filter(|pager| !pager.is_empty());
    let mut command = Command::new("sh");
    command.arg("-c").arg(own.as_deref().unwrap_or(OsStr::new("less")));
    if std::env::var_os("LESS").is_none() {
        // Colours, and the text stays on the screen.
        command.env("LESS", "FRX");
    }
    let Ok(mut pager) = command.stdin(Stdio::piped()).spawn() else { return Ok(false) };
    if let Some(mut input) = pager.stdin.take() {
        match input.write_all(text.as_bytes()) {
            // It was left before its end.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    Ok(pager.wait()?.code() != Some(NO_COMMAND))
}
