//! A syscall's arguments, results, and what it wrote.

use super::Identity;
use crate::capture::Spawn;
use crate::compare::Reach;
use crate::recording::{Recording, ReplayFailed};
use crate::tracee::Memory;
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::registers::{Gpr, RegisterPatch, Registers};
use rdb_schema::syscalls::{self, Call, Written};

/// A syscall as the program entered it, from its registers there.
#[derive(Clone, Copy, Debug)]
pub struct Entered {
    number: u64,
    arguments: [u64; 6],
    spawn: Option<Spawn>,
    /// The break before it.
    brk: u64,
    /// Address of the `syscall` instruction, and its rsp.
    pc: u64,
    rsp: u64,
    /// It writes into /proc/self/mem, whose place is a file offset.
    writes_own_memory: bool,
    /// The mapped file it may change.
    changes: Option<Identity>,
}

/// Most bytes a syscall's event holds; larger writes are recorded as pages.
const MAX_INLINE: u64 = 1 << 20;

/// asm/unistd_64.h.
const SYS_IO_PGETEVENTS: i64 = 333;

/// linux/prctl.h.
const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;

/// Whether `result` is one of the kernel's restart codes, -ERESTARTSYS to
/// -ERESTART_RESTARTBLOCK (linux/errno.h), which only a tracer sees.
pub fn restarts(result: i64) -> bool {
    matches!(result, -514..=-512 | RESTART_BLOCK)
}

/// -ERESTART_RESTARTBLOCK: continues with restart_syscall(2).
const RESTART_BLOCK: i64 = -516;

/// `registers` with what a `syscall` instruction's own slots log taken from
/// `exit`: rax, rcx, r11, and rip.
pub fn with_instruction_effects(mut registers: Registers, exit: &Registers) -> Registers {
    for register in [Gpr::RAX, Gpr::RCX, Gpr::R11] {
        registers.gpr[register.index()] = exit.gpr[register.index()];
    }
    registers.rip = exit.rip;
    registers
}

impl Entered {
    /// The syscall that the current registers are about to make, make, or, if all of it can
    /// be learned behind it, have made: what is remembered of descriptors it may change is forgotten.
    pub fn of(rec: &mut Recording) -> Self {
        let gpr = |register: Gpr| rec.registers.gpr[register.index()];
        let arguments = [Gpr::RDI, Gpr::RSI, Gpr::RDX, Gpr::R10, Gpr::R8, Gpr::R9].map(gpr);
        // The kernel takes the low half of rax (entry_64.S, do_syscall_64).
        let number = gpr(Gpr::RAX) & 0xffff_ffff;
        let writes_own_memory = rec.writes_own_memory(number, &arguments);
        let changes = rec.changed_file(number, &arguments);
        rec.open_files.follow(number, &arguments);
        let memory = |address: u64, buffer: &mut [u8]| rec.memory.read(address, buffer);
        Self {
            number,
            arguments,
            spawn: Spawn::of(number, &arguments, &memory),
            brk: rec.tracked.brk(),
            pc: rec.registers.rip,
            rsp: rec.registers.rsp(),
            writes_own_memory,
            changes,
        }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Argument `index`.
    pub fn argument(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or(0)
    }

    fn is(&self, number: i64) -> bool {
        self.number == number.cast_unsigned()
    }

    /// Whether it makes a thread, or another process that goes on in this
    /// memory.
    pub fn starts_thread(&self) -> bool {
        self.spawn.is_some_and(|s| s.has(libc::CLONE_VM) && !s.has(libc::CLONE_VFORK))
    }

    /// Whether its child runs in this memory: vfork, until it execs.
    fn shares_memory(&self) -> bool {
        self.spawn.is_some_and(|s| s.has(libc::CLONE_VM))
    }

    /// What it may write, where that is not known.
    pub fn reach(&self) -> Reach {
        if self.writes_own_memory { Reach::Forced } else { Reach::Writable }
    }

    /// The mapped file it may change.
    pub fn changes(&self) -> Option<Identity> {
        self.changes
    }

    /// Whether what it writes may turn out not to be known, as far as its entry
    /// tells. Calls that come back with nothing and calls that fill all they were
    /// given are the extremes.
    pub fn may_be_unknown(&self, memory: &Memory) -> bool {
        let memory = |address: u64, buffer: &mut [u8]| memory.read(address, buffer);
        let unknown = |result: i64| {
            let call = Call { number: self.number, args: self.arguments, result };
            !syscalls::outputs(&call, &memory).known
        };
        self.shares_memory() || self.writes_own_memory || unknown(0) || unknown(i64::MAX)
    }

    /// Whether it makes a process.
    pub fn spawns(&self) -> bool {
        self.spawn.is_some()
    }

    /// Whether the program is told that the kernel lacks it: the kernel writes
    /// an rseq area at any return to user space, behind the recorder's back.
    pub fn is_refused(&self) -> bool {
        self.is(libc::SYS_rseq)
    }

    /// Whether more than general registers may change: rt_sigreturn restores
    /// all, pkey_alloc sets PKRU.
    pub fn may_change_extended(&self) -> bool {
        self.is(libc::SYS_rt_sigreturn) || self.is(libc::SYS_pkey_alloc)
    }

    /// Whether it puts a new program in the place of this one.
    pub fn replaces_program(&self) -> bool {
        self.is(libc::SYS_execve) || self.is(libc::SYS_execveat)
    }

    /// Whether it ends the program.
    pub fn ends_program(&self) -> bool {
        self.is(libc::SYS_exit_group) || self.is(libc::SYS_exit)
    }

    /// Whether it may change the mask of blocked signals for good.
    pub fn may_change_mask(&self) -> bool {
        self.is(libc::SYS_rt_sigprocmask) || self.is(libc::SYS_rt_sigreturn)
    }

    /// Whether it sets the mask of blocked signals, if only for as long as it takes; or
    /// goes on with one that may have.
    pub fn uses_mask(&self) -> bool {
        let temporarily = [
            libc::SYS_rt_sigsuspend,
            libc::SYS_rt_sigtimedwait,
            libc::SYS_ppoll,
            libc::SYS_pselect6,
            libc::SYS_epoll_pwait,
            libc::SYS_epoll_pwait2,
            libc::SYS_io_uring_enter,
            SYS_IO_PGETEVENTS,
            libc::SYS_restart_syscall,
        ];
        self.may_change_mask() || temporarily.iter().any(|number| self.is(*number))
    }

    /// Whether it sets a filter or a dispatcher of syscalls, which see the pc of each.
    fn sets_judge(&self) -> bool {
        // prctl takes an int.
        let option = self.arguments[0] as i32;
        let options = [libc::PR_SET_SECCOMP, PR_SET_SYSCALL_USER_DISPATCH];
        self.is(libc::SYS_seccomp) || self.is(libc::SYS_prctl) && options.contains(&option)
    }

    /// Its event, with `result`.
    pub fn event(&self, result: i64) -> Syscall {
        Syscall {
            number: self.number,
            arguments: self.arguments,
            result,
            known: true,
            restarted: false,
            finished: true,
        }
    }

    /// Puts `registers` where the kernel restarts the syscall
    /// (arch/x86/kernel/signal.c).
    pub fn rewind(&self, registers: &mut Registers, result: i64) {
        registers.rip = self.pc;
        registers.gpr[Gpr::RAX.index()] =
            if result == RESTART_BLOCK { libc::SYS_restart_syscall as u64 } else { self.number };
    }
}

impl Recording {
    /// Records a finished syscall, whose tracepoint has been counted. `exit`
    /// are the registers at its exit; `after` those of the next state, which
    /// differ when the kernel restarts it.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn finish_syscall(
        &mut self,
        call: &Entered,
        exit: &Registers,
        after: Registers,
    ) -> Result<(), ReplayFailed> {
        let state = self.tracepoint();
        let mut syscall = call.event(exit.gpr[0].cast_signed());
        syscall.restarted = after.rip != exit.rip;
        let failed = (-4095..0).contains(&syscall.result);
        let written = self.written(call, &mut syscall, failed);
        self.track(call, syscall.result);
        let changes = if failed {
            self.failed_mapping_changes(&syscall, state)
        } else {
            self.mapping_changes(&syscall, call.brk, state)
        };
        let known = syscall.known;
        let grown = self.may_have_grown(&syscall)
            || written.iter().any(|w| self.space.find(w.address).is_none());
        let kind = EventKind::Syscall(syscall);
        let mut event = Event::new(self.last_tracepoint(), self.pid.cast_unsigned(), kind);
        let expected = with_instruction_effects(self.registers, exit);
        event.registers = RegisterPatch::between(&expected, &after);
        event.mappings = changes.list;
        self.registers = after;
        let large = written.iter().map(|w| w.length).sum::<u64>() > MAX_INLINE;
        if !large {
            let pieces = |w: &Written| self.memory.read_pieces(w.address, w.length as usize);
            event.memory = written.iter().flat_map(pieces).collect();
            let aliases = |w: &Written| self.aliases(w.address, w.length);
            event.memory.extend(written.iter().flat_map(aliases));
        }
        self.push_event(event);
        if large {
            let own = |w: &Written| [(w.address, w.length)];
            let others = |w: &Written| self.alias_ranges(w.address, w.length);
            let ranges: Vec<_> = written.iter().flat_map(own).collect();
            let aliases: Vec<_> = written.iter().flat_map(others).collect();
            self.capture_written(&[ranges, aliases].concat())?;
        }
        if !changes.fresh.is_empty() {
            self.catch_up()?;
            changes.fresh.iter().for_each(|mapping| self.capture(mapping, state));
        }
        if grown {
            self.follow_growth()?;
        }
        if let Some(file) = call.changes {
            self.compare_file(file)?;
        }
        if !known {
            self.compare_after(call)?;
        }
        self.forget_memory();
        Ok(())
    }

    /// The memory the kernel wrote, a superset; nothing for what is not known.
    fn written(&mut self, call: &Entered, syscall: &mut Syscall, failed: bool) -> Vec<Written> {
        let Syscall { number, arguments, result, .. } = *syscall;
        let memory = |address: u64, buffer: &mut [u8]| self.memory.read(address, buffer);
        let outputs = syscalls::outputs(&Call { number, args: arguments, result }, &memory);
        let shared = call.shares_memory() && !failed;
        syscall.known = outputs.known && !shared && !call.writes_own_memory;
        outputs.ranges
    }

    /// Whether it is a write into /proc/self/mem.
    fn writes_own_memory(&mut self, number: u64, arguments: &[u64; 6]) -> bool {
        let writes = [
            libc::SYS_write,
            libc::SYS_pwrite64,
            libc::SYS_writev,
            libc::SYS_pwritev,
            libc::SYS_pwritev2,
        ];
        if !writes.iter().any(|w| w.cast_unsigned() == number) || arguments[0] < 3 {
            return false;
        }
        let file = self.open_files.get(self.pid, arguments[0] as i32);
        file.in_proc.is_some_and(|path| path.file_name().is_some_and(|name| name == "mem"))
    }

    fn track(&mut self, call: &Entered, result: i64) {
        self.calls_are_judged |= call.sets_judge();
        let thread = self.pid.cast_unsigned();
        let memory = |address: u64, buffer: &mut [u8]| self.memory.read(address, buffer);
        if call.is(libc::SYS_rt_sigreturn) {
            self.tracked.sigreturn(thread, call.rsp, &memory);
        } else if !call.is_refused() {
            self.tracked.syscall(thread, call.number, &call.arguments, result, &memory);
        }
    }

    /// After a syscall whose writes are not known: finds them by comparing all
    /// writable memory.
    fn compare_after(&mut self, call: &Entered) -> Result<(), ReplayFailed> {
        if call.spawn.is_none() {
            let name = syscalls::name(call.number);
            let name = name.map_or_else(|| format!("syscall {}", call.number), str::to_owned);
            self.warn_once(&format!(
                "what {name} writes is not known: compared all writable memory"
            ));
        }
        self.catch_up()?;
        let memory = self.differences(call.reach());
        self.amend(memory)
    }
}
