//! `effects`: the one place that says what an instruction changes.
//!
//! iced-x86's instruction information says *that* a register, a flag or memory
//! is written; the files here turn that into effects, and correct it where it
//! is imprecise. What cannot be described exactly is [`Kind::Opaque`].
//!
//! Two things no [`Instruction`] can tell, and an engine must see to:
//! * On AMD, `66` before a near branch without REX.W makes it 16-bit; Intel
//!   ignores it. Decode with `DecoderOptions::AMD` on such a CPU.
//! * A single-stepping tracer must hide TF from `pushf` and `syscall`.

mod bulk;
mod computed;
mod draft;
mod effect;
mod extensions;
mod flags;
mod float;
mod forms;
mod gpr;
mod kind;
mod masked;
mod mxcsr;
mod special;
mod stack;
mod status;
mod stores;
mod strings;
mod subject;
#[cfg(test)]
mod tests;
mod vector;
mod x87;

pub use bulk::{bit_string_address, scatter_addresses};
use draft::Draft;
pub use effect::{
    Address, Bulk, Effect, Effects, Extend, Form, Kind, Segment, Source, Undefined, X87_BYTES,
};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory};
pub use masked::{StoreMask, masked_runs};
use std::cell::RefCell;
use subject::Subject;

/// What a decoded `instruction` changes, on a CPU whose undefined flags are as
/// foretold. Never fails: what is not known is [`Kind::Opaque`].
pub fn effects(instruction: &Instruction) -> Effects {
    effects_with(instruction, Undefined::Foretold)
}

/// The same on a CPU that may do otherwise.
pub fn effects_with(instruction: &Instruction, undefined: Undefined) -> Effects {
    examine(instruction, undefined, Vec::new()).effects
}

/// What [`examine`] finds.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What the instruction changes.
    pub effects: Effects,
    /// The general registers it names or uses, bit n for register n (Intel SDM vol. 2,
    /// 2.1.5).
    pub general: u16,
}

/// What `instruction` changes, and which registers it has to do with; the list of effects
/// takes the place of what `list` held.
pub fn examine(instruction: &Instruction, undefined: Undefined, list: Vec<Effect>) -> Examined {
    FACTORY.with_borrow_mut(|factory| {
        let subject = Subject { instruction, info: factory.info(instruction) };
        let used = subject.info.used_registers().iter();
        let general = used.fold(0, |mask, used| {
            let register = used.register().full_register();
            if register.is_gpr64() { mask | 1 << register.number() } else { mask }
        });
        let kind = kind::kind(instruction);
        let effects = match kind {
            Kind::Opaque => None,
            _ => collect(&subject, kind, undefined, Draft::reusing(list)),
        };
        Examined { effects: effects.unwrap_or_else(opaque), general }
    })
}

thread_local! {
    /// What it allocates is reused for the next instruction.
    static FACTORY: RefCell<InstructionInfoFactory> = RefCell::new(InstructionInfoFactory::new());
}

fn collect(
    subject: &Subject,
    kind: Kind,
    undefined: Undefined,
    mut draft: Draft,
) -> Option<Effects> {
    // Derived values first: what is logged in general does not replace them.
    special::special(subject, kind, &mut draft);
    stack::stack(subject, &mut draft);
    gpr::derived(subject, &mut draft);
    float::float(subject, &mut draft);
    gpr::logged(subject, &mut draft);
    flags::flags(subject, undefined, &mut draft);
    vector::vector(subject, &mut draft);
    x87::x87(subject, &mut draft);
    mxcsr::mxcsr(subject, &mut draft);
    strings::strings(subject, kind, &mut draft);
    stores::stores(subject, &mut draft);
    draft.finish(kind)
}

/// Whether a block of straight-line code ends with `instruction`: any branch,
/// taken or not, any call and return, `syscall`, and whatever is
/// [`Kind::Opaque`]. A rep-prefixed string instruction does not end one.
pub fn ends_block(instruction: &Instruction) -> bool {
    kind_ends_block(instruction, effects(instruction).kind)
}

/// [`ends_block`] for an instruction whose effects' kind is known.
pub fn kind_ends_block(instruction: &Instruction, kind: Kind) -> bool {
    instruction.flow_control() != FlowControl::Next || matches!(kind, Kind::Opaque | Kind::Syscall)
}

fn opaque() -> Effects {
    Effects { kind: Kind::Opaque, list: Vec::new(), bulk: None }
}
