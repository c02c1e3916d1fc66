//! Which accesses to free memory are uses of it.

use super::{Use, is_of_library};
use crate::index::Write;
use crate::session::{Frames, Session};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::Gpr;
use std::ops::{ControlFlow, Range};

/// How the names of functions begin that look after free memory (glibc, malloc/).
const ALLOCATORS: [&str; 16] = [
    "_int_",
    "__libc_",
    "malloc",
    "tcache",
    "__malloc",
    "arena",
    "_malloc",
    "unlink_chunk",
    "sysmalloc",
    "systrim",
    "heap_",
    "munmap_chunk",
    "free",
    "mallinfo",
    "mi_",
    "je_",
];

/// How the names of functions begin, behind underscores, that read by whole vectors, also behind
/// the end of what they were given (glibc, sysdeps/x86_64/multiarch/); and how many of their
/// first arguments point to it. The first that fits counts.
const READERS: [(&str, usize); 17] = [
    ("memchr", 1),
    ("memrchr", 1),
    ("rawmemchr", 1),
    ("strchr", 1),
    ("strlen", 1),
    ("strnlen", 1),
    ("strrchr", 1),
    ("wcschr", 1),
    ("wcslen", 1),
    ("wcsnlen", 1),
    ("wcsrchr", 1),
    ("wmemchr", 1),
    ("memcmp", 2),
    ("stp", 2),
    ("str", 2),
    ("wcs", 2),
    ("wmemcmp", 2),
];

/// Accesses to one block that are looked at, for one that is genuine.
pub(super) const MAX_TRIED: usize = 256;

/// The function's frame, and the one that unwinding it leads to.
const FRAMES: usize = 2;

impl Session {
    /// Whether what is said to use free memory at `addresses` does so: it is not an allocator's,
    /// it is not a store that its mask keeps from writing there, and it is not one of libc's
    /// string functions that was given a pointer to elsewhere.
    pub(super) fn is_genuine(&self, used: &Use, addresses: Range<u64>) -> Result<bool, StateError> {
        let t = used.tracepoint;
        if used.write && !self.writes_at(t, addresses.clone())? {
            return Ok(false);
        }
        let pc = self.timeline.pc(t)?;
        let places = self.locator.places(&self.timeline, t, CodeAddr::Pc(pc));
        if !places.first().is_some_and(is_of_library) {
            return Ok(true);
        }
        // The function, and what is inlined into it there.
        let names: Vec<String> = places.into_iter().filter_map(|place| place.function).collect();
        let mut starts = ALLOCATORS.iter();
        if starts.any(|start| names.iter().any(|name| name.starts_with(start))) {
            return Ok(false);
        }
        let reader = names.iter().find_map(|name| {
            let short = name.trim_start_matches('_');
            READERS.iter().find(|(start, _)| short.starts_with(start))
        });
        match reader.filter(|_| !used.write) {
            Some((_, pointers)) => self.was_given((t, pc), *pointers, &addresses),
            None => Ok(true),
        }
    }

    fn writes_at(&self, t: u64, addresses: Range<u64>) -> Result<bool, StateError> {
        let mut found = false;
        let times = t..t.saturating_add(1);
        self.ask_index(|index| {
            let visit = &mut |_: Write| {
                found = true;
                ControlFlow::Break(())
            };
            let (addresses, times) = (addresses.clone(), times.clone());
            index.writes(&self.timeline, addresses, times, Direction::Forward, visit)
        })?;
        Ok(found)
    }

    /// Whether one of the first `pointers` arguments of the function that executes `pc` at `t`
    /// is one of `addresses`, or that is not known.
    fn was_given(
        &self,
        (t, pc): (u64, u64),
        pointers: usize,
        addresses: &Range<u64>,
    ) -> Result<bool, StateError> {
        let thread = self.timeline.thread(t)?;
        let frames = Frames::walk(self, thread, t, FRAMES)?;
        let cfa = frames.walked().frames.first().and_then(|frame| frame.cfa);
        let bounds = self.locator.bounds(&self.timeline, t, pc);
        let (Some(cfa), Some(bounds)) = (cfa, bounds) else { return Ok(true) };
        let entered = self.entered_before((thread, t), bounds.entry, cfa)?;
        let Some(entered) = entered else { return Ok(true) };
        let registers = self.timeline.registers_of(thread, entered)?;
        let given = [Gpr::RDI, Gpr::RSI].map(|gpr| registers.gpr.get(gpr.index()).copied());
        Ok(given.iter().take(pointers).flatten().any(|pointer| addresses.contains(pointer)))
    }
}
