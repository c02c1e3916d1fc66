//! One page at one state.

use super::{StateError, Timeline};
use crate::trace::Store;
use rdb_schema::space::{Base, Mapping, PAGE};
use std::sync::Arc;

const BYTES: usize = PAGE as usize;

/// Longest chain of mremap(2) moves that is followed.
const MAX_MOVES: u32 = 64;

/// The content of a page, as far as it is known.
#[derive(Clone)]
pub(super) struct Page {
    bytes: [u8; BYTES],
    known: [u64; BYTES / 64],
}

impl Page {
    fn unknown() -> Self {
        Self { bytes: [0; BYTES], known: [0; BYTES / 64] }
    }

    /// A page that starts with `content`; the rest is zero.
    fn known(content: &[u8]) -> Self {
        let mut page = Self { bytes: [0; BYTES], known: [u64::MAX; BYTES / 64] };
        page.bytes.iter_mut().zip(content).for_each(|(to, from)| *to = *from);
        page
    }

    /// The byte at `offset`, if it is known.
    pub fn get(&self, offset: usize) -> Option<u8> {
        let known = self.known.get(offset / 64)? >> (offset % 64) & 1 == 1;
        if known { self.bytes.get(offset).copied() } else { None }
    }

    /// Applies the part of `store` that falls into the page at `start`.
    pub(super) fn store(&mut self, start: u64, store: &Store) {
        let skipped = start.saturating_sub(store.address) as usize;
        let offset = store.address.saturating_sub(start) as usize;
        self.put(offset, store.bytes.get(skipped..).unwrap_or_default());
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let Some(to) = self.bytes.get_mut(offset..) else { return };
        let count = to.len().min(bytes.len());
        to.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        for at in offset..offset + count {
            if let Some(word) = self.known.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
    }
}

impl Timeline {
    /// Page `number` at state `t`; `None` if it is not mapped.
    pub(super) fn page(&self, t: u64, number: u64) -> Result<Option<Arc<Page>>, StateError> {
        self.page_after(t, number, 0)
    }

    fn page_after(&self, t: u64, number: u64, moves: u32) -> Result<Option<Arc<Page>>, StateError> {
        if let Some(page) = self.pages.get((t, number)) {
            return Ok(Some(page));
        }
        let Some(start) = number.checked_mul(PAGE) else { return Ok(None) };
        let space = self.shared_space(t)?;
        let Some(mapping) = space.find(start) else { return Ok(None) };
        let (mut page, since) = match self.kept_page(t, number, mapping.since)? {
            Some((page, state)) => (Page::clone(&page), state),
            None => self.content(t, number, mapping, moves)?,
        };
        self.apply_stores(&mut page, number, since, t)?;
        let page = Arc::new(page);
        self.pages.put((t, number), page.clone(), size_of::<Page>());
        self.keep_latest(t, number, &page)?;
        Ok(Some(page))
    }

    /// What the page holds before this chunk's stores, and the first tracepoint
    /// whose stores it lacks. A page version has all before its state. A
    /// mapping's base precedes the stores of its own tracepoint: those of the
    /// event that made it, and, if the stack grew, of the instruction.
    fn content(
        &self,
        t: u64,
        number: u64,
        mapping: &Mapping,
        moves: u32,
    ) -> Result<(Page, u64), StateError> {
        let version = self.trace.versions().newest(number, t);
        if let Some(version) = version.filter(|v| v.state >= mapping.since) {
            return Ok((self.version(&version)?, version.state));
        }
        let page = if mapping.since <= t {
            self.base(number * PAGE, mapping, moves)?
        } else {
            Page::unknown()
        };
        Ok((page, mapping.since.saturating_sub(1)))
    }

    fn version(&self, version: &rdb_schema::pages::PageVersion) -> Result<Page, StateError> {
        let damaged = |why: String| StateError::Damaged(version.state, self.end(), why);
        let frame = self.frames.get_or(version.frame, || -> Result<_, StateError> {
            let pages = self.trace.pages(version.frame).map_err(|e| damaged(e.0))?;
            let weight = pages.contents.len() + pages.numbers.len() * 8;
            Ok((Arc::new(pages), weight))
        })?;
        let slot = version.slot as usize;
        let named = frame.numbers.get(slot) == Some(&version.page) && frame.state == version.state;
        let content = frame.get(slot).filter(|_| named);
        content.map(Page::known).ok_or_else(|| damaged("the index of pages is wrong".into()))
    }

    fn base(&self, start: u64, mapping: &Mapping, moves: u32) -> Result<Page, StateError> {
        let offset = start.saturating_sub(mapping.start);
        Ok(match mapping.base {
            Base::Zero => Page::known(&[]),
            Base::Unreadable => Page::unknown(),
            Base::Module(index) => {
                let file = self.module_bytes(index)?;
                let from = mapping.file_offset.checked_add(offset);
                let from = from.and_then(|f| usize::try_from(f).ok());
                Page::known(from.and_then(|f| file.get(f..)).unwrap_or_default())
            }
            Base::Moved(from) => {
                let source = from.checked_add(offset).filter(|a| a.is_multiple_of(PAGE));
                self.moved(source, mapping.since, moves)?.unwrap_or_else(Page::unknown)
            }
        })
    }

    /// The page at `source` one state before `since`.
    fn moved(
        &self,
        source: Option<u64>,
        since: u64,
        moves: u32,
    ) -> Result<Option<Page>, StateError> {
        let (Some(source), Some(before)) = (source, since.checked_sub(1)) else { return Ok(None) };
        if moves >= MAX_MOVES {
            return Ok(None);
        }
        let page = self.page_after(before, source / PAGE, moves + 1)?;
        Ok(page.map(|page| Page::clone(&page)))
    }

    /// Applies the stores of the tracepoints from `since` and before `t`.
    fn apply_stores(
        &self,
        page: &mut Page,
        number: u64,
        since: u64,
        t: u64,
    ) -> Result<(), StateError> {
        let index = self.chunk_at(t)?;
        let first = self.place(index)?.first;
        let since = since.max(self.chunk_start(index)?.versioned);
        if since < first {
            self.apply_earlier(page, number, since, index)?;
        }
        if t <= first {
            return Ok(());
        }
        let view = self.chunk_view(index)?;
        view.check(t)?;
        self.apply_keeping(page, number, view.stores(), (since, t));
        Ok(())
    }

    /// Applies the stores of the tracepoints from `since` to the start of chunk
    /// `index`.
    fn apply_earlier(
        &self,
        page: &mut Page,
        number: u64,
        since: u64,
        index: usize,
    ) -> Result<(), StateError> {
        let mut from = self.chunk_at(since)?;
        let place = self.place(from)?;
        if since > place.first {
            let view = self.chunk_view(from)?;
            view.check(place.end())?;
            let stores = view.stores().on_page(number, since, place.end());
            stores.for_each(|s| page.store(number * PAGE, &s));
            from += 1;
        }
        if from < index {
            let written = self.ask_index(|asked| asked.written(self, from..index, number))?;
            written.runs().for_each(|(offset, bytes)| page.put(offset, bytes));
        }
        Ok(())
    }
}
