//! Registers, program counter, thread, mappings and kernel-side state.

use super::{Instruction, StateError, Timeline};
use crate::timeline::chunks::MAPPING_BYTES;
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::registers::Registers;
use rdb_schema::space::AddressSpace;
use rdb_schema::system::SystemState;
use std::ops::Range;
use std::sync::Arc;

impl Timeline {
    /// Registers at state t.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn registers(&self, t: u64) -> Result<Registers, StateError> {
        let view = self.chunk_view(self.chunk_at(t)?)?;
        Ok(view.registers(self.dictionary(), t)?)
    }

    /// The stack pointer at state t: for those who ask for many near each other.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn stack_pointer(&self, t: u64) -> Result<u64, StateError> {
        let view = self.chunk_view(self.chunk_at(t)?)?;
        Ok(view.stack_pointer(self.dictionary(), t)?)
    }

    /// The instruction of tracepoint t; `None` at the end state.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn instruction(&self, t: u64) -> Result<Option<Instruction>, StateError> {
        let chunk = self.chunk_path(self.chunk_at(t)?)?;
        let at = locate(&chunk, self.dictionary(), t);
        Ok(at
            .map(|(block, i)| Instruction { pc: block.address(i), bytes: block.bytes(i).to_vec() }))
    }

    /// Address of the next instruction at state t.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pc(&self, t: u64) -> Result<u64, StateError> {
        let chunk = self.chunk_path(self.chunk_at(t)?)?;
        Ok(self.pc_in(&chunk, t))
    }

    /// Address of the next instruction at state `t`, which `chunk` holds.
    pub fn pc_in(&self, chunk: &Chunk, t: u64) -> u64 {
        self.pc_in_execution(chunk, chunk.execution_at(t), t)
    }

    /// The same, of a state in an execution of the chunk; behind all of them if there is none.
    pub fn pc_in_execution(&self, chunk: &Chunk, execution: Option<usize>, t: u64) -> u64 {
        let at = execution.and_then(|index| instruction_in(chunk, self.dictionary(), index, t));
        at.map_or(chunk.end_pc, |(block, i)| block.address(i))
    }

    /// Thread of tracepoint t; at the end state that of the last tracepoint.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn thread(&self, t: u64) -> Result<u32, StateError> {
        let index = self.chunk_at(t)?;
        Ok(self.schedule().of(index).map_or(0, |thread| thread.id))
    }

    /// Whether tracepoint t is of thread `id`.
    pub fn runs(&self, t: u64, id: u32) -> bool {
        self.chunk_at(t).is_ok_and(|index| self.schedule().is_of(index, id))
    }

    /// Mappings at state t.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn space(&self, t: u64) -> Result<AddressSpace, StateError> {
        Ok(AddressSpace::clone(&*self.shared_space(t)?))
    }

    /// Mappings at state t, shared with other questions about it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn shared_space(&self, t: u64) -> Result<Arc<AddressSpace>, StateError> {
        let index = self.chunk_at(t)?;
        let events = self.chunk_events(index)?;
        let applied = events.mapping_changes_before(t);
        self.spaces.get_or((index, applied.len()), || {
            let mut space = self.chunk_start(index)?.space.clone();
            let changes = applied.iter().filter_map(|i| events.list.get(*i as usize));
            changes.flat_map(|e| &e.mappings).for_each(|change| space.apply(change));
            let weight = (space.iter().count() + 1) * MAPPING_BYTES;
            Ok((Arc::new(space), weight))
        })
    }

    /// The states of the chunk of state `t`, around it, that have the same mappings.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn same_space(&self, t: u64) -> Result<Range<u64>, StateError> {
        let index = self.chunk_at(t)?;
        let (events, place) = (self.chunk_events(index)?, self.place(index)?);
        // A change shows in the state behind its tracepoint.
        let behind = |change: Option<&u32>| Some(events.tracepoint(*change?)?.saturating_add(1));
        let start = behind(events.mapping_changes_before(t).last());
        let end = behind(events.mapping_changes_after(t).first());
        Ok(start.unwrap_or(place.first)..end.unwrap_or(place.end()).max(t + 1))
    }

    /// Kernel-side state at the last chunk start at or before state t, and that state.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn system(&self, t: u64) -> Result<(u64, SystemState), StateError> {
        let index = self.chunk_at(t)?;
        Ok((self.place(index)?.first, self.chunk_start(index)?.system.clone()))
    }
}

/// The block and the instruction in it of tracepoint `t`.
fn locate<'a>(chunk: &Chunk, dictionary: &'a Dictionary, t: u64) -> Option<(&'a Block, usize)> {
    instruction_in(chunk, dictionary, chunk.execution_at(t)?, t)
}

/// The same; `t` is in execution `index`.
fn instruction_in<'a>(
    chunk: &Chunk,
    dictionary: &'a Dictionary,
    index: usize,
    t: u64,
) -> Option<(&'a Block, usize)> {
    let execution = chunk.path.get(index)?;
    let block = dictionary.get(chunk.blocks.get(execution.block as usize)?.id)?;
    let index = (t - chunk.first).checked_sub(execution.start.into())? as usize;
    Some((block, index))
}
