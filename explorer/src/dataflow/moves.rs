//! Moves, exact to the byte.

use super::operands::is_register;
use super::{Flow, Moment, Source, Span};
use iced_x86::{Mnemonic as M, Register};
use rdb_schema::registers::Gpr;

/// Moves of all or the lower part of an operand, exchanges, extensions.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    if moment.instruction.has_op_mask() {
        return masked(moment);
    }
    match moment.mnemonic() {
        M::Movsx | M::Movsxd => signed(moment, moment.span(1)?, 0),
        M::Cbw => accumulator(moment, 1, Register::AX),
        M::Cwde => accumulator(moment, 2, Register::EAX),
        M::Cdqe => accumulator(moment, 4, Register::RAX),
        M::Bswap => Some(moment.write(0, Source::Reversed(moment.span(0)?))),
        M::Movbe => Some(moment.write(0, Source::Reversed(moment.span(1)?))),
        M::Xchg => exchanged(moment),
        M::Xadd => exchanged_sum(moment),
        M::Cmpxchg => compared(moment),
        M::Lea => moved_address(moment),
        mnemonic => plain(moment, moved_bytes(mnemonic)?),
    }
}

/// The most bytes that an instruction moves from its last operand to its first.
fn moved_bytes(mnemonic: M) -> Option<u32> {
    Some(match mnemonic {
        M::Mov | M::Movzx | M::Movnti | M::Movdiri => 8,
        M::Movd | M::Vmovd | M::Movss | M::Vmovss | M::Kmovd => 4,
        M::Movq | M::Vmovq | M::Movsd | M::Vmovsd | M::Kmovq => 8,
        M::Kmovw => 2,
        M::Kmovb => 1,
        M::Movaps | M::Movups | M::Movapd | M::Movupd | M::Movdqa | M::Movdqu | M::Lddqu => 16,
        M::Movntps | M::Movntpd | M::Movntdq | M::Movntdqa => 16,
        M::Vmovaps | M::Vmovups | M::Vmovapd | M::Vmovupd | M::Vmovdqa | M::Vmovdqu => 64,
        M::Vmovdqa32 | M::Vmovdqa64 | M::Vlddqu => 64,
        M::Vmovdqu8 | M::Vmovdqu16 | M::Vmovdqu32 | M::Vmovdqu64 => 64,
        M::Vmovntps | M::Vmovntpd | M::Vmovntdq | M::Vmovntdqa => 64,
        _ => return None,
    })
}

/// Bytes of the elements that a mask chooses.
fn element_bytes(mnemonic: M) -> Option<u32> {
    Some(match mnemonic {
        M::Vmovdqu8 => 1,
        M::Vmovdqu16 => 2,
        M::Vmovdqu32 | M::Vmovdqa32 | M::Vmovaps | M::Vmovups => 4,
        M::Vmovdqu64 | M::Vmovdqa64 | M::Vmovapd | M::Vmovupd => 8,
        _ => return None,
    })
}

/// A move of the elements whose bits are set in a mask register; others of a register
/// become zero or stay (Intel SDM vol. 2, 2.7.4).
fn masked(moment: &Moment) -> Option<Vec<Flow>> {
    let size = element_bytes(moment.mnemonic())?;
    let (to, from) = (moment.span(0)?, moment.span(1)?);
    let mask = moment.before.mask.get(moment.instruction.op_mask().number())?;
    let mut flows = Vec::new();
    for element in 0..(to.length / size).min(64) {
        let part = to.part(element * size, size);
        if mask >> element & 1 != 0 {
            let source = Source::Copy(from.part(element * size, size));
            flows.push(Flow { to: part, source });
        } else if moment.instruction.zeroing_masking() {
            flows.push(Flow { to: part, source: Source::Extension });
        }
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

fn plain(moment: &Moment, most: u32) -> Option<Vec<Flow>> {
    let to = moment.span(0)?;
    if moment.immediate(1).is_some() {
        return Some(moment.write(0, Source::Constant));
    }
    // vmovss and vmovsd of registers have a third operand: they merge.
    let last = moment.count().checked_sub(1)?;
    let from = moment.span(last)?;
    let moved = to.length.min(from.length).min(most);
    let mut flows = vec![Flow { to: to.part(0, moved), source: Source::Copy(from.part(0, moved)) }];
    if to.length > moved {
        flows.extend(rest(moment, &to, moved, last));
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

/// What becomes of the bytes of a register that a move leaves out.
fn rest(moment: &Moment, to: &Span, moved: u32, last: u32) -> Option<Flow> {
    let scalar = matches!(moment.mnemonic(), M::Movss | M::Movsd | M::Vmovss | M::Vmovsd);
    let between_registers = scalar && moment.register(last).is_some();
    let to = to.from(moved);
    if !between_registers {
        return Some(Flow { to, source: Source::Extension });
    }
    let other = (last == 2).then(|| moment.span(1)).flatten()?;
    Some(Flow { to, source: Source::Copy(other.from(moved)) })
}

/// A sign-extended move: the bytes above come from the highest one moved.
fn signed(moment: &Moment, from: Span, operand: u32) -> Option<Vec<Flow>> {
    let to = moment.span(operand)?;
    let mut flows = extended(from, to);
    flows.extend(moment.register(operand).and_then(|register| moment.above(register)));
    Some(flows)
}

fn extended(from: Span, to: Span) -> Vec<Flow> {
    let moved = from.length.min(to.length);
    let mut flows = vec![Flow { to: to.part(0, moved), source: Source::Copy(from.part(0, moved)) }];
    if to.length > moved {
        let sign = from.part(moved.saturating_sub(1), 1);
        flows.push(Flow { to: to.from(moved), source: Source::Combined(vec![sign]) });
    }
    flows
}

/// The accumulator's lower part, sign-extended into `register`.
fn accumulator(moment: &Moment, bytes: u32, register: Register) -> Option<Vec<Flow>> {
    let mut flows = extended(Span::gpr(Gpr::RAX, bytes), Span::register(register)?);
    flows.extend(moment.above(register));
    Some(flows)
}

fn exchanged(moment: &Moment) -> Option<Vec<Flow>> {
    let (first, second) = (moment.span(0)?, moment.span(1)?);
    let mut flows = moment.write(0, Source::Copy(second));
    flows.extend(moment.write(1, Source::Copy(first)));
    Some(flows)
}

fn exchanged_sum(moment: &Moment) -> Option<Vec<Flow>> {
    let (first, second) = (moment.span(0)?, moment.span(1)?);
    let mut flows = moment.write(0, Source::Upward(vec![first, second]));
    flows.extend(moment.write(1, Source::Copy(first)));
    Some(flows)
}

/// cmpxchg: the new value if the accumulator was right, else the old one into it.
fn compared(moment: &Moment) -> Option<Vec<Flow>> {
    let (place, new) = (moment.span(0)?, moment.span(1)?);
    let accumulator = Span::gpr(Gpr::RAX, place.length);
    let equal = moment.after.rflags >> 6 & 1 != 0;
    if equal {
        return Some(moment.write(0, Source::Copy(new)));
    }
    let mut flows = vec![Flow { to: accumulator, source: Source::Copy(place) }];
    if accumulator.length == 4 {
        flows.extend(moment.above(Register::EAX));
    }
    // Memory is written all the same, with what it held.
    if !is_register(&place) {
        flows.push(Flow { to: place, source: Source::Copy(place) });
    }
    Some(flows)
}

/// `lea r, [base]` moves.
fn moved_address(moment: &Moment) -> Option<Vec<Flow>> {
    let instruction = moment.instruction;
    let base = Span::register(instruction.memory_base());
    let index = Span::register(instruction.memory_index());
    let to = moment.span(0)?;
    let fit = |span: Span| span.part(0, span.length.min(to.length));
    let source = match (base, index) {
        (Some(base), None)
            if instruction.memory_displacement64() == 0 && base.length >= to.length =>
        {
            Source::Copy(fit(base))
        }
        (base, index) => Source::Upward(base.into_iter().chain(index).map(fit).collect()),
    };
    Some(moment.write(0, source))
}
