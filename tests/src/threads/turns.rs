//! From one thread that changes stacks to a thread for each stack.

use super::cutting::{changes, cut, registers};
use super::source::{Part, Source};
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::header::Header;
use rdb_schema::message::ChunkState;
use rdb_schema::registers::{Gpr, RegisterPatch, Registers};

/// A thread's turn: the tracepoints from `first` and before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its thread.
    pub thread: u32,
    /// The first tracepoint.
    pub first: u64,
    /// One past the last.
    pub end: u64,
}

/// A history told again.
pub struct Told {
    pub header: Header,
    pub dictionary: Dictionary,
    pub parts: Vec<Part>,
    pub turns: Vec<Turn>,
}

impl Told {
    pub fn new(source: Source) -> Self {
        let Source { header, dictionary, parts } = source;
        let process = header.start.process;
        let mut told = Self { header, dictionary, parts: Vec::new(), turns: Vec::new() };
        // What is on a stack of its own, by how far its top is; the first is the process's.
        let mut stacks: Vec<u64> = Vec::new();
        for part in parts {
            match part {
                Part::Frame(..) => told.parts.push(part),
                Part::Chunk(chunk, state) => told.cut(&chunk, &state, process, &mut stacks),
            }
        }
        told.wait();
        told
    }

    fn cut(&mut self, chunk: &Chunk, state: &ChunkState, process: u32, stacks: &mut Vec<u64>) {
        let mut space = state.space.clone();
        let mut ends = changes(chunk, &self.dictionary);
        ends.iter_mut().for_each(|execution| *execution += 1);
        ends.push(chunk.path.len());
        let mut from = 0;
        for end in ends {
            if from == end {
                continue;
            }
            let mut piece = cut(chunk, from..end, &self.dictionary);
            let stack = stack_of(&piece.keyframe);
            let known = stacks.iter().position(|one| *one == stack).unwrap_or_else(|| {
                stacks.push(stack);
                self.start(process + stacks.len() as u32 - 1);
                stacks.len() - 1
            });
            piece.thread = process + known as u32;
            piece.events.iter_mut().for_each(|event| event.thread = piece.thread);
            let at_start = ChunkState { space: space.clone(), ..state.clone() };
            piece.events.iter().flat_map(|e| &e.mappings).for_each(|change| space.apply(change));
            self.turn(&piece);
            self.parts.push(Part::Chunk(Box::new(piece), Box::new(at_start)));
            from = end;
        }
    }

    fn turn(&mut self, piece: &Chunk) {
        match self.turns.last_mut() {
            Some(last) if last.thread == piece.thread => last.end = piece.end(),
            _ => {
                self.turns.push(Turn { thread: piece.thread, first: piece.first, end: piece.end() })
            }
        }
    }

    fn last(&mut self) -> Option<&mut Chunk> {
        self.parts.iter_mut().rev().find_map(|part| match part {
            Part::Chunk(chunk, _) => Some(&mut **chunk),
            Part::Frame(..) => None,
        })
    }

    /// The thread that ran last starts another.
    fn start(&mut self, thread: u32) {
        if let Some(last) = self.last() {
            let (at, by) = (last.end() - 1, last.thread);
            last.events.push(Event::new(at, by, EventKind::ThreadStart(thread)));
        }
    }

    /// Where stacks change, the thread waits for its next turn instead.
    fn wait(&mut self) {
        let mut next: std::collections::HashMap<u32, Registers> = Default::default();
        for part in self.parts.iter_mut().rev() {
            let Part::Chunk(chunk, _) = part else { continue };
            if changes(chunk, &self.dictionary).last() == Some(&(chunk.path.len() - 1)) {
                wait(chunk, next.get(&chunk.thread), &self.dictionary);
            }
            next.insert(chunk.thread, chunk.keyframe);
        }
    }
}

fn wait(chunk: &mut Chunk, next: Option<&Registers>, dictionary: &Dictionary) {
    let (change, jump) = (chunk.end() - 2, chunk.end() - 1);
    let before = registers(chunk, change, dictionary);
    let after = registers(chunk, jump, dictionary);
    let mut own = after;
    own.gpr[Gpr::RSP.index()] = before.rsp();
    let patched = |t: u64, from: &Registers, to: &Registers| {
        let mut event = Event::new(t, chunk.thread, EventKind::Opaque);
        event.registers = RegisterPatch::between(from, to);
        event
    };
    let back = patched(change, &after, &own);
    own.rip = chunk.end_pc;
    let resumed = next.map(|next| patched(jump, &own, next));
    let at = chunk.events.partition_point(|event| event.tracepoint < jump);
    chunk.events.insert(at, back);
    chunk.events.extend(resumed);
    chunk.events.sort_by_key(|event| event.tracepoint);
}

/// Which stack a register state is on: those of the program's own are aligned to their size.
fn stack_of(registers: &Registers) -> u64 {
    const PROCESS: u64 = 1 << 40;
    let top = registers.rsp();
    if top > PROCESS { PROCESS } else { top >> 16 }
}
