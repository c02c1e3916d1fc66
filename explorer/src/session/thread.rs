//! The selected thread, and all threads as they are at the cursor.

use super::{Place, Session, Stop};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::Registers;
use serde::Serialize;

/// What a thread does at a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThreadState {
    /// It has not run yet.
    NotStarted,
    /// It executes the next instruction.
    Running,
    /// Others run before it does again.
    Waiting,
    /// It does not run again.
    Ended,
}

/// A thread at the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadStatus {
    /// Its number, from 1.
    pub number: usize,
    /// Its id while recording.
    pub thread: u32,
    /// The name it gave itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does.
    pub state: ThreadState,
    /// Where it goes on, or went on last; nowhere before it has started.
    pub place: Option<Place>,
    /// Its first tracepoint.
    pub first: u64,
    /// One past its last.
    pub end: u64,
    /// Whether it is the selected one.
    pub current: bool,
}

/// Why a thread cannot be selected.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// There is none of this number or id.
    #[error("no thread {0}; there are {1}")]
    Unknown(u64, usize),
    /// It is not there at the cursor.
    #[error("thread {0} has not started here: it first runs at tracepoint {1}")]
    NotStarted(usize, u64),
    /// History cannot be read.
    #[error("{0}")]
    State(#[from] StateError),
}

impl Session {
    /// The id of the selected thread: the one whose turn it is, unless another was chosen.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn thread(&self) -> Result<u32, StateError> {
        self.chosen.map_or_else(|| self.timeline.thread(self.cursor), Ok)
    }

    /// Registers of the selected thread.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn registers(&self) -> Result<Registers, StateError> {
        self.timeline.registers_of(self.thread()?, self.cursor)
    }

    /// The state from which the selected thread goes on: the cursor, if it is its turn. If it
    /// does not run again, the last state.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub(super) fn position(&self) -> Result<u64, StateError> {
        let resumes = self.timeline.resumes(self.thread()?, self.cursor);
        Ok(resumes.unwrap_or(self.timeline.end()))
    }

    /// The state from which the selected thread sets out in a direction.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub(super) fn setting_out(&self, way: Direction) -> Result<u64, StateError> {
        match way {
            Direction::Forward => self.position(),
            Direction::Backward => Ok(self.cursor),
        }
    }

    /// The thread to which a step is confined; none, if the program has one thread or steps
    /// go through all of them.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub(super) fn own_thread(&self) -> Result<Option<u32>, StateError> {
        let confined = self.timeline.schedule().is_shared() && !self.settings.step_all_threads;
        confined.then(|| self.thread()).transpose()
    }

    /// Where the history of a step's thread ends in a direction, and what to say there.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub(super) fn thread_edge(&self, way: Direction) -> Result<(u64, Stop), StateError> {
        let edge = self.edge(way);
        let Some(thread) = self.own_thread()? else { return Ok((edge, Stop::Step)) };
        let life = self.timeline.lifetime(thread).unwrap_or_default();
        let thread_number = self.thread_number(thread).unwrap_or(1);
        Ok(match way {
            Direction::Forward if life.end < edge => {
                (life.end, Stop::ThreadEnd { thread, thread_number })
            }
            Direction::Backward if life.start > edge => {
                (life.start, Stop::ThreadStart { thread, thread_number })
            }
            _ => (edge, Stop::Step),
        })
    }

    /// The state that lies `count` instructions of a step's thread away, or the end of its
    /// history; and what to say there.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub(super) fn stepped(&self, count: u64, way: Direction) -> Result<(u64, Stop), StateError> {
        let thread = self.own_thread()?;
        let (edge, stop) = self.thread_edge(way)?;
        let state = match (thread, way) {
            (None, Direction::Forward) => self.cursor.checked_add(count).filter(|at| *at < edge),
            (None, Direction::Backward) => self.cursor.checked_sub(count),
            (Some(id), Direction::Forward) => {
                self.timeline.stepped_by(id, self.position()?, count, way)
            }
            (Some(id), Direction::Backward) => {
                self.timeline.stepped_by(id, self.cursor, count, way)
            }
        };
        Ok(state.map_or((edge, stop), |state| (state, Stop::Step)))
    }

    /// Whether the program has several threads.
    pub fn has_threads(&self) -> bool {
        self.timeline.schedule().is_shared()
    }

    /// The number of a thread id, if there are several threads.
    pub fn thread_number(&self, id: u32) -> Option<usize> {
        let schedule = self.timeline.schedule();
        schedule.thread(id).filter(|_| schedule.is_shared()).map(|thread| thread.number)
    }

    /// The id of the thread of a number, or of an id.
    ///
    /// # Errors
    /// [`ThreadError::Unknown`].
    pub fn thread_id(&self, number: u64) -> Result<u32, ThreadError> {
        let threads = self.timeline.schedule().threads();
        let numbered = threads.iter().find(|thread| thread.number as u64 == number);
        let found = numbered.or_else(|| threads.iter().find(|t| u64::from(t.id) == number));
        let unknown = ThreadError::Unknown(number, threads.len());
        found.map(|thread| thread.id).ok_or(unknown)
    }

    /// Selects a thread, by number or id; the cursor stays.
    ///
    /// # Errors
    /// [`ThreadError`].
    pub fn select_thread(&mut self, number: u64) -> Result<(), ThreadError> {
        let id = self.thread_id(number)?;
        let life = self.timeline.lifetime(id).unwrap_or_default();
        if life.start > self.cursor {
            let number = self.thread_number(id).unwrap_or(1);
            return Err(ThreadError::NotStarted(number, life.start));
        }
        self.chosen = Some(id).filter(|id| !self.timeline.runs(self.cursor, *id));
        (self.selected, self.outside) = (0, 0);
        self.forget_listing();
        Ok(())
    }

    /// The thread that a stop is about, if it is another than the one that runs next.
    pub(super) fn stopped_thread(&self, state: u64, stop: &Stop) -> Option<u32> {
        let by = match stop {
            Stop::Watch { tracepoint, .. } => *tracepoint,
            Stop::Signal(signal) => signal.at,
            Stop::ThreadEnd { thread, .. } => return Some(*thread),
            _ => return None,
        };
        self.timeline.thread(by).ok().filter(|id| !self.timeline.runs(state, *id))
    }

    /// All threads as they are at the cursor, by number.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn threads(&self) -> Result<Vec<ThreadStatus>, StateError> {
        let selected = self.thread()?;
        let threads = self.timeline.schedule().threads();
        let mut names = self.thread_names()?;
        let mut status = |thread: &crate::timeline::Thread| {
            let life = self.timeline.lifetime(thread.id).unwrap_or_default();
            let state = self.state_of(thread.id);
            let pc = match state {
                ThreadState::NotStarted => None,
                _ => Some(self.timeline.pc_of(thread.id, self.cursor)?),
            };
            let place = |pc| self.locator.place(&self.timeline, self.cursor, CodeAddr::Pc(pc));
            Ok(ThreadStatus {
                number: thread.number,
                thread: thread.id,
                name: names.remove(&thread.id),
                state,
                place: pc.map(place),
                first: life.start,
                end: life.end,
                current: thread.id == selected,
            })
        };
        threads.iter().map(&mut status).collect()
    }

    fn state_of(&self, id: u32) -> ThreadState {
        let life = self.timeline.lifetime(id).unwrap_or_default();
        match self.timeline.resumes(id, self.cursor) {
            _ if life.start > self.cursor => ThreadState::NotStarted,
            Some(state) if state == self.cursor => ThreadState::Running,
            Some(_) => ThreadState::Waiting,
            None => ThreadState::Ended,
        }
    }
}
