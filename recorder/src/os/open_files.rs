//! What the program's descriptors are, as far as the effects of syscalls depend on
//! it: remembered from one syscall to the next, as long as none can have changed it.

use super::call_traits::{self, KEEPS_FILES};
use super::{Identity, identity};
use crate::recording::Recording;
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What a descriptor is.
#[derive(Clone, Debug, Default)]
pub struct OpenFile {
    /// Device and inode.
    pub identity: Option<Identity>,
    /// Its path, if that is in /proc.
    pub in_proc: Option<PathBuf>,
    /// An ordinary file, a directory or a pipe, or /dev/null: to read or write fails with
    /// EFAULT only where it has done nothing.
    pub ordinary: bool,
}

/// The descriptors that were asked for.
#[derive(Default)]
pub struct OpenFiles {
    known: HashMap<i32, OpenFile>,
    /// Somebody else may change them at any time.
    shared: bool,
}

impl OpenFiles {
    /// What the process's descriptor is; nothing is known of one that is not open.
    pub fn get(&mut self, pid: libc::pid_t, descriptor: i32) -> OpenFile {
        if let Some(known) = self.known.get(&descriptor) {
            return known.clone();
        }
        let link = PathBuf::from(format!("/proc/{pid}/fd/{descriptor}"));
        let found = look(&link);
        if found.identity.is_some() && !self.shared {
            self.known.insert(descriptor, found.clone());
        }
        found
    }

    /// What is remembered of the descriptor.
    fn remembered(&self, descriptor: i32) -> Option<&OpenFile> {
        self.known.get(&descriptor).filter(|_| !self.shared)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// At a syscall of which the descriptors are looked up by now: forgets
    /// what may not be right behind it.
    pub fn follow(&mut self, number: u64, arguments: &[u64; 6]) {
        let number = i64::try_from(number).unwrap_or(-1);
        // io_uring may close on its own; a clone may share the table (CLONE_FILES).
        self.shared |=
            [libc::SYS_io_uring_setup, libc::SYS_clone, libc::SYS_clone3].contains(&number);
        match number {
            libc::SYS_close => drop(self.known.remove(&(arguments[0] as i32))),
            _ if call_traits::traits(number.cast_unsigned()) & KEEPS_FILES != 0 => {}
            _ => self.known.clear(),
        }
    }
}

impl Recording {
    /// Whether it is known that reading and writing the descriptor concerns an ordinary
    /// file, of which nothing is mapped.
    pub fn may_trust(&self, descriptor: u16) -> bool {
        let file = self.open_files.remembered(descriptor.into()).filter(|file| file.ordinary);
        let mapped = |own| self.space.iter().any(|m| m.inode != 0 && Some(identity(m)) == own);
        file.is_some_and(|file| !mapped(file.identity))
    }

    /// The same, after looking.
    pub fn may_come_to_trust(&mut self, descriptor: u16) -> bool {
        self.open_files.get(self.pid, descriptor.into());
        self.may_trust(descriptor)
    }
}

fn look(link: &Path) -> OpenFile {
    let target = std::fs::read_link(link).ok();
    let metadata = std::fs::metadata(link).ok();
    let made_up = |path: &PathBuf| path.starts_with("/proc") || path.starts_with("/sys");
    OpenFile {
        identity: metadata.as_ref().map(|file| (file.dev(), file.ino())),
        ordinary: metadata.is_some_and(|file| is_ordinary(&file))
            && target.as_ref().is_some_and(|path| !made_up(path)),
        in_proc: target.filter(|target| target.starts_with("/proc")),
    }
}

fn is_ordinary(file: &Metadata) -> bool {
    let kind = file.file_type();
    let null = kind.is_char_device() && file.rdev() == libc::makedev(1, 3);
    kind.is_file() || kind.is_dir() || kind.is_fifo() || null
}
