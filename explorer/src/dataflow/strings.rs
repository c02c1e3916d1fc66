//! String instructions: each element from its own, however often they repeat.

use super::operands::gpr;
use super::{Flow, Moment, Source, Span};
use iced_x86::Mnemonic as M;
use rdb_schema::registers::Gpr;

/// Most bytes of one instruction whose flows are told apart where it reads what it wrote.
const MAX_OVERLAP: u64 = 1 << 16;

/// Direction flag (Intel SDM vol. 1, 3.4.3.2).
const DIRECTION: u64 = 1 << 10;

/// movs, stos and lods.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    if !moment.instruction.is_string_instruction() {
        return None;
    }
    let element = moment.instruction.memory_size().size() as u64;
    if element == 0 {
        return None;
    }
    let moves = matches!(moment.mnemonic(), M::Movsb | M::Movsw | M::Movsd | M::Movsq);
    let stores = matches!(moment.mnemonic(), M::Stosb | M::Stosw | M::Stosd | M::Stosq);
    let loads = matches!(moment.mnemonic(), M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq);
    let mut flows = if moves {
        let (to, length) = passed(moment, Gpr::RDI, element);
        let (from, _) = passed(moment, Gpr::RSI, element);
        copied(moment, (from, to, length), element)
    } else if stores {
        let (to, length) = passed(moment, Gpr::RDI, element);
        stored(to, length, element)
    } else if loads {
        let (from, length) = passed(moment, Gpr::RSI, element);
        loaded(moment, (from, length), element)
    } else {
        return None;
    };
    flows.extend(moved(moment));
    Some(flows)
}

/// The bytes that a pointer passed: the lowest, and how many.
fn passed(moment: &Moment, pointer: Gpr, element: u64) -> (u64, u64) {
    let (before, after) = (gpr(moment.before, pointer), gpr(moment.after, pointer));
    if moment.before.rflags & DIRECTION == 0 {
        return (before, after.wrapping_sub(before));
    }
    (after.wrapping_add(element), before.wrapping_sub(after))
}

/// `length` bytes from `from` on to `to`.
fn copied(moment: &Moment, (from, to, length): (u64, u64, u64), element: u64) -> Vec<Flow> {
    let (Ok(bytes), forward) = (u32::try_from(length), moment.before.rflags & DIRECTION == 0)
    else {
        return vec![];
    };
    let apart = to.wrapping_sub(from);
    // Only a copy onto what follows its source, upwards, reads what it wrote.
    if !forward || apart == 0 || apart >= length || length > MAX_OVERLAP {
        let source = Source::Copy(Span::memory(from, bytes));
        return vec![Flow { to: Span::memory(to, bytes), source }];
    }
    let one = |at: u64| {
        let origin = original(at, apart, element);
        let source = Source::Copy(Span::memory(from.wrapping_add(origin), 1));
        Flow { to: Span::memory(to.wrapping_add(at), 1), source }
    };
    (0..length).map(one).collect()
}

/// The byte of the source that byte `at` of an overlapping copy comes from: what an
/// earlier element wrote comes from where that came from.
fn original(mut at: u64, apart: u64, element: u64) -> u64 {
    while let Some(before) = at.checked_sub(apart) {
        if before / element >= at / element {
            break;
        }
        at = before;
    }
    at
}

fn stored(to: u64, length: u64, element: u64) -> Vec<Flow> {
    let source = Span::gpr(Gpr::RAX, element as u32);
    let Ok(bytes) = u32::try_from(length) else { return vec![] };
    if length == element {
        return vec![Flow { to: Span::memory(to, bytes), source: Source::Copy(source) }];
    }
    if element == 1 || length > MAX_OVERLAP {
        let source = Source::Combined(vec![source]);
        return vec![Flow { to: Span::memory(to, bytes), source }];
    }
    let each = |at: u64| Flow {
        to: Span::memory(to.wrapping_add(at), element as u32),
        source: Source::Copy(source),
    };
    (0..length).step_by(element as usize).map(each).collect()
}

fn loaded(moment: &Moment, (from, length): (u64, u64), element: u64) -> Vec<Flow> {
    let Some(last) = length.checked_sub(element) else { return vec![] };
    let forward = moment.before.rflags & DIRECTION == 0;
    let at = if forward { from.wrapping_add(last) } else { from };
    let source = Source::Copy(Span::memory(at, element as u32));
    let mut flows = vec![Flow { to: Span::gpr(Gpr::RAX, element as u32), source }];
    if element == 4 {
        let to = Span::gpr(Gpr::RAX, 8).from(4);
        flows.push(Flow { to, source: Source::Extension });
    }
    flows
}

/// Pointers and count go on.
fn moved(moment: &Moment) -> Vec<Flow> {
    let repeated = moment.instruction.has_rep_prefix() || moment.instruction.has_repne_prefix();
    let own = |register| {
        let mut from = vec![Span::gpr(register, 8)];
        if repeated && register != Gpr::RCX {
            from.push(Span::gpr(Gpr::RCX, 8));
        }
        Flow { to: Span::gpr(register, 8), source: Source::Combined(from) }
    };
    let changed = |register: &Gpr| gpr(moment.before, *register) != gpr(moment.after, *register);
    [Gpr::RDI, Gpr::RSI, Gpr::RCX].into_iter().filter(changed).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::original;

    #[test]
    fn an_overlapping_copy_repeats_its_source() {
        let bytes: Vec<u64> = (0..7).map(|at| original(at, 3, 1)).collect();
        assert_eq!(bytes, [0, 1, 2, 0, 1, 2, 0]);
        // Within one element, all is read before anything is written.
        let words: Vec<u64> = (0..12).map(|at| original(at, 2, 4)).collect();
        assert_eq!(words, [0, 1, 2, 3, 2, 3, 6, 7, 6, 7, 10, 11]);
    }
}
