//! Random programs for the machine, with the chunks a recorder would make.

use super::Rng;
use super::machine::{State, Step, advance};
use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Dictionary, Execution, put_bulk};
use rdb_schema::derive::{Computation, FlagRule, Inputs, Operand, Operation};
use rdb_schema::effects::{Address, Effect, Effects, Extend, Form, Kind, Source};
use rdb_schema::event::{Event, EventKind, Exit};
use rdb_schema::message::ChunkState;
use rdb_schema::pages::Pages;
use rdb_schema::registers::{Gpr, RegisterPatch, Registers};
use rdb_schema::space::{AddressSpace, Base, Mapping, MappingChange, PAGE};
use std::collections::{BTreeMap, BTreeSet};

/// Where programs map and unmap.
pub const ARENA: u64 = 0x10000;
pub const ARENA_PAGES: u64 = 8;
/// Mapped, never readable.
pub const DEVICE: u64 = 0x2_0000;
/// All addresses that tests look at.
pub const WINDOW: (u64, usize) = (ARENA - PAGE, 0x15000);

pub struct Recorded {
    pub chunk: Chunk,
    pub state: ChunkState,
    /// Page versions within and at its end.
    pub pages: Vec<Pages>,
    /// How many blocks the dictionary had after it.
    pub blocks: usize,
}

pub struct Program {
    pub module: Vec<u8>,
    pub dictionary: Dictionary,
    pub first_pages: Pages,
    pub chunks: Vec<Recorded>,
    /// States 0 to N.
    pub states: Vec<State>,
    pub exit: Exit,
}

pub fn mapping(start: u64, end: u64, since: u64, base: Base) -> Mapping {
    Mapping {
        start,
        end,
        protection: 3,
        flags: 2,
        file_offset: 0,
        device: 0,
        inode: 0,
        name: Vec::new(),
        advice: Vec::new(),
        since,
        base,
        key: 0,
    }
}

struct Maker {
    rng: Rng,
    program: Program,
    pool: Vec<Block>,
    ids: BTreeMap<usize, u32>,
    now: State,
}

/// One execution yet to happen: block of the pool, instructions, whether the last faults.
struct Plan {
    block: usize,
    length: usize,
    faulted: bool,
}

impl Program {
    pub fn random(seed: u64, chunks: usize, executions: usize) -> Self {
        let mut maker = Maker::new(Rng::new(seed));
        let count = |rng: &mut Rng| 1 + rng.below(executions as u64);
        let plans: Vec<Vec<Plan>> = (0..chunks)
            .map(|_| (0..count(&mut maker.rng)).map(|_| maker.plan()).collect())
            .collect();
        for (index, one) in plans.iter().enumerate() {
            let next = plans.get(index + 1).and_then(|p| p.first());
            let end_pc = next.map_or(0x99_9000, |p| maker.pool[p.block].start());
            maker.chunk(index, one, end_pc);
        }
        maker.program
    }

    pub fn end(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    /// Lets one thread execute all chunks, so that each must go on where the one before it
    /// ended.
    pub fn give_to_one_thread(&mut self) {
        let thread = self.chunks.first().map_or(0, |one| one.chunk.thread);
        self.chunks.iter_mut().for_each(|one| one.chunk.thread = thread);
    }

    /// Takes the page versions away that are made at the ends of the chunks from
    /// `index` on.
    pub fn strip(&mut self, index: usize) {
        let versioned = self.chunks.get(index).map_or(0, |c| c.chunk.first);
        for (at, one) in self.chunks.iter_mut().enumerate().skip(index) {
            one.pages.pop();
            if at > index {
                one.state.versioned = versioned;
            }
        }
    }
}

impl Maker {
    fn new(mut rng: Rng) -> Self {
        let module = rng.bytes(0x2345);
        let first = [
            mapping(ARENA, ARENA + 4 * PAGE, 0, Base::Zero),
            mapping(DEVICE, DEVICE + PAGE, 0, Base::Unreadable),
            Mapping { file_offset: PAGE, ..mapping(0x22000, 0x25000, 0, Base::Module(0)) },
        ];
        let mut now = State {
            registers: Registers { rip: BLOCKS, ..Registers::default() },
            space: AddressSpace::default(),
            pages: BTreeMap::new(),
        };
        let empty = now.clone();
        first.into_iter().for_each(|m| now.map(&MappingChange::Map(m), &empty, &module));
        let mut first_pages = Pages::new(0);
        for page in [ARENA / PAGE, ARENA / PAGE + 2] {
            let content = rng.bytes(PAGE as usize);
            now.store(page * PAGE, &content, &mut BTreeSet::new());
            first_pages.push(page, content.as_slice().try_into().unwrap());
        }
        let pool = blocks(&mut rng);
        let program = Program {
            module,
            dictionary: Dictionary::default(),
            first_pages,
            chunks: Vec::new(),
            states: vec![now.clone()],
            exit: Exit::Status(3),
        };
        Self { rng, program, pool, ids: BTreeMap::new(), now }
    }

    fn plan(&mut self) -> Plan {
        let block = self.rng.below(self.pool.len() as u64) as usize;
        let full = self.pool[block].instructions().len();
        let cut = self.rng.chance(20);
        let length = if cut { 1 + self.rng.below(full as u64) as usize } else { full };
        Plan { block, length, faulted: self.rng.chance(10) }
    }

    fn chunk(&mut self, index: usize, plans: &[Plan], end_pc: u64) {
        let first = self.program.end();
        if index == 0 {
            self.now.registers.rip = self.pool[plans[0].block].start();
            self.program.states = vec![self.now.clone()];
        }
        let space = self.now.space.clone();
        let mut state = ChunkState { space, versioned: first, ..ChunkState::default() };
        state.system.umask = index as u32;
        let mut chunk = Chunk {
            first,
            thread: 7 + index as u32,
            keyframe: self.now.registers,
            end_pc,
            ..Chunk::default()
        };
        let (mut dirty, mut pages) = (BTreeSet::new(), Vec::new());
        for (i, plan) in plans.iter().enumerate() {
            let next = plans.get(i + 1).map_or(chunk.end_pc, |p| self.pool[p.block].start());
            self.execute(&mut chunk, plan, next, &mut dirty, &mut pages);
        }
        pages.push(self.versions(self.program.end(), &dirty));
        let blocks = self.program.dictionary.len();
        self.program.chunks.push(Recorded { chunk, state, pages, blocks });
    }

    /// Contents of those pages that are mapped and known.
    fn versions(&self, state: u64, numbers: &BTreeSet<u64>) -> Pages {
        let mut pages = Pages::new(state);
        for number in numbers {
            let content = self.now.pages.get(number).map(|p| p.iter().copied());
            let content: Option<Vec<u8>> = content.and_then(|p| p.collect());
            if let Some(content) = content {
                pages.push(*number, content.as_slice().try_into().unwrap());
            }
        }
        pages
    }

    fn execute(
        &mut self,
        chunk: &mut Chunk,
        plan: &Plan,
        next: u64,
        dirty: &mut BTreeSet<u64>,
        pages: &mut Vec<Pages>,
    ) {
        let block = self.pool[plan.block].clone();
        let id = *self
            .ids
            .entry(plan.block)
            .or_insert_with(|| self.program.dictionary.push(block.clone()));
        let local = chunk.blocks.iter().position(|b| b.id == id).unwrap_or_else(|| {
            chunk.blocks.push(BlockRows { id, rows: Vec::new() });
            chunk.blocks.len() - 1
        });
        let rows = chunk.path.iter().filter(|e| e.block as usize == local).count();
        if plan.faulted || plan.length < block.instructions().len() {
            chunk.cuts.push(Cut {
                execution: chunk.path.len() as u32,
                tracepoints: plan.length as u16,
                faulted: plan.faulted,
            });
        }
        chunk.path.push(Execution {
            block: local as u32,
            row: rows as u32,
            start: chunk.count as u32,
        });
        let row = self.row(&block, plan.length);
        chunk.blocks[local].rows.extend(&row);
        for index in 0..plan.length {
            let last = index + 1 == plan.length;
            let faulted = last && plan.faulted;
            let rip = match (last, faulted) {
                (false, _) => block.address(index + 1),
                (_, true) => block.address(index),
                (true, false) => next,
            };
            let bulk = self.bulk(&block, index, faulted, &mut chunk.bulk);
            let step = Step { block: &block, index, row: &row, faulted, rip, bulk: &bulk };
            let events = self.events(chunk.thread, faulted.then_some((rip, next)));
            let module = std::mem::take(&mut self.program.module);
            self.now = advance(&self.now, &step, &events, &module, dirty);
            self.program.module = module;
            self.program.states.push(self.now.clone());
            chunk.count += 1;
            self.capture(&events, pages);
            chunk.events.extend(events);
        }
    }

    /// A recorder may keep what a new mapping holds as page versions.
    fn capture(&mut self, events: &[Event], pages: &mut Vec<Pages>) {
        for change in events.iter().flat_map(|e| &e.mappings) {
            let MappingChange::Map(mapping) = change else { continue };
            if self.rng.chance(40) {
                let numbers = (mapping.start / PAGE..mapping.end / PAGE).collect();
                pages.push(self.versions(self.program.end(), &numbers));
            }
        }
    }

    /// Logged values; small or arena addresses often, so that forms over them hit.
    fn row(&mut self, block: &Block, length: usize) -> Vec<u8> {
        let mut row = vec![0; block.row_bytes()];
        for slot in (0..length).flat_map(|i| block.slots(i)) {
            let bytes = slot.effect.slot_bytes();
            let at = slot.offset as usize;
            let value = match slot.effect {
                Effect::StatusFlags => {
                    let ah = self.rng.next() as u8 & 0xd5 | 2;
                    vec![self.rng.next() as u8 & 1, ah]
                }
                Effect::Gpr { .. } => address(&mut self.rng).to_le_bytes().to_vec(),
                _ => self.rng.bytes(bytes),
            };
            row[at..at + bytes].copy_from_slice(&value[..bytes]);
        }
        row
    }

    fn bulk(
        &mut self,
        block: &Block,
        index: usize,
        faulted: bool,
        out: &mut Vec<u8>,
    ) -> Vec<(u64, Vec<u8>)> {
        if faulted || !block.slots(index).iter().any(|s| s.effect == Effect::StoreBulk) {
            return Vec::new();
        }
        let one = |rng: &mut Rng| {
            let length = if rng.chance(20) { rng.below(9000) } else { rng.below(40) };
            (address(rng), rng.bytes(length as usize))
        };
        let segments: Vec<_> = (0..self.rng.below(3)).map(|_| one(&mut self.rng)).collect();
        put_bulk(out, &segments);
        segments
    }

    fn events(&mut self, thread: u32, fault: Option<(u64, u64)>) -> Vec<Event> {
        let tracepoint = self.program.end();
        let mut list = Vec::new();
        if self.rng.chance(15) {
            let mut event = Event::new(tracepoint, thread, EventKind::Opaque);
            if self.rng.chance(50) {
                let gpr = self.rng.below(16) as u16;
                event.registers = RegisterPatch(vec![(gpr * 8, self.rng.bytes(8))]);
            }
            for _ in 0..self.rng.below(3) {
                let length = self.rng.below(5000) as usize;
                event.memory.push((address(&mut self.rng), self.rng.bytes(length)));
            }
            if self.rng.chance(60) {
                event.mappings = self.mappings(tracepoint + 1);
            }
            list.push(event);
        }
        if let Some((from, to)) = fault {
            let mut event = Event::new(tracepoint, thread, EventKind::Opaque);
            let before = Registers { rip: from, ..Registers::default() };
            let after = Registers { rip: to, ..before };
            event.registers = RegisterPatch::between(&before, &after);
            list.push(event);
        }
        list
    }

    fn mappings(&mut self, since: u64) -> Vec<MappingChange> {
        let page = |rng: &mut Rng, limit| ARENA + rng.below(limit) * PAGE;
        let start = page(&mut self.rng, ARENA_PAGES);
        let length = (1 + self.rng.below(3)) * PAGE;
        let end = (start + length).min(ARENA + ARENA_PAGES * PAGE);
        match self.rng.below(6) {
            0 => vec![MappingChange::Map(mapping(start, end, since, Base::Zero))],
            1 => {
                let file_offset = self.rng.below(4) * PAGE;
                let base = mapping(start, end, since, Base::Module(0));
                vec![MappingChange::Map(Mapping { file_offset, ..base })]
            }
            2 => vec![MappingChange::Unmap { start, end }],
            3 => vec![MappingChange::Protect { start, end, protection: 1, key: 0 }],
            _ => {
                let from = page(&mut self.rng, ARENA_PAGES);
                let known = |p: u64| self.now.pages.contains_key(&p);
                if !(from / PAGE..(from + end - start) / PAGE).all(known) {
                    return Vec::new();
                }
                let mut list = Vec::new();
                if self.rng.chance(50) {
                    list.push(MappingChange::Unmap { start: from, end: from + end - start });
                }
                list.push(MappingChange::Map(mapping(start, end, since, Base::Moved(from))));
                list
            }
        }
    }
}

const BLOCKS: u64 = 0x40_0000;

/// An address near the arena, never near what is not readable; or any small one.
fn address(rng: &mut Rng) -> u64 {
    if rng.chance(70) { ARENA - 64 + rng.below(ARENA_PAGES * PAGE) } else { rng.below(1 << 14) }
}

fn blocks(rng: &mut Rng) -> Vec<Block> {
    let mut pool: Vec<Block> = Vec::new();
    for i in 0..10 {
        let mut block = Block::new(BLOCKS + i * 0x200);
        for _ in 0..1 + rng.below(7) {
            let length = 1 + rng.below(15) as usize;
            block.push(&rng.bytes(length), &effects(rng));
        }
        // Another entry into the same code.
        let entry = rng.below(block.instructions().len() as u64) as usize;
        if entry > 0 {
            let mut tail = Block::new(block.address(entry));
            for index in entry..block.instructions().len() {
                let list = block.slots(index).iter().map(|s| s.effect).collect();
                tail.push(block.bytes(index), &Effects { kind: Kind::Plain, list, bulk: None });
            }
            pool.push(tail);
        }
        pool.push(block);
    }
    pool
}

fn effects(rng: &mut Rng) -> Effects {
    let mut list: Vec<Effect> = (0..rng.below(3)).map(|_| effect(rng)).collect();
    list.dedup_by_key(|e| std::mem::discriminant(e));
    // No instruction has its flags from two places.
    if list.contains(&Effect::StatusFlags) {
        list.retain(|e| !matches!(e, Effect::FlagsOf { .. }));
    }
    Effects { kind: Kind::Plain, list, bulk: None }
}

fn effect(rng: &mut Rng) -> Effect {
    let register = Gpr::new(rng.below(16) as u8).unwrap();
    match rng.below(11) {
        0 | 1 => Effect::Gpr { register, source: source(rng) },
        2 if rng.chance(50) => Effect::FlagsOf {
            rule: FlagRule::ALL[rng.below(FlagRule::ALL.len() as u64) as usize],
            inputs: inputs(rng),
        },
        2 => Effect::StatusFlags,
        3 | 4 => {
            let size = 1 << rng.below(4);
            Effect::Store { address: place(rng), size, source: source(rng) }
        }
        5 => Effect::StoreVector { address: place(rng), register: 1, bytes: 32 },
        6 => Effect::StoreBytes { address: place(rng), bytes: 1 + rng.below(500) as u16 },
        7 => Effect::StoreBulk,
        8 => {
            let element = 1 << rng.below(4);
            Effect::StoreMasked { address: place(rng), register: 1, mask: 2, element, bytes: 32 }
        }
        9 => Effect::Mask { register: 2 },
        _ => Effect::Vector { register: 1, bytes: 16, zero_upper: rng.chance(50) },
    }
}

fn source(rng: &mut Rng) -> Source {
    match rng.below(4) {
        0 => Source::Logged,
        1 => Source::Const(address(rng)),
        2 => Source::Computed(Computation {
            operation: Operation::ALL[rng.below(Operation::ALL.len() as u64) as usize],
            inputs: inputs(rng),
            extend: Extend::Zero,
        }),
        _ => Source::Form(form(rng)),
    }
}

fn inputs(rng: &mut Rng) -> Inputs {
    let operand =
        |rng: &mut Rng| Gpr::new(rng.below(16) as u8).map_or(Operand::Constant, Operand::Old);
    let (left, right) = (operand(rng), operand(rng));
    Inputs { width: 1 << rng.below(4), left, right, constant: rng.below(70) as i64 }
}

fn form(rng: &mut Rng) -> Form {
    let base = Gpr::new(rng.below(16) as u8);
    Form {
        base,
        index: None,
        scale: 1,
        disp: rng.below(200) as i64,
        width: 8,
        extend: Extend::Zero,
    }
}

fn place(rng: &mut Rng) -> Address {
    let fixed = |rng: &mut Rng| Form { base: None, disp: address(rng) as i64, ..form(rng) };
    let form = if rng.chance(60) { fixed(rng) } else { form(rng) };
    Address { form, segment: None }
}
