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
        // The finished trace takes the name: never that of a device or a pipe, which
        // root could otherwise lose to `-o /dev/null`.
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => return Err(refuse(&"it is a directory")),
            Ok(metadata) if !metadata.is_file() => {
                return Err(refuse(&"it is not a regular file"));
            }
            _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        for taken in [folder.path(), &pipe] {
            let Err(failure) = Output::create(taken) else {
                panic!("{} was taken", taken.display())
            };
            assert_eq!(failure.code, exit_code::OUTPUT);
        }
        let file = folder.path().join("run.trace");
        std::fs::write(&file, "an older one").unwrap();
        let (output, _) = Output::create(&file).ok().unwrap();
        output.commit().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
