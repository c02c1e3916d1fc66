//! The process whose history is looked at. Each has a history, a cursor and an address space
//! of its own; breakpoints at places in the program hold in all of them.

use super::{Locator, Session, Stop, natural_stop};
use crate::timeline::{OpenError, Process, Timeline};
use std::sync::Arc;

/// Where a process was left.
pub(super) struct Left {
    cursor: u64,
    stop: Stop,
    chosen: Option<u32>,
}

/// Why a process cannot be selected.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is none of this number or id.
    #[error("no process {0}; there are {1}")]
    Unknown(u64, usize),
    /// Its history cannot be read.
    #[error("{0}")]
    Open(#[from] OpenError),
}

impl Session {
    /// The processes of the trace, in the file's order.
    pub fn processes(&self) -> &[Process] {
        self.timeline.processes()
    }

    /// The number of the selected process, if there are several.
    pub fn process_number(&self) -> Option<usize> {
        let all = Some(self.processes()).filter(|all| all.len() > 1)?;
        all.iter().find(|one| one.id == self.timeline.process()).map(|one| one.number)
    }

    /// Selects a process, by number or id: its history, at the cursor where it was left.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn select_process(&mut self, number: u64) -> Result<(), ProcessError> {
        let all = self.processes();
        let numbered = all.iter().find(|one| one.number as u64 == number);
        let found = numbered.or_else(|| all.iter().find(|one| u64::from(one.id) == number));
        let unknown = ProcessError::Unknown(number, all.len());
        let id = found.map(|one| one.id).ok_or(unknown)?;
        if id == self.timeline.process() {
            return Ok(());
        }
        let timeline = Timeline::open_process(self.timeline.path(), Some(id))?;
        self.enter(timeline.interrupted_by(&self.interrupt));
        Ok(())
    }

    /// Leaves the process selected for that of `timeline`.
    fn enter(&mut self, timeline: Timeline) {
        let stop = std::mem::replace(&mut self.stop, Stop::Start);
        let left = Left { cursor: self.cursor, stop, chosen: self.chosen };
        self.left.insert(self.timeline.process(), left);
        self.locator = Arc::new(Locator::new(&timeline, self.search.clone()));
        self.timeline = Arc::new(timeline);
        (self.selected, self.outside) = (0, 0);
        self.examine.next = None;
        self.faults.clear();
        self.also.clear();
        self.due.clear();
        self.implementations = super::indirect::Chosen::default();
        self.nearby = super::nearby::Nearby::default();
        self.forget_listing();
        match self.left.remove(&self.timeline.process()) {
            Some(Left { cursor, stop, chosen }) if cursor <= self.timeline.end() => {
                (self.cursor, self.stop, self.chosen) = (cursor, stop, chosen);
            }
            _ => {
                (self.cursor, self.chosen) = (0, None);
                self.stop = natural_stop(&self.timeline, 0).unwrap_or(Stop::Start);
            }
        }
        self.find_breakpoints();
    }

    /// Looks for the places of breakpoints in the selected process. Those that are of one
    /// process only stay as they are.
    pub(super) fn find_breakpoints(&mut self) {
        let everywhere = self.breakpoints.iter().filter(|one| one.process.is_none());
        let named: Vec<(u32, String)> =
            everywhere.map(|one| (one.number, one.location.clone())).collect();
        self.breakpoints.set_process(self.timeline.process());
        for (number, location) in named {
            let targets = self.resolve(&location).unwrap_or_default();
            self.breakpoints.place(number, targets);
        }
    }

    /// The process that a new watchpoint, or a breakpoint at an address, is of: none if there
    /// is only one.
    pub(super) fn own_process(&self) -> Option<u32> {
        Some(self.timeline.process()).filter(|_| self.processes().len() > 1)
    }
}
