//! Where tracepoints are, for long lists of them.

use super::breakpoint::{Target, outside};
use super::{Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use rdb_schema::chunk::Chunk;
use rdb_schema::space::AddressSpace;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Places of tracepoints. What is at one address is found once for the same mappings,
/// and what a chunk says is kept for the tracepoints that follow.
pub struct Places<'a> {
    session: &'a Session,
    targets: &'a [Target],
    known: HashMap<u64, Arc<Place>>,
    latest: Option<(u64, Arc<Place>)>,
    space: Option<Arc<AddressSpace>>,
    /// States with these mappings, of the chunk at hand.
    states: Range<u64>,
    chunk: Arc<Chunk>,
    /// The execution of the latest one.
    execution: usize,
}

impl<'a> Places<'a> {
    /// None known yet.
    pub fn new(session: &'a Session) -> Self {
        Self::of_targets(session, &[])
    }

    /// The same; at a place of `targets`, outside of the inlined copies that it is outside of.
    pub(super) fn of_targets(session: &'a Session, targets: &'a [Target]) -> Self {
        Self {
            session,
            targets,
            known: HashMap::new(),
            latest: None,
            space: None,
            states: 0..0,
            chunk: Arc::default(),
            execution: 0,
        }
    }

    /// Where tracepoint `t` is, and the thread that executed it.
    ///
    /// # Errors
    /// The history's.
    pub fn of(&mut self, t: u64) -> Result<(Arc<Place>, u32), StateError> {
        if !self.states.contains(&t) {
            self.enter(t)?;
        }
        let timeline = &self.session.timeline;
        let execution = self.chunk.execution_near(t, self.execution);
        self.execution = execution.unwrap_or(0);
        let pc = timeline.pc_in_execution(&self.chunk, execution, t);
        let thread = self.chunk.thread;
        if let Some((at, place)) = &self.latest
            && *at == pc
        {
            return Ok((place.clone(), thread));
        }
        let look = || {
            let frames = self.session.locator.places(timeline, t, CodeAddr::Pc(pc));
            let module = self.session.module_at(t, pc);
            let place = frames.into_iter().nth(outside(self.targets, pc, module));
            place.unwrap_or_else(|| Place::bare(pc))
        };
        let place = self.known.entry(pc).or_insert_with(|| Arc::new(look())).clone();
        self.latest = Some((pc, place.clone()));
        Ok((place, thread))
    }

    /// Goes to the states around `t`.
    fn enter(&mut self, t: u64) -> Result<(), StateError> {
        let timeline = &self.session.timeline;
        let space = timeline.shared_space(t)?;
        if !self.space.as_ref().is_some_and(|known| Arc::ptr_eq(known, &space) || known == &space) {
            self.known.clear();
            self.latest = None;
            self.space = Some(space);
        }
        let states = timeline.same_space(t)?;
        self.chunk = timeline.chunk_path(timeline.chunk_at(t)?)?;
        self.states = states;
        Ok(())
    }
}

/// For serde: the place, as if it were not shared.
pub(super) fn serialize<S: serde::Serializer>(
    place: &Arc<Place>,
    out: S,
) -> Result<S::Ok, S::Error> {
    place.as_ref().serialize(out)
}
