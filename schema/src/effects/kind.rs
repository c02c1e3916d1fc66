//! Which instructions need special care, and which are understood at all.

use super::effect::Kind;
use super::extensions::is_known;
use iced_x86::{Code, CodeSize, FlowControl, Instruction, Mnemonic};

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
