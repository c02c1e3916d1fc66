//! Where the prompt keeps what was typed.

use std::path::{Path, PathBuf};

/// The history file, in the XDG state directory; its directory is made if
/// need be. `None` when there is no place for it.
pub fn file() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(absolute);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    let directory = state.or_else(home).filter(absolute)?.join("rdb");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}
