//! Tracer and tracee on one core: a ptrace stop then costs no wake-up across
//! cores. The program must not notice.

use crate::os::Entered;
use crate::recording::Recording;
use crate::tracee::sys::CpuSet;
use rdb_schema::registers::Registers;

/// The core both are pinned to, and where they could run before.
#[derive(Clone, Copy)]
pub struct Pinning {
    original: CpuSet,
    pinned: Option<CpuSet>,
}

impl Pinning {
    /// Pins this thread and `pid` to one core. Where that is not allowed, they
    /// stay where they are: slower, nothing else.
    ///
    /// # Errors
    /// This thread's CPUs cannot be found out.
    pub fn new(pid: libc::pid_t) -> std::io::Result<Self> {
        let original = CpuSet::of(0)?;
        // Where this thread runs already, other recorders perhaps do not.
        let one = CpuSet::new(&[nix::sched::sched_getcpu()?]);
        let pinned = Some(one).filter(|set| set.apply(0).is_ok() && set.apply(pid).is_ok());
        Ok(Self { original, pinned })
    }

    /// Where other threads of the recorder should run: the other cores, if any.
    pub fn others(&self) -> CpuSet {
        let Some(pinned) = self.pinned else { return self.original };
        let taken = pinned.cpus();
        let free: Vec<usize> =
            self.original.cpus().into_iter().filter(|c| !taken.contains(c)).collect();
        if free.is_empty() { self.original } else { CpuSet::new(&free) }
    }

    /// Gives `pid` its cores back: it is about to make a child that inherits
    /// them, or to run on by itself.
    pub fn release(&self, pid: libc::pid_t) {
        if self.pinned.is_some() {
            let _ = self.original.apply(pid);
        }
    }

    /// Pins `pid` again.
    pub fn apply(&self, pid: libc::pid_t) {
        if let Some(pinned) = &self.pinned {
            let _ = pinned.apply(pid);
        }
    }

    /// Shows the program its own CPUs where it asked for them
    /// (sched_getaffinity(2) of itself).
    pub fn hide(&self, rec: &Recording, call: &Entered, exit: &Registers) {
        let own = call.argument(0) == 0 || call.argument(0) == u64::from(rec.pid.cast_unsigned());
        let asked = call.number() == libc::SYS_sched_getaffinity as u64;
        let length = usize::try_from(exit.gpr[0]).unwrap_or(0);
        if !asked || !own || self.pinned.is_none() {
            return;
        }
        if let Some(bytes) = self.original.bytes().get(..length) {
            let _ = rec.memory.write(call.argument(2), bytes);
        }
    }
}
