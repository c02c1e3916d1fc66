//! The bytes that system calls write to descriptors.

use crate::timeline::Timeline;
use rdb_schema::event::{Event, Syscall};
use rdb_schema::syscalls::name;

/// Most bytes taken of one call.
const MAX_CALL: usize = 1 << 20;

/// Most parts of one writev, and messages of one sendmmsg (UIO_MAXIOV, linux/uio.h).
const MAX_PARTS: u64 = 1024;

/// Most parts of all messages of one call.
const MOST_PARTS: u64 = 1 << 16;

/// What a call wrote.
pub(super) struct Written {
    /// Its bytes; unknown ones as `?`.
    pub bytes: Vec<u8>,
    /// Whether they went to an offset that the call names, not to where the file stood.
    pub offset: bool,
}

/// Takes bytes of memory as it is before a tracepoint.
struct Taking<'t> {
    timeline: &'t Timeline,
    at: u64,
    /// Bytes, and parts, that are still taken.
    left: usize,
    parts: u64,
    bytes: Vec<u8>,
}

/// What a call wrote, if it writes.
pub(super) fn written(timeline: &Timeline, event: &Event, syscall: &Syscall) -> Option<Written> {
    let result = usize::try_from(syscall.result).ok().filter(|_| syscall.finished)?;
    let [_, first, count, third, ..] = syscall.arguments;
    let (at, left) = (event.tracepoint, result.min(MAX_CALL));
    let mut taking = Taking { timeline, at, left, parts: MOST_PARTS, bytes: Vec::new() };
    let name = name(syscall.number)?;
    match name {
        "write" | "pwrite64" | "sendto" => taking.part(first, MAX_CALL),
        "writev" | "pwritev" | "pwritev2" => taking.vector(first, count).unwrap_or_default(),
        "sendmsg" => taking.message(first).unwrap_or_default(),
        "sendmmsg" => taking.messages(first, result as u64).unwrap_or_default(),
        _ => return None,
    }
    let offset = match name {
        "pwrite64" | "pwritev" => true,
        // -1: where the file stands (readv(2)).
        "pwritev2" => third != u64::MAX,
        _ => false,
    };
    Some(Written { bytes: taking.bytes, offset })
}

impl Taking<'_> {
    fn part(&mut self, address: u64, length: usize) {
        let length = length.min(self.left);
        let part = self.timeline.memory(self.at, address, length).unwrap_or_default();
        self.left -= part.len();
        self.bytes.extend(part.into_iter().map(|byte| byte.unwrap_or(b'?')));
    }

    /// The parts of an array of struct iovec: address, length (readv(2)). None if it is not
    /// known, or not to its end.
    fn vector(&mut self, first: u64, count: u64) -> Option<()> {
        for index in 0..count.min(MAX_PARTS) {
            self.parts = self.parts.checked_sub(1)?;
            let at = first.checked_add(index * 16)?;
            let address = self.word(self.at, at)?;
            let length = self.word(self.at, at.checked_add(8)?)?;
            self.part(address, usize::try_from(length).unwrap_or(MAX_CALL));
        }
        Some(())
    }

    /// The parts of a struct msghdr: `msg_iov` and `msg_iovlen` (sendmsg(2)).
    fn message(&mut self, header: u64) -> Option<()> {
        let vector = self.word(self.at, header.checked_add(16)?)?;
        let count = self.word(self.at, header.checked_add(24)?)?;
        self.vector(vector, count)
    }

    /// Those of an array of struct mmsghdr (sendmmsg(2)): a struct msghdr of 56 bytes, and how
    /// many bytes of it the kernel sent, in 4 bytes.
    fn messages(&mut self, first: u64, count: u64) -> Option<()> {
        for index in 0..count.min(MAX_PARTS) {
            let header = first.checked_add(index * 64)?;
            let sent = self.word(self.at + 1, header.checked_add(56)?)? & u64::from(u32::MAX);
            let room = MAX_CALL.checked_sub(self.bytes.len())?;
            self.left = usize::try_from(sent).unwrap_or(room).min(room);
            self.message(header)?;
        }
        Some(())
    }

    fn word(&self, state: u64, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.timeline.read(state, address, &mut word).then(|| u64::from_le_bytes(word))
    }
}
