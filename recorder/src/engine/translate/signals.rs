//! Signals that find the program in the cache: it goes on to the next boundary
//! between two instructions, and the `step` engine delivers them there.

use super::Translate;
use super::layout::slot;
use super::state::Place;
use super::stops::Next;
use crate::engine::Flow;
use crate::engine::step::signal_code;
use crate::engine::step::signals::{RAISED, is_fault};
use crate::tracee::{GeneralRegisters, Outcome, Resume, Stop, Stopped};

/// Bytes of a signal mask.
const SIGSET_BYTES: u64 = 8;

/// Most single steps from anywhere in the cache to a boundary.
const MOST_STEPS: usize = 4096;

fn bit(signal: i32) -> u64 {
    1 << (signal.clamp(1, 64) - 1)
}

impl Translate {
    /// At the delivery stop of a signal that is none of the cache's own.
    pub(super) fn signal(
        &mut self,
        stopped: Stopped,
        host: GeneralRegisters,
        signal: i32,
    ) -> Flow<Next> {
        let info = stopped.siginfo()?;
        let Some(home) = &self.home else { return Ok(Next::Leave(stopped)) };
        if is_fault(signal, signal_code(&info)) {
            // The instruction raises it again where it stands in the program.
            let Some((place, _)) = home.place_before(&host) else {
                return Err(std::io::Error::other("a fault of the code cache's own").into());
            };
            self.leave_cache(&stopped, &host, &place)?;
            self.step_next = true;
            return Ok(Next::Leave(stopped));
        }
        if let Some(place) = home.place(&host) {
            self.leave_cache(&stopped, &host, &place)?;
            return Ok(Next::Leave(self.step.deliver(stopped, signal, info, false)?));
        }
        self.reach_boundary(stopped, signal, info)
    }

    /// Single-steps in the cache to a boundary. The signal waits meanwhile: the
    /// kernel takes one that is injected while it is blocked back into its queue
    /// (ptrace_signal, kernel/signal.c).
    fn reach_boundary(&mut self, stopped: Stopped, signal: i32, info: [u8; 128]) -> Flow<Next> {
        let mask = stopped.signal_mask()?;
        // Blocking what instructions raise would not hold it back.
        let raised = RAISED.iter().fold(0, |bits, signal| bits | bit(*signal));
        stopped.set_signal_mask(!raised)?;
        let waits = !RAISED.contains(&signal) && signal != libc::SIGSTOP;
        let (mut stopped, mut inject) = (stopped, if waits { signal } else { 0 });
        for _ in 0..MOST_STEPS {
            stopped = match stopped.resume(Resume::Step, std::mem::take(&mut inject))?.wait()? {
                Outcome::Stopped(next, Stop::Signal(_)) => next,
                other => return self.stopped(other),
            };
            let host = stopped.host_registers()?;
            let Some(place) = self.boundary_of(&stopped, &host)? else { continue };
            stopped.set_signal_mask(mask)?;
            match place {
                Some(place) => self.leave_cache(&stopped, &host, &place)?,
                None => self.arrived_at_syscall(&stopped, host)?,
            }
            if waits {
                self.step_next = true;
                return Ok(Next::Leave(stopped));
            }
            stopped.set_siginfo(&info)?;
            return Ok(Next::Leave(self.step.deliver(stopped, signal, info, false)?));
        }
        Err(std::io::Error::other("the code cache does not come to a boundary").into())
    }

    /// The place where the tracee stands, if it is exact; `Some(None)`: outside
    /// the cache, about to execute a syscall.
    fn boundary_of(
        &self,
        stopped: &Stopped,
        host: &GeneralRegisters,
    ) -> Flow<Option<Option<Place>>> {
        let Some(home) = &self.home else { return Ok(Some(None)) };
        if !home.region.layout.cache().contains(&host.pc()) {
            return Ok(Some(None));
        }
        let info = stopped.siginfo()?;
        let signal = i32::from_le_bytes([info[0], info[1], info[2], info[3]]);
        if signal != libc::SIGTRAP {
            // A fault on the way: the instruction has to be stepped.
            return Ok(home.place_before(host).map(|(place, _)| Some(place)));
        }
        Ok(home.place(host).map(Some))
    }

    /// All registers are the program's, and it is about to execute a syscall.
    fn arrived_at_syscall(&mut self, stopped: &Stopped, host: GeneralRegisters) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let cursor = home.kept(stopped, super::layout::slot::CURSOR);
        self.absorb(stopped, cursor, &Place::between(host.pc()))?;
        self.show_segv(stopped)?;
        self.step.rec.stack_limit.free(stopped);
        self.mend_x87(stopped)?;
        let rec = &mut self.step.rec;
        stopped.extended_registers(&rec.layout, &mut rec.registers)?;
        host.copy_to(&mut rec.registers);
        Ok(())
    }

    /// Takes SIGSEGV out of the kernel's mask: the log's guard raises it, and the
    /// kernel would take the handler away from one that is blocked.
    pub(super) fn hide_segv(&mut self, stopped: &Stopped) -> Flow<()> {
        if self.shows_segv {
            return Ok(());
        }
        let mask = stopped.signal_mask()?;
        let blocked = bit(libc::SIGSEGV);
        self.hides_segv = mask & blocked != 0;
        self.shows_segv = !self.hides_segv;
        if self.hides_segv {
            stopped.set_signal_mask(mask & !blocked)?;
        }
        Ok(())
    }

    /// A program that ignores SIGSEGV still does after the log's guard raised it: the
    /// kernel gives an ignored signal that it forces its default action
    /// (force_sig_info_to_task, kernel/signal.c).
    pub(super) fn keep_ignoring_segv(&mut self, stopped: &mut Stopped) -> Flow<()> {
        let Some(home) = &mut self.home else { return Ok(()) };
        let segv = libc::SIGSEGV.cast_unsigned();
        let Some(action) = self.step.rec.tracked.actions().find(|a| a.signal == segv) else {
            return Ok(());
        };
        if action.handler != libc::SIG_IGN as u64 {
            return Ok(());
        }
        let words = [action.handler, action.flags, action.restorer, action.mask];
        for (index, word) in words.into_iter().enumerate() {
            home.region.memory.write(slot::ACTION + index * 8, &word.to_le_bytes());
        }
        let at = home.region.layout.context(slot::ACTION);
        let arguments = [segv.into(), at, 0, SIGSET_BYTES, 0, 0];
        let result = stopped.inject(home.syscall_at, libc::SYS_rt_sigaction, arguments)?;
        Ok(result.map(drop)?)
    }

    /// Gives the kernel the program's mask back.
    pub(super) fn show_segv(&mut self, stopped: &Stopped) -> Flow<()> {
        if std::mem::take(&mut self.hides_segv) {
            let mask = stopped.signal_mask()?;
            stopped.set_signal_mask(mask | bit(libc::SIGSEGV))?;
        }
        Ok(())
    }
}
