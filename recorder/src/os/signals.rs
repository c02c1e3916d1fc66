//! Signals as events.

use crate::capture;
use crate::recording::{Recording, ReplayFailed};
use rdb_schema::event::{Disposition, Event, EventKind, Signal};
use rdb_schema::registers::{RegisterPatch, Registers};

/// Bytes below the stack pointer that a signal frame leaves alone (x86-64 psABI, 3.2.2).
const RED_ZONE: u64 = 128;

/// Most bytes a signal frame takes: XSAVE state with AMX, and room.
const MAX_FRAME: u64 = 32 << 10;

/// A signal at its delivery stop.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Its number.
    pub signal: i32,
    /// Its siginfo_t.
    pub info: [u8; 128],
    /// Whether the last tracepoint's instruction raised it.
    pub fault: bool,
}

impl Recording {
    /// What will become of `signal`: the kernel's masks say, and signal(7).
    pub fn disposition(&self, signal: i32) -> Disposition {
        let status = capture::status(self.pid.cast_unsigned()).unwrap_or_default();
        let bit = 1u64 << (signal.clamp(1, 64) - 1);
        if status.caught & bit != 0 {
            return Disposition::Handled;
        }
        let ignored = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];
        let stopping = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        if status.ignored & bit != 0 || ignored.contains(&signal) {
            Disposition::Ignored
        } else if stopping.contains(&signal) {
            Disposition::Stopped
        } else {
            Disposition::Fatal
        }
    }

    /// Records a signal that changes neither registers nor memory.
    pub fn signal_event(&mut self, delivery: &Delivery, disposition: Disposition) {
        self.event(kind(delivery, disposition));
    }

    /// Records a signal that ends the program behind a system call, where `inside` are its
    /// registers: the kernel would have run the call again only after the signal.
    pub fn killed_in_call(&mut self, delivery: &Delivery, inside: Registers) {
        self.builder.call_was_not_restarted();
        let kind = kind(delivery, Disposition::Fatal);
        let mut event = Event::new(self.last_tracepoint(), self.pid.cast_unsigned(), kind);
        event.registers = RegisterPatch::between(&self.registers, &inside);
        self.registers = inside;
        self.push_event(event);
    }

    /// Records that a handler was entered: `after` are the registers at its
    /// first instruction, and the kernel has built the frame.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn handler_entered(
        &mut self,
        delivery: &Delivery,
        after: Registers,
    ) -> Result<(), ReplayFailed> {
        let thread = self.pid.cast_unsigned();
        let kind = kind(delivery, Disposition::Handled);
        let mut event = Event::new(self.last_tracepoint(), thread, kind);
        self.faults.settle(&self.memory, after.rsp(), delivery.fault);
        event.registers = RegisterPatch::between(&self.registers, &after);
        event.memory = self.memory.read_pieces(after.rsp(), self.frame_bytes(&after) as usize);
        // Some CPUs push a call's return address before the call faults. Reading
        // below a stack's mapping would make it grow.
        let below = self.registers.rsp().wrapping_sub(8);
        if delivery.fault && self.space.find(below).is_some() {
            event.memory.extend(self.memory.read_pieces(below, 8));
        }
        self.tracked.delivered(thread, delivery.signal.cast_unsigned());
        self.registers = after;
        let grown = self.space.find(after.rsp()).is_none();
        self.push_event(event);
        if grown { self.follow_growth() } else { Ok(()) }
    }

    /// How far above the handler's stack pointer its frame may reach.
    fn frame_bytes(&self, after: &Registers) -> u64 {
        let interrupted = self.registers.rsp().wrapping_sub(RED_ZONE);
        match interrupted.checked_sub(after.rsp()) {
            Some(distance) if distance <= MAX_FRAME => distance,
            // On another stack: up to its end, as far as a frame can reach.
            _ => {
                let end = self.space.find(after.rsp()).map_or(u64::MAX, |m| m.end);
                (end - after.rsp()).min(MAX_FRAME)
            }
        }
    }
}

fn kind(delivery: &Delivery, disposition: Disposition) -> EventKind {
    EventKind::Signal(Signal {
        number: delivery.signal.cast_unsigned(),
        info: delivery.info.to_vec(),
        fault: delivery.fault,
        disposition,
    })
}
