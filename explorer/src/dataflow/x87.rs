//! x87 instructions: results, and the stack that moves below them. Registers are counted
//! from the top, so pushing and popping moves all of them.

use super::{Flow, Moment, Source, Span};
use iced_x86::{Mnemonic as M, Register};

/// Registers of the stack.
const COUNT: u32 = 8;

/// Bytes of one.
const BYTES: u32 = 10;

/// Instructions with ST registers, and those that load and store them.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let moved = moment.instruction.fpu_stack_increment_info();
    let named = (0..moment.count()).any(|at| moment.register(at).is_some_and(Register::is_st));
    if !named && !moved.writes_top() {
        return None;
    }
    if moved.conditional() {
        return Some(all_unknown());
    }
    let mut flows = results(moment, moved.increment());
    flows.extend(shifted(moved.increment()));
    Some(flows)
}

/// ST(`number`).
fn st(number: u32) -> Option<Span> {
    let register = (number < COUNT).then(|| Register::ST0 + number)?;
    Some(Span { length: BYTES, ..Span::register(register)? })
}

/// What the instruction computes: counted as it leaves the stack.
fn results(moment: &Moment, increment: i32) -> Vec<Flow> {
    let mut reads: Vec<Span> = moment.reads();
    reads.iter_mut().for_each(|span| span.length = span.length.min(BYTES));
    let source = match moment.mnemonic() {
        M::Fld1 | M::Fldz | M::Fldpi | M::Fldl2e | M::Fldl2t | M::Fldlg2 | M::Fldln2 => {
            Source::Constant
        }
        M::Fxch => return exchanged(moment),
        M::Fld | M::Fst | M::Fstp => moved(moment).unwrap_or(Source::Combined(reads)),
        _ if reads.is_empty() => Source::Unknown,
        _ => Source::Combined(reads),
    };
    let after = |number: u32| number.checked_add_signed(-increment).and_then(st);
    let to = match moment.written().first() {
        Some((_, Some(register))) if register.is_st() && increment >= 0 => {
            after(register.number() as u32)
        }
        Some((memory, None)) => Some(*memory),
        _ => st(0),
    };
    to.map(|to| Flow { to, source }).into_iter().collect()
}

/// Loads and stores between registers, or of ten bytes, change nothing.
fn moved(moment: &Moment) -> Option<Source> {
    let operand = if moment.mnemonic() == M::Fld { moment.count().checked_sub(1)? } else { 0 };
    let memory = moment.span(operand).filter(|_| moment.register(operand).is_none());
    let whole = memory.is_none_or(|span| span.length == BYTES);
    let from = match (moment.mnemonic(), memory, moment.register(operand)) {
        (M::Fld, Some(memory), _) => memory,
        (M::Fld, None, Some(register)) => st(register.number() as u32)?,
        _ => st(0)?,
    };
    whole.then_some(Source::Copy(from))
}

fn exchanged(moment: &Moment) -> Vec<Flow> {
    let other = (0..moment.count()).filter_map(|at| moment.register(at)).next_back();
    let pair = other.and_then(|other| Some((st(0)?, st(other.number() as u32)?)));
    let swap = |(a, b): (Span, Span)| {
        [Flow { to: a, source: Source::Copy(b) }, Flow { to: b, source: Source::Copy(a) }]
    };
    pair.map(swap).into_iter().flatten().collect()
}

/// The registers that only get another number.
fn shifted(increment: i32) -> Vec<Flow> {
    if increment == 0 {
        return Vec::new();
    }
    let one = |to: u32| {
        let from = to.wrapping_add_signed(increment) % COUNT;
        Some(Flow { to: st(to)?, source: Source::Copy(st(from)?) })
    };
    (0..COUNT).filter_map(one).collect()
}

fn all_unknown() -> Vec<Flow> {
    (0..COUNT).filter_map(|at| Some(Flow { to: st(at)?, source: Source::Unknown })).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{decode, flows};
    use super::*;
    use rdb_schema::registers::Registers;

    fn source(bytes: &[u8], number: u32) -> Option<Source> {
        let registers = Registers::default();
        let flows = flows(&Moment::new(&decode(0, bytes).unwrap(), &registers, &registers));
        let wanted = st(number).unwrap();
        flows.into_iter().find(|flow| wanted.within(&flow.to).is_some()).map(|flow| flow.source)
    }

    #[test]
    fn the_stack_moves_below_results() {
        let copy = |number| Some(Source::Copy(st(number).unwrap()));
        // fld st(2)
        assert_eq!([source(&[0xd9, 0xc2], 0), source(&[0xd9, 0xc2], 1)], [copy(2), copy(0)]);
        // fxch st(1)
        assert_eq!([source(&[0xd9, 0xc9], 0), source(&[0xd9, 0xc9], 1)], [copy(1), copy(0)]);
        // faddp st(1), st: the sum is the new top
        let sum = source(&[0xde, 0xc1], 0);
        assert!(matches!(sum, Some(Source::Combined(from)) if from.len() == 2));
        assert_eq!(source(&[0xde, 0xc1], 1), copy(2));
        // fld1
        assert_eq!(source(&[0xd9, 0xe8], 0), Some(Source::Constant));
        assert_eq!(source(&[0xd9, 0xe8], 3), copy(2));
        // fstp tbyte [rax]: memory gets the old top
        assert_eq!(source(&[0xdb, 0x38], 0), copy(1));
    }
}
