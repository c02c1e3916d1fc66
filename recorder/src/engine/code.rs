//! Code as blocks: decoding what the program is about to execute, and finding
//! it again as long as its bytes have not changed.

use crate::tracee::Memory;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use rdb_schema::block::{Block, MAX_INSTRUCTION_BYTES, MAX_INSTRUCTIONS};
use rdb_schema::chunk::Dictionary;
use rdb_schema::effects::{Bulk, Effect, Effects, Kind, effects, ends_block};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Most code bytes read for one block.
const MAX_BLOCK_BYTES: usize = 256;

/// Stands for code that cannot be read (a jump to nowhere, vsyscall): a byte
/// that is no instruction in 64-bit mode.
const UNREADABLE: [u8; 1] = [0x06];

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
    /// The kernel may emulate it and execute the next with it (UMIP).
    pub may_overrun: bool,
}

/// A block as the engine runs it.
#[derive(Debug)]
pub struct Prepared {
    /// Id in the dictionary.
    pub id: u32,
    /// The block.
    pub block: Block,
    /// Per instruction.
    pub care: Vec<Care>,
}

/// All code met so far.
pub struct Code {
    dictionary: Arc<RwLock<Dictionary>>,
    decoder: u32,
    current: HashMap<u64, Arc<Prepared>>,
    /// Every version of the code at an address.
    all: HashMap<u64, Vec<Arc<Prepared>>>,
}

impl Code {
    /// No code yet; new blocks go to `dictionary`.
    pub fn new(dictionary: Arc<RwLock<Dictionary>>, amd: bool) -> Self {
        // Some prefixes mean something else on AMD's CPUs.
        let decoder = if amd { DecoderOptions::AMD } else { DecoderOptions::NONE };
        Self { dictionary, decoder, current: HashMap::new(), all: HashMap::new() }
    }

    /// The block at `pc`, as the program's memory has it now.
    pub fn at(&mut self, pc: u64, memory: &Memory) -> Arc<Prepared> {
        let mut bytes = [0; MAX_BLOCK_BYTES];
        if let Some(known) = self.current.get(&pc) {
            let length = known.block.code().len();
            if memory.read(pc, &mut bytes[..length]) && bytes[..length] == *known.block.code() {
                return Arc::clone(known);
            }
        }
        let length = read_code(pc, memory, &mut bytes);
        let prepared = self.decode(pc, &bytes[..length]);
        self.current.insert(pc, Arc::clone(&prepared));
        prepared
    }

    /// Forgets which code is where: the program was replaced.
    pub fn forget(&mut self) {
        self.current.clear();
    }

    fn decode(&mut self, pc: u64, bytes: &[u8]) -> Arc<Prepared> {
        let (block, care) = decode_block(pc, bytes, self.decoder);
        let versions = self.all.entry(pc).or_default();
        if let Some(same) = versions.iter().find(|p| p.block.code() == block.code()) {
            return Arc::clone(same);
        }
        let mut dictionary = self.dictionary.write().unwrap_or_else(PoisonError::into_inner);
        let id = dictionary.push(block.clone());
        let prepared = Arc::new(Prepared { id, block, care });
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

fn decode_block(pc: u64, bytes: &[u8], options: u32) -> (Block, Vec<Care>) {
    let mut block = Block::new(pc);
    let mut care = Vec::new();
    let mut decoder = Decoder::with_ip(64, bytes, pc, options);
    let mut instruction = Instruction::default();
    while decoder.can_decode() && care.len() < MAX_INSTRUCTIONS {
        let start = decoder.position();
        decoder.decode_out(&mut instruction);
        let cut_off = instruction.is_invalid() && bytes.len() - start < MAX_INSTRUCTION_BYTES;
        if cut_off && !care.is_empty() {
            break;
        }
        let what = effects(&instruction);
        block.push(&bytes[start..decoder.position()], &what);
        care.push(Care::of(&instruction, &what));
        if ends_block(&instruction) || what.kind == Kind::Opaque {
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
