//! Why the tracee stopped in the cache, and what follows from it.

use super::Translate;
use super::exits::Exit;
use super::layout::slot;
use super::state::{Place, Rcx};
use crate::accounting::Cause;
use crate::engine::step::signal_code;
use crate::engine::{Ended, Flow};
use crate::tracee::{GeneralRegisters, Outcome, Resume, Stop, Stopped};
use rdb_schema::registers::Gpr;

/// After a stop.
pub enum Next {
    /// On in the cache.
    Run(Stopped),
    /// Out of it: the tracee holds the program's own registers.
    Leave(Stopped),
}

impl Translate {
    /// Handles what the tracee did.
    pub(super) fn stopped(&mut self, outcome: Outcome) -> Flow<Next> {
        match outcome {
            Outcome::Stopped(stopped, stop) => self.stop(stopped, stop),
            Outcome::Exited(status) => Err(self.step.ended(Ended::Exited(status))?),
            Outcome::Killed(signal) => Err(self.step.ended(Ended::Killed(signal))?),
        }
    }

    fn stop(&mut self, stopped: Stopped, stop: Stop) -> Flow<Next> {
        match stop {
            Stop::Signal(signal) => {
                let host = stopped.host_registers()?;
                if signal == libc::SIGTRAP
                    && let Some(exit) = self.exit(&stopped, &host)
                {
                    return self.leave_by(stopped, host, exit);
                }
                if signal == libc::SIGSEGV && self.is_full(&stopped)? {
                    return self.log_full(stopped, host);
                }
                self.signal(stopped, host, signal)
            }
            Stop::Exit => {
                let host = stopped.host_registers()?;
                if !self.vanish_in_call(&stopped, &host)? {
                    self.vanish(&stopped, &host)?;
                }
                Err(self.step.dying(stopped)?)
            }
            Stop::Group(libc::SIGTRAP) | Stop::Exec | Stop::Other(_) => Ok(Next::Run(stopped)),
            Stop::Syscall => {
                Err(std::io::Error::other("a syscall's stop, which nobody asked for").into())
            }
            Stop::Group(_) => {
                let outcome = stopped.resume(Resume::Listen, 0)?.wait()?;
                self.stopped(outcome)
            }
        }
    }

    /// The exit whose `int3` was executed just now.
    fn exit(&self, stopped: &Stopped, host: &GeneralRegisters) -> Option<Exit> {
        let home = self.home.as_ref()?;
        let exit = home.cache.exit(host.pc().wrapping_sub(1))?;
        // Where the tracee stands behind one that was seen to, a signal was sent.
        let is_old = match exit {
            Exit::Calling(_) => self.calling.is_some(),
            Exit::Called(_) => home.kept(stopped, slot::CALL) == 0,
            _ => false,
        };
        (!is_old).then_some(exit)
    }

    fn leave_by(&mut self, stopped: Stopped, host: GeneralRegisters, exit: Exit) -> Flow<Next> {
        if let Some(cause) = cause(exit) {
            self.step.rec.accounting.stopped_for(cause);
        }
        match exit {
            Exit::Missing(link) => {
                if self.is_crowded() || self.translate_on(link.target).is_none() {
                    self.leave_cache(&stopped, &host, &Place::between(link.target))?;
                    return Ok(Next::Leave(stopped));
                }
                // The stub goes on to the translation by now.
                Ok(Next::Run(stopped))
            }
            Exit::Unknown => self.look_up(stopped, host),
            Exit::Retired(pc) => self.go_on(stopped, host, &Place::between(pc)),
            Exit::Changed(pc) => self.code_changed(stopped, host, pc),
            Exit::Stepped(pc) => {
                self.leave_cache(&stopped, &host, &Place::between(pc))?;
                Ok(Next::Leave(stopped))
            }
            Exit::Calling(pc) => self.calling(stopped, host, pc),
            Exit::Called(pc) => self.called(stopped, host, pc),
            Exit::Bulk(next) => {
                self.string_stored(&stopped, &host, next)?;
                if self.step.rec.is_full() {
                    let place = self.behind_string(&host, next);
                    self.leave_cache(&stopped, &host, &place)?;
                    return Ok(Next::Leave(stopped));
                }
                Ok(Next::Run(stopped))
            }
        }
    }

    pub(super) fn behind_string(&self, host: &GeneralRegisters, next: u64) -> Place {
        let found = self.home.as_ref().and_then(|h| h.cache.find(host.pc() - 1));
        let substitutes = found.map(|t| t.substitutes).unwrap_or_default();
        Place { substitutes, ..Place::between(next) }
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.home.as_ref().is_none_or(|h| h.cache.is_full())
    }

    /// An indirect branch to an address that the table does not have.
    fn look_up(&mut self, stopped: Stopped, mut host: GeneralRegisters) -> Flow<Next> {
        let pc = host.get(Gpr::R14);
        if !is_canonical(pc) {
            return self.take_back_branch(stopped, host);
        }
        let place = Place { rcx: Rcx::Saved, ..Place::between(pc) };
        let crowded = self.is_crowded();
        let found = if crowded { None } else { self.translate_on(pc) };
        let Some(home) = &mut self.home else { return Ok(Next::Leave(stopped)) };
        let Some(head) = found else {
            self.leave_cache(&stopped, &host, &place)?;
            return Ok(Next::Leave(stopped));
        };
        let listed = home.cache.find_by_table(pc, head, &mut home.region.memory);
        listed.map_err(|_| std::io::Error::other("the code cache cannot be written"))?;
        host.set(Gpr::RCX, home.kept(&stopped, slot::RCX));
        host.jump(head);
        stopped.set_general_registers(&host)?;
        Ok(Next::Run(stopped))
    }

    /// Whether a SIGSEGV is the log's guard.
    fn is_full(&self, stopped: &Stopped) -> Flow<bool> {
        let Some(home) = &self.home else { return Ok(false) };
        let info = stopped.siginfo()?;
        let mut address = [0; 8];
        address.copy_from_slice(&info[16..24]);
        let address = u64::from_le_bytes(address);
        Ok(signal_code(&info) > 0 && home.region.layout.guard().contains(&address))
    }

    /// The log is full: a block's head could not reserve its record.
    fn log_full(&mut self, mut stopped: Stopped, mut host: GeneralRegisters) -> Flow<Next> {
        let Some(home) = &self.home else { return Ok(Next::Leave(stopped)) };
        let Some(place) = home.place(&host) else {
            return Err(std::io::Error::other("the log ended inside a block").into());
        };
        let start = home.region.layout.guard().start - self.allowance();
        self.step.rec.accounting.stopped_for(Cause::Full);
        self.absorb(&stopped, host.get(Gpr::R15), &place)?;
        let count = self.step.rec.tracepoint();
        self.step.progress.instructions.store(count, std::sync::atomic::Ordering::Relaxed);
        self.join_blocks();
        if self.step.rec.is_full()
            || self.step.reason_to_leave().is_some()
            || self.step.options.stop_after.is_some()
        {
            self.leave_cache(&stopped, &host, &place)?;
            self.keep_ignoring_segv(&mut stopped)?;
            return Ok(Next::Leave(stopped));
        }
        if let Some(home) = &mut self.home {
            home.unread = start;
        }
        host.set(Gpr::R15, start);
        stopped.set_general_registers(&host)?;
        self.keep_ignoring_segv(&mut stopped)?;
        Ok(Next::Run(stopped))
    }

    /// At the exit stop, in the middle of the cache: SIGKILL.
    fn vanish(&mut self, stopped: &Stopped, host: &GeneralRegisters) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let mut host = *host;
        let (place, advanced) =
            home.place_before(&host).unwrap_or_else(|| (home.on_the_way(&host), 0));
        host.set(Gpr::R15, host.get(Gpr::R15).wrapping_sub(advanced));
        self.leave_cache(stopped, &host, &place)
    }
}

/// What an exit from the cache stopped for; system calls are counted when they are done.
fn cause(exit: Exit) -> Option<Cause> {
    Some(match exit {
        Exit::Missing(_) => Cause::Untranslated,
        Exit::Retired(_) | Exit::Changed(_) => Cause::Changed,
        Exit::Unknown => Cause::Unlisted,
        Exit::Stepped(_) => Cause::Uncached,
        Exit::Bulk(_) => Cause::Bulk,
        Exit::Calling(_) | Exit::Called(_) => return None,
    })
}

/// Whether an indirect branch can go there: elsewhere it is the branch itself
/// that faults (Intel SDM vol. 1, 3.3.7.1).
fn is_canonical(pc: u64) -> bool {
    (pc.cast_signed() << 16 >> 16).cast_unsigned() == pc
}
