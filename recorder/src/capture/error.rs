//! Why something could not be read, and the bounded reading of small files.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Most bytes taken of one file of /proc. An environment can reach a quarter of
/// the stack limit; nothing else comes near.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Why the state of a process could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The process or thread no longer exists.
    #[error("process is gone ({0})")]
    Gone(String),
    /// The kernel refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel wrote something unexpected.
    #[error("cannot understand {0}")]
    Malformed(String),
}

impl CaptureError {
    fn new(path: &str, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Self::Gone(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}

/// The content of a file of /proc.
pub(super) fn read(path: &str) -> Result<Vec<u8>, CaptureError> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|source| CaptureError::new(path, source))?;
    Ok(bytes)
}

/// What a link of /proc points to.
pub(super) fn read_link(path: &str) -> Result<Vec<u8>, CaptureError> {
    let target = std::fs::read_link(Path::new(path)).map_err(|e| CaptureError::new(path, e))?;
    Ok(target.into_os_string().into_vec())
}

/// The lines of a text, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// `bytes` as a number in this base; surrounding space is allowed.
pub(super) fn number(bytes: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    u64::from_str_radix(text, radix).ok()
}
