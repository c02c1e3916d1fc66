//! The `translate` engine: the tracee runs copies of its own blocks that log
//! what `effects` says they change. What cannot be copied is stepped.
//!
//! The tracee shares a region with the recorder: a context for spilled
//! registers, a table of indirect branch targets, the log and the code cache.
//! Wherever the recorder stops it, all of that can be thrown away: the program's
//! own memory and registers never hold an address of the region.

mod ahead;
mod block;
mod branches;
mod buffered;
mod cache;
mod calling;
mod calls;
mod changing;
mod emitter;
mod encoding;
mod eviction;
mod exits;
mod fallbacks;
mod home;
mod interrupted;
mod judge;
mod layout;
mod leaving;
mod loads;
mod log;
mod logging;
mod native;
mod region;
mod retiring;
mod side_exits;
mod signals;
mod state;
mod stops;
mod strings;
mod substitutes;
mod superblocks;
mod translating;
mod trusting;
mod waiting;
mod wild;
mod x87;

pub use changing::may_change;
pub use native::runs_in_cache;
pub use substitutes::are_possible as registers_fit;

use super::{Cutting, Ended, EngineError, Flow, Interrupt, Step, StepOptions};
use crate::affinity::Pinning;
use crate::os::Entered;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::tracee::{GeneralRegisters, Outcome, Resume, Running, Stop, Stopped};
use fallbacks::Fallbacks;
use home::Home;
use rdb_schema::registers::TRAP_FLAG;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stops::Next;

/// The engine.
pub struct Translate {
    step: Step,
    home: Option<Home>,
    /// Which program image `home` was made for.
    image: Option<u64>,
    /// Instructions stepped for want of a region.
    homeless: u64,
    /// The next instruction is stepped, whatever it is.
    step_next: bool,
    /// SIGSEGV is in the program's signal mask, but not in the kernel's.
    hides_segv: bool,
    /// It is known to be in neither.
    shows_segv: bool,
    /// Not zero: one may wait there to be delivered; counts the looks at it.
    segv_waits: u64,
    /// A file is mapped shared and writable, and once more: a store there shows
    /// elsewhere, which only the `step` engine follows.
    has_aliases: bool,
    /// It is on the way out of the cache.
    leaving: bool,
    /// What the recorder was asked about, and is about to be made in the cache.
    calling: Option<Entered>,
    fallbacks: Fallbacks,
}

impl Translate {
    /// An engine that records into `rec`.
    pub fn new(
        rec: Recording,
        options: StepOptions,
        pinning: Pinning,
        progress: Arc<Progress>,
    ) -> Self {
        let step = Step::new(rec, options, Cutting::Cached, pinning, progress);
        Self {
            step,
            home: None,
            image: None,
            homeless: 0,
            step_next: false,
            hides_segv: false,
            shows_segv: false,
            segv_waits: 0,
            has_aliases: false,
            leaving: false,
            calling: None,
            fallbacks: Fallbacks::default(),
        }
    }

    /// Records until the program or the recording ends. The recording comes
    /// back, finished but not sealed.
    pub fn run(mut self, stopped: Stopped) -> (Recording, Result<Ended, EngineError>) {
        let ended = match self.begin(stopped) {
            Interrupt::End(ended) => Ok(ended),
            Interrupt::Gone => self.vanished(),
            Interrupt::Error(error) => Err(error),
        };
        self.step.rec.stepped = self.fallbacks.list();
        if ended.as_ref().is_ok_and(Ended::is_final) {
            // The recorder is about to exit: freeing a hundred thousand blocks one by
            // one would only delay that.
            std::mem::forget((self.home.take(), self.step.code));
        }
        (self.step.rec, ended)
    }

    fn begin(&mut self, stopped: Stopped) -> Interrupt {
        match self.step.rec.trap_mask.hide(&stopped) {
            Ok(()) => self.run_to_end(stopped),
            Err(gone) => gone.into(),
        }
    }

    fn run_to_end(&mut self, mut stopped: Stopped) -> Interrupt {
        loop {
            let result = match self.step.reason_to_leave() {
                Some(why) => {
                    self.clean_up(&mut stopped).and_then(|()| Err(self.step.leave(stopped, why)))
                }
                None => self.boundary(stopped).and_then(|stopped| self.advance(stopped)),
            };
            stopped = match result {
                Ok(stopped) => stopped,
                Err(interrupt) => return interrupt,
            };
            let count = self.step.rec.tracepoint();
            self.step.progress.instructions.store(count, Ordering::Relaxed);
        }
    }

    /// Between two chunks. The next one begins with all registers; those that
    /// only the code cache changes were not read at syscalls.
    fn boundary(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let rec = &mut self.step.rec;
        if rec.is_full() && !rec.has_boundary() {
            rec.stack_limit.free(&stopped);
            stopped.extended_registers(&rec.layout, &mut rec.registers)?;
            rec.follow_growth()?;
        }
        self.step.boundary(stopped)
    }

    /// From a state in which the tracee holds the program's own registers, on to
    /// another.
    fn advance(&mut self, mut stopped: Stopped) -> Flow<Stopped> {
        self.settle(&mut stopped)?;
        self.drop_changed_code()?;
        match self.reason_to_step() {
            Some(reason) => self.fallbacks.other(reason),
            None => match self.head(self.step.rec.registers.rip) {
                Some(head) => return self.enter(stopped, head),
                None => self.note_fallback(),
            },
        }
        self.make_way(&mut stopped)?;
        self.step.rec.stack_limit.free(&stopped);
        self.shows_segv = false;
        self.step.advance(stopped)
    }

    /// Why the next instruction is stepped whatever it is.
    fn reason_to_step(&mut self) -> Option<&'static str> {
        if std::mem::take(&mut self.step_next) {
            return Some("signals, faults and growing stacks");
        }
        if self.step.in_syscall {
            return Some("restarted syscalls");
        }
        if self.step.rec.registers.rflags & TRAP_FLAG != 0 {
            return Some("the program's own trap flag");
        }
        if self.home.is_none() {
            self.look_for_room();
            return Some("no room for a code cache");
        }
        if self.segv_waits() {
            return Some("a blocked SIGSEGV that waits");
        }
        if self.has_aliases {
            return Some("shared file mappings seen at several places");
        }
        (self.allowance() == 0).then_some("the last before --stop-after")
    }

    /// The next instruction is stepped for what it is, or where it is.
    fn note_fallback(&mut self) {
        let pc = self.step.rec.registers.rip;
        let prepared = self.step.code.at(pc, &mut self.step.rec);
        if prepared.care[0].cached {
            self.fallbacks.other("code in writable memory");
        } else {
            self.fallbacks.instruction(&prepared);
        }
    }

    /// It was killed under the recorder's hands; in the cache, unless it was just leaving,
    /// what it did there since the last stop is seen to as at any exit stop.
    fn vanished(&mut self) -> Result<Ended, EngineError> {
        let outcome = Running::lost(self.step.rec.pid).wait()?;
        let (stopped, host) = match outcome {
            Outcome::Stopped(stopped, Stop::Exit) if !self.leaving => {
                let host = stopped.host_registers();
                (stopped, host.ok())
            }
            other => return self.step.vanished_so(other),
        };
        let cache = self.home.as_ref().map(|home| home.region.layout.cache());
        let is_inside = |host: &GeneralRegisters| cache.is_some_and(|c| c.contains(&host.pc()));
        if !host.as_ref().is_some_and(is_inside) {
            return self.step.vanished_so(Outcome::Stopped(stopped, Stop::Exit));
        }
        match self.stopped(Outcome::Stopped(stopped, Stop::Exit)) {
            Err(Interrupt::End(ended)) => Ok(ended),
            Err(Interrupt::Error(error)) => Err(error),
            Err(Interrupt::Gone) | Ok(_) => Ok(Ended::Killed(libc::SIGKILL)),
        }
    }

    /// Bytes of log that may be written before tracepoints must be counted: a
    /// record has at most two for each byte.
    fn allowance(&self) -> u64 {
        let log = self.step.options.log_bytes.unwrap_or(u64::MAX).min(layout::RING_BYTES as u64);
        let Some(limit) = self.step.options.stop_after else { return log & !63 };
        let left = limit.saturating_sub(self.step.rec.tracepoint()) / 2;
        if left < 8192 { 0 } else { left.min(log) & !63 }
    }

    /// Lets the program run in the cache, from the present state on.
    fn enter(&mut self, stopped: Stopped, head: u64) -> Flow<Stopped> {
        self.step.end_execution(false);
        let allowance = self.allowance();
        let Some(home) = &mut self.home else { return Ok(stopped) };
        let cursor = home.region.layout.guard().start - allowance;
        home.unread = cursor;
        let registers = home.enter(&self.step.rec.registers, head, cursor);
        stopped.set_general_registers(&registers)?;
        self.hide_segv(&stopped)?;
        self.step.rec.stack_limit.hold(&stopped);
        self.trust_calls();
        self.run_cached(stopped)
    }

    fn run_cached(&mut self, mut stopped: Stopped) -> Flow<Stopped> {
        loop {
            let outcome = stopped.resume(Resume::Continue, 0)?.wait()?;
            match self.stopped(outcome)? {
                Next::Run(next) => stopped = next,
                Next::Leave(next) => return Ok(next),
            }
        }
    }
}
