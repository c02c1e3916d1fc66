//! Opening the file behind a mapping: exactly that file, or none.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rdb_schema::space::Mapping;

use super::maps;

/// Opens the regular file that `mapping` of process `pid` shows, for reading.
///
/// Its link in map_files is that file by definition, but needs a capability; what
/// a path or the executable's link leads to must be the same inode of the same
/// device. Nothing but regular files is ever really opened: opening a device or
/// a pipe can have effects.
pub(super) fn open_mapped(pid: u32, mapping: &Mapping) -> Option<File> {
    let link = format!("/proc/{pid}/map_files/{:x}-{:x}", mapping.start, mapping.end);
    if let Some(file) = open_regular(Path::new(&link)) {
        return Some(file);
    }
    let candidates = [root_path(pid, &mapping.name), Some(format!("/proc/{pid}/exe").into())];
    candidates.into_iter().flatten().find_map(|path| {
        let file = open_regular(&path)?;
        is_file_of(&file, mapping).then_some(file)
    })
}

/// The path as the process sees it; `None` if it is no path.
fn root_path(pid: u32, name: &[u8]) -> Option<PathBuf> {
    name.starts_with(b"/").then_some(())?;
    let mut path = format!("/proc/{pid}/root").into_bytes();
    path.extend_from_slice(name);
    Some(PathBuf::from(OsStr::from_bytes(&path)))
}

fn open_regular(path: &Path) -> Option<File> {
    let handle = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()?;
    handle.metadata().ok()?.is_file().then_some(())?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let again = format!("/proc/self/fd/{}", handle.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(flags).open(again).ok()
}

/// Whether `mapping` maps this file.
fn is_file_of(file: &File, mapping: &Mapping) -> bool {
    let Ok(metadata) = file.metadata() else { return false };
    if (metadata.dev(), metadata.ino()) == (mapping.device, mapping.inode) {
        return true;
    }
    // btrfs and overlayfs show another device in maps than in stat: compare like
    // with like, by mapping the file here.
    metadata.len() > 0 && shown_identity(file) == Some((mapping.device, mapping.inode))
}

/// Device and inode as a maps file shows them for this file.
pub(super) fn shown_identity(file: &File) -> Option<(u64, u64)> {
    let page = Page::map(file)?;
    let mappings = maps::mappings(std::process::id()).ok()?;
    let own = mappings.iter().find(|mapping| mapping.contains(page.address()))?;
    Some((own.device, own.inode))
}

/// A page of a file, mapped without access.
struct Page(*mut libc::c_void);

const PAGE_BYTES: usize = 4096;

impl Page {
    fn map(file: &File) -> Option<Self> {
        let (access, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE);
        // SAFETY: a new mapping at a place the kernel chooses, never accessed.
        let address = unsafe {
            libc::mmap(std::ptr::null_mut(), PAGE_BYTES, access, flags, file.as_raw_fd(), 0)
        };
        (address != libc::MAP_FAILED).then_some(Self(address))
    }

    fn address(&self) -> u64 {
        self.0.addr() as u64
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the page was mapped by `map` and nothing refers to it.
        unsafe { libc::munmap(self.0, PAGE_BYTES) };
    }
}

/// A whole file, if it begins as an ELF file does and has at most `limit` bytes.
pub(super) fn read_elf(file: &mut File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut magic = [0; 4];
    let size = file.metadata()?.len();
    if size < 4 || size > limit {
        return Ok(None);
    }
    file.read_exact(&mut magic)?;
    if magic != *b"\x7fELF" {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
