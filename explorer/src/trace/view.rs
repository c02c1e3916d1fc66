//! A decoded chunk, replayed once: registers and stores at any of its states.

use super::replay::{BlockPlans, Replay};
use super::stack_pointers;
use super::stores::Stores;
use rdb_schema::chunk::{Chunk, Dictionary, Execution};
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::replay::{Cursor, Ignore};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};

/// Tracepoints between two checkpoints, about.
pub(super) const STRIDE: u64 = 2048;

/// A part of a chunk that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// Its first state.
    pub first: u64,
    /// Its last state.
    pub last: u64,
    /// What is wrong.
    pub reason: String,
}

/// A chunk with its stores, and registers every `STRIDE` tracepoints.
pub struct ChunkView {
    chunk: Arc<Chunk>,
    checkpoints: Vec<Cursor>,
    stores: Stores,
    unsound: Option<Unsound>,
    /// Where the last question for registers ended: the next may go on from there.
    latest: Mutex<Option<Cursor>>,
    pub(super) stack_pointers: stack_pointers::Latest,
}

impl ChunkView {
    /// Replays `chunk`. `next` are the registers the next chunk starts with.
    pub fn new(
        chunk: Chunk,
        dictionary: &Dictionary,
        plans: &BlockPlans,
        next: Option<&Registers>,
    ) -> Self {
        let mut view = Self {
            checkpoints: Vec::with_capacity((chunk.count / STRIDE) as usize + 1),
            stores: Stores::new(chunk.first),
            unsound: None,
            latest: Mutex::default(),
            stack_pointers: stack_pointers::Latest::default(),
            chunk: Arc::new(chunk),
        };
        let replayed = view.replay((dictionary, Some(plans)), next);
        let replayed = replayed.or_else(|_| {
            view.checkpoints.clear();
            view.stores = Stores::new(view.chunk.first);
            view.replay((dictionary, None), next)
        });
        if let Err((state, reason)) = replayed {
            let chunk = &view.chunk;
            view.unsound = Some(Unsound { first: state, last: chunk.end(), reason });
        }
        view
    }

    /// Replays to the end; the first state that is wrong, and why.
    fn replay(
        &mut self,
        (dictionary, plans): (&Dictionary, Option<&BlockPlans>),
        next: Option<&Registers>,
    ) -> Result<(), (u64, String)> {
        let chunk = self.chunk.clone();
        self.stores.expect(expected_stores(&chunk, dictionary));
        let mut replay = Replay::new(&chunk, dictionary, plans);
        while replay.cursor.tracepoint < chunk.end() {
            let from = replay.cursor.tracepoint;
            self.checkpoints.push(replay.cursor.clone());
            let replayed = replay.advance(from.saturating_add(STRIDE), &mut self.stores);
            replayed.map_err(|e| (replay.cursor.tracepoint + 1, e.to_string()))?;
            if self.stores.overflow() {
                return Err((from + 1, "more stores than a chunk can make".into()));
            }
        }
        // Which of its states went wrong is not known, so none but the keyframe counts.
        let end = &replay.cursor.registers;
        check_end(&chunk, end, next).map_err(|why| (chunk.first + 1, why))?;
        self.checkpoints.push(replay.cursor);
        Ok(())
    }

    /// The chunk.
    pub fn chunk(&self) -> &Arc<Chunk> {
        &self.chunk
    }

    /// Its stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// What of it cannot be trusted.
    pub fn unsound(&self) -> Option<&Unsound> {
        self.unsound.as_ref()
    }

    /// Whether state `t` can be trusted.
    ///
    /// # Errors
    /// The part that cannot.
    pub fn check(&self, t: u64) -> Result<(), Unsound> {
        match &self.unsound {
            Some(unsound) if t >= unsound.first => Err(unsound.clone()),
            _ => Ok(()),
        }
    }

    /// Registers at state `t` of the chunk.
    ///
    /// # Errors
    /// The state cannot be trusted.
    pub fn registers(&self, dictionary: &Dictionary, t: u64) -> Result<Registers, Unsound> {
        self.check(t)?;
        if t <= self.chunk.first {
            return Ok(self.chunk.keyframe);
        }
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cursor = self.nearest(t, latest.take());
        let replayed = cursor.advance(&self.chunk, dictionary, t, &mut Ignore);
        replayed.map_err(|e| self.unsound_from(cursor.tracepoint + 1, e.to_string()))?;
        Ok(latest.insert(cursor).registers)
    }

    /// The last checkpoint at or before state `t`, or `latest` if that is nearer.
    fn nearest(&self, t: u64, latest: Option<Cursor>) -> Cursor {
        let after = self.checkpoints.partition_point(|c| c.tracepoint <= t);
        let checkpoint = after.checked_sub(1).and_then(|i| self.checkpoints.get(i));
        let since = checkpoint.map_or(0, |checkpoint| checkpoint.tracepoint);
        let latest = latest.filter(|latest| (since..=t).contains(&latest.tracepoint));
        latest.or_else(|| checkpoint.cloned()).unwrap_or_else(|| Cursor::new(&self.chunk))
    }

    /// Calls `visit` with the chunk's states of `states` and their registers, in order, until
    /// it breaks. All are replayed once.
    ///
    /// # Errors
    /// The way leads through states that cannot be trusted.
    pub fn visit(
        &self,
        dictionary: &Dictionary,
        states: Range<u64>,
        visit: &mut dyn FnMut(u64, &Registers) -> ControlFlow<()>,
    ) -> Result<(), Unsound> {
        let states = states.start.max(self.chunk.first)..states.end.min(self.chunk.end() + 1);
        let after = self.checkpoints.partition_point(|c| c.tracepoint <= states.start);
        let nearest = after.checked_sub(1).and_then(|i| self.checkpoints.get(i));
        let mut cursor = nearest.cloned().unwrap_or_else(|| Cursor::new(&self.chunk));
        for state in states {
            self.check(state)?;
            let replayed = cursor.advance(&self.chunk, dictionary, state, &mut Ignore);
            replayed.map_err(|e| self.unsound_from(cursor.tracepoint + 1, e.to_string()))?;
            if visit(state, &cursor.registers).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn unsound_from(&self, first: u64, reason: String) -> Unsound {
        Unsound { first, last: self.chunk.end(), reason }
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let rows: usize = self.chunk.blocks.iter().map(|b| b.rows.len()).sum();
        rows + path_weight(&self.chunk)
            + self.checkpoints.len() * size_of::<Cursor>()
            + self.stores.weight()
    }
}

/// About how many stores a chunk makes.
fn expected_stores(chunk: &Chunk, dictionary: &Dictionary) -> usize {
    let of_block = |id: u32| {
        let slots = dictionary.get(id).map_or(&[][..], |block| block.all_slots());
        slots.iter().filter(|slot| slot.effect.stores()).count()
    };
    let each: Vec<usize> = chunk.blocks.iter().map(|rows| of_block(rows.id)).collect();
    let of_execution = |execution: &Execution| each.get(execution.block as usize).copied();
    chunk.path.iter().filter_map(of_execution).fold(0, usize::saturating_add)
}

/// Compares the registers `end` that replay ends with with what the chunk and
/// the next one's keyframe say.
pub(super) fn check_end(
    chunk: &Chunk,
    end: &Registers,
    next: Option<&Registers>,
) -> Result<(), String> {
    if end.rip != chunk.end_pc {
        return Err(format!("replay ends at {:#x}, the chunk at {:#x}", end.rip, chunk.end_pc));
    }
    match next.and_then(|next| difference(end, next)) {
        Some(name) => {
            Err(format!("replay ends with another {name} than the next chunk starts with"))
        }
        None => Ok(()),
    }
}

/// About how many bytes of memory a chunk's path takes.
pub fn path_weight(chunk: &Chunk) -> usize {
    chunk.path.len() * 12 + chunk.cuts.len() * 8 + chunk.blocks.len() * 32 + 4096
}

/// The first register that differs.
pub fn difference(a: &Registers, b: &Registers) -> Option<String> {
    if a == b {
        return None;
    }
    if let Some(i) = (0..16).find(|i| a.gpr.get(*i) != b.gpr.get(*i)) {
        return Gpr::new(i as u8).map(|g| g.name().to_owned());
    }
    let name = match () {
        () if a.rip != b.rip => "rip",
        () if a.rflags != b.rflags => "rflags",
        () if (a.fs_base, a.gs_base) != (b.fs_base, b.gs_base) => "segment base",
        () if a.selectors != b.selectors => "selector",
        () if a.mask != b.mask => "mask register",
        () if a.x87 != b.x87 => "x87 state",
        () if (a.mxcsr, a.pkru) != (b.mxcsr, b.pkru) => "mxcsr or pkru",
        () => "vector register",
    };
    Some(name.to_owned())
}
