//! Pages between the stores of a chunk: one is kept at every so many stores, so that a question
//! about a page that is written all the time need not begin at the chunk's start again.

use super::page::Page;
use super::{StateError, Timeline};
use crate::trace::Stores;
use rdb_schema::space::PAGE;
use std::sync::Arc;

/// Stores to a page between two states at which it is kept.
const STEP: usize = 1024;

/// States at which one question keeps a page: the latest.
const MAX_KEPT: usize = 64;

impl Timeline {
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
        let latest = latest.filter(|latest| (since..=t).contains(&latest.0));
        let after = latest.as_ref().map_or(since.saturating_sub(1), |latest| latest.0);
        let mut states = view.stores().steps_on_page(number, STEP, (after, t));
        let kept = states.find_map(|state| Some((self.pages.get((state, number))?, state)));
        Ok(kept.or_else(|| latest.map(|latest| (Arc::clone(&latest.1), latest.0))))
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
        self.latest.put(key, Arc::new((t, Arc::clone(page))), size_of::<Page>());
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
