//! Random straight-line instructions: any encoding that this CPU executes and that gives the same
//! in every run, with its memory operand aimed at the data.

use super::emit::{Emitter, GENERAL, place};
use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, Encoder, FlowControl, Instruction,
    InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use rdb_schema::effects::{Kind, effects};

/// Encodings tried before giving up on an instruction.
const ATTEMPTS: u32 = 2000;

/// The stack that a function may use: from below rsp (the red zone) to its frame's end.
const STACK: std::ops::Range<i64> = -128..0x140;

/// Appends one random instruction, with what sets up its operands.
pub fn straight(emitter: &mut Emitter) {
    for _ in 0..ATTEMPTS {
        let bytes = encoding(emitter);
        let decoded = Decoder::with_ip(64, &bytes, 0, DecoderOptions::AMD).decode();
        if !usable(&decoded) {
            continue;
        }
        set_up(emitter, &decoded);
        if decoded.op_kinds().any(|kind| kind == OpKind::Memory) {
            let aimed = aim(emitter, decoded).filter(|i| encodable(i, emitter.start()));
            if let Some(aimed) = aimed {
                return emitter.push(aimed);
            }
            continue;
        }
        // As it is, with prefixes that mean nothing.
        return emitter.bytes(&bytes[..decoded.len()]);
    }
}

/// Not so: a high byte register beside a new base that needs REX, an address without registers.
fn encodable(instruction: &Instruction, at: u64) -> bool {
    Encoder::new(64).encode(instruction, at).is_ok()
}

/// A few bytes of a random opcode of a random map.
fn encoding(emitter: &mut Emitter) -> [u8; 15] {
    let random = &mut emitter.random;
    let mut bytes = Vec::with_capacity(40);
    for (prefix, percent) in [(0x66, 12), (0xf2, 8), (0xf3, 10), (0x64, 2), (0xf0, 3)] {
        if random.chance(percent) {
            bytes.push(prefix);
        }
    }
    let map = random.below(12);
    if map < 8 && random.chance(60) {
        bytes.push(0x40 | random.below(16) as u8);
    }
    match map {
        0..=3 => {}
        4 | 5 => bytes.push(0x0f),
        6 => bytes.extend([0x0f, 0x38]),
        7 => bytes.extend([0x0f, 0x3a]),
        8 | 9 => {
            bytes.retain(|prefix| *prefix == 0x64);
            let low = if random.chance(50) { 0x78 } else { 0 };
            let map = 1 + random.below(3) as u8;
            bytes.extend([0xc4, random.number() as u8 & 0xe0 | map, random.number() as u8 | low]);
        }
        _ => {
            bytes.retain(|prefix| *prefix == 0x64);
            let (low, high) = if random.chance(50) { (0x78, 8) } else { (0, 0) };
            let map = 1 + random.below(3) as u8;
            let third = random.number() as u8 | 0x04 | low;
            let fourth = random.number() as u8 | high;
            bytes.extend([0x62, random.number() as u8 & 0xf0 | map, third, fourth]);
        }
    }
    bytes.extend((0..16).map(|_| random.number() as u8));
    std::array::from_fn(|i| bytes[i])
}

/// Whether it runs here, goes on to the next instruction, and gives the same in every run.
fn usable(instruction: &Instruction) -> bool {
    !instruction.is_invalid()
        && instruction.flow_control() == FlowControl::Next
        && matches!(effects(instruction).kind, Kind::Plain | Kind::RepString)
        && instruction.cpuid_features().iter().all(supported)
        && !excluded(instruction)
        && !writes_stack_pointer(instruction)
}

/// What asks the machine, changes what the program relies on, or waits.
fn excluded(instruction: &Instruction) -> bool {
    use Mnemonic as M;
    let named = matches!(
        instruction.mnemonic(),
        M::Rdtsc
            | M::Rdtscp
            | M::Rdrand
            | M::Rdseed
            | M::Rdpid
            | M::Rdpmc
            | M::Rdpru
            | M::Cpuid
            | M::Sgdt
            | M::Sidt
            | M::Sldt
            | M::Str
            | M::Smsw
            | M::Lsl
            | M::Lar
            | M::Verr
            | M::Verw
            | M::Xgetbv
            | M::Ldmxcsr
            | M::Vldmxcsr
            | M::Wrfsbase
            | M::Wrgsbase
            | M::Wrpkru
            | M::Rdpkru
            | M::Clzero
            | M::Movdir64b
            | M::Xlatb
            | M::Lfs
            | M::Lgs
            | M::Lss
            | M::Monitorx
            | M::Mwaitx
            | M::Umonitor
            | M::Umwait
            | M::Tpause
            | M::Pushf
            | M::Pushfq
            | M::Enter
    );
    let writes_segment = (0..instruction.op_count()).any(|i| {
        instruction.op_kind(i) == OpKind::Register
            && instruction.op_register(i).is_segment_register()
    });
    let name = format!("{:?}", instruction.mnemonic());
    named || writes_segment || name.starts_with("Xsave") || name.starts_with("Xrstor")
}

/// Whether rsp changes, or the stack is an implicit operand.
fn writes_stack_pointer(instruction: &Instruction) -> bool {
    let mut factory = InstructionInfoFactory::new();
    instruction.is_stack_instruction()
        || factory.info(instruction).used_registers().iter().any(|used| {
            used.register().full_register() == Register::RSP && used.access() != OpAccess::Read
        })
}

/// Whether this CPU has what an instruction needs. What no macro asks for is left out.
fn supported(feature: &CpuidFeature) -> bool {
    use CpuidFeature as F;
    use std::arch::is_x86_feature_detected as has;
    match feature {
        F::INTEL8086 | F::INTEL186 | F::INTEL286 | F::INTEL386 | F::INTEL486 | F::X64 => true,
        F::FPU | F::FPU287 | F::FPU387 | F::MMX | F::CMOV | F::CX8 | F::MULTIBYTENOP => true,
        F::SSE | F::SSE2 | F::FXSR | F::CLFSH | F::PAUSE | F::PREFETCHW => true,
        F::SSE3 => has!("sse3"),
        F::SSSE3 => has!("ssse3"),
        F::SSE4_1 => has!("sse4.1"),
        F::SSE4_2 => has!("sse4.2"),
        F::POPCNT => has!("popcnt"),
        F::LZCNT => has!("lzcnt"),
        F::BMI1 => has!("bmi1"),
        F::BMI2 => has!("bmi2"),
        F::ADX => has!("adx"),
        F::MOVBE => has!("movbe"),
        F::AES => has!("aes"),
        F::PCLMULQDQ => has!("pclmulqdq"),
        F::SHA => has!("sha"),
        F::CMPXCHG16B => has!("cmpxchg16b"),
        F::AVX => has!("avx"),
        F::AVX2 => has!("avx2"),
        F::FMA => has!("fma"),
        F::F16C => has!("f16c"),
        F::GFNI => has!("gfni"),
        F::VAES => has!("vaes"),
        F::VPCLMULQDQ => has!("vpclmulqdq"),
        F::AVX512F => has!("avx512f"),
        F::AVX512VL => has!("avx512vl"),
        F::AVX512BW => has!("avx512bw"),
        F::AVX512DQ => has!("avx512dq"),
        F::AVX512CD => has!("avx512cd"),
        F::AVX512_IFMA => has!("avx512ifma"),
        F::AVX512_VBMI => has!("avx512vbmi"),
        F::AVX512_VBMI2 => has!("avx512vbmi2"),
        F::AVX512_VNNI => has!("avx512vnni"),
        F::AVX512_BITALG => has!("avx512bitalg"),
        F::AVX512_VPOPCNTDQ => has!("avx512vpopcntdq"),
        F::AVX512_BF16 => has!("avx512bf16"),
        _ => false,
    }
}

/// Sets up implicit memory operands, counts and bit offsets.
fn set_up(emitter: &mut Emitter, instruction: &Instruction) {
    let kinds: Vec<OpKind> = instruction.op_kinds().collect();
    let has = |wanted: &[OpKind]| kinds.iter().any(|kind| wanted.contains(kind));
    // Vectors of 64 bytes, and strings of 70 × 8 in either direction, stay within the data.
    if has(&[OpKind::MemorySegRSI, OpKind::MemorySegESI]) {
        let place = emitter.somewhere(64);
        emitter.point(Register::RSI, place);
    }
    let to = [OpKind::MemoryESRDI, OpKind::MemoryESEDI, OpKind::MemorySegRDI, OpKind::MemorySegEDI];
    if has(&to) {
        let place = emitter.somewhere(64);
        emitter.point(Register::RDI, place);
    }
    if instruction.is_string_instruction() {
        let count = emitter.random.below(70);
        emitter.set(Register::RCX, count);
    }
}

/// The instruction with its memory operand in the data or on the stack; `None` if that cannot be.
fn aim(emitter: &mut Emitter, mut instruction: Instruction) -> Option<Instruction> {
    let bits = [Mnemonic::Bt, Mnemonic::Bts, Mnemonic::Btr, Mnemonic::Btc];
    let bit_string =
        bits.contains(&instruction.mnemonic()) && instruction.op1_kind() == OpKind::Register;
    let place = emitter.somewhere(128);
    let base = free_register(emitter, &instruction)?;
    instruction.set_segment_prefix(Register::None);
    if instruction.is_vsib() {
        return Some(aim_vector(emitter, instruction, base, place));
    }
    if bit_string {
        let offset = emitter.random.below(4000);
        let index = instruction.op1_register().full_register();
        if index == Register::RSP {
            return None;
        }
        emitter.set(index, offset);
    }
    match emitter.random.below(10) {
        0 if !bit_string && (1..=64).contains(&instruction.memory_size().size()) => {
            let span = (STACK.end - STACK.start) as u64;
            let offset = STACK.start + emitter.random.below(span) as i64;
            address(&mut instruction, Register::RSP, Register::None, offset);
        }
        1 | 2 => {
            let target = emitter.data(place).cast_signed();
            address(&mut instruction, Register::RIP, Register::None, target);
            instruction.set_memory_displ_size(8);
        }
        3 if !bit_string => {
            emitter.set(base, place);
            instruction.set_segment_prefix(Register::FS);
            address(&mut instruction, base, Register::None, 0);
        }
        4 | 5 => {
            let index = free_register(emitter, &instruction).filter(|index| *index != base)?;
            let value = emitter.random.below(8);
            emitter.set(index, value);
            let scale = emitter.random.pick(&[1, 2, 4, 8]);
            emitter.point(base, place);
            address(&mut instruction, base, index, 0);
            instruction.set_memory_index_scale(scale);
        }
        _ => {
            let offset = emitter.random.pick(&[0, 1, -8, 64, -128, 300]);
            emitter.point(base, place.wrapping_sub(offset as u64));
            address(&mut instruction, base, Register::None, offset);
        }
    }
    Some(instruction)
}

/// A gather or scatter with small indexes.
fn aim_vector(
    emitter: &mut Emitter,
    mut instruction: Instruction,
    base: Register,
    place: u64,
) -> Instruction {
    let index = instruction.memory_index();
    let number = index.number() as u32;
    let indexes = emitter.at(place::INDEXES);
    if number >= 16 || std::arch::is_x86_feature_detected!("avx512f") {
        let whole = Register::ZMM0 + number;
        emitter.load(Code::EVEX_Vmovdqu64_zmm_k1z_zmmm512, whole, indexes);
    } else {
        emitter.load(Code::VEX_Vmovdqu_ymm_ymmm256, Register::YMM0 + number, indexes);
    }
    emitter.point(base, place);
    instruction.set_memory_base(base);
    instruction.set_memory_displacement64(0);
    instruction.set_memory_displ_size(0);
    instruction
}

fn address(instruction: &mut Instruction, base: Register, index: Register, offset: i64) {
    instruction.set_memory_base(base);
    instruction.set_memory_index(index);
    instruction.set_memory_index_scale(1);
    instruction.set_memory_displacement64(offset.cast_unsigned());
    instruction.set_memory_displ_size(if offset == 0 { 0 } else { 8 });
}

/// A general register that the instruction does not use otherwise.
fn free_register(emitter: &mut Emitter, instruction: &Instruction) -> Option<Register> {
    let mut factory = InstructionInfoFactory::new();
    let mut bare = *instruction;
    if !bare.is_vsib() {
        bare.set_memory_index(Register::None);
    }
    bare.set_memory_base(Register::None);
    let info = factory.info(&bare);
    let used = |register: &Register| {
        info.used_registers().iter().any(|u| u.register().full_register() == *register)
    };
    let free: Vec<Register> = GENERAL.into_iter().filter(|register| !used(register)).collect();
    (!free.is_empty()).then(|| emitter.random.pick(&free))
}
