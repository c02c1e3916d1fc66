//! What no file of /proc tells, followed through the system calls that set it.

use std::collections::BTreeMap;

use rdb_schema::system::{Action, ThreadState};

use super::{ReadMemory, Spawn};

/// sa_flags SA_RESETHAND.
const RESETHAND: u64 = 0x8000_0000;

/// sigaltstack(2) ss_flags.
const SS_DISABLE: u32 = 2;
const SS_AUTODISARM: u32 = 1 << 31;

/// rseq(2): give the area up.
const RSEQ_UNREGISTER: u64 = 1;

/// clone(2): handlers back to default; not a bit of `clone`'s int flags.
const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;

/// SIGKILL and SIGSTOP, which the kernel takes out of every mask.
const UNMASKABLE: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

/// Handlers, break and per-thread addresses of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    actions: BTreeMap<u32, Action>,
    threads: BTreeMap<u32, ThreadState>,
    brk: u64,
}

impl Tracked {
    /// A process of one thread as exec leaves it, with no signal's action known.
    /// `start_brk` is the layout's; 0 if unknown.
    pub fn new(tid: u32, start_brk: u64) -> Self {
        let threads = BTreeMap::from([(tid, fresh_thread(tid))]);
        Self { actions: BTreeMap::new(), threads, brk: start_brk }
    }

    /// The program break; 0 while it is not known.
    pub fn brk(&self) -> u64 {
        self.brk
    }

    /// The signal actions set since exec, by number.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.values()
    }

    /// What is known of a thread; pending and blocked signals are not filled in.
    pub fn thread(&self, tid: u32) -> ThreadState {
        self.threads.get(&tid).cloned().unwrap_or_else(|| fresh_thread(tid))
    }

    /// Follows one finished system call of thread `tid`; failed ones change nothing.
    ///
    /// `memory` should show what the call was given: where it is asked for old and
    /// new values at one address, memory from after the call holds the old ones. A
    /// structure that cannot be read leaves what was known. `exec`, processes made
    /// by fork and clone, and rt_sigreturn have methods of their own; a new *thread*
    /// is added here, under the number the program was given.
    pub fn syscall(
        &mut self,
        tid: u32,
        number: u64,
        args: &[u64; 6],
        result: i64,
        memory: &ReadMemory,
    ) {
        if (-4095..0).contains(&result) {
            return;
        }
        match i64::try_from(number).unwrap_or(-1) {
            libc::SYS_brk => self.brk = result.cast_unsigned(),
            libc::SYS_rt_sigaction => self.set_action(args, memory),
            libc::SYS_set_tid_address => self.edit(tid).tid_address = args[0],
            libc::SYS_set_robust_list => self.set_robust_list(tid, args),
            libc::SYS_rseq => self.set_rseq(tid, args),
            libc::SYS_sigaltstack => self.set_alternate_stack(tid, args[0], memory),
            libc::SYS_clone | libc::SYS_clone3 => {
                self.add_thread(tid, number, args, result, memory)
            }
            _ => {}
        }
    }

    /// The process replaced itself and has the one thread `tid` (its pid). Ignored
    /// signals stay ignored, all else is as new (execve(2)).
    pub fn exec(&mut self, tid: u32, start_brk: u64) {
        self.exec_actions();
        self.threads = BTreeMap::from([(tid, fresh_thread(tid))]);
        self.brk = start_brk;
    }

    /// What is known of the process `child` that thread `tid` made.
    pub fn fork(&self, tid: u32, child: u32, spawn: Spawn) -> Self {
        let mut forked = self.clone();
        forked.threads = BTreeMap::from([(child, self.child_thread(tid, child, spawn))]);
        if spawn.flags & CLONE_CLEAR_SIGHAND != 0 {
            forked.exec_actions();
        }
        forked
    }

    /// A thread ended.
    pub fn thread_exited(&mut self, tid: u32) {
        self.threads.remove(&tid);
    }

    /// A signal's handler was entered: SA_RESETHAND and SS_AUTODISARM take effect.
    pub fn delivered(&mut self, tid: u32, signal: u32) {
        if let Some(action) = self.actions.get_mut(&signal)
            && action.flags & RESETHAND != 0
        {
            action.handler = libc::SIG_DFL as u64;
        }
        let thread = self.edit(tid);
        if thread.alternate_flags & SS_AUTODISARM != 0 {
            clear_alternate_stack(thread);
        }
    }

    /// A handler returned: at its rt_sigreturn the stack pointer was `rsp`, the
    /// address of a `ucontext_t`, whose alternate stack is put back
    /// (arch/x86/kernel/signal_64.c).
    pub fn sigreturn(&mut self, tid: u32, rsp: u64, memory: &ReadMemory) {
        // uc_stack follows uc_flags and uc_link.
        self.set_alternate_stack(tid, rsp.wrapping_add(16), memory);
    }

    /// All actions become the default, except to ignore (flush_signal_handlers,
    /// kernel/signal.c).
    fn exec_actions(&mut self) {
        let ignored = libc::SIG_IGN as u64;
        self.actions.retain(|_, action| action.handler == ignored);
        for (signal, action) in &mut self.actions {
            *action = Action { signal: *signal, handler: ignored, ..Action::default() };
        }
    }

    fn edit(&mut self, tid: u32) -> &mut ThreadState {
        self.threads.entry(tid).or_insert_with(|| fresh_thread(tid))
    }

    /// rt_sigaction(signal, new, old, size).
    fn set_action(&mut self, args: &[u64; 6], memory: &ReadMemory) {
        let mut bytes = [0; 32];
        let (Ok(signal @ 1..=64), 1..) = (u32::try_from(args[0]), args[1]) else { return };
        if !memory(args[1], &mut bytes) {
            return;
        }
        let [handler, flags, restorer, mask] = bytemuck::cast::<_, [u64; 4]>(bytes);
        let action = Action { signal, handler, flags, restorer, mask: mask & !UNMASKABLE };
        self.actions.insert(signal, action);
    }

    fn set_robust_list(&mut self, tid: u32, args: &[u64; 6]) {
        let thread = self.edit(tid);
        (thread.robust_list, thread.robust_length) = (args[0], args[1]);
    }

    /// rseq(area, length, flags, signature).
    fn set_rseq(&mut self, tid: u32, args: &[u64; 6]) {
        let thread = self.edit(tid);
        let given = if args[2] & RSEQ_UNREGISTER == 0 { *args } else { [0; 6] };
        thread.rseq = given[0];
        // Both are 32-bit parameters; the kernel ignores the upper halves.
        thread.rseq_length = given[1] as u32;
        thread.rseq_signature = given[3] as u32;
    }

    /// Takes a `stack_t` over: ss_sp, ss_flags, padding, ss_size.
    fn set_alternate_stack(&mut self, tid: u32, address: u64, memory: &ReadMemory) {
        let mut bytes = [0; 24];
        if address == 0 || !memory(address, &mut bytes) {
            return;
        }
        let [pointer, flags, size] = bytemuck::cast::<_, [u64; 3]>(bytes);
        let flags = flags as u32;
        let thread = self.edit(tid);
        if flags & !SS_AUTODISARM == SS_DISABLE {
            clear_alternate_stack(thread);
        } else {
            (thread.alternate_stack, thread.alternate_size) = (pointer, size);
        }
        thread.alternate_flags = flags;
    }

    fn add_thread(
        &mut self,
        tid: u32,
        number: u64,
        args: &[u64; 6],
        result: i64,
        memory: &ReadMemory,
    ) {
        let Some(spawn) = Spawn::of(number, args, memory) else { return };
        let Ok(child @ 1..) = u32::try_from(result) else { return };
        if spawn.has(libc::CLONE_THREAD) {
            let thread = self.child_thread(tid, child, spawn);
            self.threads.insert(child, thread);
        }
    }

    /// A new thread's state. One that shares memory has neither its maker's rseq
    /// area nor, vfork apart, its alternate stack; robust lists are never
    /// inherited (copy_process, rseq_fork: kernel/fork.c, linux/rseq.h).
    fn child_thread(&self, tid: u32, child: u32, spawn: Spawn) -> ThreadState {
        let maker = self.thread(tid);
        let mut thread = fresh_thread(child);
        if spawn.has(libc::CLONE_CHILD_CLEARTID) {
            thread.tid_address = spawn.child_tid;
        }
        if !spawn.has(libc::CLONE_VM) {
            thread.rseq = maker.rseq;
            thread.rseq_length = maker.rseq_length;
            thread.rseq_signature = maker.rseq_signature;
        }
        if !spawn.has(libc::CLONE_VM) || spawn.has(libc::CLONE_VFORK) {
            thread.alternate_stack = maker.alternate_stack;
            thread.alternate_size = maker.alternate_size;
            thread.alternate_flags = maker.alternate_flags;
        }
        thread
    }
}

fn fresh_thread(tid: u32) -> ThreadState {
    ThreadState { thread: tid, alternate_flags: SS_DISABLE, ..ThreadState::default() }
}

fn clear_alternate_stack(thread: &mut ThreadState) {
    (thread.alternate_stack, thread.alternate_size) = (0, 0);
    thread.alternate_flags = SS_DISABLE;
}

#[cfg(test)]
#[path = "tracked_tests.rs"]
mod tests;
