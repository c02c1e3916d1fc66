//! Cutting a chunk into chunks, between executions.

use rdb_schema::chunk::{BlockRows, Chunk, Cut, Dictionary, Execution};
use rdb_schema::effects::Effect;
use rdb_schema::registers::Registers;
use rdb_schema::replay::{Cursor, Ignore};
use rdb_schema::varint::Reader;
use std::ops::Range;

/// The executions of `chunk` after which stacks have been changed: what leads there ends in
/// `mov (%rsi), %rsp` and a jump to what follows.
pub fn changes(chunk: &Chunk, dictionary: &Dictionary) -> Vec<usize> {
    const CHANGE: [u8; 5] = [0x48, 0x8b, 0x26, 0xeb, 0x00];
    let changing = |index: &usize| {
        let id = chunk.blocks[chunk.path[*index].block as usize].id;
        let block = dictionary.get(id).expect("a block of the dictionary");
        let whole = chunk.execution_length(*index) as usize == block.instructions().len();
        whole && block.code().ends_with(&CHANGE)
    };
    (0..chunk.path.len()).filter(changing).collect()
}

/// The chunk of the executions `part` of `chunk`.
pub fn cut(chunk: &Chunk, part: Range<usize>, dictionary: &Dictionary) -> Chunk {
    let start = |at: usize| chunk.path.get(at).map_or(chunk.count as u32, |one| one.start);
    let (from, to) = (start(part.start), start(part.end));
    let (first, end) = (chunk.first + u64::from(from), chunk.first + u64::from(to));
    let registers = registers(chunk, first, dictionary);
    let mut cut = Chunk {
        first,
        count: end - first,
        thread: chunk.thread,
        keyframe: registers,
        end_pc: registers_rip(chunk, end, dictionary),
        bulk: bulk(chunk, &part, dictionary),
        events: chunk
            .events
            .iter()
            .filter(|e| (first..end).contains(&e.tracepoint))
            .cloned()
            .collect(),
        ..Chunk::default()
    };
    for index in part.clone() {
        let execution = chunk.path[index];
        let rows = &chunk.blocks[execution.block as usize];
        let block = dictionary.get(rows.id).expect("a block of the dictionary");
        let row = chunk.row(&execution, block.row_bytes()).expect("its row");
        let known = cut.blocks.iter().position(|own| own.id == rows.id);
        let own = known.unwrap_or_else(|| {
            cut.blocks.push(BlockRows { id: rows.id, rows: Vec::new() });
            cut.blocks.len() - 1
        });
        let number = cut.path.iter().filter(|before| before.block == own as u32).count();
        cut.blocks[own].rows.extend_from_slice(row);
        let start = execution.start - from;
        cut.path.push(Execution { block: own as u32, row: number as u32, start });
    }
    let inside = chunk.cuts.iter().filter(|one| part.contains(&(one.execution as usize)));
    let moved = |one: &Cut| Cut { execution: one.execution - part.start as u32, ..*one };
    cut.cuts = inside.map(moved).collect();
    cut
}

/// Registers at a state of `chunk`, its end included.
pub fn registers(chunk: &Chunk, state: u64, dictionary: &Dictionary) -> Registers {
    let mut cursor = Cursor::new(chunk);
    cursor.advance(chunk, dictionary, state, &mut Ignore).expect("a sound chunk");
    cursor.registers
}

fn registers_rip(chunk: &Chunk, state: u64, dictionary: &Dictionary) -> u64 {
    if state == chunk.end() { chunk.end_pc } else { registers(chunk, state, dictionary).rip }
}

/// The bulk stores of the executions `part`.
fn bulk(chunk: &Chunk, part: &Range<usize>, dictionary: &Dictionary) -> Vec<u8> {
    let mut from = Reader::new(&chunk.bulk);
    let at = |from: &mut Reader, executions: Range<usize>| {
        for _ in 0..executions.map(|index| bulks(chunk, index, dictionary)).sum() {
            for _ in 0..from.varint().expect("a count") {
                from.take(8).expect("an address");
                let length = from.varint().expect("a length");
                from.take(length as usize).expect("the bytes");
            }
        }
        chunk.bulk.len() - from.remaining()
    };
    let (start, end) = (at(&mut from, 0..part.start), at(&mut from, part.clone()));
    chunk.bulk[start..end].to_vec()
}

/// How many bulk stores execution `index` makes.
fn bulks(chunk: &Chunk, index: usize, dictionary: &Dictionary) -> usize {
    let id = chunk.blocks[chunk.path[index].block as usize].id;
    let block = dictionary.get(id).expect("a block of the dictionary");
    let faulted = chunk.cut(index).is_some_and(|cut| cut.faulted);
    let done = chunk.execution_length(index) as usize - usize::from(faulted);
    let slots = (0..done).flat_map(|instruction| block.slots(instruction));
    slots.filter(|slot| slot.effect == Effect::StoreBulk).count()
}
