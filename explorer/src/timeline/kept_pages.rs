//! Pages between the stores of a chunk: one is kept at every so many stores, so that a question
//! about a page that is written all the time need not begin at the chunk's start again.

use super::page::Page;
use super::{StateError, Timeline};
use crate::trace::{Store, Stores};
use rdb_schema::space::PAGE;
use std::sync::Arc;

/// Stores to a page between two states at which it is kept.
const STEP: usize = 1024;

/// Most bytes of a page that are looked for in its latest stores.
const FEW: usize = 64;

/// Stores to a page that are looked through for a few bytes: with more, the page itself is made.
const RECENT: usize = 128;

/// States at which one question keeps a page: the latest.
const MAX_KEPT: usize = 64;

/// A page as it was asked for last in a chunk.
pub(super) struct Latest {
    state: u64,
    page: Arc<Page>,
    /// The states of the chunk with the same mappings end here.
    end: u64,
}

impl Timeline {
    /// Appends the `count` bytes of memory from `address`, all of one page, at state `t`, if
    /// they are few, and soon known: by the stores since the page was asked for last.
    pub(super) fn few(
        &self,
        (t, address): (u64, u64),
        count: usize,
        out: &mut Vec<Option<u8>>,
    ) -> bool {
        let found = if count <= FEW { self.find_few((t, address), count) } else { None };
        found.map(|bytes| out.extend(bytes.iter().take(count))).is_some()
    }

    fn find_few(&self, (t, address): (u64, u64), count: usize) -> Option<[Option<u8>; FEW]> {
        let (index, number) = (self.trace.chunk_at(t), address / PAGE);
        let latest = self.latest.get((index, number))?;
        if !(latest.state..latest.end).contains(&t) {
            return None;
        }
        let mut few = Few { address, count, bytes: [None; FEW], stored: 0 };
        if latest.state < t {
            let view = self.views.get(index)?;
            view.check(t).ok()?;
            let mut stores = view.stores().on_page(number, latest.state, t).rev();
            let mut left = RECENT;
            while !few.is_whole()
                && let Some(store) = stores.next()
            {
                left = left.checked_sub(1)?;
                few.put_under(&store);
            }
        }
        few.fill((address % PAGE) as usize, &latest.page);
        Some(few.bytes)
    }

    /// A page that is kept at an earlier state of the chunk of `t`, not before `since`: its
    /// content, and that state.
    pub(super) fn kept_page(
        &self,
        t: u64,
        number: u64,
        since: u64,
    ) -> Result<Option<(Arc<Page>, u64)>, StateError> {
        let index = self.chunk_at(t)?;
        if t <= self.place(index)?.first {
            return Ok(None);
        }
        let view = self.chunk_view(index)?;
        let latest = self.latest.get((index, number));
        let latest = latest.filter(|latest| (since..=t).contains(&latest.state));
        let after = latest.as_ref().map_or(since.saturating_sub(1), |latest| latest.state);
        let mut states = view.stores().steps_on_page(number, STEP, (after, t));
        let kept = states.find_map(|state| Some((self.pages.get((state, number))?, state)));
        Ok(kept.or_else(|| latest.map(|latest| (Arc::clone(&latest.page), latest.state))))
    }

    /// Keeps a page as the one asked for last in its chunk: the next question is often about
    /// a state soon after.
    pub(super) fn keep_latest(
        &self,
        t: u64,
        number: u64,
        page: &Arc<Page>,
    ) -> Result<(), StateError> {
        let key = (self.chunk_at(t)?, number);
        let latest = Latest { state: t, page: Arc::clone(page), end: self.same_space(t)?.end };
        self.latest.put(key, Arc::new(latest), size_of::<Page>());
        Ok(())
    }

    /// Applies the stores of a chunk from tracepoint `since` and before `t`, and keeps the page
    /// on the way.
    pub(super) fn apply_keeping(
        &self,
        page: &mut Page,
        number: u64,
        stores: &Stores,
        (since, t): (u64, u64),
    ) {
        let steps = stores.steps_on_page(number, STEP, (since, t));
        let mut steps: Vec<u64> = steps.take(MAX_KEPT).collect();
        steps.reverse();
        let mut from = since;
        let mut apply = |page: &mut Page, until: u64| {
            let due = stores.on_page(number, from, until);
            due.for_each(|store| page.store(number * PAGE, &store));
            from = until;
        };
        for state in steps {
            apply(page, state);
            self.pages.put((state, number), Arc::new(page.clone()), size_of::<Page>());
        }
        apply(page, t);
    }
}

/// A few bytes of a page, found from the latest store backwards.
struct Few {
    address: u64,
    count: usize,
    bytes: [Option<u8>; FEW],
    /// Which of them were found, one bit each.
    stored: u64,
}

impl Few {
    fn is_whole(&self) -> bool {
        self.stored.count_ones() as usize >= self.count
    }

    /// Takes of an earlier store what no later one has.
    fn put_under(&mut self, store: &Store<'_>) {
        let end = self.address.saturating_add(self.count as u64);
        let behind = store.address.saturating_add(store.bytes.len() as u64).min(end);
        for at in store.address.max(self.address)..behind {
            let (to, from) = ((at - self.address) as usize, (at - store.address) as usize);
            if self.stored >> to & 1 == 0
                && let Some(byte) = self.bytes.get_mut(to)
            {
                *byte = store.bytes.get(from).copied();
                self.stored |= 1 << to;
            }
        }
    }

    /// Takes the others of the page as it was before, from `offset`.
    fn fill(&mut self, offset: usize, page: &Page) {
        for (at, byte) in self.bytes.iter_mut().take(self.count).enumerate() {
            if self.stored >> at & 1 == 0 {
                *byte = page.get(offset + at);
            }
        }
    }
}
