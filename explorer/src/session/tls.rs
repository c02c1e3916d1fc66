//! Thread-local variables: the program's own at a fixed distance from the thread pointer, those
//! of libraries through what glibc's dynamic linker keeps.

use super::Session;
use crate::symbols::ModuleSymbols;
use crate::symbols::location::Missing;

/// Most modules that the dynamic linker's list is followed over.
const MAX_MODULES: usize = 4096;

/// Offsets in `struct r_debug` and `struct link_map` (glibc, link.h): part of the ABI.
const R_MAP: u64 = 8;
const L_NEXT: u64 = 24;

/// Where glibc says at which offset of a link_map the number of its TLS module is: three words of
/// 32 bits, how many bits it has, how many there are, and the offset (nptl_db/db_info.c). It is
/// what thread debuggers read.
const TLS_MODULE: &str = "_thread_db_link_map_l_tls_modid";

/// Offset of the dynamic thread vector in what the thread pointer points to (glibc, tcbhead_t).
const DTV: u64 = 8;

/// Bytes of an entry of the vector; the entry before the first says how many there are.
const ENTRY: u64 = 16;

/// A block that is not allocated yet (glibc, TLS_DTV_UNALLOCATED).
const UNALLOCATED: u64 = u64::MAX;

impl Session {
    /// The address of a thread-local variable of a module, of the thread with that pointer.
    ///
    /// # Errors
    /// [`Missing::NotSetUp`] before the thread has storage for it; [`Missing::ThreadLocal`].
    pub(super) fn thread_local(
        &self,
        (state, fs_base): (u64, u64),
        (symbols, bias): (&ModuleSymbols, u64),
        offset: u64,
    ) -> Result<u64, Missing> {
        let (size, align) = symbols.thread_local().ok_or(Missing::ThreadLocal)?;
        if fs_base == 0 {
            return Err(Missing::NotSetUp);
        }
        if self.locator.images().are_of_program(&self.timeline, symbols) {
            // Its block ends at the thread pointer (ELF Handling For Thread-Local Storage,
            // variant II).
            let block = size.checked_next_multiple_of(align.max(1)).ok_or(Missing::ThreadLocal)?;
            return Ok(fs_base.wrapping_sub(block).wrapping_add(offset));
        }
        let block = self.library_block(state, fs_base, bias).ok_or(Missing::ThreadLocal)?;
        let block = Some(block).filter(|block| *block != UNALLOCATED && *block != 0);
        block.ok_or(Missing::NotSetUp)?.checked_add(offset).ok_or(Missing::ThreadLocal)
    }

    /// A thread's block of the library that is loaded at `bias`; 0 before there is one.
    fn library_block(&self, state: u64, fs_base: u64, bias: u64) -> Option<u64> {
        let number = self.tls_module(state, bias).filter(|number| *number > 0)?;
        let vector = self.word(state, fs_base.checked_add(DTV)?)?;
        let count = self.word(state, vector.checked_sub(ENTRY)?)?;
        // The vector grows when a variable of a library loaded later is first used.
        if number > count {
            return Some(0);
        }
        self.word(state, vector.checked_add(number.checked_mul(ENTRY)?)?)
    }

    /// The number of the TLS module that is loaded at `bias`.
    fn tls_module(&self, state: u64, bias: u64) -> Option<u64> {
        let (said, _) = self.locator.named(&self.timeline, TLS_MODULE)?;
        let offset = self.word(state, said.checked_add(8)?)? & u64::from(u32::MAX);
        let (debug, _) = self.locator.named(&self.timeline, "_r_debug")?;
        let mut map = self.word(state, debug.checked_add(R_MAP)?)?;
        for _ in 0..MAX_MODULES {
            if map == 0 {
                return None;
            }
            if self.word(state, map)? == bias {
                return self.word(state, map.checked_add(offset)?);
            }
            map = self.word(state, map.checked_add(L_NEXT)?)?;
        }
        None
    }

    fn word(&self, state: u64, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.timeline.read(state, address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}
