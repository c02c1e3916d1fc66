//! Registers in the frame that the kernel makes for a signal's handler.

use crate::dataflow::{Place, Span};
use crate::session::Session;
use crate::timeline::Direction;
use rdb_schema::event::{Disposition, EventKind};
use rdb_schema::registers::Gpr;
use rdb_schema::syscalls::name;
use std::ops::ControlFlow;

/// Hardware numbers of the general registers in the order of `struct sigcontext`
/// (asm/sigcontext.h).
const ORDER: [u8; 16] = [8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4];

/// Where they begin in `struct ucontext` (asm/ucontext.h).
const REGISTERS: u64 = 40;

/// Where `struct ucontext` begins in the frame: behind the handler's return address
/// (`struct rt_sigframe`).
const CONTEXT: u64 = 8;

/// What happened.
enum Move {
    /// A handler's frame was made, at this address.
    In(u64),
    /// It was taken down: the registers come from here.
    Out(u64),
}

/// Where the bytes `part` of `to`, which the kernel wrote at `w`, were before, if the
/// kernel only moved them.
pub(super) fn moved(session: &Session, w: u64, to: &Span, part: &Span) -> Option<Span> {
    match (happened(session, w)?, part.place) {
        (Move::In(frame), Place::Memory(address)) => {
            to.within(part)?;
            let registers = frame.checked_add(CONTEXT + REGISTERS)?;
            let offset = address.checked_sub(registers)?;
            let number = *ORDER.get(usize::try_from(offset / 8).ok()?)?;
            let inside = (offset % 8) as u32;
            let fits = inside.checked_add(part.length)? <= 8;
            fits.then(|| Gpr::new(number))
                .flatten()
                .map(|gpr| Span::gpr(gpr, 8).part(inside, part.length))
        }
        (Move::Out(context), Place::Register(offset)) => {
            let (number, inside) = (u8::try_from(offset / 8).ok()?, u64::from(offset % 8));
            let place = ORDER.iter().position(|known| *known == number)? as u64;
            let address = context.checked_add(REGISTERS + place * 8 + inside)?;
            (inside + u64::from(part.length) <= 8).then(|| Span::memory(address, part.length))
        }
        _ => None,
    }
}

fn happened(session: &Session, w: u64) -> Option<Move> {
    let timeline = session.timeline();
    let mut found = None;
    let visit = &mut |event: &rdb_schema::event::Event| {
        found = match &event.kind {
            EventKind::Signal(signal) if signal.disposition == Disposition::Handled => {
                Some((true, w + 1))
            }
            EventKind::Syscall(call) if name(call.number) == Some("rt_sigreturn") => {
                Some((false, w))
            }
            _ => return ControlFlow::Continue(()),
        };
        ControlFlow::Break(())
    };
    timeline.events(w..w + 1, Direction::Forward, visit).ok()?;
    let (made, state) = found?;
    let stack = timeline.registers(state).ok()?.rsp();
    Some(if made { Move::In(stack) } else { Move::Out(stack) })
}
