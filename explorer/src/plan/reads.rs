//! What an instruction reads from memory, by its bytes: nothing of that is logged.

use iced_x86::{
    Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, Register, UsedMemory,
};
use rdb_schema::effects::{Address, Extend, Form, Segment};
use rdb_schema::registers::Gpr;

/// A read of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Where; of a repeated string instruction the first element.
    pub address: Address,
    /// How many bytes; of a repeated string instruction those of one element.
    pub bytes: u16,
    /// Whether it is repeated.
    pub repeated: bool,
}

/// The reads of the instruction in `code` at `address`. Those whose places depend
/// on vectors (gathers), or whose extent on the CPU (xrstor), are left out.
pub fn reads(code: &[u8], address: u64, factory: &mut InstructionInfoFactory) -> Vec<Read> {
    let instruction = Decoder::with_ip(64, code, address, DecoderOptions::NONE).decode();
    if instruction.is_invalid() {
        return Vec::new();
    }
    let info = factory.info(&instruction);
    info.used_memory().iter().filter_map(|used| read(&instruction, used)).collect()
}

fn read(instruction: &Instruction, used: &UsedMemory) -> Option<Read> {
    let reads = [OpAccess::Read, OpAccess::CondRead, OpAccess::ReadWrite, OpAccess::ReadCondWrite];
    if !reads.contains(&used.access()) {
        return None;
    }
    let gpr = |register: Register| match register {
        Register::None | Register::RIP | Register::EIP => Some(None),
        register if register.is_gpr64() || register.is_gpr32() => {
            Gpr::new(register.number() as u8).map(Some)
        }
        _ => None,
    };
    let wide = ![used.base(), used.index()].iter().any(|register| register.is_gpr32());
    let form = Form {
        base: gpr(used.base())?,
        index: gpr(used.index())?,
        scale: used.scale() as u8,
        disp: used.displacement() as i64,
        width: if wide { 8 } else { 4 },
        extend: Extend::Zero,
    };
    let segment = match used.segment() {
        Register::FS => Some(Segment::Fs),
        Register::GS => Some(Segment::Gs),
        _ => None,
    };
    let repeated = instruction.is_string_instruction()
        && (instruction.has_rep_prefix() || instruction.has_repne_prefix());
    // Of a repeated one, the extent of all elements is not known beforehand.
    let size = if repeated { instruction.memory_size() } else { used.memory_size() };
    let bytes = u16::try_from(size.size()).ok().filter(|bytes| *bytes > 0)?;
    Some(Read { address: Address { form, segment }, bytes, repeated })
}
