//! Comparing the process's memory with what it held before: as the model says,
//! or, where no model is kept, as a snapshot taken in time has it.

use crate::model::Page;
use crate::recording::{Recording, ReplayFailed};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::space::{Base, Mapping, PAGE, PROT_READ, PROT_WRITE};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Pages read at once.
pub const BATCH: u64 = 256;

/// pagemap's bits for a page that is present or swapped out (admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 3 << 62;

/// Bytes that differ, as ranges of what the process really has.
pub type Differences = Vec<(u64, Vec<u8>)>;

/// What memory held before.
pub trait Before {
    /// Page `number`; `None` where it is not known.
    fn page(&self, number: u64) -> Option<Page>;
    /// Whether page `number` held more than its mapping's base.
    fn has_own(&self, number: u64) -> bool;
    /// Whether it can tell of this mapping: what is mapped later on was captured
    /// then.
    fn knows(&self, _mapping: &Mapping) -> bool {
        true
    }
}

/// What a writer can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Instructions and syscalls: what is mapped writable.
    Writable,
    /// Writers into /proc/self/mem, as a debugger's do: private mappings too, whatever
    /// their protection (FOLL_FORCE, mm/gup.c).
    Forced,
}

impl Reach {
    /// Whether it extends to `mapping`.
    pub fn covers(self, mapping: &Mapping) -> bool {
        let private = mapping.flags & libc::MAP_SHARED.cast_unsigned() == 0;
        mapping.protection & PROT_WRITE != 0
            || self == Self::Forced && private && mapping.protection & PROT_READ != 0
    }
}

impl Recording {
    /// Adds bytes to the last event, which wrote them; the model must be up to
    /// date, and is afterwards.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn amend(&mut self, memory: Differences) -> Result<(), ReplayFailed> {
        if memory.is_empty() {
            return Ok(());
        }
        let thread = self.pid.cast_unsigned();
        let mut event = Event::new(self.last_tracepoint(), thread, EventKind::Opaque);
        event.memory = memory;
        self.push_event(event);
        self.catch_up()
    }

    /// Where memory that a writer of this reach may have written differs from what it
    /// was: the model, which must be up to date, or the snapshot.
    pub fn differences(&self, reach: Reach) -> Differences {
        self.compare(|mapping| reach.covers(mapping))
    }

    /// Where the mappings asked for differ from what they were: the model, which
    /// must be up to date, or the snapshot. Nothing if there is neither.
    pub fn compare(&self, wanted: impl Fn(&Mapping) -> bool) -> Differences {
        let before: &dyn Before = match (&self.model, &self.snapshot) {
            (Some(model), _) => model,
            (None, Some(snapshot)) => snapshot,
            (None, None) => return Vec::new(),
        };
        let pagemap = self.pagemap();
        let mut found = Vec::new();
        for mapping in self.space.iter() {
            if mapping.base != Base::Unreadable && wanted(mapping) && before.knows(mapping) {
                self.compare_mapping(mapping, before, pagemap.as_ref(), &mut found);
            }
        }
        found
    }

    /// /proc/PID/pagemap, if it can be opened.
    pub fn pagemap(&self) -> Option<File> {
        File::open(format!("/proc/{}/pagemap", self.pid)).ok()
    }

    fn compare_mapping(
        &self,
        mapping: &Mapping,
        before: &dyn Before,
        pagemap: Option<&File>,
        found: &mut Differences,
    ) {
        let (first, end) = (mapping.start / PAGE, mapping.end / PAGE);
        for start in (first..end).step_by(BATCH as usize) {
            let count = BATCH.min(end - start);
            let touched = touched(mapping, pagemap, start, count);
            let equal = |n: u64| !touched[(n - start) as usize] && !before.has_own(n);
            if (start..start + count).all(equal) {
                continue;
            }
            for (number, page) in self.read_pages(start, count) {
                if let Some(expected) = before.page(number) {
                    differences(number * PAGE, &expected, &page, found);
                }
            }
        }
    }

    /// The readable ones of `count` pages from page `first` on, in order.
    pub fn read_pages(&self, first: u64, count: u64) -> Vec<(u64, Page)> {
        let mut buffer = vec![0; (count * PAGE) as usize];
        let read = self.memory.read_some(first * PAGE, &mut buffer) / PAGE as usize;
        let whole = buffer.as_chunks().0.iter().copied().take(read).map(Some);
        // Behind a page that cannot be read (past a file's end), one by one.
        let rest = (first + read as u64..first + count).map(|n| self.read_page(n));
        (first..).zip(whole.chain(rest)).filter_map(|(n, page)| Some((n, page?))).collect()
    }
}

/// Which of `count` pages of `mapping` may hold more than its base: of mappings
/// of zeros those that are present or swapped out, of others all.
pub fn touched(mapping: &Mapping, pagemap: Option<&File>, first: u64, count: u64) -> Vec<bool> {
    let zeros = matches!(mapping.base, Base::Zero | Base::Moved(_)) && mapping.inode == 0;
    let present = pagemap.filter(|_| zeros).and_then(|file| presence(file, first, count));
    present.unwrap_or_else(|| vec![true; count as usize])
}

/// Which of `count` pages are present or swapped out.
fn presence(pagemap: &File, first: u64, count: u64) -> Option<Vec<bool>> {
    let mut bytes = vec![0; count as usize * 8];
    pagemap.read_exact_at(&mut bytes, first * 8).ok()?;
    let entries = bytes.as_chunks::<8>().0.iter();
    Some(entries.map(|e| u64::from_ne_bytes(*e) & PRESENT != 0).collect())
}

/// Adds the ranges in which `actual` differs from `expected`.
fn differences(start: u64, expected: &Page, actual: &Page, found: &mut Differences) {
    if expected == actual {
        return;
    }
    for (offset, (old, new)) in expected.iter().zip(actual).enumerate() {
        if old == new {
            continue;
        }
        let address = start + offset as u64;
        match found.last_mut() {
            Some((at, bytes)) if *at + bytes.len() as u64 == address => bytes.push(*new),
            _ => found.push((address, vec![*new])),
        }
    }
}
