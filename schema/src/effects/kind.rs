//! Which instructions need special care, and which are understood at all.

use super::effect::Kind;
use iced_x86::{Code, CodeSize, CpuidFeature, FlowControl, Instruction, Mnemonic};

/// The care an instruction needs.
pub(super) fn kind(instruction: &Instruction) -> Kind {
    let alien = matches!(instruction.code_size(), CodeSize::Code16 | CodeSize::Code32);
    if alien || instruction.is_invalid() || instruction.is_privileged() {
        return Kind::Opaque;
    }
    if instruction.mnemonic() == Mnemonic::Syscall {
        return Kind::Syscall;
    }
    if !is_understood(instruction) || !flows(instruction) {
        return Kind::Opaque;
    }
    if is_repeated(instruction) { Kind::RepString } else { Kind::Plain }
}

/// A string instruction with a rep prefix. `repne` repeats those that compare
/// nothing, too (Intel SDM vol. 2, REP).
fn is_repeated(instruction: &Instruction) -> bool {
    instruction.is_string_instruction()
        && (instruction.has_rep_prefix() || instruction.has_repne_prefix())
}

/// Whether control goes where near, 64-bit code sends it.
fn flows(instruction: &Instruction) -> bool {
    match instruction.flow_control() {
        FlowControl::Next | FlowControl::ConditionalBranch => true,
        FlowControl::UnconditionalBranch => !instruction.is_jmp_far(),
        FlowControl::IndirectBranch => !instruction.is_jmp_far_indirect(),
        FlowControl::Call | FlowControl::IndirectCall => {
            matches!(instruction.code(), Code::Call_rel32_64 | Code::Call_rm64)
        }
        FlowControl::Return => matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16),
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => false,
    }
}

fn is_understood(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        // Reads the shadow stack pointer, writes nothing else of CET's.
        Mnemonic::Rdsspd | Mnemonic::Rdsspq => true,
        // They replace whole register files from memory.
        Mnemonic::Fxrstor
        | Mnemonic::Fxrstor64
        | Mnemonic::Xrstor
        | Mnemonic::Xrstor64
        | Mnemonic::Xrstors
        | Mnemonic::Xrstors64 => false,
        // With REX.B, CPUs execute `xchg r8, rax`, where iced-x86 decodes a pause.
        Mnemonic::Pause => instruction.len() == 2,
        _ => instruction.cpuid_features().iter().all(is_known),
    }
}

/// The extensions whose instructions the other files describe. Not among them:
/// what changes state that `Registers` lacks (AMX, MPX, shadow stacks),
/// transactions, virtualisation, key locker, other vendors' oddities.
fn is_known(feature: &CpuidFeature) -> bool {
    use CpuidFeature as F;
    let vector = matches!(
        feature,
        F::SSE
            | F::SSE2
            | F::SSE3
            | F::SSSE3
            | F::SSE4_1
            | F::SSE4_2
            | F::SSE4A
            | F::AES
            | F::PCLMULQDQ
            | F::SHA
            | F::GFNI
            | F::VAES
            | F::VPCLMULQDQ
            | F::AVX
            | F::AVX2
            | F::F16C
            | F::FMA
            | F::FMA4
            | F::XOP
            | F::AVX_VNNI
            | F::AVX_IFMA
            | F::AVX_NE_CONVERT
            | F::AVX_VNNI_INT8
            | F::AVX_VNNI_INT16
            | F::SHA512
            | F::SM3
            | F::SM4
    );
    let mask = matches!(
        feature,
        F::AVX512F
            | F::AVX512VL
            | F::AVX512BW
            | F::AVX512DQ
            | F::AVX512CD
            | F::AVX512ER
            | F::AVX512PF
            | F::AVX512_4FMAPS
            | F::AVX512_4VNNIW
            | F::AVX512_BF16
            | F::AVX512_BITALG
            | F::AVX512_IFMA
            | F::AVX512_VBMI
            | F::AVX512_VBMI2
            | F::AVX512_VNNI
            | F::AVX512_VP2INTERSECT
            | F::AVX512_VPOPCNTDQ
            | F::AVX512_FP16
    );
    let integer = matches!(
        feature,
        F::INTEL8086
            | F::INTEL186
            | F::INTEL286
            | F::INTEL386
            | F::INTEL486
            | F::X64
            | F::ADX
            | F::BMI1
            | F::BMI2
            | F::LZCNT
            | F::POPCNT
            | F::TBM
            | F::MOVBE
            | F::CMOV
            | F::CX8
            | F::CMPXCHG16B
            | F::CPUID
            | F::TSC
            | F::RDTSCP
            | F::RDPID
            | F::RDPMC
            | F::RDPRU
            | F::RDRAND
            | F::RDSEED
            | F::FSGSBASE
            | F::PKU
            | F::RAO_INT
            | F::CMPCCXADD
            | F::MOVDIRI
            | F::MOVDIR64B
            | F::MCOMMIT
    );
    let x87 = matches!(feature, F::FPU | F::FPU287 | F::FPU387 | F::MMX | F::D3NOW | F::D3NOWEXT);
    let quiet = matches!(
        feature,
        F::CET_IBT
            | F::CLDEMOTE
            | F::CLFLUSHOPT
            | F::CLFSH
            | F::CLWB
            | F::CLZERO
            | F::MULTIBYTENOP
            | F::PAUSE
            | F::PREFETCHW
            | F::PREFETCHWT1
            | F::PREFETCHITI
            | F::PTWRITE
            | F::SERIALIZE
            | F::TSXLDTRK
            | F::WAITPKG
            | F::MONITORX
            | F::FXSR
            | F::XSAVE
            | F::XSAVEC
            | F::XSAVEOPT
            | F::XSAVES
    );
    vector || mask || integer || x87 || quiet
}
