//! The session file: `run.trace.session` beside `run.trace`.
//!
//! ```text
//! file = "rdb session 1 " identity " " checksum "\n" body
//! ```
//! `identity` is the trace's, `checksum` the body's xxh3-64, both as 16 hexadecimal
//! digits; the body is JSON. The file gets its name when it is whole.

use super::bookmark::Bookmark;
use super::breakpoint::Breakpoint;
use super::display::Display;
use super::examine::DisplayFormat;
use crate::whole_file::WholeFile;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &str = "rdb session ";

/// Of the format. Another version's file is kept aside.
const VERSION: &str = "1";

/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 16 << 20;

/// What is wrong with a file that only its owner can do something about.
pub(super) const UNREADABLE: &str = "cannot be read";

/// What outlives a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub bookmarks: Vec<Bookmark>,
    pub breakpoints: Vec<SavedBreakpoint>,
    pub displays: Vec<SavedDisplay>,
}

/// A breakpoint, with what its JSON leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedBreakpoint {
    #[serde(flatten)]
    breakpoint: Breakpoint,
    /// Of every target.
    modules: Vec<Option<u32>>,
}

impl SavedBreakpoint {
    /// `breakpoint` as if history had never stopped there.
    pub fn new(breakpoint: &Breakpoint) -> Self {
        let modules = breakpoint.targets.iter().map(|target| target.module).collect();
        let mut breakpoint = Breakpoint { hits: 0, ..breakpoint.clone() };
        // Equal to what is read again, so that nothing is written without need.
        breakpoint.targets.iter_mut().for_each(|target| target.module = None);
        Self { breakpoint, modules }
    }

    /// The breakpoint, if it is one that could have been set.
    pub fn restore(&self) -> Option<Breakpoint> {
        let mut breakpoint = self.breakpoint.clone();
        let watched = breakpoint.watch.as_ref().is_none_or(|watch| watch.subject.is_possible());
        if breakpoint.targets.len() != self.modules.len() || !watched {
            return None;
        }
        for (target, module) in breakpoint.targets.iter_mut().zip(&self.modules) {
            target.module = *module;
        }
        Some(breakpoint)
    }
}

/// A display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedDisplay {
    number: u32,
    expression: String,
    /// As typed behind the slash.
    format: String,
}

impl SavedDisplay {
    pub fn new(display: &Display) -> Self {
        let Display { number, expression, format } = display;
        Self { number: *number, expression: expression.clone(), format: format.to_string() }
    }

    /// The display, if it is one that could have been made.
    pub fn restore(&self) -> Option<Display> {
        let format = DisplayFormat::parse(&self.format).ok()?;
        Some(Display { number: self.number, expression: self.expression.clone(), format })
    }
}

/// Where the session of the trace at `trace` is kept.
pub(super) fn path(trace: &Path) -> PathBuf {
    with_ending(trace, ".session")
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Saved {
    /// The bytes of the file.
    pub fn encode(&self, identity: u64) -> io::Result<Vec<u8>> {
        let mut body = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        body.push('\n');
        let checksum = xxh3_64(body.as_bytes());
        let head = format!("{MAGIC}{VERSION} {identity:016x} {checksum:016x}\n");
        Ok((head + &body).into_bytes())
    }

    /// What the bytes of a file hold.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn decode(bytes: &[u8], identity: u64) -> Result<Self, &'static str> {
        const DAMAGED: &str = "is damaged";
        let text = str::from_utf8(bytes).map_err(|_| DAMAGED)?;
        let (head, body) = text.split_once('\n').ok_or(DAMAGED)?;
        let words: Vec<_> = head.strip_prefix(MAGIC).ok_or(DAMAGED)?.split(' ').collect();
        match words.as_slice() {
            [VERSION, trace, _] if u64::from_str_radix(trace, 16) != Ok(identity) => {
                Err("belongs to another trace")
            }
            [VERSION, _, checksum]
                if u64::from_str_radix(checksum, 16) == Ok(xxh3_64(body.as_bytes())) =>
            {
                serde_json::from_str(body).map_err(|_| DAMAGED)
            }
            [VERSION, ..] | [] => Err(DAMAGED),
            _ => Err("is of another version of rdb"),
        }
    }
}

/// The bytes of the file at `path`; none if there is no file.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, &'static str> {
    // A pipe of that name is not waited for.
    let open = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = match open {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|_| UNREADABLE)?,
    };
    let size = file.metadata().ok().filter(|data| data.is_file()).ok_or(UNREADABLE)?.len();
    if size > MAX_BYTES {
        return Err("is damaged");
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|_| UNREADABLE)?;
    Ok(Some(bytes))
}

/// Writes the file at `path`. What is there first gets the name `aside`, if that is given.
///
/// # Errors
/// The file system's; what was there is then there still, or at `aside`.
pub(super) fn write(path: &Path, bytes: &[u8], aside: Option<&Path>) -> io::Result<()> {
    // A symbolic link goes aside itself, and still leads to what was there.
    let made = if aside.is_some() { WholeFile::replacing(path) } else { WholeFile::new(path) }?;
    made.file().write_all(bytes)?;
    made.file().sync_all()?;
    if let Some(aside) = aside {
        std::fs::rename(path, aside)?;
    }
    made.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Breakpoints, Target};

    fn example() -> Saved {
        let mut breakpoints = Breakpoints::default();
        let target =
            Target { address: u64::MAX, module: Some(3), line: Some(7), ..Target::default() };
        breakpoints.add("f", vec![target]);
        Saved {
            bookmarks: vec![Bookmark {
                name: "a \"name\"".into(),
                tracepoint: u64::MAX,
                process: None,
            }],
            breakpoints: breakpoints.iter().map(SavedBreakpoint::new).collect(),
            displays: vec![SavedDisplay { number: 1, expression: "x".into(), format: "rx".into() }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let saved = example();
        let read = Saved::decode(&saved.encode(5).unwrap(), 5).unwrap();
        assert_eq!(read, saved);
        let breakpoint = read.breakpoints[0].restore().unwrap();
        assert_eq!(SavedBreakpoint::new(&breakpoint), saved.breakpoints[0]);
        assert_eq!(breakpoint.targets[0].module, Some(3));
        let display = read.displays[0].restore().unwrap();
        assert_eq!(SavedDisplay::new(&display), saved.displays[0]);
    }

    #[test]
    fn what_a_breakpoint_is_limited_to_is_kept() {
        use crate::session::{Access, Scope, Subject, Watch};
        let mut breakpoints = Breakpoints::default();
        let one = breakpoints.add("/^f/", Vec::new());
        (one.ignore, one.thread, one.process, one.temporary) = (3, Some(7), Some(8), true);
        let subject = Subject::Register { name: "rax".into(), thread: Some(7) };
        let scope = Some(Scope { begin: None, end: Some(5) });
        breakpoints.add_watch("x", Watch { subject, access: Access::Write, scope });
        let all: Vec<_> = breakpoints.iter().cloned().collect();
        let saved = Saved {
            breakpoints: all.iter().map(SavedBreakpoint::new).collect(),
            ..Saved::default()
        };
        let read = Saved::decode(&saved.encode(1).unwrap(), 1).unwrap();
        let restored = read.breakpoints.iter().map(|one| one.restore().unwrap());
        assert_eq!(restored.collect::<Vec<_>>(), all);
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let bytes = example().encode(5).unwrap();
        assert_eq!(Saved::decode(&bytes, 6), Err("belongs to another trace"));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(Saved::decode(&changed, 5).is_err(), "byte {at}");
            assert!(Saved::decode(&bytes[..at], 5).is_err(), "{at} bytes");
        }
    }
}
