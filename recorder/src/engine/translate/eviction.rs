//! The program wants the addresses of the recorder's region: it gets them, and
//! the region goes elsewhere.

use super::Translate;
use super::region::SYSCALL;
use crate::engine::Flow;
use crate::os::Entered;
use crate::tracee::Stopped;

/// Instructions that are stepped for want of room between two attempts.
const RETRY: u64 = 4096;

impl Translate {
    /// Whether `call` would meet the region.
    pub(super) fn meets_region(&self, call: &Entered) -> bool {
        let rec = &self.step.rec;
        !rec.own.is_empty() && rec.touches_own(call)
    }

    /// Before an instruction is stepped: takes the region away if it is a syscall
    /// that would meet it. Afterwards another is mapped.
    pub(super) fn make_way(&mut self, stopped: &mut Stopped) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let (range, pc) = (home.region.layout.all(), self.step.rec.registers.rip);
        let mut code = [0; SYSCALL.len()];
        let at_syscall = self.step.rec.memory.read(pc, &mut code) && code == SYSCALL;
        if !at_syscall || self.step.in_syscall {
            return Ok(());
        }
        let call = Entered::of(&mut self.step.rec);
        if !self.meets_region(&call) {
            return Ok(());
        }
        self.home = None;
        self.step.rec.own.clear();
        let arguments = [range.start, range.end - range.start, 0, 0, 0, 0];
        if self.is_filtered() || stopped.inject(pc, libc::SYS_munmap, arguments)?.is_err() {
            let words = "the recorder's mappings are in the program's way, and stay there";
            self.step.rec.warn_once(words);
            return Ok(());
        }
        self.image = None;
        Ok(())
    }

    /// Before the program goes on without the recorder: takes the region away.
    pub(super) fn clean_up(&mut self, stopped: &mut Stopped) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let (range, at) = (home.region.layout.all(), home.syscall_at);
        let arguments = [range.start, range.end - range.start, 0, 0, 0, 0];
        if self.step.in_syscall || self.is_filtered() {
            return Ok(());
        }
        if stopped.inject(at, libc::SYS_munmap, arguments)?.is_ok() {
            self.home = None;
            self.step.rec.own.clear();
        }
        Ok(())
    }

    /// Without a region: lets another be tried for, every so often.
    pub(super) fn look_for_room(&mut self) {
        self.homeless += 1;
        if self.homeless.is_multiple_of(RETRY) && !self.is_filtered() {
            self.image = None;
        }
    }

    /// Whether a filter watches the program's syscalls (seccomp(2)): it would judge
    /// the recorder's, too.
    fn is_filtered(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.step.rec.pid));
        let mode = status.ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Seccomp:"))?;
            Some(line.trim() == "0")
        });
        mode != Some(true)
    }
}
