//! What the engines must know of an instruction besides its effects.

use super::translate::runs_in_cache;
use iced_x86::{FlowControl, Instruction, Mnemonic};
use rdb_schema::effects::{Effect, Effects, Kind};

/// What the engine must do for one instruction, worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// What kind of instruction it is.
    pub kind: Kind,
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
    /// It is a call, which returns behind it.
    pub calls: bool,
    /// The general registers it names or uses, bit n for register n.
    pub general: u16,
    /// The kernel may emulate it and execute the next with it (UMIP).
    pub may_overrun: bool,
}

impl Care {
    /// That of `instruction`, which has these effects and to do with these general
    /// registers.
    pub fn of(instruction: &Instruction, effects: &Effects, general: u16) -> Self {
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
            extended: effects.list.iter().any(extended),
            pops_flags: [Mnemonic::Popfq, Mnemonic::Popf, Mnemonic::Popfd].contains(&mnemonic),
            raises_trap: mnemonic == Mnemonic::Int1,
            pushes_flags: pushes.contains(&mnemonic),
            may_overrun: UMIP.contains(&mnemonic),
            writes_unknown: effects.kind == Kind::Opaque && !writes_no_memory(mnemonic),
            cached: runs_in_cache(instruction, effects),
            general,
            calls: matches!(
                instruction.flow_control(),
                FlowControl::Call | FlowControl::IndirectCall
            ),
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
