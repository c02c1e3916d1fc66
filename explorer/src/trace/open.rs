//! Opening: from a path to the usable history of one of a trace's processes.

use super::outline::Outline;
use super::processes::{Process, processes};
use super::{Trace, blocks, versions};
use crate::timeline::OpenError;
use memmap2::Mmap;
use rayon::prelude::*;
use rdb_schema::container::{self, Directory, Frame, FrameKind};
use rdb_schema::event::{Event, EventKind, Exit};
use rdb_schema::header::Header;
use rdb_schema::message::{Footer, decode_events, decode_footer, decode_header};
use rdb_schema::pages::PageIndex;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

/// Opens the trace at `path`: the history of a process, or of the first.
pub fn open(path: &Path, process: Option<u32>) -> Result<Trace, OpenError> {
    let name = path.display().to_string();
    let file = map(path).map_err(|e| OpenError::Io(name.clone(), e))?;
    let bytes = file.as_deref().unwrap_or_default();
    let directory = Directory::read(bytes).map_err(|e| OpenError::Format(name.clone(), e))?;
    let opened =
        Opened::new(bytes, directory, process).map_err(|why| OpenError::Unusable(name, why))?;
    Ok(opened.into_trace(file))
}

/// The file's bytes; `None` if it has none.
fn map(path: &Path) -> io::Result<Option<Mmap>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() == 0 {
        return Ok(None);
    }
    let file = File::open(path)?;
    // SAFETY: the mapping is private and read-only. Recorders only append, so
    // what was read once stays. Somebody who truncates the file while it is
    // open makes reads raise SIGBUS, which ends the process (sigbus.rs);
    // somebody who overwrites it can change bytes under a shared slice, which
    // no reader of a mapped file can rule out; frames are checked on each read.
    unsafe { Mmap::map(&file) }.map(Some)
}

struct Opened {
    directory: Directory,
    damaged: bool,
    bad_files: Vec<u64>,
    process: u32,
    processes: Vec<Process>,
    header: Header,
    outline: Outline,
    footer: Option<Footer>,
    last_events: Vec<Event>,
    versions: PageIndex,
}

impl Opened {
    fn new(bytes: &[u8], mut directory: Directory, process: Option<u32>) -> Result<Self, String> {
        let (damaged, bad_files) = verify(bytes, &mut directory);
        let frames = &directory.frames;
        let wanted = |f: &&Frame| process.is_none_or(|id| id == f.header.process);
        let is_header = |f: &&Frame| f.header.kind == FrameKind::Header && wanted(f);
        let frame = frames.iter().find(is_header).ok_or("it has no whole header")?;
        let header = frame.payload(bytes).map_err(|e| e.to_string());
        let header = decode_header(&header?).map_err(|e| format!("its header: {e}"))?;
        let process = frame.header.process;
        let blocks = blocks::decode(bytes, frames, process);
        let mut outline = Outline::new(frames, process, blocks);
        let versions = page_versions(bytes, &directory, &mut outline);
        if outline.chunks.is_empty() {
            return Err(match outline.stopped {
                Some(why) => format!("it has no whole chunk: {why}"),
                None => "it ends before its first whole chunk".into(),
            });
        }
        let payload = |index: usize| directory.frames.get(index)?.payload(bytes).ok();
        let footer = outline.footer.and_then(payload).and_then(|p| decode_footer(&p).ok());
        let events = outline.chunks.last().and_then(|c| c.events).and_then(payload);
        let last_events = events.and_then(|p| decode_events(&p).ok()).unwrap_or_default();
        let processes = processes(bytes, &directory.frames);
        Ok(Self {
            directory,
            damaged,
            bad_files,
            process,
            processes,
            header,
            outline,
            footer,
            last_events,
            versions,
        })
    }

    fn into_trace(self, file: Option<Mmap>) -> Trace {
        let exit = self.exit();
        let stepped = self.footer.as_ref().map(|f| f.stepped.clone()).unwrap_or_default();
        let notices = self.notices();
        Trace {
            file,
            frames: self.directory.frames,
            header: self.header,
            chunks: self.outline.chunks,
            dictionary: self.outline.dictionary,
            modules: self.outline.modules,
            files: self.outline.files,
            versions: self.versions,
            exit,
            stepped,
            notices,
            schedule: OnceLock::new(),
            process: self.process,
            processes: self.processes,
        }
    }

    fn exit(&self) -> Exit {
        let event = self.last_events.iter().rev().find_map(|e| match e.kind {
            EventKind::Exit(exit) => Some(exit),
            _ => None,
        });
        self.footer.as_ref().map(|f| f.exit).or(event).unwrap_or(Exit::Unknown)
    }

    fn notices(&self) -> Vec<String> {
        let end = self.outline.end();
        let mut notices = Vec::new();
        if let Some(damage) = self.directory.damage {
            let what = if self.damaged {
                format!("the file is damaged at byte {}", damage.offset)
            } else {
                "recording was cut short".to_owned()
            };
            let lost = match damage.lost {
                0 => String::new(),
                lost => format!(" ({lost} bytes after it are not readable)"),
            };
            notices.push(format!("{what}: history ends at tracepoint {end}{lost}"));
        }
        if let Some(why) = &self.outline.stopped {
            notices.push(format!(
                "the file contradicts itself ({why}): history ends at tracepoint {end}"
            ));
        }
        if let Some(footer) = self.footer.as_ref().filter(|f| f.tracepoints != end) {
            let counted = footer.tracepoints;
            notices.push(format!("{counted} tracepoints were recorded, of which {end} are here"));
        }
        notices.extend(self.bad_files.iter().map(|index| {
            format!(
                "the file of module {index} is damaged: its symbols and untouched memory are lost"
            )
        }));
        notices.extend(self.last_events.iter().filter_map(|e| match &e.kind {
            EventKind::Notice(words) => Some(words.clone()),
            _ => None,
        }));
        notices
    }
}

/// Checks all payloads and cuts the directory at the first bad one; whether
/// there was one. Module files before it may be bad, history does without them:
/// their modules' indexes.
fn verify(bytes: &[u8], directory: &mut Directory) -> (bool, Vec<u64>) {
    let is_bad = |f: &&Frame| f.verify(bytes).is_err();
    let is_file = |f: &Frame| f.header.kind == FrameKind::File;
    let cut = directory.frames.par_iter().position_first(|f: &Frame| !is_file(f) && is_bad(&f));
    if let Some(index) = cut {
        directory.cut(bytes, index);
    }
    let files = directory.frames.par_iter().filter(|f| is_file(f) && is_bad(f));
    (cut.is_some(), files.map(|f| f.header.first).collect())
}

/// The recorder's index if the trace is sealed and has one, else one made of
/// the Pages frames; history ends before the first of those that is unreadable.
fn page_versions(bytes: &[u8], directory: &Directory, outline: &mut Outline) -> PageIndex {
    let frames = &directory.frames;
    let frame = outline.index.filter(|_| directory.sealed).and_then(|i| frames.get(i));
    if let Some(index) = frame.and_then(|f| versions::read(bytes, f)) {
        return index;
    }
    loop {
        match versions::rebuild(bytes, frames, &outline.pages) {
            Ok(index) => return index,
            Err(bad) => {
                outline.stop_at(bad, format!("unreadable pages in frame {bad}"));
                outline.pages.retain(|p| *p < bad);
            }
        }
    }
}

impl From<container::PayloadError> for super::Unreadable {
    fn from(error: container::PayloadError) -> Self {
        Self(error.to_string())
    }
}
