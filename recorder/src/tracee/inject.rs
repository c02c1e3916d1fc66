//! Syscalls that the recorder makes a stopped tracee do for it.

use super::{Gone, Outcome, Resume, Running, Stop, Stopped, sys};
use std::io;

impl Stopped {
    /// Executes the `syscall` instruction at `at` with these arguments; what it
    /// returned. Registers and signal mask are afterwards as they were. Signals
    /// wait meanwhile; one that cannot be blocked is sent again.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn inject(
        &mut self,
        at: u64,
        number: i64,
        arguments: [u64; 6],
    ) -> Result<io::Result<u64>, Gone> {
        let saved = sys::registers(self.pid)?;
        let mask = self.signal_mask()?;
        self.set_signal_mask(u64::MAX)?;
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let (rax, orig_rax) = (number.cast_unsigned(), u64::MAX);
        let call =
            libc::user_regs_struct { rip: at, rax, orig_rax, rdi, rsi, rdx, r10, r8, r9, ..saved };
        sys::set_registers(self.pid, &call)?;
        self.reach_syscall_stop()?;
        self.reach_syscall_stop()?;
        let result = sys::registers(self.pid)?.rax.cast_signed();
        sys::set_registers(self.pid, &libc::user_regs_struct { orig_rax, ..saved })?;
        self.set_signal_mask(mask)?;
        if (-4095..0).contains(&result) {
            return Ok(Err(io::Error::from_raw_os_error(-result as i32)));
        }
        Ok(Ok(result.cast_unsigned()))
    }

    /// Runs to the next entry or exit of a syscall.
    fn reach_syscall_stop(&mut self) -> Result<(), Gone> {
        let mut held = None;
        loop {
            sys::resume(Resume::Syscall.request(), self.pid, 0)?;
            match (Running { pid: self.pid }).wait()? {
                Outcome::Stopped(_, Stop::Syscall) => break,
                Outcome::Stopped(_, Stop::Exit) | Outcome::Exited(_) | Outcome::Killed(_) => {
                    return Err(Gone);
                }
                Outcome::Stopped(_, Stop::Signal(signal)) => held = Some(signal),
                Outcome::Stopped(..) => {}
            }
        }
        Ok(held.map_or(Ok(()), |signal| sys::kill(self.pid, signal))?)
    }

    /// Its rsp.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn stack_pointer(&self) -> Result<u64, Gone> {
        Ok(sys::registers(self.pid)?.rsp)
    }
}
