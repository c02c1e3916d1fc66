//! Registers before the step, such that memory operands lie in the scratch data.

use super::child::{CODE, SCRATCH, SCRATCH_BYTES};
use super::generate::{Candidate, decode};
use super::random::Random;
use iced_x86::{Decoder, Instruction, Mnemonic, OpKind, Register};
use rdb_schema::registers::{Registers, STATUS_FLAGS};

const NOP: u8 = 0x90;

/// The encoding (its displacement patched where that alone is the address),
/// what it decodes to, and the registers to run it with.
pub fn place(
    random: &mut Random,
    candidate: &Candidate,
) -> Option<([u8; 15], Instruction, Registers)> {
    let mut bytes = candidate.bytes;
    let mut instruction = candidate.instruction;
    let mut registers = contents(random);
    if instruction.mnemonic() == Mnemonic::Clzero {
        registers.gpr[0] = target(random);
    }
    if instruction.mnemonic() == Mnemonic::Wrpkru {
        registers.gpr[..3].copy_from_slice(&[0xf0, 0, 0]);
    }
    if bit_offset(&instruction) {
        let offset = random.below(8192) as i64 - 4096;
        set(&mut registers, instruction.op1_register(), offset as u64);
    }
    if instruction.op_kinds().any(|kind| kind == OpKind::Memory) {
        let target = target(random).wrapping_sub(segment_base(&instruction, &registers));
        if instruction.is_vsib() {
            small_indexes(random, &instruction, &mut registers);
        }
        let base = instruction.memory_base();
        if base.is_gpr() || instruction.memory_index().is_gpr() {
            aim(random, &instruction, target, &mut registers);
        } else {
            patch(&mut bytes, &instruction, target)?;
            instruction = decode(&bytes);
        }
    }
    // Where a hypervisor (pause) or the kernel (sgdt and others under UMIP) acts
    // for the CPU, a step covers the following instruction too.
    bytes[instruction.len()..].fill(NOP);
    Some((bytes, instruction, registers))
}

/// Random contents that rarely fault: stack, string and frame pointers are in
/// the scratch data.
fn contents(random: &mut Random) -> Registers {
    let mut r = Registers::default();
    for gpr in &mut r.gpr {
        *gpr = if random.chance(30) { target(random) } else { random.value() };
    }
    for pointer in [4, 5, 6, 7] {
        r.gpr[pointer] = target(random);
    }
    if random.chance(80) {
        r.gpr[1] = random.below(20);
    }
    r.rflags = 0x202 | random.next() & (STATUS_FLAGS | 1 << 10);
    (r.fs_base, r.gs_base) = (random.below(4096) * 8, random.below(4096) * 8);
    for vector in &mut r.vector {
        random.fill(vector);
    }
    r.mask = std::array::from_fn(|_| random.next() & random.next());
    let sticky = if random.chance(50) { random.below(64) } else { 0 };
    // Of flush-to-zero, rounding, denormals-are-zero mostly none.
    let control = if random.chance(50) { random.next() & 0xe040 } else { 0 };
    r.mxcsr = 0x1f80 | (control | sticky) as u32;
    r.x87.control = 0x37f;
    r.x87.status = (random.next() & 0x7f00) as u16;
    r.x87.tag = random.next() as u8;
    for st in &mut r.x87.st {
        let lanes = [random.next().to_le_bytes(), random.lane()];
        st[..8].copy_from_slice(&lanes[0]);
        st[8..10].copy_from_slice(&(0x3ff0 + random.below(32) as u16).to_le_bytes());
    }
    r
}

/// An address in the middle of the scratch data, mostly well aligned.
fn target(random: &mut Random) -> u64 {
    let mask = [!63, !63, !15, !7, !0][random.below(5) as usize];
    SCRATCH + 0x1000 + (random.below(SCRATCH_BYTES as u64 - 0x3000) & mask)
}

fn bit_offset(instruction: &Instruction) -> bool {
    let bits = [Mnemonic::Bt, Mnemonic::Bts, Mnemonic::Btr, Mnemonic::Btc];
    bits.contains(&instruction.mnemonic()) && instruction.op1_kind() == OpKind::Register
}

fn segment_base(instruction: &Instruction, registers: &Registers) -> u64 {
    match instruction.memory_segment() {
        Register::FS => registers.fs_base,
        Register::GS => registers.gs_base,
        _ => 0,
    }
}

/// Solves base + index × scale + displacement = target.
fn aim(random: &mut Random, instruction: &Instruction, target: u64, registers: &mut Registers) {
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    let scale = u64::from(instruction.memory_index_scale());
    let wanted = target.wrapping_sub(instruction.memory_displacement64());
    if base == Register::None {
        set(registers, index, wanted / scale);
    } else if base.full_register() == index.full_register() {
        set(registers, base, wanted / (scale + 1));
    } else {
        if index.is_gpr() {
            let offset = random.below(256) as i64 - 128;
            set(registers, index, offset as u64);
        }
        let offset = if index.is_gpr() { get(registers, index).wrapping_mul(scale) } else { 0 };
        let narrow = base.is_gpr32() && random.chance(50);
        let garbage = if narrow { random.next() << 32 } else { 0 };
        set(registers, base, wanted.wrapping_sub(offset).wrapping_add(garbage));
    }
}

/// Rewrites the displacement of an address that has no general register.
fn patch(bytes: &mut [u8; 15], instruction: &Instruction, target: u64) -> Option<()> {
    let mut decoder = Decoder::with_ip(64, bytes, CODE, 0);
    let same = decoder.decode();
    let constants = decoder.get_constant_offsets(&same);
    let displacement = match instruction.memory_base() {
        Register::RIP | Register::EIP => target.wrapping_sub(instruction.next_ip()),
        _ => target,
    };
    let (at, size) = (constants.displacement_offset(), constants.displacement_size());
    let value = displacement.to_le_bytes();
    bytes.get_mut(at..at + size).filter(|b| b.len() >= 4)?.copy_from_slice(&value[..size]);
    Some(())
}

fn small_indexes(random: &mut Random, instruction: &Instruction, registers: &mut Registers) {
    let index = instruction.memory_index().number();
    let bytes = if instruction.is_vsib64() { 8 } else { 4 };
    for lane in registers.vector[index].chunks_exact_mut(bytes) {
        let value = random.below(256) as i64 - 128;
        lane.copy_from_slice(&value.to_le_bytes()[..bytes]);
    }
}

fn get(registers: &Registers, register: Register) -> u64 {
    registers.gpr[register.full_register().number() & 15]
}

fn set(registers: &mut Registers, register: Register, value: u64) {
    if register.is_gpr() {
        registers.gpr[register.full_register().number() & 15] = value;
    }
}
