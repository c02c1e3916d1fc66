//! The recorder's own memory: who provides it, and how.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};

/// Smallest size that comes from the system's allocator.
const LARGE: usize = 1 << 18;

/// The allocator of `rdb-record`: mimalloc for what is small, of which a recording keeps
/// hundreds of thousands; the system's for what is large, whose memory the kernel provides
/// page by page as it is used, and gets back.
pub struct Allocator;

fn is_large(size: usize) -> bool {
    size >= LARGE
}

// SAFETY: the size in a block's layout decides who allocated it, and so who frees it; both
// allocators keep the contract.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        unsafe {
            if is_large(layout.size()) { System.alloc(layout) } else { MiMalloc.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        unsafe {
            if is_large(layout.size()) {
                System.alloc_zeroed(layout)
            } else {
                MiMalloc.alloc_zeroed(layout)
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same, and this one allocated it.
        unsafe {
            if is_large(layout.size()) {
                System.dealloc(block, layout);
            } else {
                MiMalloc.dealloc(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract is the same; a block that changes hands is copied as
        // far as both sizes go, and freed by the one that allocated it.
        unsafe {
            match (is_large(layout.size()), is_large(size)) {
                (true, true) => System.realloc(block, layout, size),
                (false, false) => MiMalloc.realloc(block, layout, size),
                _ => {
                    let fresh = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !fresh.is_null() {
                        fresh.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    fresh
                }
            }
        }
    }
}

/// Asks for huge pages behind `memory`, which is filled from its start on: fewer faults.
pub fn use_huge_pages(memory: &mut [u8]) {
    // SAFETY: the range is one of this process's, and the advice changes nothing that
    // could be seen (madvise(2), MADV_HUGEPAGE). It wants whole pages.
    unsafe {
        let start = memory.as_mut_ptr().map_addr(|at| at.next_multiple_of(PAGE));
        let skipped = start.addr() - memory.as_ptr().addr();
        let length = memory.len().saturating_sub(skipped);
        libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE);
    }
}

const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_bytes_as_they_grow_and_shrink() {
        let sizes = [1, 100, LARGE - 1, LARGE, 3 * LARGE, LARGE, LARGE - 1, 40, LARGE + 1, 1];
        let mut layout = Layout::from_size_align(1, 16).unwrap();
        // SAFETY: the block is used within its size, and freed once.
        unsafe {
            let mut block = Allocator.alloc_zeroed(layout);
            for size in sizes {
                let kept = layout.size().min(size);
                block = Allocator.realloc(block, layout, size);
                layout = Layout::from_size_align(size, 16).unwrap();
                let bytes = std::slice::from_raw_parts_mut(block, size);
                assert!(bytes[..kept.min(1)].iter().all(|byte| *byte == 0));
                assert!(bytes[1.min(kept)..kept].iter().all(|byte| *byte == 0xa5));
                assert_eq!(block.addr() % 16, 0);
                bytes[1..].fill(0xa5);
            }
            Allocator.dealloc(block, layout);
        }
    }

    #[test]
    fn huge_pages_change_no_byte() {
        for length in [0, 1, PAGE, 8 << 20] {
            let mut memory: Vec<u8> = (0..length).map(|at| at as u8).collect();
            use_huge_pages(&mut memory);
            assert!(memory.iter().enumerate().all(|(at, byte)| *byte == at as u8));
        }
    }
}
