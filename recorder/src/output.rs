//! The trace file: written as NAME.incomplete, renamed when it is sealed.

use crate::cli::exit_code;
use crate::launch::Failure;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where a recording goes.
pub struct Output {
    /// Its final name.
    pub path: PathBuf,
    incomplete: PathBuf,
}

impl Output {
    /// Creates the file, readable by its owner only: traces hold secrets.
    ///
    /// # Errors
    /// It cannot be created, or the final name cannot be taken.
    pub fn create(path: &Path) -> Result<(Self, File), Failure> {
        let refuse = |error: &dyn std::fmt::Display| {
            let message = format!("failed to write {}: {error}", path.display());
            Failure::new(exit_code::OUTPUT, message)
        };
        if path.is_dir() {
            return Err(refuse(&"it is a directory"));
        }
        if path.file_name().is_none() {
            return Err(refuse(&"it names no file"));
        }
        let mut name = path.as_os_str().to_os_string();
        name.push(".incomplete");
        let incomplete = PathBuf::from(name);
        // A stale one may have other permissions: it is replaced, not reused.
        let _ = std::fs::remove_file(&incomplete);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&incomplete);
        let file = file.map_err(|error| refuse(&error))?;
        Ok((Self { path: path.to_path_buf(), incomplete }, file))
    }

    /// The name of the unsealed file.
    pub fn incomplete(&self) -> &Path {
        &self.incomplete
    }

    /// Gives the sealed file its name.
    ///
    /// # Errors
    /// rename(2)'s.
    pub fn commit(&self) -> std::io::Result<()> {
        std::fs::rename(&self.incomplete, &self.path)
    }

    /// Removes the file: the program never started.
    pub fn discard(&self) {
        let _ = std::fs::remove_file(&self.incomplete);
    }
}

/// PROGRAM.trace in the working directory.
pub fn default_path(program: &Path) -> PathBuf {
    let mut name = program.file_name().map_or_else(|| OsString::from("run"), OsString::from);
    name.push(".trace");
    PathBuf::from(name)
}
