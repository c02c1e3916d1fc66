//! Code as blocks: decoding what the program is about to execute, and finding
//! it again as long as its bytes have not changed.

use super::addresses::AddressMap;
use super::translate::{general_registers, may_change, registers_fit, runs_in_cache};
use crate::recording::Recording;
use crate::tracee::Memory;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use rdb_schema::block::{Block, MAX_INSTRUCTION_BYTES, MAX_INSTRUCTIONS};
use rdb_schema::effects::{Bulk, Effect, Effects, Kind, effects, kind_ends_block};
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

/// What the engine must do for one instruction, worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// What kind of instruction it is.
    pub kind: Kind,
    /// How to find its bulk stores.
    pub bulk: Option<Bulk>,
    /// It changes x87, vector, mask or PKRU state.
    pub extended: bool,
    /// It pushes the flags: a tracer's trap flag shows in memory.
    pub pushes_flags: bool,
    /// It pops the flags: single-stepping it would leave the tracer's trap flag
    /// to the program.
    pub pops_flags: bool,
    /// It traps as a single step does (int1).
    pub raises_trap: bool,
    /// Opaque, and it may write memory.
    pub writes_unknown: bool,
    /// A copy of it can run in the code cache.
    pub cached: bool,
    /// The general registers it names or uses, bit n for register n.
    pub general: u16,
    /// The kernel may emulate it and execute the next with it (UMIP).
    pub may_overrun: bool,
}

/// A block as the engine runs it.
#[derive(Debug)]
pub struct Prepared {
    /// Id in the dictionary.
    pub id: u32,
    /// The block.
    pub block: Arc<Block>,
    /// Per instruction.
    pub care: Vec<Care>,
    /// Its code may change without a syscall; then it ends behind each store.
    pub changeable: bool,
}

/// All code met so far.
pub struct Code {
    decoder: u32,
    cutting: Cutting,
    image: u64,
    current: AddressMap<Arc<Prepared>>,
    /// Every version of the code at an address.
    all: AddressMap<Vec<Arc<Prepared>>>,
}

impl Code {
    /// No code yet.
    pub fn new(amd: bool, cutting: Cutting) -> Self {
        // Some prefixes mean something else on AMD's CPUs.
        let decoder = if amd { DecoderOptions::AMD } else { DecoderOptions::NONE };
        Self {
            decoder,
            cutting,
            image: 0,
            current: AddressMap::default(),
            all: AddressMap::default(),
        }
    }

    /// The block at `pc`, as the program's memory has it now; a new one goes to the
    /// recording's dictionary.
    pub fn at(&mut self, pc: u64, rec: &mut Recording) -> Arc<Prepared> {
        let mut bytes = [0; MAX_BLOCK_BYTES];
        let changeable = self.cutting == Cutting::Cached
            && may_change(&rec.space, pc, pc.saturating_add(MAX_BLOCK_BYTES as u64));
        if let Some(known) = self.current.get(&pc)
            && known.changeable == changeable
        {
            let length = known.block.code().len();
            if rec.memory.read(pc, &mut bytes[..length]) && bytes[..length] == *known.block.code() {
                return Arc::clone(known);
            }
        }
        let length = read_code(pc, &rec.memory, &mut bytes);
        let prepared = self.decode(pc, &bytes[..length], changeable, rec);
        self.current.insert(pc, Arc::clone(&prepared));
        prepared
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
        self.current.clear();
    }

    fn decode(
        &mut self,
        pc: u64,
        bytes: &[u8],
        changeable: bool,
        rec: &mut Recording,
    ) -> Arc<Prepared> {
        let (block, care) = decode_block(pc, bytes, self.decoder, self.cutting, changeable);
        let versions = self.all.entry(pc).or_default();
        let is_same =
            |p: &&Arc<Prepared>| p.changeable == changeable && p.block.code() == block.code();
        if let Some(same) = versions.iter().find(is_same) {
            return Arc::clone(same);
        }
        let block = Arc::new(block);
        let id = rec.add_block(&block);
        let prepared = Arc::new(Prepared { id, block, care, changeable });
        versions.push(Arc::clone(&prepared));
        prepared
    }
}

/// Reads code from `pc` on, over a page boundary only if the next page is there.
fn read_code(pc: u64, memory: &Memory, bytes: &mut [u8; MAX_BLOCK_BYTES]) -> usize {
    let count = memory.read_some(pc, bytes);
    if count > 0 {
        return count;
    }
    // Execute-only pages.
    let in_page = (4096 - (pc % 4096) as usize).min(MAX_BLOCK_BYTES);
    if memory.read_forced(pc, &mut bytes[..in_page]) { in_page } else { 0 }
}

fn decode_block(
    pc: u64,
    bytes: &[u8],
    options: u32,
    cutting: Cutting,
    changeable: bool,
) -> (Block, Vec<Care>) {
    let mut block = Block::new(pc);
    let mut care = Vec::new();
    let mut decoder = Decoder::with_ip(64, bytes, pc, options);
    let mut instruction = Instruction::default();
    let mut registers = 0;
    while decoder.can_decode() && care.len() < MAX_INSTRUCTIONS {
        let start = decoder.position();
        decoder.decode_out(&mut instruction);
        let cut_off = instruction.is_invalid() && bytes.len() - start < MAX_INSTRUCTION_BYTES;
        if cut_off && !care.is_empty() {
            break;
        }
        let what = effects(&instruction);
        let own = Care::of(&instruction, &what);
        let mut alone = false;
        if cutting == Cutting::Cached {
            alone = !own.cached || own.kind == Kind::RepString;
            let row: usize = what.list.iter().map(Effect::slot_bytes).sum();
            registers |= own.general;
            let fits = block.row_bytes() + row <= MAX_CACHED_ROW && registers_fit(registers);
            if !care.is_empty() && (alone || !fits) {
                break;
            }
        }
        block.push(&bytes[start..decoder.position()], &what);
        care.push(own);
        alone |= changeable && what.list.iter().any(Effect::stores);
        if kind_ends_block(&instruction, what.kind) || alone {
            break;
        }
    }
    if care.is_empty() {
        let what = Effects { kind: Kind::Opaque, list: Vec::new(), bulk: None };
        block.push(&UNREADABLE, &what);
        care.push(Care::of(&Instruction::default(), &what));
    }
    (block, care)
}

impl Care {
    fn of(instruction: &Instruction, effects: &Effects) -> Self {
        let extended = |effect: &Effect| {
            matches!(
                effect,
                Effect::Vector { .. }
                    | Effect::ZeroVectors { .. }
                    | Effect::Mask { .. }
                    | Effect::VectorOf(_)
                    | Effect::MaskOf { .. }
                    | Effect::X87
                    | Effect::Mxcsr
                    | Effect::Pkru
            )
        };
        let mnemonic = instruction.mnemonic();
        let pushes = [Mnemonic::Pushfq, Mnemonic::Pushf, Mnemonic::Pushfd];
        Self {
            kind: effects.kind,
            bulk: effects.bulk,
            extended: effects.list.iter().any(extended),
            pops_flags: [Mnemonic::Popfq, Mnemonic::Popf, Mnemonic::Popfd].contains(&mnemonic),
            raises_trap: mnemonic == Mnemonic::Int1,
            pushes_flags: pushes.contains(&mnemonic),
            may_overrun: UMIP.contains(&mnemonic),
            writes_unknown: effects.kind == Kind::Opaque && !writes_no_memory(mnemonic),
            cached: runs_in_cache(instruction, effects),
            general: general_registers(instruction),
        }
    }
}

/// What user-mode instruction prevention covers (Intel SDM vol. 3, 2.5).
const UMIP: [Mnemonic; 5] =
    [Mnemonic::Sgdt, Mnemonic::Sidt, Mnemonic::Sldt, Mnemonic::Smsw, Mnemonic::Str];

/// Opaque instructions that change registers only.
fn writes_no_memory(mnemonic: Mnemonic) -> bool {
    const REGISTERS_ONLY: [Mnemonic; 16] = [
        Mnemonic::Xrstor,
        Mnemonic::Xrstor64,
        Mnemonic::Xrstors,
        Mnemonic::Xrstors64,
        Mnemonic::Fxrstor,
        Mnemonic::Fxrstor64,
        Mnemonic::Mov,
        Mnemonic::Int3,
        Mnemonic::Int1,
        Mnemonic::Ud0,
        Mnemonic::Ud1,
        Mnemonic::Ud2,
        Mnemonic::Hlt,
        Mnemonic::Iretq,
        Mnemonic::Iretd,
        Mnemonic::Jmp,
    ];
    REGISTERS_ONLY.contains(&mnemonic)
}
