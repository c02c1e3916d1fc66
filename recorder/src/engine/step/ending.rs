//! How recordings end.

use super::Step;
use crate::engine::{Ended, Flow, Interrupt, Leave};
use crate::tracee::{Outcome, Resume, Stopped};
use rdb_schema::event::{EventKind, Exit};

impl Step {
    /// At the exit stop: registers and memory are there for the last time.
    pub(in crate::engine) fn dying(&mut self, stopped: Stopped) -> Flow<Interrupt> {
        self.end_execution(false);
        let status = stopped.exit_status()?;
        if self.options.audit {
            self.rec.audit_at_exit(&stopped)?;
        }
        self.finish(exit_of(status))?;
        let mut running = stopped.resume(Resume::Continue, 0)?;
        loop {
            running = match running.wait()? {
                Outcome::Exited(status) => return Ok(Interrupt::End(Ended::Exited(status))),
                Outcome::Killed(signal) => return Ok(Interrupt::End(Ended::Killed(signal))),
                Outcome::Stopped(stopped, _) => stopped.resume(Resume::Continue, 0)?,
            };
        }
    }

    /// Ended without an exit stop.
    pub(in crate::engine) fn ended(&mut self, ended: Ended) -> Flow<Interrupt> {
        self.end_execution(false);
        self.finish(match &ended {
            Ended::Exited(status) => Exit::Status(*status),
            Ended::Killed(signal) => Exit::Signal(signal.cast_unsigned()),
            Ended::Detached(..) => Exit::Unknown,
        })?;
        Ok(Interrupt::End(ended))
    }

    fn finish(&mut self, exit: Exit) -> Flow<()> {
        self.rec.exit = exit;
        if let Some(notice) = self.rec.children.notice() {
            self.rec.event(EventKind::Notice(notice));
        }
        self.rec.event(EventKind::Exit(exit));
        self.rec.finish()?;
        Ok(())
    }

    /// Stops recording and lets the program run on.
    pub(in crate::engine) fn leave(&mut self, stopped: Stopped, why: Leave) -> Interrupt {
        self.try_leave(stopped, why).unwrap_or_else(|interrupt| interrupt)
    }

    fn try_leave(&mut self, stopped: Stopped, why: Leave) -> Flow<Interrupt> {
        self.end_execution(false);
        let at_entry = self.in_syscall || why == Leave::Thread;
        match (self.options.audit && why != Leave::Unwritable, at_entry) {
            (false, _) => {}
            (true, true) => self.rec.audit_at_entry(&stopped)?,
            (true, false) => self.rec.audit(&stopped)?,
        }
        let reason = match why {
            Leave::StopAfter => "recording was ended here as asked (--stop-after)",
            Leave::Thread => "the program started a second thread: recording ended there",
            Leave::Unwritable => "the trace could not be written any further",
        };
        self.rec.event(EventKind::Notice(reason.to_owned()));
        self.finish(Exit::Unknown)?;
        self.pinning.release(self.rec.pid);
        self.rec.trap_mask.reveal(&stopped)?;
        self.rec.stack_limit.free(&stopped);
        Ok(Interrupt::End(Ended::Detached(stopped.detach(0)?, why)))
    }
}

/// The exit that a wait status (PTRACE_EVENT_EXIT's message) tells.
fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status).cast_unsigned())
    } else {
        Exit::Status(libc::WEXITSTATUS(status))
    }
}
