//! Outside tools that some tests need.

use std::path::PathBuf;
use std::process::Command;

/// The tool's path, or `None` after saying loudly on stderr that the calling test is skipped.
pub fn require_tool(name: &str) -> Option<PathBuf> {
    let found = find_tool(name);
    if found.is_none() {
        skip(&format!("`{name}` is not installed"));
    }
    found
}

/// Says on stderr that a test is skipped, past the test runner's capture of output.
pub fn skip(reason: &str) {
    use std::io::Write;
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let _ = writeln!(std::io::stderr(), "\n*** SKIPPED {test}: {reason} ***");
}

/// The tool's path, if it is installed.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// gcc's own compiler, without the driver; `None` after saying so.
pub fn cc1() -> Option<PathBuf> {
    let path = asked(Command::new(require_tool("gcc")?).arg("-print-prog-name=cc1"))?;
    if !path.is_file() {
        skip("gcc's cc1 is not installed");
        return None;
    }
    Some(path)
}

/// The interpreter itself: a version manager's wrapper script would be recorded instead.
pub fn python() -> Option<PathBuf> {
    let python = require_tool("python3")?;
    asked(Command::new(python).args(["-c", "import sys; print(sys.executable)"]))
}

/// The distribution's interpreter, or else any.
pub fn system_python() -> Option<PathBuf> {
    let path = PathBuf::from("/usr/bin/python3");
    if path.is_file() { Some(path) } else { python() }
}

/// The path that a command prints.
fn asked(command: &mut Command) -> Option<PathBuf> {
    let output = command.output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}
