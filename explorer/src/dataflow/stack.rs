//! Instructions of the stack: what they store and load beside moving its pointer.

use super::{Flow, Moment, Source, Span};
use iced_x86::Mnemonic as M;
use rdb_schema::registers::Gpr;

/// push, pop, call, ret, leave and enter.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let moved = moment.instruction.stack_pointer_increment();
    let mut flows = match moment.mnemonic() {
        M::Push => vec![pushed(moment, moved)],
        M::Pushf | M::Pushfq => {
            let to = below(moment, moved);
            vec![Flow { to, source: Source::Combined(vec![Span::flags(u32::MAX)]) }]
        }
        M::Pop => popped(moment, moved),
        M::Call => vec![Flow { to: below(moment, moved), source: Source::Constant }],
        M::Ret | M::Popf | M::Popfq => Vec::new(),
        M::Leave => return Some(left(moment)),
        M::Enter => return Some(entered(moment)),
        _ => return None,
    };
    let pointer = Span::gpr(Gpr::RSP, 8);
    flows.push(Flow { to: pointer, source: Source::Upward(vec![pointer]) });
    Some(flows)
}

/// The bytes that are pushed.
fn below(moment: &Moment, moved: i32) -> Span {
    let length = moved.unsigned_abs();
    Span::memory(moment.before.rsp().wrapping_sub(length.into()), length)
}

fn pushed(moment: &Moment, moved: i32) -> Flow {
    let to = below(moment, moved);
    let source = match (moment.immediate(0), moment.span(0)) {
        (Some(_), _) => Source::Constant,
        (None, Some(from)) if from.length == to.length => Source::Copy(from),
        // A segment register.
        _ => Source::Unknown,
    };
    Flow { to, source }
}

fn popped(moment: &Moment, moved: i32) -> Vec<Flow> {
    let from = Span::memory(moment.before.rsp(), moved.unsigned_abs());
    moment.write(0, Source::Copy(from))
}

fn left(moment: &Moment) -> Vec<Flow> {
    let frame = Span::gpr(Gpr::RBP, 8);
    let saved = Span::memory(moment.before.gpr[Gpr::RBP.index()], 8);
    vec![
        Flow { to: frame, source: Source::Copy(saved) },
        Flow { to: Span::gpr(Gpr::RSP, 8), source: Source::Upward(vec![frame]) },
    ]
}

/// `enter` without nesting: the frame's register is saved, and points to where that is.
fn entered(moment: &Moment) -> Vec<Flow> {
    let (frame, pointer) = (Span::gpr(Gpr::RBP, 8), Span::gpr(Gpr::RSP, 8));
    vec![
        Flow { to: below(moment, -8), source: Source::Copy(frame) },
        Flow { to: frame, source: Source::Upward(vec![pointer]) },
        Flow { to: pointer, source: Source::Upward(vec![pointer]) },
    ]
}
