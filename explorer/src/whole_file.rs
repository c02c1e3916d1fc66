//! Files that take their names when they are whole: whatever ends the explorer before, nothing
//! of them stays.

use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Names that are tried before they are all said to be taken.
const MOST_NAMES: u32 = 1000;

/// Symbolic links that are followed (path_resolution(7)).
const MOST_LINKS: u32 = 40;

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
    /// An empty file that only its owner may read, in the folder of `path`, or of the file that
    /// `path` is a symbolic link to.
    ///
    /// # Errors
    /// The file system's; `path` is a directory, a device or a pipe, which no file replaces.
    pub fn new(path: &Path) -> io::Result<Self> {
        let path = target(path)?;
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => Err(io::Error::other("it is no regular file")),
            _ => Self::replacing(&path),
        }
    }

    /// The same, that takes the name itself from whatever has it, also from a symbolic link.
    ///
    /// # Errors
    /// The file system's.
    pub fn replacing(path: &Path) -> io::Result<Self> {
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

/// The path that symbolic links lead to from `path`, whether a file is there or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = folder(&path).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(nix::errno::Errno::ELOOP.into())
}

/// What can be written to at `path` and must not be replaced: a device, a pipe, or what this
/// process writes its answers to. None if there is another file, or nothing.
///
/// # Errors
/// The file system's: it cannot be opened. A pipe has to have a reader already.
pub fn stream(path: &Path) -> io::Result<Option<File>> {
    let Ok(there) = path.metadata() else { return Ok(None) };
    if there.is_dir() {
        return Ok(None);
    }
    if there.is_file() {
        return own_output(&there);
    }
    let mut options = OpenOptions::new();
    // Not waiting for a reader: nothing could interrupt that.
    let file = options.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) if there.file_type().is_fifo() => {
            io::Error::other("no process reads from this pipe")
        }
        _ => error,
    })?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(Some(file))
}

/// Standard output or standard error, if it is that file: what it is at goes on from here.
fn own_output(there: &Metadata) -> io::Result<Option<File>> {
    for own in [io::stdout().as_fd(), io::stderr().as_fd()] {
        let file = File::from(own.try_clone_to_owned()?);
        let own = file.metadata()?;
        if (own.dev(), own.ino()) == (there.dev(), there.ino()) {
            return Ok(Some(file));
        }
    }
    Ok(None)
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
    fn what_a_link_leads_to_is_replaced_and_the_link_stays() {
        let here = tempfile::tempdir().unwrap();
        let (path, first) = (here.path().join("file"), here.path().join("first"));
        std::os::unix::fs::symlink("file", here.path().join("second")).unwrap();
        std::os::unix::fs::symlink("second", &first).unwrap();
        for text in ["one", "another"] {
            let made = WholeFile::new(&first).unwrap();
            made.file().write_all(text.as_bytes()).unwrap();
            made.finish().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(first.is_symlink() && path.symlink_metadata().unwrap().is_file());
        let around = here.path().join("around");
        std::os::unix::fs::symlink("around", &around).unwrap();
        assert!(WholeFile::new(&around).is_err());
    }

    #[test]
    fn a_name_that_is_a_folders_is_refused_and_nothing_is_left() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        assert!(WholeFile::new(&path).is_err());
        WholeFile::replacing(&path).unwrap().finish().unwrap_err();
        assert_eq!(names(here.path()), ["folder"]);
    }
}
