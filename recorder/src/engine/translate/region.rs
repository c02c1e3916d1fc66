//! Mapping the region into a stopped tracee.

use super::layout::{
    CACHE, CACHE_BYTES, CANDIDATES, GUARD_BYTES, Layout, REGION_BYTES, RING, RING_BYTES,
};
use crate::engine::Flow;
use crate::tracee::{Gone, Memory, SharedMemory, Stopped};
use std::fs::OpenOptions;
use std::io;

/// The region in the tracee, and the recorder's view of it.
pub struct Region {
    /// Where it is.
    pub layout: Layout,
    /// The same bytes here.
    pub memory: SharedMemory,
}

/// The `syscall` instruction.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Name of the file behind the region.
const NAME: &[u8] = b"rdb\0";

/// MFD_CLOEXEC, so that nothing is left if the tracee dies half-way.
const MEMFD_FLAGS: u64 = libc::MFD_CLOEXEC as u64;

impl Region {
    /// Maps a region. `syscall_at` is where the tracee has a `syscall`
    /// instruction. `None` where the kernel refuses: the program has no room, or
    /// is not allowed to.
    ///
    /// # Errors
    /// The tracee died.
    pub fn map(stopped: &mut Stopped, memory: &Memory, syscall_at: u64) -> Flow<Option<Self>> {
        // Below the red zone, and put back.
        let place = stopped.stack_pointer()?.wrapping_sub(1024);
        let mut kept = [0; NAME.len()];
        if !memory.read(place, &mut kept) || memory.write(place, NAME).is_err() {
            return Ok(None);
        }
        let result = Injector { stopped, at: syscall_at }.region(place);
        let restored = memory.write(place, &kept);
        match result {
            Ok(region) => Ok(restored.is_ok().then_some(region)),
            Err(Refused::Gone(gone)) => Err(gone.into()),
            Err(Refused::Kernel) => Ok(None),
        }
    }

    /// Address of a `syscall` instruction in `range` of the tracee, usually its
    /// vdso.
    pub fn find_syscall(memory: &Memory, range: std::ops::Range<u64>) -> Option<u64> {
        let mut bytes = vec![0; (range.end - range.start).min(1 << 16) as usize];
        memory.read(range.start, &mut bytes).then_some(())?;
        let found = bytes.windows(2).position(|w| w == SYSCALL)?;
        Some(range.start + found as u64)
    }
}

enum Refused {
    Gone(Gone),
    Kernel,
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self::Kernel
    }
}

impl From<Gone> for Refused {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

struct Injector<'a> {
    stopped: &'a mut Stopped,
    at: u64,
}

impl Injector<'_> {
    fn call(&mut self, number: i64, arguments: [u64; 6]) -> Result<u64, Refused> {
        Ok(self.stopped.inject(self.at, number, arguments)??)
    }

    fn region(&mut self, name: u64) -> Result<Region, Refused> {
        let file = self.call(libc::SYS_memfd_create, [name, MEMFD_FLAGS, 0, 0, 0, 0])?;
        let mapped = self.map_file(file);
        self.call(libc::SYS_close, [file, 0, 0, 0, 0, 0])?;
        mapped
    }

    fn map_file(&mut self, file: u64) -> Result<Region, Refused> {
        let path = format!("/proc/{}/fd/{file}", self.stopped.pid());
        let opened = OpenOptions::new().read(true).write(true).open(path)?;
        opened.set_len(REGION_BYTES as u64)?;
        let memory = SharedMemory::new(&opened, REGION_BYTES)?;
        for base in CANDIDATES {
            match self.map_at(file, base) {
                Ok(()) => return Ok(Region { layout: Layout { base }, memory }),
                Err(Refused::Gone(gone)) => return Err(gone.into()),
                Err(Refused::Kernel) => {}
            }
        }
        Err(Refused::Kernel)
    }

    fn map_at(&mut self, file: u64, base: u64) -> Result<(), Refused> {
        let flags = (libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE) as u64;
        let data = (libc::PROT_READ | libc::PROT_WRITE) as u64;
        let code = (libc::PROT_READ | libc::PROT_EXEC) as u64;
        let length = REGION_BYTES as u64;
        self.call(libc::SYS_mmap, [base, length, data, flags, file, 0])?;
        let guard = base + (RING + RING_BYTES) as u64;
        self.call(libc::SYS_mprotect, [guard, GUARD_BYTES as u64, 0, 0, 0, 0])?;
        let cache = base + CACHE as u64;
        self.call(libc::SYS_mprotect, [cache, CACHE_BYTES as u64, code, 0, 0, 0])?;
        let no_fork = libc::MADV_DONTFORK as u64;
        self.call(libc::SYS_madvise, [base, length, no_fork, 0, 0, 0])?;
        Ok(())
    }
}
