//! Mapping changes, followed through the syscalls that make them: re-reading
//! /proc/PID/maps at each would be slow, and does not tell mmap's flags.

use crate::recording::Recording;
use rdb_schema::event::Syscall;
use rdb_schema::space::{Base, Mapping, MappingChange, PAGE};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// A syscall's mapping changes, and the mappings whose contents are to be
/// captured.
#[derive(Default)]
pub struct Changes {
    /// In order.
    pub list: Vec<MappingChange>,
    /// To be captured once the model knows them.
    pub fresh: Vec<Mapping>,
}

impl Changes {
    fn map(&mut self, mapping: Mapping) {
        self.list.push(MappingChange::Map(mapping.clone()));
        self.fresh.push(mapping);
    }
}

/// PROT_GROWSDOWN and PROT_GROWSUP (asm-generic/mman-common.h).
const GROWS: u64 = 0x0300_0000;

fn page_up(value: u64) -> u64 {
    value.checked_next_multiple_of(PAGE).unwrap_or(value & !(PAGE - 1))
}

impl Recording {
    /// What a finished, successful syscall did to the mappings; the changes
    /// hold from `state` on.
    pub fn mapping_changes(&mut self, call: &Syscall, old_brk: u64, state: u64) -> Changes {
        let mut changes = Changes::default();
        let [a, b, c, d, ..] = call.arguments;
        let result = call.result.cast_unsigned();
        let end = |start: u64, length: u64| page_up(start.saturating_add(length));
        match i64::try_from(call.number).unwrap_or(-1) {
            libc::SYS_mmap => self.mapped(call, state, &mut changes),
            libc::SYS_munmap => {
                changes.list.push(MappingChange::Unmap { start: a, end: end(a, b) });
            }
            // Nothing is a success, and no range of a change.
            libc::SYS_mprotect | libc::SYS_pkey_mprotect | libc::SYS_madvise if b == 0 => {}
            // Up or down to the end of a growing mapping, wherever that is.
            libc::SYS_mprotect | libc::SYS_pkey_mprotect if c & GROWS != 0 => {
                self.resynchronise(state, &mut changes);
            }
            libc::SYS_mprotect | libc::SYS_pkey_mprotect => {
                let key = if call.number == libc::SYS_pkey_mprotect as u64 { d as u32 } else { 0 };
                let protection = c as u8 & 7;
                changes.list.push(MappingChange::Protect {
                    start: a,
                    end: end(a, b),
                    protection,
                    key,
                });
            }
            libc::SYS_mremap => self.remapped((a, b), (result, c), d, state, &mut changes),
            libc::SYS_brk => self.moved_break(old_brk, result, state, &mut changes),
            libc::SYS_madvise => self.advised(a, end(a, b), c as u32, state, &mut changes),
            libc::SYS_shmat | libc::SYS_shmdt | libc::SYS_remap_file_pages => {
                self.resynchronise(state, &mut changes);
            }
            libc::SYS_prctl if a == libc::PR_SET_MM as u64 => {
                self.resynchronise(state, &mut changes);
            }
            // ARCH_MAP_VDSO_X32, _32, _64 (asm/prctl.h).
            libc::SYS_arch_prctl if (0x2001..=0x2003).contains(&a) => {
                self.resynchronise(state, &mut changes);
            }
            _ => {}
        }
        changes
    }

    /// What a failed syscall did to the mappings all the same: madvise goes on
    /// behind a hole (madvise(2), ENOMEM), mprotect has changed what lies before
    /// it, and what MAP_FIXED or MREMAP_FIXED were to replace may be gone.
    pub fn failed_mapping_changes(&mut self, call: &Syscall, state: u64) -> Changes {
        let mut changes = Changes::default();
        let [a, b, c, ..] = call.arguments;
        match i64::try_from(call.number).unwrap_or(-1) {
            libc::SYS_madvise if call.result == -i64::from(libc::ENOMEM) => {
                let end = page_up(a.saturating_add(b));
                self.advised(a, end, c as u32, state, &mut changes);
            }
            libc::SYS_mprotect | libc::SYS_pkey_mprotect | libc::SYS_mremap | libc::SYS_mmap => {
                self.resynchronise(state, &mut changes);
            }
            _ => {}
        }
        changes
    }

    fn mapped(&mut self, call: &Syscall, state: u64, changes: &mut Changes) {
        let [_, length, protection, flags, descriptor, offset] = call.arguments;
        let start = call.result.cast_unsigned();
        let flags = flags as u32;
        // Sizes and places of huge pages and growing stacks are the kernel's.
        let special = libc::MAP_HUGETLB | libc::MAP_GROWSDOWN;
        if flags & special.cast_unsigned() != 0 {
            self.resynchronise(state, changes);
            return;
        }
        let mut mapping = Mapping {
            start,
            end: page_up(start.saturating_add(length)),
            protection: protection as u8 & 7,
            flags,
            file_offset: 0,
            device: 0,
            inode: 0,
            name: Vec::new(),
            advice: Vec::new(),
            since: state,
            base: Base::Zero,
            key: 0,
        };
        if flags & libc::MAP_ANONYMOUS.cast_unsigned() == 0 {
            mapping.file_offset = offset;
            self.name_file(&mut mapping, descriptor as i32);
            self.find_module(&mut mapping);
        }
        changes.map(mapping);
    }

    /// Fills in the file behind `descriptor`.
    fn name_file(&self, mapping: &mut Mapping, descriptor: i32) {
        let path = format!("/proc/{}/fd/{descriptor}", self.pid);
        if let Ok(target) = std::fs::read_link(&path) {
            mapping.name = target.as_os_str().as_bytes().to_vec();
        }
        if let Ok(metadata) = std::fs::metadata(&path) {
            (mapping.device, mapping.inode) = (metadata.dev(), metadata.ino());
        }
    }

    fn remapped(
        &mut self,
        (old, old_length): (u64, u64),
        (new, new_length): (u64, u64),
        flags: u64,
        state: u64,
        changes: &mut Changes,
    ) {
        let (old_end, new_end) = (page_up(old + old_length), page_up(new + new_length));
        let Some(origin) = self.space.find(old).cloned() else {
            return self.resynchronise(state, changes);
        };
        if old == new && old_length != 0 {
            if new_end < old_end {
                changes.list.push(MappingChange::Unmap { start: new_end, end: old_end });
            } else if new_end > old_end {
                let grown = tail(&origin, old_end, new_end, state);
                changes.map(grown);
            }
            return;
        }
        self.moved((old, old_end), (new, new_end), &origin, state, changes);
        let keeps = flags & libc::MREMAP_DONTUNMAP as u64 != 0 || old_length == 0;
        if keeps {
            // The old range reads as it did before its first write; shared
            // mappings keep their contents, which capturing finds.
            if old_length != 0 {
                changes.map(tail(&origin, old, old_end, state));
            }
        } else {
            changes.list.push(MappingChange::Unmap { start: old, end: old_end });
        }
    }

    /// The new place of a moved mapping. Zeros move with the pages written over
    /// them; a file's mapping is captured anew.
    fn moved(
        &mut self,
        (old, old_end): (u64, u64),
        (new, new_end): (u64, u64),
        origin: &Mapping,
        state: u64,
        changes: &mut Changes,
    ) {
        let zeros = self
            .space
            .overlapping(old, old_end)
            .all(|m| m.inode == 0 && matches!(m.base, Base::Zero | Base::Moved(_)));
        let mut mapping = tail(origin, old, old + (new_end - new), state);
        (mapping.start, mapping.end) = (new, new_end);
        if !zeros || old_end <= old {
            changes.map(mapping);
            return;
        }
        let moved_end = new + (old_end - old).min(new_end - new);
        mapping.end = moved_end;
        mapping.base = Base::Moved(old);
        let grown = Mapping { start: moved_end, end: new_end, base: Base::Zero, ..mapping.clone() };
        changes.list.push(MappingChange::Map(mapping));
        if grown.start < grown.end {
            changes.list.push(MappingChange::Map(grown));
        }
    }

    fn moved_break(&mut self, old: u64, new: u64, state: u64, changes: &mut Changes) {
        let (old_end, new_end) = (page_up(old), page_up(new));
        if new_end < old_end {
            changes.list.push(MappingChange::Unmap { start: new_end, end: old_end });
        } else if new_end > old_end {
            let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).cast_unsigned();
            changes.list.push(MappingChange::Map(Mapping {
                start: old_end,
                end: new_end,
                protection: 3,
                flags,
                file_offset: 0,
                device: 0,
                inode: 0,
                name: b"[heap]".to_vec(),
                advice: Vec::new(),
                since: state,
                base: Base::Zero,
                key: 0,
            }));
        }
    }

    fn advised(&mut self, start: u64, end: u64, advice: u32, state: u64, changes: &mut Changes) {
        // asm-generic/mman-common.h; a guard region discards what it covers.
        const DONTNEED_LOCKED: i32 = 24;
        const GUARD_INSTALL: i32 = 102;
        match advice.cast_signed() {
            libc::MADV_DONTNEED | DONTNEED_LOCKED | GUARD_INSTALL | libc::MADV_REMOVE => {
                let parts: Vec<Mapping> = self.space.overlapping(start, end).cloned().collect();
                let shared = libc::MAP_SHARED.cast_unsigned();
                let discards = |m: &&Mapping| {
                    m.flags & shared == 0 || advice.cast_signed() == libc::MADV_REMOVE
                };
                for part in parts.iter().filter(discards) {
                    let (start, end) = (part.start.max(start), part.end.min(end));
                    changes.map(tail(part, start, end, state));
                }
            }
            libc::MADV_NORMAL
            | libc::MADV_RANDOM
            | libc::MADV_SEQUENTIAL
            | libc::MADV_DONTFORK..=libc::MADV_DODUMP
            | libc::MADV_WIPEONFORK
            | libc::MADV_KEEPONFORK => {
                changes.list.push(MappingChange::Advise { start, end, advice });
            }
            _ => {}
        }
    }

    /// Compares the mappings with /proc/PID/maps and makes them equal.
    pub fn resynchronise(&mut self, state: u64, changes: &mut Changes) {
        let Ok(actual) = self.mappings() else { return };
        let mut at = 0;
        for mut mapping in actual {
            self.remove_gone(at, mapping.start, changes);
            at = mapping.end;
            mapping.since = state;
            for (start, end) in self.unknown_parts(&mapping) {
                let mut part = tail(&mapping, start, end, state);
                self.find_module(&mut part);
                changes.map(part);
            }
            self.align_protection(&mapping, changes);
        }
        self.remove_gone(at, !(PAGE - 1), changes);
    }

    fn remove_gone(&self, start: u64, end: u64, changes: &mut Changes) {
        for gone in self.space.overlapping(start, end) {
            let (start, end) = (gone.start.max(start), gone.end.min(end));
            if start < end {
                changes.list.push(MappingChange::Unmap { start, end });
            }
        }
    }

    /// The parts of an actual mapping that are not mapped in the model, or as
    /// another file.
    fn unknown_parts(&self, actual: &Mapping) -> Vec<(u64, u64)> {
        let mut unknown = Vec::new();
        let mut at = actual.start;
        for known in self.space.overlapping(actual.start, actual.end) {
            let (start, end) = (known.start.max(actual.start), known.end.min(actual.end));
            let from = if same_file(known, actual) { start } else { end };
            if at < from {
                unknown.push((at, from));
            }
            at = end;
        }
        if at < actual.end {
            unknown.push((at, actual.end));
        }
        unknown
    }

    fn align_protection(&self, actual: &Mapping, changes: &mut Changes) {
        for known in self.space.overlapping(actual.start, actual.end) {
            if known.protection != actual.protection && same_file(known, actual) {
                changes.list.push(MappingChange::Protect {
                    start: known.start.max(actual.start),
                    end: known.end.min(actual.end),
                    protection: actual.protection,
                    key: known.key,
                });
            }
        }
    }
}

/// Whether both are of one file. A shared anonymous mapping has an inode in
/// /proc, which mmap's arguments do not tell.
fn same_file(known: &Mapping, actual: &Mapping) -> bool {
    let shared = known.inode == 0 && known.flags & libc::MAP_SHARED.cast_unsigned() != 0;
    shared || known.inode == actual.inode
}

/// The part of `mapping` from `start` to `end`, which may reach past it, as a
/// new mapping in force from `state` on. What moved to it once is not its base.
fn tail(mapping: &Mapping, start: u64, end: u64, state: u64) -> Mapping {
    let skipped = start.wrapping_sub(mapping.start);
    Mapping {
        start,
        end,
        since: state,
        file_offset: if mapping.inode == 0 { 0 } else { mapping.file_offset.wrapping_add(skipped) },
        base: if matches!(mapping.base, Base::Moved(_)) { Base::Zero } else { mapping.base },
        ..mapping.clone()
    }
}
