//! Which instructions run in the code cache; the `step` engine executes the
//! others, one at a time.

use super::x87;
use iced_x86::{Code, FlowControl, Instruction, Mnemonic, OpKind, Register};
use rdb_schema::effects::{Bulk, Effect, Effects, Kind};

/// Longest store that is read back in pieces.
const MAX_STORE: u16 = 64;

/// Whether a copy of `instruction` in the cache does what it does at its place,
/// and every effect of it can be logged there.
pub fn runs_in_cache(instruction: &Instruction, effects: &Effects) -> bool {
    let kind = match effects.kind {
        Kind::Plain => effects.bulk.is_none(),
        Kind::RepString => matches!(effects.bulk, None | Some(Bulk::RepString { .. })),
        Kind::Syscall | Kind::Opaque => false,
    };
    kind && flows(instruction)
        && !is_excepted(instruction.mnemonic())
        && instruction.memory_base() != Register::EIP
        && effects.list.iter().all(|effect| is_loggable(instruction, effect))
}

fn is_loggable(instruction: &Instruction, effect: &Effect) -> bool {
    match effect {
        Effect::Flags | Effect::Pkru => false,
        Effect::X87 => x87::is_loggable(instruction.mnemonic()),
        Effect::StoreBytes { bytes, .. } => *bytes <= MAX_STORE && bytes % 2 == 0,
        _ => true,
    }
}

/// Branches that the translation knows how to follow.
fn flows(instruction: &Instruction) -> bool {
    match instruction.flow_control() {
        FlowControl::Next => true,
        FlowControl::UnconditionalBranch => {
            matches!(instruction.code(), Code::Jmp_rel8_64 | Code::Jmp_rel32_64)
        }
        FlowControl::ConditionalBranch => {
            instruction.is_jcc_short() && instruction.op0_kind() == OpKind::NearBranch64
                || instruction.is_jcc_near() && instruction.op0_kind() == OpKind::NearBranch64
                || is_count_branch(instruction)
        }
        FlowControl::IndirectBranch => instruction.code() == Code::Jmp_rm64,
        FlowControl::Call => instruction.code() == Code::Call_rel32_64,
        FlowControl::IndirectCall => instruction.code() == Code::Call_rm64,
        FlowControl::Return => matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16),
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => false,
    }
}

/// `loop`, `loope`, `loopne`, `jrcxz` on all of rcx.
pub fn is_count_branch(instruction: &Instruction) -> bool {
    matches!(
        instruction.code(),
        Code::Loop_rel8_64_RCX
            | Code::Loope_rel8_64_RCX
            | Code::Loopne_rel8_64_RCX
            | Code::Jrcxz_rel8_64
    )
}

/// They may set the trap flag.
fn is_excepted(mnemonic: Mnemonic) -> bool {
    matches!(mnemonic, Mnemonic::Popf | Mnemonic::Popfd | Mnemonic::Popfq)
}
