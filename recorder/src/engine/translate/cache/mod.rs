//! The code cache: which translation is where, and the jumps between them.

mod linking;

use super::ahead::Ahead;
use super::block::{Translation, Writer, Written};
use super::calls::{ASK_BYTES, CALL_BYTES, Ways};
use super::emitter::{Emitted, Emitter};
use super::exits::{Exit, Exits};
use super::layout::{Layout, TABLE, TABLE_ENTRIES};
use super::superblocks::Superblock;
use super::waiting::Waiting;
use crate::engine::addresses::{AddressMap, AddressSet};
use crate::engine::code::Prepared;
use crate::tracee::SharedMemory;
use iced_x86::Instruction;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room that one translation may take.
const MOST: u64 = 0x8000;

/// Translations that a cache has room to list from the beginning: memory that nobody
/// touches costs nothing, and what grows is moved.
const FORESEEN: usize = 1 << 16;

/// Where the translation of a program address begins.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// There.
    pub at: u64,
    /// The id of the block that was translated, if it is one.
    id: Option<u32>,
}

/// All translations of one process.
pub struct Cache {
    pub(super) layout: Layout,
    writer: Writer,
    next: u64,
    /// Ascending by `head`.
    translations: Vec<Translation>,
    /// The blocks they log, by id.
    logged: Vec<Option<Arc<Prepared>>>,
    /// Program address → where its translation begins, as long as that is right.
    pub(super) heads: AddressMap<Head>,
    /// The same of addresses whose translation was retired: for good.
    pub(super) retired: AddressMap<u64>,
    pub(super) exits: Exits,
    /// Jumps that wait for a translation of an address.
    waiting: Waiting,
    /// Code that finds out whether an indirect branch means an address, by the
    /// address's low bits: the last of those that share a table entry.
    checks: AddressMap<u64>,
    /// Addresses that the table leads to.
    listed: AddressSet,
    /// What may be translated before it is missed.
    pub ahead: Ahead,
    unknown: u64,
    /// The ways to system calls.
    pub ways: Ways,
    /// Numbers of the pages with code that was translated, and its heads.
    pub(super) pages: BTreeMap<u64, Vec<u64>>,
    buffer: Vec<u8>,
}

impl Cache {
    /// An empty cache in the region.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(layout: Layout, decoder: u32, memory: &mut SharedMemory) -> Emitted<Self> {
        let writer = Writer::new(Emitter::new(layout)?, decoder);
        let mut cache = Self {
            layout,
            writer,
            next: layout.cache().start,
            translations: Vec::with_capacity(FORESEEN),
            logged: Vec::with_capacity(2 * FORESEEN),
            heads: AddressMap::default(),
            retired: AddressMap::default(),
            exits: Exits::with_room(4 * FORESEEN),
            waiting: Waiting::with_room(FORESEEN),
            checks: AddressMap::default(),
            listed: AddressSet::default(),
            ahead: Ahead::default(),
            unknown: 0,
            ways: Ways::default(),
            pages: BTreeMap::new(),
            buffer: Vec::new(),
        };
        cache.clear(memory)?;
        Ok(cache)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// None in practice.
    pub fn clear(&mut self, memory: &mut SharedMemory) -> Emitted {
        self.next = self.layout.cache().start;
        self.translations.clear();
        self.logged.clear();
        self.heads.clear();
        self.retired.clear();
        self.exits.clear();
        self.waiting.clear();
        self.checks.clear();
        self.listed.clear();
        self.pages.clear();
        self.ways.clear();
        self.unknown = self.write(memory, |emitter| {
            emitter.trap()?;
            Ok(())
        })?;
        self.exits.place(self.unknown, Exit::Unknown);
        let judge = self.write(memory, Emitter::judge)?;
        self.ways.judge = judge..self.next;
        let table = self.unknown.to_le_bytes().repeat(TABLE_ENTRIES);
        memory.write(TABLE, &table);
        Ok(())
    }

    /// Whether another translation may not fit.
    pub fn is_full(&self) -> bool {
        self.next + 2 * MOST > self.layout.cache().end
    }

    /// Where the translation of program address `pc` begins.
    pub fn head(&self, pc: u64) -> Option<u64> {
        self.heads.get(&pc).map(|head| head.at)
    }

    /// Whether the code that begins at `head` is an exit to single-stepping.
    pub fn is_stepped(&self, head: u64) -> bool {
        matches!(self.exits.get(head), Some(Exit::Stepped(_)))
    }

    /// The block with this id, if a translation logs it.
    pub fn by_id(&self, id: u32) -> Option<Arc<Prepared>> {
        self.logged.get(id as usize).cloned().flatten()
    }

    /// The block with this id, if its translation may be part of a superblock.
    pub fn part(&self, id: u32) -> Option<Arc<Prepared>> {
        self.by_id(id).filter(|prepared| {
            let head = self.heads.get(&prepared.block.start());
            head.is_some_and(|head| head.id == Some(id)) && !prepared.changeable
        })
    }

    /// What an `int3` at `address` means.
    pub fn exit(&self, address: u64) -> Option<Exit> {
        self.exits.get(address)
    }

    /// The translation whose code holds `address`.
    pub fn find(&self, address: u64) -> Option<&Translation> {
        let after = self.translations.partition_point(|t| t.head <= address);
        let found = self.translations.get(after.checked_sub(1)?)?;
        (address < found.end).then_some(found)
    }

    /// Writes code that is no block's; where it begins.
    fn write(
        &mut self,
        memory: &mut SharedMemory,
        emit: impl FnOnce(&mut Emitter) -> Emitted,
    ) -> Emitted<u64> {
        let start = self.next;
        let emitter = &mut self.writer.emitter;
        emitter.begin(start, std::mem::take(&mut self.buffer));
        emit(emitter)?;
        let code = emitter.finish();
        self.place(memory, start, code);
        Ok(start)
    }

    fn place(&mut self, memory: &mut SharedMemory, start: u64, code: Vec<u8>) {
        memory.write((start - self.layout.base) as usize, &code);
        self.next = (start + code.len() as u64).next_multiple_of(16);
        self.buffer = code;
    }

    /// Translates a block; where it begins.
    ///
    /// # Errors
    /// [`Unencodable`].
    pub fn add(
        &mut self,
        prepared: &Arc<Prepared>,
        decoded: Option<&[Instruction]>,
        memory: &mut SharedMemory,
    ) -> Emitted<u64> {
        if prepared.bulk(0).is_some() {
            return self.add_string(prepared, memory);
        }
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.writer.block(prepared, &[], decoded, self.next, buffer)?;
        Ok(self.take_up(prepared, &[], written, Some(prepared.id), memory))
    }

    /// Translates a repeated string instruction that stores.
    fn add_string(&mut self, prepared: &Arc<Prepared>, memory: &mut SharedMemory) -> Emitted<u64> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.writer.block(prepared, &[], None, self.next, buffer)?;
        let long = self.keep(written, memory);
        let buffer = std::mem::take(&mut self.buffer);
        let short = self.writer.short_string(prepared, long, self.next, buffer);
        let head = short.map_or(long, |written| self.keep(written, memory));
        self.note_logged(prepared);
        Ok(self.admit(prepared.block.start(), head, Some(prepared.id), memory))
    }

    /// Translates a superblock, in place of the block it begins with: from now on
    /// that one's translation is but a jump.
    ///
    /// # Errors
    /// [`Unencodable`].
    pub fn add_superblock(&mut self, joined: &Superblock, memory: &mut SharedMemory) -> Emitted {
        let start = joined.whole.block.start();
        let before = self.head(start);
        let block = self.heads.get(&start).and_then(|head| head.id);
        let (whole, prefixes) = (&joined.whole, &joined.prefixes);
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.writer.block(whole, prefixes, None, self.next, buffer)?;
        let head = self.take_up(whole, prefixes, written, block, memory);
        for part in &joined.parts {
            let block = &part.block;
            for page in [block.start() >> 12, block.end().saturating_sub(1) >> 12] {
                self.note_page(page, start);
            }
        }
        if let Some(before) = before.filter(|before| *before != head) {
            self.redirect(before, head, memory);
        }
        Ok(())
    }

    /// Takes up the translation of a block, or of a superblock with its prefixes; where
    /// it begins.
    fn take_up(
        &mut self,
        prepared: &Arc<Prepared>,
        prefixes: &[Arc<Prepared>],
        written: Written,
        block: Option<u32>,
        memory: &mut SharedMemory,
    ) -> u64 {
        let head = self.keep(written, memory);
        prefixes.iter().chain([prepared]).for_each(|logged| self.note_logged(logged));
        self.ahead.call(prepared);
        self.admit(prepared.block.start(), head, block, memory)
    }

    /// Takes up a translation; where it begins.
    fn keep(&mut self, written: Written, memory: &mut SharedMemory) -> u64 {
        let Written { translation, code, links, changed } = written;
        let (head, block) = (translation.head, &translation.prepared.block);
        let (pc, end) = (block.start(), block.end());
        self.place(memory, head, code);
        self.note_page(end.saturating_sub(1) >> 12, pc);
        self.translations.push(translation);
        changed.into_iter().for_each(|trap| self.exits.place(trap, Exit::Changed(pc)));
        let others = links.iter().filter(|link| !link.bulk).count() > 1;
        for link in links {
            if self.link(link, memory) {
                self.ahead.jump(&link, end, others);
            }
        }
        head
    }

    fn note_logged(&mut self, prepared: &Arc<Prepared>) {
        let id = prepared.id as usize;
        if self.logged.len() <= id {
            self.logged.resize(id + 1, None);
        }
        self.logged[id] = Some(Arc::clone(prepared));
    }

    /// Gives `pc` an exit in place of a translation: it is stepped.
    ///
    /// # Errors
    /// None in practice.
    pub fn add_stepped(&mut self, pc: u64, memory: &mut SharedMemory) -> Emitted<u64> {
        let head = match self.retired.get(&pc) {
            Some(head) => *head,
            None => self.write(memory, Emitter::trap)?,
        };
        self.exits.set_head(head, Exit::Stepped(pc));
        Ok(self.admit(pc, head, None, memory))
    }

    /// Gives the `syscall` that `prepared` is a way to one of the cache's.
    ///
    /// # Errors
    /// None in practice.
    pub fn add_syscall(&mut self, prepared: &Prepared, memory: &mut SharedMemory) -> Emitted<u64> {
        let (head, pc) = (self.next, prepared.block.start());
        self.writer.emitter.begin(head, std::mem::take(&mut self.buffer));
        let (way, links) = self.writer.system_call(prepared, self.ways.judge.start)?;
        let code = self.writer.emitter.finish();
        self.place(memory, head, code);
        self.exits.place(way.call - ASK_BYTES, Exit::Calling(pc));
        self.exits.place(way.call + CALL_BYTES, Exit::Called(pc));
        self.ways.push(way);
        let mut waiting = false;
        links.iter().for_each(|link| waiting |= self.link(*link, memory));
        if let Some(link) = links.first().filter(|_| waiting) {
            self.ahead.jump(link, prepared.block.end(), false);
        }
        Ok(self.admit(pc, head, None, memory))
    }
}
