//! What memory holds before something whose writes nobody can tell: where no
//! model is kept, it is what memory is compared with afterwards.

use crate::compare::{BATCH, Before, Reach, touched};
use crate::model::{Page, base_page};
use crate::os::{Entered, Identity, identity};
use crate::recording::Recording;
use rdb_schema::space::{Base, Mapping, PAGE};

/// Most bytes a snapshot holds.
const MAX_BYTES: usize = 1 << 30;

/// Pages in a row.
struct Run {
    first: u64,
    bytes: Vec<u8>,
}

/// The contents of some mappings at one moment.
#[derive(Default)]
pub struct Snapshot {
    /// The state it was taken at.
    state: u64,
    /// Ascending: pages that held more than zeros of their own accord.
    runs: Vec<Run>,
    /// Ascending: what was copied.
    ranges: Vec<(u64, u64)>,
    bytes: usize,
}

impl Snapshot {
    fn own(&self, number: u64) -> Option<&Page> {
        let after = self.runs.partition_point(|run| run.first <= number);
        let run = self.runs.get(after.checked_sub(1)?)?;
        run.bytes.as_chunks().0.get((number - run.first) as usize)
    }

    fn covers(&self, number: u64) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).is_some_and(|i| number < self.ranges[i].1)
    }

    fn push(&mut self, number: u64, page: &Page) {
        self.bytes += page.len();
        match self.runs.last_mut() {
            Some(run) if run.first + run.bytes.len() as u64 / PAGE == number => {
                run.bytes.extend_from_slice(page);
            }
            _ => self.runs.push(Run { first: number, bytes: page.to_vec() }),
        }
    }
}

impl Before for Snapshot {
    fn page(&self, number: u64) -> Option<Page> {
        let zeros = || self.covers(number).then_some([0; PAGE as usize]);
        self.own(number).copied().or_else(zeros)
    }

    fn has_own(&self, number: u64) -> bool {
        self.own(number).is_some()
    }

    fn knows(&self, mapping: &Mapping) -> bool {
        mapping.since <= self.state
    }
}

impl Recording {
    /// At a syscall's entry: keeps what memory holds, if what the call writes
    /// can only be found by comparing.
    pub fn foresee(&mut self, call: &Entered) {
        if self.model.is_some() {
            return;
        }
        let (all, file) = (call.may_be_unknown(&self.memory), call.changes());
        if all || file.is_some() {
            let reach = call.reach();
            self.keep_memory(|m| all && reach.covers(m) || file == Some(identity(m)));
        }
    }

    /// Before an instruction that writes what nobody can tell: keeps what
    /// memory holds.
    pub fn foresee_anything(&mut self) {
        self.keep_memory(|m| Reach::Writable.covers(m));
    }

    /// Lets go of what was kept.
    pub fn forget_memory(&mut self) {
        self.snapshot = None;
    }

    /// Where there is no model, takes a snapshot of the mappings asked for.
    fn keep_memory(&mut self, wanted: impl Fn(&Mapping) -> bool) {
        if self.model.is_some() {
            return;
        }
        let pagemap = self.pagemap();
        let mut snapshot = Snapshot { state: self.tracepoint(), ..Snapshot::default() };
        for mapping in self.space.iter() {
            if mapping.base != Base::Unreadable && wanted(mapping) {
                self.copy(mapping, pagemap.as_ref(), &mut snapshot);
            }
        }
        if snapshot.bytes >= MAX_BYTES {
            self.warn_once(
                "more than 1 GiB of memory may have been written by what is not known: \
                 what lies beyond it was not compared",
            );
        }
        self.snapshot = Some(snapshot);
    }

    fn copy(&self, mapping: &Mapping, pagemap: Option<&std::fs::File>, to: &mut Snapshot) {
        let (first, end) = (mapping.start / PAGE, mapping.end / PAGE);
        for start in (first..end).step_by(BATCH as usize) {
            if to.bytes >= MAX_BYTES {
                return;
            }
            let count = BATCH.min(end - start);
            let touched = touched(mapping, pagemap, start, count);
            if touched.contains(&true) {
                let mut pages = self.read_pages(start, count);
                let lost = self.lost.range(start..start + count).map(|(n, page)| (*n, *page));
                pages.extend(lost);
                pages.sort_by_key(|(number, _)| *number);
                let wanted = pages.iter().filter(|(n, _)| touched[(n - start) as usize]);
                wanted.for_each(|(number, page)| to.push(*number, page));
            }
            to.ranges.push((start, start + count));
        }
    }

    /// After a call that may have shortened a file or made it longer: keeps what
    /// pages behind its end held last. Once they are there again, they differ from
    /// that, in the trace.
    pub fn note_lost(&mut self, file: Identity) {
        let Some(snapshot) = &self.snapshot else { return };
        let mut lost = std::mem::take(&mut self.lost);
        for mapping in self.space.iter().filter(|m| identity(m) == file) {
            let (first, end) = (mapping.start / PAGE, mapping.end / PAGE);
            for start in (first..end).step_by(BATCH as usize) {
                let end = end.min(start + BATCH);
                let held = |n: u64| Some((n, *snapshot.own(n)?));
                lost.extend((start..end).filter_map(held));
                for (number, _) in self.read_pages(start, end - start) {
                    lost.remove(&number);
                }
            }
        }
        self.lost = lost;
    }

    /// What `mapping` says of page `number` by itself.
    pub fn base(&self, mapping: &Mapping, number: u64) -> Option<Page> {
        base_page(mapping, number, |index| self.catalog.bytes(index))
    }
}
