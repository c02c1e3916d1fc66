//! Instructions in the making, with labels and places in data.

use super::elf::{FIXED_BASE, at};
use super::random::Random;
use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, Instruction, InstructionBlock, MemoryOperand, Register,
};

/// A place in code, by number: small ones, which no address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(u64);

/// Places in data, relative to [`at::DATA`].
pub mod place {
    /// What random instructions read and write: around a page boundary.
    pub const WINDOW: u64 = 0x1e00;
    /// Its length in bytes.
    pub const WINDOW_BYTES: u64 = 0x400;
    /// What is summed up at the end: the window and what lies next to it.
    pub const SUMMED: u64 = 0x1c00;
    /// Its length in bytes.
    pub const SUMMED_BYTES: u64 = 0x800;
    /// Small indexes for gathers and scatters, 64 bytes.
    pub const INDEXES: u64 = 0x3000;
    /// Counters of loops, 4 bytes each.
    pub const COUNTERS: u64 = 0x3100;
    /// How many more calls are made, 4 bytes.
    pub const FUEL: u64 = 0x3800;
    /// Faults handled, and the checksum of what their handler saw: 8 bytes each.
    pub const FAULTS: u64 = 0x3808;
    /// The sigaction of all signals.
    pub const ACTION: u64 = 0x3840;
    /// The final checksum.
    pub const CHECKSUM: u64 = 0x3880;
    /// Tables of code addresses, 8 bytes each.
    pub const TABLES: u64 = 0x3900;
    /// One past the last of them.
    pub const TABLES_END: u64 = 0x4800;
}

/// The general registers but rsp.
pub const GENERAL: [Register; 15] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RBX,
    Register::RBP,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// Code in the making.
pub struct Emitter {
    /// What it is made of.
    pub random: Random,
    instructions: Vec<Instruction>,
    labels: u64,
    /// The label that the next instruction bears.
    pending: Option<Label>,
    base: u64,
    counters: u64,
    table: u64,
    /// Entries of tables, filled when the program starts.
    pub entries: Vec<(u64, Label)>,
    /// Whether the program may write its code.
    pub writable_code: bool,
}

impl Emitter {
    /// An emitter without code yet.
    pub fn new(random: Random, movable: bool, writable_code: bool) -> Emitter {
        let base = if movable { 0 } else { FIXED_BASE };
        Emitter {
            random,
            instructions: Vec::new(),
            labels: 0,
            pending: None,
            base,
            counters: 0,
            table: place::TABLES,
            entries: Vec::new(),
            writable_code,
        }
    }

    /// Address of the first instruction.
    pub fn start(&self) -> u64 {
        self.base + at::CODE
    }

    /// Address of a place in data.
    pub fn data(&self, place: u64) -> u64 {
        self.base + at::DATA + place
    }

    /// Address of the table of instruction lengths.
    pub fn lengths(&self) -> u64 {
        self.base + at::LENGTHS
    }

    /// Appends an instruction.
    pub fn push(&mut self, mut instruction: Instruction) {
        instruction.set_ip(self.pending.take().map_or(0, |label| label.0));
        self.instructions.push(instruction);
    }

    /// Appends an instruction without operands.
    pub fn plain(&mut self, code: Code) {
        self.push(Instruction::with(code));
    }

    /// Appends an instruction as bytes: one that `iced-x86` would encode otherwise.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.push(Instruction::with_declare_byte(bytes).expect("1 to 16 bytes"));
    }

    /// A label, not placed yet.
    pub fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels)
    }

    /// Places a label here.
    pub fn place(&mut self, label: Label) {
        if self.pending.is_some() {
            self.plain(Code::Nopd);
        }
        self.pending = Some(label);
    }

    /// The code's bytes.
    pub fn encode(&mut self) -> Vec<u8> {
        if self.pending.is_some() {
            self.plain(Code::Nopd);
        }
        let block = InstructionBlock::new(&self.instructions, self.start());
        let encoded = BlockEncoder::encode(64, block, BlockEncoderOptions::NONE);
        encoded.expect("everything is in reach").code_buffer
    }

    /// Memory at a place in data, by an address relative to rip.
    pub fn at(&self, place: u64) -> MemoryOperand {
        self.at_address(self.data(place))
    }

    /// Memory at an address, relative to rip.
    pub fn at_address(&self, address: u64) -> MemoryOperand {
        MemoryOperand::with_base_displ(Register::RIP, address.cast_signed())
    }

    /// An instruction of two operands, the second in memory.
    pub fn load(&mut self, code: Code, register: Register, memory: MemoryOperand) {
        self.push(Instruction::with2(code, register, memory).expect("suiting operands"));
    }

    /// An instruction of two operands, the first in memory.
    pub fn store(&mut self, code: Code, memory: MemoryOperand, register: Register) {
        self.push(Instruction::with2(code, memory, register).expect("suiting operands"));
    }

    /// An instruction of a memory operand and an immediate.
    pub fn immediate(&mut self, code: Code, memory: MemoryOperand, value: i32) {
        self.push(Instruction::with2(code, memory, value).expect("suiting operands"));
    }

    /// An instruction of one memory operand.
    pub fn one(&mut self, code: Code, memory: MemoryOperand) {
        self.push(Instruction::with1(code, memory).expect("suiting operands"));
    }

    /// `lea register, [label]`.
    pub fn address_of(&mut self, register: Register, label: Label) {
        let memory = MemoryOperand::with_base_displ(Register::RIP, label.0.cast_signed());
        self.load(Code::Lea_r64_m, register, memory);
    }

    /// `lea register, [place]`.
    pub fn point(&mut self, register: Register, place: u64) {
        let memory = self.at(place);
        self.load(Code::Lea_r64_m, register, memory);
    }

    /// `mov register, value`, 64 bits.
    pub fn set(&mut self, register: Register, value: u64) {
        let set = Instruction::with2(Code::Mov_r64_imm64, register, value);
        self.push(set.expect("suiting operands"));
    }

    /// A branch to a label.
    pub fn branch(&mut self, code: Code, label: Label) {
        self.push(Instruction::with_branch(code, label.0).expect("a branch"));
    }

    /// A general register other than rsp.
    pub fn general(&mut self) -> Register {
        self.random.pick(&GENERAL)
    }

    /// A place in the window from which `bytes` can be read.
    pub fn somewhere(&mut self, bytes: u64) -> u64 {
        let mask = self.random.pick(&[!63, !63, !31, !15, !7, !0]);
        let place = place::WINDOW + self.random.below(place::WINDOW_BYTES - bytes.min(0x300));
        // Across the page boundary, now and then.
        if self.random.chance(4) { 0x2000 - 1 - self.random.below(8) } else { place & mask }
    }

    /// The place of a counter of its own; `None` when all are in use.
    pub fn counter(&mut self) -> Option<u64> {
        let place = place::COUNTERS + self.counters * 4;
        self.counters += 1;
        (place + 4 <= place::FUEL).then_some(place)
    }

    /// The place of a table of code addresses; `None` when there is no room.
    pub fn table(&mut self, labels: &[Label]) -> Option<u64> {
        let start = self.table;
        let end = start + labels.len() as u64 * 8;
        if end > place::TABLES_END {
            return None;
        }
        self.table = end;
        self.entries.extend((start..end).step_by(8).zip(labels.iter().copied()));
        Some(start)
    }
}
