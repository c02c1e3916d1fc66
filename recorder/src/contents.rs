//! Contents of new mappings: what differs from the file or the zeros they start
//! from is recorded, page by page.

use crate::compare::Before;
use crate::encode::Job;
use crate::model::Page;
use crate::recording::{PAGES_PER_FRAME, Recording, ReplayFailed};
use rdb_schema::event::EventKind;
use rdb_schema::pages::Pages;
use rdb_schema::space::{Base, Mapping, PAGE};
use std::sync::Arc;

/// Largest file mapping that is not a module whose contents are recorded.
const MAX_FILE_MAPPING: u64 = 1 << 30;

impl Recording {
    /// Gives a file mapping its module as base, if it is one; a new module is
    /// recorded.
    pub fn find_module(&mut self, mapping: &mut Mapping) {
        if mapping.inode == 0 || mapping.base != Base::Zero {
            return;
        }
        match self.catalog.find(self.pid.cast_unsigned(), mapping) {
            None if mapping.end - mapping.start > MAX_FILE_MAPPING => {
                let name = String::from_utf8_lossy(&mapping.name).into_owned();
                self.warn_once(&format!("{name} is mapped but too large to be recorded"));
                mapping.base = Base::Unreadable;
            }
            None => {}
            Some((index, new)) => {
                mapping.base = Base::Module(index);
                let Some(bytes) = self.catalog.shared(index) else { return };
                if let Some(model) = &mut self.model {
                    model.add_module(index, Arc::clone(&bytes));
                }
                if let Some(module) = new {
                    self.pipeline.submit(Job::Module(Box::new(module), bytes));
                    if self.tracepoint() > 0 {
                        self.event(EventKind::ModuleLoad(index));
                    }
                }
            }
        }
    }

    /// Records what `mapping` holds at `state` beyond its base. The model, if
    /// there is one, must have the mapping already.
    pub fn capture(&mut self, mapping: &Mapping, state: u64) {
        let private = mapping.flags & libc::MAP_SHARED.cast_unsigned() == 0;
        let anonymous = mapping.inode == 0 && mapping.name.is_empty() && private;
        if mapping.base == Base::Unreadable || (anonymous && state > 0) {
            return;
        }
        let mut pages = Pages::new(state);
        for number in mapping.start / PAGE..mapping.end / PAGE {
            let Some(content) = self.read_page(number) else { continue };
            if self.base(mapping, number) == Some(content) {
                continue;
            }
            pages.push(number, &content);
            if pages.numbers.len() == PAGES_PER_FRAME {
                self.submit_pages(std::mem::replace(&mut pages, Pages::new(state)));
            }
        }
        self.submit_pages(pages);
    }

    /// Records ranges (address, bytes) that the last tracepoint wrote, as whole
    /// pages: too large for an event or a row. No execution may be open.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn capture_written(&mut self, ranges: &[(u64, u64)]) -> Result<(), ReplayFailed> {
        self.catch_up()?;
        for (address, length) in ranges {
            self.capture_range(*address, *length);
        }
        Ok(())
    }

    fn capture_range(&mut self, address: u64, length: u64) {
        let state = self.tracepoint();
        let end = address.saturating_add(length).div_ceil(PAGE);
        let mut pages = Pages::new(state);
        for number in address / PAGE..end {
            let Some(content) = self.read_page(number) else { continue };
            if self.model.as_ref().and_then(|m| m.page(number)) != Some(content) {
                pages.push(number, &content);
            }
            if pages.numbers.len() == PAGES_PER_FRAME {
                self.submit_pages(std::mem::replace(&mut pages, Pages::new(state)));
            }
        }
        self.submit_pages(pages);
    }

    /// The process's page `number`, whatever its protection.
    pub fn read_page(&self, number: u64) -> Option<Page> {
        let mut page = [0; PAGE as usize];
        self.memory.read(number * PAGE, &mut page).then_some(page)
    }
}
