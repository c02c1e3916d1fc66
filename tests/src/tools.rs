//! Outside tools that some tests need.

use std::path::PathBuf;

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

fn find_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
