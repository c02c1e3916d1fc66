//! What file descriptors mean: as the recorder found them when the chunk began, and as system
//! calls made, copied and closed them since.

use super::Session;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::syscalls::name;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Longest path.
const LONGEST: usize = 4096;

/// Calls that return a new descriptor, other than of a file with a path (man 2), and what that
/// is.
const MAKERS: [(&str, &str); 24] = [
    ("socket", "a socket"),
    ("accept", "a socket"),
    ("accept4", "a socket"),
    ("memfd_create", "memory (memfd)"),
    ("memfd_secret", "memory (memfd)"),
    ("eventfd", "an eventfd"),
    ("eventfd2", "an eventfd"),
    ("epoll_create", "an epoll descriptor"),
    ("epoll_create1", "an epoll descriptor"),
    ("timerfd_create", "a timerfd"),
    ("signalfd", "a signalfd"),
    ("signalfd4", "a signalfd"),
    ("inotify_init", "an inotify descriptor"),
    ("inotify_init1", "an inotify descriptor"),
    ("fanotify_init", "a fanotify descriptor"),
    ("pidfd_open", "a pidfd"),
    ("pidfd_getfd", "another process's descriptor"),
    ("userfaultfd", "a userfaultfd"),
    ("perf_event_open", "a performance counter"),
    ("bpf", "a BPF object"),
    ("io_uring_setup", "an io_uring"),
    ("open_by_handle_at", "a file opened by handle"),
    ("open_tree", "a mount"),
    ("fsopen", "a file system"),
];

/// Calls that open a path, and which argument that is.
const OPENERS: [(&str, usize); 4] = [("open", 0), ("creat", 0), ("openat", 1), ("openat2", 1)];

/// fcntl's commands that copy a descriptor (linux/fcntl.h).
const COPIES: [u64; 2] = [0, 1030];

/// `CLOSE_RANGE_CLOEXEC` (linux/close_range.h): nothing is closed yet.
const ON_EXEC: u64 = 4;

/// What descriptors mean.
#[derive(Default)]
pub(in crate::session) struct Descriptors {
    known: BTreeMap<u64, Known>,
    /// Open files told apart.
    files: u64,
}

/// What a descriptor means.
#[derive(Clone)]
struct Known {
    /// The open file (open(2), "open file description"): copies of a descriptor share it.
    file: u64,
    what: What,
}

/// What an open file is.
#[derive(Clone)]
enum What {
    /// In words.
    Named(String),
    /// The path at an address before a tracepoint.
    Path(u64, u64),
    /// Not known.
    Unknown,
}

impl Session {
    /// What descriptor `number` means at tracepoint `w`: the path as it was opened, or what
    /// else it is; `None` if that is not known.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(in crate::session) fn descriptor(
        &self,
        number: u64,
        w: u64,
    ) -> Result<Option<String>, StateError> {
        let (start, system) = self.timeline.system(w)?;
        let mut descriptors = Descriptors::default();
        for one in &system.descriptors {
            let Ok(number) = u64::try_from(one.number) else { continue };
            descriptors.set(number, What::Named(String::from_utf8_lossy(&one.target).into_owned()));
        }
        self.timeline.events(start..w, Direction::Forward, &mut |event| {
            descriptors.see(event);
            ControlFlow::Continue(())
        })?;
        Ok(match descriptors.known.remove(&number).map(|known| known.what) {
            Some(What::Named(what)) => Some(what),
            Some(What::Path(t, address)) => self.text_at(t, address),
            Some(What::Unknown) | None => None,
        })
    }

    fn text_at(&self, t: u64, address: u64) -> Option<String> {
        let bytes = self.timeline.memory(t, address, LONGEST).ok()?;
        let text: Vec<u8> = bytes.into_iter().map_while(|byte| byte.filter(|b| *b != 0)).collect();
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Descriptors {
    /// Takes in what an event makes of them.
    pub(in crate::session) fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Syscall(call) => self.see_call(event, call),
            // Which of them it closes is not known.
            EventKind::Exec(_) => {
                self.known.values_mut().for_each(|known| known.what = What::Unknown);
            }
            _ => {}
        }
    }

    /// The open file that descriptor `number` means, as a number of its own.
    pub(in crate::session) fn file(&mut self, number: u64) -> u64 {
        match self.known.get(&number) {
            Some(known) => known.file,
            None => self.set(number, What::Unknown),
        }
    }

    fn see_call(&mut self, event: &Event, call: &Syscall) {
        let Some(name) = name(call.number) else { return };
        let Ok(result) = u64::try_from(call.result) else { return };
        let [first, second, third, ..] = call.arguments;
        // Descriptors are ints.
        let number = |argument: u64| argument & u64::from(u32::MAX);
        if let Some((_, path)) = OPENERS.iter().find(|(opener, _)| *opener == name) {
            let path = call.arguments.get(*path).copied().unwrap_or_default();
            self.set(result, What::Path(event.tracepoint, path));
            return;
        }
        if let Some((_, what)) = MAKERS.iter().find(|(maker, _)| *maker == name) {
            self.set(result, What::Named((*what).to_owned()));
            return;
        }
        match name {
            "close" => drop(self.known.remove(&number(first))),
            "close_range" if number(third) & ON_EXEC == 0 => {
                self.known.retain(|known, _| !(number(first)..=number(second)).contains(known));
            }
            "dup" | "dup2" | "dup3" => self.copy(number(first), result),
            "fcntl" if COPIES.contains(&number(second)) => self.copy(number(first), result),
            "pipe" | "pipe2" => self.pair(event, first, "a pipe"),
            "socketpair" => self.pair(event, call.arguments[3], "a socket"),
            _ => {}
        }
    }

    /// Makes a descriptor mean another file, which it gives.
    fn set(&mut self, number: u64, what: What) -> u64 {
        self.files += 1;
        self.known.insert(number, Known { file: self.files, what });
        self.files
    }

    fn copy(&mut self, of: u64, to: u64) {
        self.file(of);
        if let Some(known) = self.known.get(&of).cloned() {
            self.known.insert(to, known);
        }
    }

    fn pair(&mut self, event: &Event, to: u64, what: &str) {
        for number in made_pair(event, to).into_iter().flatten() {
            self.set(number, What::Named(what.to_owned()));
        }
    }
}

/// The two descriptors that a call wrote to `to`.
pub(in crate::session) fn made_pair(event: &Event, to: u64) -> Option<[u64; 2]> {
    let (_, bytes) = event.memory.iter().find(|(address, _)| *address == to)?;
    let word = |at: usize| Some(u64::from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
    Some([word(0)?, word(4)?])
}
