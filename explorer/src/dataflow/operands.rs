//! The operands of an instruction that was executed, as bytes of the states around it.

use super::elements::scalar_bytes;
use super::{Flow, Place, Source, Span};
use iced_x86::{
    EncodingKind, Instruction, InstructionInfo, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register,
};
use rdb_schema::registers::{Gpr, Registers, VECTOR_BYTES};

/// An instruction and the registers around its execution.
pub struct Moment<'a> {
    /// The instruction.
    pub instruction: &'a Instruction,
    /// The registers it found.
    pub before: &'a Registers,
    /// The registers it left.
    pub after: &'a Registers,
    memory: Option<[Memory<'a>; 2]>,
    info: InstructionInfo,
}

/// What memory holds at an address, so many bytes; `None` if that is not known.
pub type Memory<'a> = &'a dyn Fn(u64, u32) -> Option<Vec<u8>>;

/// What bytes hold in a state.
fn read(span: &Span, registers: &Registers, memory: Option<Memory<'_>>) -> Option<Vec<u8>> {
    match span.place {
        Place::Memory(address) => memory?(address, span.length),
        _ => span.read(registers),
    }
}

impl<'a> Moment<'a> {
    /// An instruction executed between these states.
    pub fn new(instruction: &'a Instruction, before: &'a Registers, after: &'a Registers) -> Self {
        let info = InstructionInfoFactory::new().info(instruction).clone();
        Self { instruction, before, after, memory: None, info }
    }

    /// The same, that may look at memory before and after it.
    pub fn with_memory(self, before: Memory<'a>, after: Memory<'a>) -> Self {
        Self { memory: Some([before, after]), ..self }
    }

    /// What bytes held before it.
    pub(super) fn held(&self, span: &Span) -> Option<Vec<u8>> {
        read(span, self.before, self.memory.map(|[before, _]| before))
    }

    /// What bytes hold after it.
    pub(super) fn held_after(&self, span: &Span) -> Option<Vec<u8>> {
        read(span, self.after, self.memory.map(|[_, after]| after))
    }

    pub(super) fn mnemonic(&self) -> Mnemonic {
        self.instruction.mnemonic()
    }

    pub(super) fn count(&self) -> u32 {
        self.instruction.op_count()
    }

    fn access(&self, operand: u32) -> OpAccess {
        self.info.try_op_access(operand).unwrap_or(OpAccess::None)
    }

    /// The operand's register, if it is one.
    pub(super) fn register(&self, operand: u32) -> Option<Register> {
        let is = self.kind(operand)? == OpKind::Register;
        is.then(|| self.instruction.op_register(operand))
    }

    pub(super) fn kind(&self, operand: u32) -> Option<OpKind> {
        (operand < self.count()).then(|| self.instruction.op_kind(operand))
    }

    /// The registers it writes, or may.
    pub(super) fn written_registers(&self) -> impl Iterator<Item = Register> {
        let reads = [OpAccess::Read, OpAccess::CondRead, OpAccess::NoMemAccess, OpAccess::None];
        let used = self.info.used_registers().iter();
        used.filter(move |used| !reads.contains(&used.access())).map(|used| used.register())
    }

    /// The value of an immediate operand.
    pub(super) fn immediate(&self, operand: u32) -> Option<u64> {
        self.kind(operand)?;
        self.instruction.try_immediate(operand).ok()
    }

    /// The bytes of an operand: a register, or memory.
    pub(super) fn span(&self, operand: u32) -> Option<Span> {
        if let Some(register) = self.register(operand) {
            return Span::register(register);
        }
        let address = self.address(operand)?;
        let length = self.instruction.memory_size().size() as u32;
        (length > 0).then(|| Span::memory(address, length))
    }

    /// The bytes of its first operand.
    pub fn result(&self) -> Option<Span> {
        self.span(0)
    }

    /// The address of a memory operand, of which scattered ones have several.
    pub(super) fn address(&self, operand: u32) -> Option<u64> {
        if !is_memory(self.kind(operand)?) || self.instruction.is_vsib() {
            return None;
        }
        let popping =
            self.mnemonic() == Mnemonic::Pop && self.instruction.memory_base() == Register::RSP;
        // pop [rsp + x] finds rsp incremented (Intel SDM vol. 2, POP).
        let registers = if popping { self.after } else { self.before };
        self.instruction.virtual_address(operand, 0, |register, _, _| value(registers, register))
    }

    /// Bytes `from` that an operand, a register or memory, gets: and zeros above it,
    /// where writing it means that.
    pub(super) fn write(&self, operand: u32, source: Source) -> Vec<Flow> {
        let Some(to) = self.span(operand) else { return Vec::new() };
        let mut flows = vec![Flow { to, source }];
        flows.extend(self.register(operand).and_then(|register| self.above(register)));
        flows
    }

    /// The bytes above a register that become zero when it is written: of a general
    /// register's lower half (Intel SDM vol. 1, 3.4.1.1), and of vectors with VEX.
    pub(super) fn above(&self, register: Register) -> Option<Flow> {
        let all = match () {
            () if register.is_gpr32() => 8,
            () if register.is_vector_register()
                && self.instruction.encoding() != EncodingKind::Legacy =>
            {
                VECTOR_BYTES as u32
            }
            () => return None,
        };
        let own = Span::register(register)?;
        let rest = all.checked_sub(own.length).filter(|rest| *rest > 0)?;
        Some(Flow { to: own.part(own.length, rest), source: Source::Extension })
    }

    /// What the instruction reads for its results: registers and memory, without those
    /// that only make addresses.
    pub(super) fn reads(&self) -> Vec<Span> {
        let explicit = (0..self.count()).filter(|operand| {
            let access = self.access(*operand);
            is_read(access) && self.register(*operand) != Some(Register::RIP)
        });
        let mut spans: Vec<Span> = explicit.filter_map(|operand| self.span(operand)).collect();
        for used in self.info.used_registers() {
            let register = used.register();
            if is_read(used.access()) && !self.is_address(register) && !self.is_operand(register) {
                spans.extend(Span::register(register));
            }
        }
        for used in self.info.used_memory() {
            if is_read(used.access()) && self.instruction.is_vsib() {
                spans.extend(self.gathered());
            }
        }
        if let Some(bytes) = scalar_bytes(self.mnemonic()) {
            spans.iter_mut().for_each(|span| span.length = span.length.min(bytes));
        }
        spans.dedup();
        spans
    }

    /// What the instruction writes; zeros above it not counted.
    pub(super) fn written(&self) -> Vec<(Span, Option<Register>)> {
        let explicit = (0..self.count()).filter(|operand| is_write(self.access(*operand)));
        let with = |operand| Some((self.span(operand)?, self.register(operand)));
        let mut spans: Vec<_> = explicit.filter_map(with).collect();
        for used in self.info.used_registers() {
            let register = used.register();
            let moves = register == Register::RSP && self.instruction.is_stack_instruction();
            if is_write(used.access()) && !moves && !self.is_result(register) {
                spans.extend(Span::register(register).map(|span| (span, Some(register))));
            }
        }
        spans
    }

    /// The registers that make the addresses of what it reads.
    pub(super) fn is_address(&self, register: Register) -> bool {
        let full = register.full_register();
        let instruction = self.instruction;
        let makes = [instruction.memory_base(), instruction.memory_index()];
        let implied = full == Register::RSP && instruction.is_stack_instruction();
        let lea = self.mnemonic() == Mnemonic::Lea;
        implied || (!lea && makes.iter().any(|made| made.full_register() == full))
    }

    /// Whether a register, or a part of it, is an operand by name.
    fn is_operand(&self, register: Register) -> bool {
        self.operands_of(register).next().is_some()
    }

    /// Whether a register, or a part of it, is written as an operand by name: `mul rdx` names
    /// rdx, and writes it for another reason.
    fn is_result(&self, register: Register) -> bool {
        self.operands_of(register).any(|operand| is_write(self.access(operand)))
    }

    /// The operands that are a register, or a part of it.
    fn operands_of(&self, register: Register) -> impl Iterator<Item = u32> {
        let full = register.full_register();
        let is = move |own: Register| own.full_register() == full;
        (0..self.count()).filter(move |at| self.register(*at).is_some_and(is))
    }

    /// The elements that a gather loads.
    fn gathered(&self) -> Vec<Span> {
        let size = self.instruction.memory_size().element_size() as u32;
        let register = self.instruction.memory_index();
        let bytes = if self.instruction.is_vsib64() { 8 } else { 4 };
        let address = |element: usize| {
            let get = |register: Register, element: usize, size: usize| {
                if !register.is_vector_register() {
                    return value(self.before, register);
                }
                let vector = self.before.vector.get(register.number())?;
                let index = vector.get(element * size..(element + 1) * size)?;
                let signed = match size {
                    4 => i64::from(i32::from_le_bytes(*index.first_chunk()?)),
                    _ => i64::from_le_bytes(*index.first_chunk()?),
                };
                Some(signed as u64)
            };
            let operand = (0..self.count()).find(|at| self.kind(*at) == Some(OpKind::Memory))?;
            self.instruction.virtual_address(operand, element, get)
        };
        let elements = register.size() / bytes;
        (0..elements).filter_map(address).map(|address| Span::memory(address, size)).collect()
    }

    /// The registers whose values make the addresses of what it loads.
    pub fn address_registers(&self) -> Vec<Span> {
        let loads = self.info.used_memory().iter().any(|used| is_read(used.access()));
        let instruction = self.instruction;
        let base = if instruction.is_string_instruction() {
            Register::RSI
        } else {
            instruction.memory_base()
        };
        let makes = [base, instruction.memory_index()];
        let registers = makes.into_iter().filter(|register| register.is_gpr() && loads);
        let framed = |register: &Register| {
            !matches!(register.full_register(), Register::RSP | Register::RBP)
        };
        registers.filter(framed).filter_map(Span::register).collect()
    }
}

/// A register for an address.
pub(super) fn value(registers: &Registers, register: Register) -> Option<u64> {
    match register {
        Register::FS => Some(registers.fs_base),
        Register::GS => Some(registers.gs_base),
        Register::ES | Register::CS | Register::SS | Register::DS => Some(0),
        _ => {
            let bytes = Span::register(register).filter(|_| register.is_gpr())?.read(registers)?;
            Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
        }
    }
}

/// The number of the general register that a register is a part of.
pub(super) fn gpr_number(register: Register) -> Option<usize> {
    register.is_gpr().then(|| register.full_register().number())
}

pub(super) fn gpr(registers: &Registers, register: Gpr) -> u64 {
    registers.gpr.get(register.index()).copied().unwrap_or_default()
}

fn is_memory(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::Memory
            | OpKind::MemorySegSI
            | OpKind::MemorySegESI
            | OpKind::MemorySegRSI
            | OpKind::MemorySegDI
            | OpKind::MemorySegEDI
            | OpKind::MemorySegRDI
            | OpKind::MemoryESDI
            | OpKind::MemoryESEDI
            | OpKind::MemoryESRDI
    )
}

/// Whether spans are the same register's bytes.
pub(super) fn is_register(span: &Span) -> bool {
    matches!(span.place, Place::Register(_))
}

fn is_read(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

fn is_write(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}
