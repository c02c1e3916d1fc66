//! What a signal frame says of the last fault: error code, trap number and address.
//! The kernel keeps them for each thread and copies them into every frame
//! (`setup_sigcontext`, arch/x86/kernel/signal_64.c), and the recorder's own traps
//! leave theirs there. So the program's are kept here and put into its frames.

use crate::tracee::Memory;

/// Offsets in a frame, from the handler's stack pointer: behind the return address
/// and 40 bytes of struct ucontext stands struct sigcontext_64
/// (arch/x86/include/uapi/asm/sigcontext.h, sigframe.h).
const ERROR: u64 = 48 + 19 * 8;
const TRAP: u64 = ERROR + 8;
const ADDRESS: u64 = ERROR + 24;

/// The number of a page fault (Intel SDM vol. 3, 6.3.1): the only one that comes with
/// an address.
const PAGE_FAULT: u64 = 14;

/// The last fault of the program's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultState {
    error: u64,
    trap: u64,
    address: u64,
}

impl FaultState {
    /// Puts it into the frame at `rsp`; or, if the frame's own signal is a `fault`,
    /// learns that one. A frame that cannot be read stays as it is.
    pub fn settle(&mut self, memory: &Memory, rsp: u64, fault: bool) {
        let word = |offset| {
            let mut bytes = [0; 8];
            memory.read(rsp.wrapping_add(offset), &mut bytes).then_some(u64::from_le_bytes(bytes))
        };
        let (Some(error), Some(trap), Some(address)) = (word(ERROR), word(TRAP), word(ADDRESS))
        else {
            return;
        };
        if fault {
            (self.error, self.trap) = (error, trap);
            if trap == PAGE_FAULT {
                self.address = address;
            }
        }
        let fields = [(ERROR, error, self.error), (TRAP, trap, self.trap)];
        for (offset, is, should) in fields.into_iter().chain([(ADDRESS, address, self.address)]) {
            if is != should {
                // The page was written just now, by the kernel.
                let _ = memory.write(rsp.wrapping_add(offset), &should.to_le_bytes());
            }
        }
    }
}
