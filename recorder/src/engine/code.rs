//! Code as blocks: decoding what the program is about to execute, and finding
//! it again as long as its bytes have not changed.

use super::addresses::AddressMap;
use super::care::Care;
use super::held_pages::{HeldPages, Lasts};
use super::known::Known;
use super::translate::{may_change, registers_fit};
use super::undefined;
use crate::recording::Recording;
use crate::tracee::Memory;
use iced_x86::{Decoder, DecoderOptions, Instruction};
use rdb_schema::block::{Assembly, Block, MAX_INSTRUCTION_BYTES, MAX_INSTRUCTIONS};
use rdb_schema::effects::{Bulk, Effect, Effects, Kind, kind_ends_block};
use rdb_schema::space::{AddressSpace, PROT_EXEC};
use std::sync::Arc;

/// Most code bytes read for one block.
const MAX_BLOCK_BYTES: usize = 256;

/// Stands for code that cannot be read (a jump to nowhere, vsyscall): a byte
/// that is no instruction in 64-bit mode.
const UNREADABLE: [u8; 1] = [0x06];

/// Longest row of a block that runs in the code cache: a record's length must
/// fit its header.
const MAX_CACHED_ROW: usize = 7000;

/// Where blocks are cut, besides at branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutting {
    /// Nowhere: each instruction is stepped.
    Stepped,
    /// Before and after what the code cache cannot run, and around repeated
    /// string instructions.
    Cached,
}

/// A block as the engine runs it.
#[derive(Debug)]
pub struct Prepared {
    /// Id in the dictionary.
    pub id: u32,
    /// The block.
    pub block: Arc<Block>,
    /// Per instruction.
    pub care: Box<[Care]>,
    /// How to find bulk stores, of the instructions (by index) that have such.
    pub bulks: Box<[(usize, Bulk)]>,
    /// Its code may change without a syscall; then it ends behind each store.
    pub changeable: bool,
}

impl Prepared {
    /// How to find the bulk stores of instruction `index`.
    pub fn bulk(&self, index: usize) -> Option<&Bulk> {
        self.bulks.iter().find(|(at, _)| *at == index).map(|(_, bulk)| bulk)
    }
}

/// All code met so far.
pub struct Code {
    decoder: u32,
    known: Known,
    cutting: Cutting,
    image: u64,
    /// The pages that code is read from.
    pub pages: HeldPages,
    current: AddressMap<Arc<Prepared>>,
    /// What was at an address before.
    older: AddressMap<Vec<Arc<Prepared>>>,
    draft: Draft,
}

/// A block in the making.
#[derive(Default)]
struct Draft {
    assembly: Assembly,
    care: Vec<Care>,
    bulks: Vec<(usize, Bulk)>,
    /// Decoded; none where there is no code.
    instructions: Vec<Instruction>,
}

impl Code {
    /// No code yet.
    pub fn new(amd: bool, cutting: Cutting) -> Self {
        // Some prefixes mean something else on AMD's CPUs.
        let decoder = if amd { DecoderOptions::AMD } else { DecoderOptions::NONE };
        Self {
            decoder,
            known: Known::new(undefined::of_this_cpu()),
            cutting,
            image: 0,
            pages: HeldPages::default(),
            current: AddressMap::default(),
            older: AddressMap::default(),
            draft: Draft::default(),
        }
    }

    /// The block at `pc`, as the program's memory has it now; a new one goes to the
    /// recording's dictionary.
    pub fn at(&mut self, pc: u64, rec: &mut Recording) -> Arc<Prepared> {
        let mut bytes = [0; MAX_BLOCK_BYTES];
        let changeable = self.cutting == Cutting::Cached
            && may_change(&rec.space, pc, pc.saturating_add(MAX_BLOCK_BYTES as u64));
        let lasts = match self.cutting {
            // Without a code cache, nobody says what changed.
            Cutting::Cached if rec.own.is_empty() => Lasts::Never,
            Cutting::Cached if changeable => Lasts::Burst,
            Cutting::Cached => Lasts::Long,
            Cutting::Stepped => Lasts::Never,
        };
        let most = match self.cutting {
            Cutting::Cached => executable_bytes(&rec.space, pc),
            Cutting::Stepped => MAX_BLOCK_BYTES,
        };
        if let Some(known) = self.current.get(&pc)
            && known.changeable == changeable
            && known.block.code().len() <= most
        {
            let part = &mut bytes[..known.block.code().len()];
            let read = self.pages.read_some(pc, lasts, &rec.memory, part) == part.len()
                || rec.memory.read(pc, part);
            if read && *part == *known.block.code() {
                return Arc::clone(known);
            }
        }
        let length = read_code(pc, lasts, &mut self.pages, &rec.memory, &mut bytes);
        let prepared = self.decode(pc, &bytes[..length], most, changeable, rec);
        if let Some(before) = self.current.insert(pc, Arc::clone(&prepared)) {
            self.keep(before);
        }
        prepared
    }

    fn keep(&mut self, before: Arc<Prepared>) {
        let versions = self.older.entry(before.block.start()).or_default();
        if !versions.iter().any(|version| version.id == before.id) {
            versions.push(before);
        }
    }

    /// The instructions of `block`, if it is the one decoded last.
    pub fn decoded(&self, block: &Block) -> Option<&[Instruction]> {
        let draft = &self.draft;
        let is_that = draft.assembly.start() == block.start() && draft.code() == block.code();
        let whole = draft.instructions.len() == block.instructions().len();
        (is_that && whole).then_some(&draft.instructions)
    }

    /// The options that the CPU's vendor asks of a decoder.
    pub fn decoder_options(&self) -> u32 {
        self.decoder
    }

    /// Which program image this is: 0 for the first.
    pub fn image(&self) -> u64 {
        self.image
    }

    /// Forgets which code is where: the program was replaced.
    pub fn forget(&mut self) {
        self.image += 1;
        self.pages.clear();
        for (_, before) in std::mem::take(&mut self.current) {
            self.keep(before);
        }
    }

    fn decode(
        &mut self,
        pc: u64,
        bytes: &[u8],
        fetched: usize,
        changeable: bool,
        rec: &mut Recording,
    ) -> Arc<Prepared> {
        self.decode_block(pc, bytes, fetched, changeable);
        let draft = &self.draft;
        let is_same =
            |p: &&Arc<Prepared>| p.changeable == changeable && p.block.code() == draft.code();
        let current = self.current.get(&pc);
        let versions = self.older.get(&pc).into_iter().flatten();
        if let Some(same) = current.into_iter().chain(versions).find(is_same) {
            return Arc::clone(same);
        }
        let block = Arc::new(draft.assembly.finish());
        let (care, bulks) = (draft.care.as_slice().into(), draft.bulks.as_slice().into());
        let id = rec.add_block(&block);
        Arc::new(Prepared { id, block, care, bulks, changeable })
    }

    /// Decodes the block at `pc`, of which `bytes` are the code, into the draft; as far
    /// as the CPU fetches it, or one instruction.
    fn decode_block(&mut self, pc: u64, bytes: &[u8], fetched: usize, changeable: bool) {
        let mut decoder = Decoder::with_ip(64, bytes, pc, self.decoder);
        let mut instruction = Instruction::default();
        let mut registers = 0;
        let draft = &mut self.draft;
        draft.begin(pc);
        while decoder.can_decode() && draft.care.len() < MAX_INSTRUCTIONS {
            let start = decoder.position();
            decoder.decode_out(&mut instruction);
            let cut_off = instruction.is_invalid() && bytes.len() - start < MAX_INSTRUCTION_BYTES;
            if cut_off && !draft.care.is_empty() {
                break;
            }
            let code = &bytes[start..decoder.position()];
            let (what, mut own) = self.known.of(&instruction, code, &decoder);
            own.cached &= decoder.position() <= fetched;
            let mut alone = false;
            if self.cutting == Cutting::Cached {
                alone = !own.cached || own.kind == Kind::RepString;
                let row: usize = what.list.iter().map(Effect::slot_bytes).sum();
                registers |= own.general;
                let row = draft.assembly.row_bytes() + row;
                let fits = row <= MAX_CACHED_ROW && registers_fit(registers);
                if !draft.care.is_empty() && (alone || !fits) {
                    break;
                }
            }
            draft.push(code, what, own);
            draft.instructions.push(instruction);
            alone |= changeable && what.list.iter().any(Effect::stores);
            if kind_ends_block(&instruction, what.kind) || alone {
                break;
            }
        }
        if draft.care.is_empty() {
            let what = Effects { kind: Kind::Opaque, list: Vec::new(), bulk: None };
            draft.push(&UNREADABLE, &what, Care::of(&Instruction::default(), &what, 0));
        }
    }
}

impl Draft {
    fn begin(&mut self, pc: u64) {
        self.assembly.begin(pc);
        self.care.clear();
        self.bulks.clear();
        self.instructions.clear();
    }

    fn push(&mut self, code: &[u8], what: &Effects, care: Care) {
        self.assembly.push(code, what);
        self.bulks.extend(what.bulk.map(|bulk| (self.care.len(), bulk)));
        self.care.push(care);
    }

    fn code(&self) -> &[u8] {
        self.assembly.code()
    }
}

/// Whether the CPU fetches instructions from `address`.
pub fn is_executable(space: &AddressSpace, address: u64) -> bool {
    space.find(address).is_some_and(|mapping| mapping.protection & PROT_EXEC != 0)
}

/// Bytes of a block's code from `pc` on that the CPU fetches; as many as there may be
/// where it fetches none, and faults.
fn executable_bytes(space: &AddressSpace, pc: u64) -> usize {
    let end = pc.saturating_add(MAX_BLOCK_BYTES as u64);
    let mut at = pc;
    while at < end
        && let Some(mapping) = space.find(at).filter(|m| m.protection & PROT_EXEC != 0)
    {
        at = mapping.end;
    }
    if at == pc { MAX_BLOCK_BYTES } else { (at.min(end) - pc) as usize }
}

/// Reads code from `pc` on, over a page boundary only if the next page is there.
fn read_code(
    pc: u64,
    lasts: Lasts,
    pages: &mut HeldPages,
    memory: &Memory,
    bytes: &mut [u8; MAX_BLOCK_BYTES],
) -> usize {
    let count = pages.read_some(pc, lasts, memory, bytes);
    if count > 0 {
        return count;
    }
    // Execute-only pages.
    let in_page = (4096 - (pc % 4096) as usize).min(MAX_BLOCK_BYTES);
    if memory.read_forced(pc, &mut bytes[..in_page]) { in_page } else { 0 }
}
