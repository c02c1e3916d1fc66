//! Gathers the ranges of one call.

use super::errno::{EBADF, EFAULT, EINVAL, EIO, ENOSYS, ENOTTY};
use super::structs::number;
use super::{Call, Memory, Outputs, Written};

/// Most bytes the kernel moves in one call (`MAX_RW_COUNT`, `linux/fs.h`).
pub(super) const MAX_RANGE: u64 = 0x7fff_f000;

/// End of the largest user address space (57-bit addresses, Intel SDM vol. 3,
/// 5.5): the kernel writes nothing above.
const USER_END: u64 = 1 << 56;

/// More ranges than any sane call has; beyond, the outputs count as unknown.
const MAX_RANGES: usize = 1 << 16;

/// Largest socket address (`sizeof(struct sockaddr_storage)`).
const MAX_SOCKADDR: u64 = 128;

/// Collects what one call wrote.
pub(super) struct Collector<'a> {
    pub(super) call: &'a Call,
    pub(super) memory: &'a dyn Memory,
    /// Written by the kernel.
    written: Vec<Written>,
    /// Written by the kernel in place of a value this module then read: the
    /// new value is what counts.
    updated: Vec<Written>,
    /// Pointers and lengths followed: no longer the truth if overwritten.
    followed: Vec<Written>,
    known: bool,
}

impl<'a> Collector<'a> {
    pub(super) fn new(call: &'a Call, memory: &'a dyn Memory) -> Self {
        let (written, updated, followed) = (Vec::new(), Vec::new(), Vec::new());
        Self { call, memory, written, updated, followed, known: true }
    }

    /// The kernel may have written this range.
    pub(super) fn write(&mut self, address: u64, length: u64) {
        if let Some(range) = sensible(address, length) {
            push(&mut self.written, range, &mut self.known);
        }
    }

    /// The kernel updated a value that this module follows.
    pub(super) fn update(&mut self, address: u64, length: u64) {
        if let Some(range) = sensible(address, length) {
            push(&mut self.updated, range, &mut self.known);
        }
        self.follow(address, length);
    }

    /// A value is followed that the call must not have changed.
    pub(super) fn follow(&mut self, address: u64, length: u64) {
        if let Some(range) = sensible(address, length) {
            push(&mut self.followed, range, &mut self.known);
        }
    }

    /// The kernel may have written what nobody can tell. Where the call was
    /// refused before anything looked at its arguments, it has not.
    pub(super) fn unknown(&mut self) {
        self.known &= matches!(self.call.error(), Some(ENOSYS | ENOTTY | EBADF));
    }

    /// True while there is room for more ranges.
    pub(super) fn has_room(&self) -> bool {
        self.known
    }

    /// Follows a number; unreadable, the outputs are unknown unless that is
    /// why the call failed.
    pub(super) fn number(&mut self, address: u64, width: u8) -> Option<u64> {
        let value = number(self.memory, address, width);
        if value.is_none() && self.call.result >= 0 {
            self.known = false;
        }
        value
    }

    /// A structure that had to be readable for the call to succeed was not.
    pub(super) fn unreadable(&mut self) {
        self.known &= self.call.result < 0;
    }

    /// How far a failed call may have come with a buffer it fills whole.
    pub(super) fn may_have_started(&self) -> bool {
        !matches!(self.call.error(), Some(EBADF | EINVAL | ENOSYS))
    }

    /// How much of a series of buffers was filled by a call that reports
    /// `result`: its result in the order of the buffers, or all of them where
    /// a fault or a device error may have cut off what it reports.
    pub(super) fn fill(&mut self, buffers: &[Written], result: i64) {
        let asked = buffers.iter().fold(0u64, |sum, b| sum.saturating_add(b.length));
        let mut left = self.filled(buffers, asked, result);
        for buffer in buffers {
            if left == 0 {
                return;
            }
            let length = buffer.length.min(left);
            self.write(buffer.address, length);
            left -= length;
        }
    }

    fn filled(&self, buffers: &[Written], asked: u64, result: i64) -> u64 {
        match result {
            1.. if result.unsigned_abs() >= asked => asked,
            1.. if buffers.iter().any(|buffer| !self.ends_readable(buffer)) => asked,
            1.. => result.unsigned_abs(),
            _ if [EFAULT, EIO].map(|e| -i64::from(e)).contains(&result) => asked,
            _ => 0,
        }
    }

    /// Whether a buffer's last byte can be accessed: if not, a transfer faults.
    pub(super) fn ends_readable(&self, buffer: &Written) -> bool {
        let last = buffer.address.checked_add(buffer.length.saturating_sub(1));
        last.is_some_and(|last| buffer.length == 0 || self.memory.read(last, &mut [0]))
    }

    /// A socket address and its 32-bit length, both written.
    pub(super) fn sockaddr(&mut self, address: u64, length: Option<u64>) {
        self.write(address, length.unwrap_or(MAX_SOCKADDR).min(MAX_SOCKADDR));
    }

    /// The ranges, merged; unknown if anything followed was overwritten.
    pub(super) fn finish(mut self) -> Outputs {
        let written = merged(std::mem::take(&mut self.written));
        let overwritten = self.followed.iter().any(|range| overlaps(&written, range));
        let mut ranges = written;
        ranges.append(&mut self.updated);
        Outputs { ranges: merged(ranges), known: self.known && !overwritten }
    }
}

fn push(list: &mut Vec<Written>, range: Written, known: &mut bool) {
    if list.len() < MAX_RANGES {
        list.push(range);
    } else {
        *known = false;
    }
}

/// A range within user space and the kernel's own limits.
fn sensible(address: u64, length: u64) -> Option<Written> {
    let length = length.min(MAX_RANGE).min(USER_END.saturating_sub(address));
    (address != 0 && length != 0).then_some(Written { address, length })
}

/// Ascending and disjoint.
fn merged(mut ranges: Vec<Written>) -> Vec<Written> {
    ranges.sort_unstable();
    let mut result: Vec<Written> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match result.last_mut() {
            Some(last) if range.address <= last.end() => {
                last.length = last.end().max(range.end()) - last.address;
            }
            _ => result.push(range),
        }
    }
    result
}

/// Whether a range touches one of an ascending, disjoint list.
fn overlaps(list: &[Written], range: &Written) -> bool {
    let after = list.partition_point(|candidate| candidate.end() <= range.address);
    list.get(after).is_some_and(|candidate| candidate.address < range.end())
}
