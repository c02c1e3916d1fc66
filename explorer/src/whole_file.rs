//! Files that take their names when they are whole: whatever ends the explorer before, nothing
//! of them stays.

use nix::fcntl::{AT_FDCWD, AtFlags};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Names that are tried before they are all said to be taken.
const MOST_NAMES: u32 = 1000;

/// A file in the making.
pub struct WholeFile {
    path: PathBuf,
    made: Made,
}

enum Made {
    /// It has no name, and ends with the explorer (open(2), O_TMPFILE).
    Unnamed(File),
    /// Its file system only has files with names: it is removed when it is dropped.
    Named(NamedTempFile),
}

impl WholeFile {
    /// An empty file that only its owner may read, in the folder of `path`.
    ///
    /// # Errors
    /// The file system's.
    pub fn new(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
        let made = match options.open(folder(path)) {
            Ok(file) => Made::Unnamed(file),
            Err(_) => Made::Named(
                tempfile::Builder::new().prefix(&hidden(path, "")).tempfile_in(folder(path))?,
            ),
        };
        Ok(Self { path: path.to_owned(), made })
    }

    /// The file.
    pub fn file(&self) -> &File {
        match &self.made {
            Made::Unnamed(file) => file,
            Made::Named(file) => file.as_file(),
        }
    }

    /// Gives it its name; what had that is replaced at once.
    ///
    /// # Errors
    /// The file system's.
    pub fn finish(self) -> io::Result<()> {
        let file = match self.made {
            Made::Unnamed(file) => file,
            Made::Named(file) => {
                return file.persist(&self.path).map(drop).map_err(|error| error.error);
            }
        };
        // A link does not replace a file, as a renaming does.
        let linked = link(&file, &self.path)?;
        std::fs::rename(&linked, &self.path).inspect_err(|_| {
            let _ = std::fs::remove_file(&linked);
        })
    }
}

/// Gives a file without a name one beside `path`: which.
fn link(file: &File, path: &Path) -> io::Result<PathBuf> {
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    for number in 0..MOST_NAMES {
        let end = format!(".{}-{number}", std::process::id());
        let name = folder(path).join(hidden(path, &end));
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        match nix::unistd::linkat(AT_FDCWD, own.as_str(), AT_FDCWD, &name, follow) {
            Ok(()) => return Ok(name),
            Err(nix::errno::Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// `.run.trace.index.1234-0` for `run.trace.index`.
fn hidden(path: &Path, end: &str) -> std::ffi::OsString {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(end);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_name_is_taken_and_replaced_when_the_file_is_whole() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("file");
        for text in ["one", "another"] {
            let made = WholeFile::new(&path).unwrap();
            made.file().write_all(text.as_bytes()).unwrap();
            made.finish().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        drop(WholeFile::new(&path).unwrap());
        assert_eq!(names(here.path()), ["file"]);
    }

    #[test]
    fn a_name_that_is_a_folders_is_refused_and_nothing_is_left() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        WholeFile::new(&path).unwrap().finish().unwrap_err();
        assert_eq!(names(here.path()), ["folder"]);
    }
}
