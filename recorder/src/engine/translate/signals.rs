//! Signals that find the program in the cache: it goes on to the next boundary
//! between two instructions, and the `step` engine delivers them there.

use super::Translate;
use super::exits::Exit;
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
pub const MOST_STEPS: usize = 4096;

/// Instructions after which it is looked again whether a signal still waits.
const LOOK: u64 = 64;

/// Whether a signal waits for the process or its first thread (proc_pid_status(5)).
fn is_pending(pid: libc::pid_t, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let sets = status.lines().filter_map(|line| {
        let set = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"))?;
        u64::from_str_radix(set.trim(), 16).ok()
    });
    sets.fold(0, |all, set| all | set) & bit(signal) != 0
}

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
        if let Some(pc) = home.call_made(&stopped, &host) {
            return self.call_interrupted(stopped, host, pc, signal);
        }
        if is_fault(signal, signal_code(&info)) {
            // The instruction raises it again where it stands in the program.
            let Some((place, _)) = home.place_before(&host) else {
                return Err(std::io::Error::other("a fault of the code cache's own").into());
            };
            self.leave_cache(&stopped, &host, &place)?;
            self.step_next = true;
            return Ok(Next::Leave(stopped));
        }
        if let Some(place) = self.finish_string(&stopped, &host)?.or_else(|| self.place(&host)) {
            let withheld = self.hides_segv && signal == libc::SIGSEGV;
            self.leave_cache(&stopped, &host, &place)?;
            return self.deliver(stopped, signal, &info, withheld);
        }
        self.reach_boundary(stopped, signal, info)
    }

    /// Out of the cache: delivers the signal; or lets it wait on where the program has it
    /// blocked, and only the kernel did not know.
    pub(super) fn deliver(
        &mut self,
        mut stopped: Stopped,
        signal: i32,
        info: &[u8; 128],
        withheld: bool,
    ) -> Flow<Next> {
        self.shows_segv = false;
        let Some(home) = self.home.as_mut().filter(|_| withheld) else {
            return Ok(Next::Leave(self.step.deliver(stopped, signal, *info, false)?));
        };
        home.region.memory.write(slot::INFO, info);
        let (pid, at) = (self.step.rec.pid as u64, home.region.layout.context(slot::INFO));
        let arguments = [pid, pid, signal as u64, at, 0, 0];
        stopped.inject(home.syscall_at, libc::SYS_rt_tgsigqueueinfo, arguments)??;
        self.segv_waits = 1;
        Ok(Next::Leave(stopped))
    }

    /// Whether a SIGSEGV that the program has blocked may wait to be delivered: in the
    /// cache, where it is not blocked, it would come.
    pub(super) fn segv_waits(&mut self) -> bool {
        if self.segv_waits > 0 {
            self.segv_waits += 1;
            if self.segv_waits.is_multiple_of(LOOK) && !is_pending(self.step.rec.pid, libc::SIGSEGV)
            {
                self.segv_waits = 0;
            }
        }
        self.segv_waits > 0
    }

    fn place(&self, host: &GeneralRegisters) -> Option<Place> {
        self.home.as_ref()?.place(host)
    }

    /// Just in front of the stop for the stores of a repeated string instruction: does
    /// what is done there. The place behind it.
    fn finish_string(&mut self, stopped: &Stopped, host: &GeneralRegisters) -> Flow<Option<Place>> {
        let exit = self.home.as_ref().and_then(|home| home.cache.exit(host.pc()));
        let Some(Exit::Bulk(next)) = exit else { return Ok(None) };
        let mut stopped_there = *host;
        stopped_there.jump(host.pc() + 1);
        self.string_stored(stopped, &stopped_there, next)?;
        Ok(Some(self.behind_string(&stopped_there, next)))
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
            let place = match self.finish_string(&stopped, &host)? {
                Some(place) => Some(place),
                None => self.boundary_of(&stopped, &host)?,
            };
            let Some(place) = place else { continue };
            stopped.set_signal_mask(mask)?;
            let withheld = self.hides_segv && signal == libc::SIGSEGV;
            self.leave_cache(&stopped, &host, &place)?;
            if waits {
                self.step_next = true;
                return Ok(Next::Leave(stopped));
            }
            stopped.set_siginfo(&info)?;
            return self.deliver(stopped, signal, &info, withheld);
        }
        Err(std::io::Error::other("the code cache does not come to a boundary").into())
    }

    /// The place where the tracee stands, if it is exact.
    fn boundary_of(&self, stopped: &Stopped, host: &GeneralRegisters) -> Flow<Option<Place>> {
        let Some(home) = &self.home else { return Ok(None) };
        let info = stopped.siginfo()?;
        let signal = i32::from_le_bytes([info[0], info[1], info[2], info[3]]);
        if signal != libc::SIGTRAP {
            // A fault on the way: the instruction has to be stepped.
            return Ok(home.place_before(host).map(|(place, _)| place));
        }
        Ok(home.place(host))
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
