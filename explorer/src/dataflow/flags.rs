//! Status flags: who writes them, and what conditions make of them.

use super::{Flow, Moment, Source, Span};
use iced_x86::{ConditionCode, Instruction, RflagsBits};

const CF: u32 = 1;
const PF: u32 = 1 << 2;
const AF: u32 = 1 << 4;
const ZF: u32 = 1 << 6;
const SF: u32 = 1 << 7;
const OF: u32 = 1 << 11;

/// Status flags: their names, iced-x86's bits and RFLAGS' (Intel SDM vol. 1, 3.4.3).
const FLAGS: [(&str, u32, u32); 6] = [
    ("CF", RflagsBits::CF, CF),
    ("PF", RflagsBits::PF, PF),
    ("AF", RflagsBits::AF, AF),
    ("ZF", RflagsBits::ZF, ZF),
    ("SF", RflagsBits::SF, SF),
    ("OF", RflagsBits::OF, OF),
];

/// Conditional moves: from the source, or from where they go.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let instruction = moment.instruction;
    if !is_conditional_move(instruction) {
        return None;
    }
    let from = if holds(instruction, moment.before.rflags)? { 1 } else { 0 };
    let source = Source::Copy(moment.span(from)?);
    Some(moment.write(0, source))
}

/// Whether an instruction moves only if a condition holds.
pub fn is_conditional_move(instruction: &Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None
        && instruction.op_count() == 2
        && instruction.flow_control() == iced_x86::FlowControl::Next
}

/// Whether the condition of an instruction holds; `None` if it has none.
pub fn holds(instruction: &Instruction, rflags: u64) -> Option<bool> {
    let is = |flag: u32| rflags as u32 & flag != 0;
    let less = is(SF) != is(OF);
    Some(match instruction.condition_code() {
        ConditionCode::None => return None,
        ConditionCode::o => is(OF),
        ConditionCode::no => !is(OF),
        ConditionCode::b => is(CF),
        ConditionCode::ae => !is(CF),
        ConditionCode::e => is(ZF),
        ConditionCode::ne => !is(ZF),
        ConditionCode::be => is(CF) || is(ZF),
        ConditionCode::a => !is(CF) && !is(ZF),
        ConditionCode::s => is(SF),
        ConditionCode::ns => !is(SF),
        ConditionCode::p => is(PF),
        ConditionCode::np => !is(PF),
        ConditionCode::l => less,
        ConditionCode::ge => !less,
        ConditionCode::le => less || is(ZF),
        ConditionCode::g => !less && !is(ZF),
    })
}

/// The flags that an instruction looks at, as bits of RFLAGS.
pub fn condition_flags(instruction: &Instruction) -> u32 {
    of_iced(instruction.rflags_read())
}

/// A condition as C would say it, of signed and unsigned operands of a comparison.
pub fn condition_name(code: ConditionCode) -> &'static str {
    match code {
        ConditionCode::None => "always",
        ConditionCode::o => "overflow",
        ConditionCode::no => "no overflow",
        ConditionCode::b | ConditionCode::l => "<",
        ConditionCode::ae | ConditionCode::ge => ">=",
        ConditionCode::e => "==",
        ConditionCode::ne => "!=",
        ConditionCode::be | ConditionCode::le => "<=",
        ConditionCode::a | ConditionCode::g => ">",
        ConditionCode::s => "negative",
        ConditionCode::ns => "not negative",
        ConditionCode::p => "parity",
        ConditionCode::np => "no parity",
    }
}

/// Flags by name: `ZF CF`, or with `rflags` the set ones of them.
pub fn flags_text(bits: u32, rflags: u32) -> String {
    let named = FLAGS.iter().filter(|(_, _, bit)| bits & rflags & bit != 0);
    named.map(|(name, _, _)| *name).collect::<Vec<_>>().join(" ")
}

/// The flags that the instruction writes: from all that it reads.
pub(super) fn written(moment: &Moment) -> Option<Flow> {
    let bits = of_iced(moment.instruction.rflags_modified());
    if bits == 0 || shifts_by_nothing(moment) {
        return None;
    }
    let mut spans = moment.reads();
    let read = condition_flags(moment.instruction);
    if read != 0 {
        spans.push(Span::flags(read));
    }
    let source = if spans.is_empty() { Source::Constant } else { Source::Combined(spans) };
    Some(Flow { to: Span::flags(bits), source })
}

/// A shift by zero leaves the flags (Intel SDM vol. 2, SAL/SAR/SHL/SHR).
fn shifts_by_nothing(moment: &Moment) -> bool {
    use iced_x86::{Mnemonic as M, Register};
    let shifts = matches!(
        moment.mnemonic(),
        M::Shl | M::Sal | M::Shr | M::Sar | M::Rol | M::Ror | M::Rcl | M::Rcr | M::Shld | M::Shrd
    );
    let last = moment.count().saturating_sub(1);
    let wide = moment.span(0).is_some_and(|span| span.length == 8);
    let count = match moment.register(last) {
        Some(Register::CL) => moment.before.gpr[1],
        _ => moment.immediate(last).unwrap_or(1),
    };
    shifts && count & if wide { 63 } else { 31 } == 0
}

fn of_iced(bits: u32) -> u32 {
    let own = FLAGS.iter().filter(|(_, iced, _)| bits & iced != 0);
    own.fold(0, |all, (_, _, bit)| all | bit)
}
