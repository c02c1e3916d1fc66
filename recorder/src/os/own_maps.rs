//! The recorder's own mappings in the program, and how the program does not see
//! them: reads of its own /proc/PID/maps are served from a copy without them.
//!
//! The kernel keeps the file offset: a duplicate of the descriptor
//! (pidfd_getfd(2)) shares it, so that seeks, duplicates and closes need no
//! following.

use super::Entered;
use crate::recording::Recording;
use crate::tracee::sys;
use rdb_schema::space::{PAGE, PROT_WRITE};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

/// Most copies kept.
const MAX_COPIES: usize = 64;

/// Most buffers of one readv(2) (UIO_MAXIOV, linux/uio.h).
const MAX_BUFFERS: u64 = 1024;

/// Files with a record for each mapping.
const FILES: [&str; 3] = ["maps", "smaps", "numa_maps"];

/// What is left of the files being read, by descriptor and file: records.
#[derive(Default)]
pub struct Copies(HashMap<(i32, PathBuf), Vec<Vec<u8>>>);

/// One read of a file of mappings.
struct Read {
    descriptor: i32,
    file: PathBuf,
    /// Address and length of each buffer.
    buffers: Vec<(u64, u64)>,
    /// pread(2)'s offset; without one the descriptor's counts and moves on.
    offset: Option<u64>,
}

impl Recording {
    /// At a syscall's entry: whether it would touch the recorder's own mappings,
    /// or fail because of them. They must be moved away first.
    pub fn touches_own(&self, call: &Entered) -> bool {
        let range = |start: u64, length: u64| {
            let end = start.saturating_add(length.checked_next_multiple_of(PAGE).unwrap_or(length));
            self.own.iter().any(|own| own.start < end && start < own.end)
        };
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|i| call.argument(i));
        match i64::try_from(call.number()).unwrap_or(-1) {
            // Where it may only be a wish, too.
            libc::SYS_mmap => a != 0 && range(a, b),
            libc::SYS_munmap
            | libc::SYS_mprotect
            | libc::SYS_pkey_mprotect
            | libc::SYS_madvise
            | libc::SYS_mincore
            | libc::SYS_mlock
            | libc::SYS_mlock2
            | libc::SYS_msync
            | libc::SYS_munlock
            | libc::SYS_remap_file_pages => range(a, b),
            // Where it is, as far as it grows there, and where it goes.
            libc::SYS_mremap => {
                let fixed = d & libc::MREMAP_FIXED as u64 != 0;
                range(a, b.max(if fixed { 0 } else { c })) || fixed && range(e, c)
            }
            libc::SYS_brk => {
                let brk = self.tracked.brk();
                a > brk && range(brk, a - brk)
            }
            libc::SYS_shmat => c & libc::SHM_REMAP as u64 != 0 && range(b, 1 << 32),
            _ => false,
        }
    }

    /// Whether [`Self::serve_own_maps`] would do `call` in its place.
    pub fn serves(&mut self, call: &Entered) -> bool {
        !self.own.is_empty() && self.read_of_maps(call).is_some()
    }

    /// At a syscall's entry: if it reads the program's own mappings, does that in
    /// its place. Gives its result; the call must then be skipped.
    pub fn serve_own_maps(&mut self, call: &Entered) -> Option<i64> {
        if self.own.is_empty() {
            return None;
        }
        let read = self.read_of_maps(call)?;
        let Ok(mut shared) = sys::share_descriptor(self.pid, read.descriptor) else {
            self.warn_once("the program sees the recorder's mappings: pidfd_getfd is missing");
            return None;
        };
        self.serve(&read, &mut shared)
    }

    fn serve(&mut self, read: &Read, shared: &mut File) -> Option<i64> {
        let at = match read.offset {
            Some(offset) => offset,
            None => shared.stream_position().ok()?,
        };
        let length: u64 = read.buffers.iter().map(|(_, length)| length).sum();
        let key = (read.descriptor, read.file.clone());
        if at == 0 || !self.copies.0.contains_key(&key) {
            let records = self.visible_records(read)?;
            if self.copies.0.len() >= MAX_COPIES {
                self.copies.0.clear();
            }
            self.copies.0.insert(key.clone(), records);
        }
        let piece = piece(self.copies.0.get(&key)?, at, length);
        if !self.fill(&read.buffers, &piece) {
            return Some(-i64::from(libc::EFAULT));
        }
        if read.offset.is_none() {
            shared.seek(SeekFrom::Start(at + piece.len() as u64)).ok()?;
        }
        Some(piece.len() as i64)
    }

    /// The read that `call` makes of a file of the program's own mappings.
    fn read_of_maps(&mut self, call: &Entered) -> Option<Read> {
        let number = i64::try_from(call.number()).ok()?;
        let vectors = [libc::SYS_readv, libc::SYS_preadv, libc::SYS_preadv2].contains(&number);
        if !vectors && ![libc::SYS_read, libc::SYS_pread64].contains(&number) {
            return None;
        }
        let descriptor = call.argument(0) as i32;
        let file = self.open_files.get(self.pid, descriptor).in_proc?;
        if !shows_own_mappings(&file, self.pid) {
            return None;
        }
        let buffers = if vectors {
            self.buffers(call.argument(1), call.argument(2))?
        } else {
            vec![(call.argument(1), call.argument(2))]
        };
        let offset = call.argument(3);
        // preadv2's −1 means the descriptor's own.
        let at_offset = match number {
            libc::SYS_pread64 | libc::SYS_preadv => true,
            libc::SYS_preadv2 => offset != u64::MAX,
            _ => false,
        };
        Some(Read { descriptor, file, buffers, offset: at_offset.then_some(offset) })
    }

    /// The buffers of an array of iovecs.
    fn buffers(&self, address: u64, count: u64) -> Option<Vec<(u64, u64)>> {
        if count > MAX_BUFFERS {
            return None;
        }
        let mut bytes = vec![0; count as usize * 16];
        self.memory.read(address, &mut bytes).then_some(())?;
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word));
        let words: Vec<u64> = words.collect();
        Some(words.as_chunks::<2>().0.iter().map(|[base, length]| (*base, *length)).collect())
    }

    /// The records of a file without those of the recorder's mappings.
    fn visible_records(&self, read: &Read) -> Option<Vec<Vec<u8>>> {
        let text = std::fs::read(&read.file).ok()?;
        let mut records = records(&text);
        records.retain(|record| {
            let start = address_of(record);
            start.is_none_or(|start| !self.own.iter().any(|own| own.contains(&start)))
        });
        Some(records)
    }

    /// Writes `bytes` into the program's buffers; false if it could not.
    fn fill(&self, buffers: &[(u64, u64)], mut bytes: &[u8]) -> bool {
        for (address, length) in buffers {
            let here = (*length).min(bytes.len() as u64) as usize;
            let (piece, rest) = bytes.split_at(here);
            let writable = self.is_writable(*address, here);
            if !writable || self.memory.write(*address, piece).is_err() {
                return false;
            }
            bytes = rest;
        }
        true
    }

    /// Whether the program itself could write there.
    fn is_writable(&self, address: u64, length: usize) -> bool {
        let end = address.saturating_add(length as u64);
        let mut at = address;
        while at < end {
            let Some(mapping) = self.space.find(at) else { return false };
            if mapping.protection & PROT_WRITE == 0 {
                return false;
            }
            at = mapping.end;
        }
        true
    }
}

/// Whether `file` is /proc/PID/maps or the like, of `pid` or a thread of it.
fn shows_own_mappings(file: &std::path::Path, pid: libc::pid_t) -> bool {
    let Some(path) = file.to_str() else { return false };
    let Some(rest) = path.strip_prefix(&format!("/proc/{pid}/")) else { return false };
    let mut parts = rest.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) | (Some("task"), Some(_), Some(name)) => name,
        _ => return false,
    };
    parts.next().is_none() && FILES.contains(&name)
}

/// Splits a file of mappings: a record begins with a line that begins with an
/// address (smaps has further lines with names).
fn records(text: &[u8]) -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for line in text.split_inclusive(|b| *b == b'\n') {
        match records.last_mut() {
            Some(record) if address_of(line).is_none() => record.extend_from_slice(line),
            _ => records.push(line.to_vec()),
        }
    }
    records
}

/// The address that a record begins with, in hexadecimal.
fn address_of(line: &[u8]) -> Option<u64> {
    let digits = line.iter().position(|b| !b.is_ascii_hexdigit() || b.is_ascii_uppercase())?;
    let (digits, rest) = line.split_at(digits);
    matches!(rest.first(), Some(b'-' | b' ')).then_some(())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What the kernel gives to a read of `length` bytes at `at`: what is left of a
/// record that was begun, then whole records, of which as many are made as fit
/// into a page or are asked for (`seq_read_iter`, fs/seq_file.c).
fn piece(records: &[Vec<u8>], at: u64, length: u64) -> Vec<u8> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut start = 0u64;
    let mut out = Vec::new();
    let mut made = 0;
    for record in records {
        let end = start + record.len() as u64;
        let skipped = at.saturating_sub(start).min(record.len() as u64) as usize;
        start = end;
        if skipped == record.len() {
            continue;
        }
        let whole = skipped == 0;
        if out.len() >= length || whole && made > 0 && made + record.len() > PAGE as usize {
            break;
        }
        made += if whole { record.len() } else { 0 };
        out.extend_from_slice(&record[skipped..]);
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    const SMAPS: &str = "1000-2000 r-xp 0 00:00 0   /a\nSize:  4 kB\nVmFlags: rd ex\n\
        2000-3000 rw-s 0 00:01 9   /memfd:rdb-ring (deleted)\nSize:  4 kB\n\
        ffffffffff600000-ffffffffff601000 --xp 0 00:00 0   [vsyscall]\nSize:  4 kB\n";

    #[test]
    fn a_record_of_smaps_holds_all_its_lines() {
        let records = records(SMAPS.as_bytes());
        let starts: Vec<_> = records.iter().map(|r| address_of(r)).collect();
        assert_eq!(starts, [Some(0x1000), Some(0x2000), Some(0xffffffffff600000)]);
        assert_eq!(records.concat(), SMAPS.as_bytes());
        assert!(records[0].ends_with(b"VmFlags: rd ex\n"));
    }

    #[test]
    fn only_the_programs_own_files_of_mappings_count() {
        let shows = |path: &str| shows_own_mappings(Path::new(path), 7);
        for path in ["/proc/7/maps", "/proc/7/smaps", "/proc/7/numa_maps", "/proc/7/task/8/maps"] {
            assert!(shows(path), "{path}");
        }
        let others = ["/proc/8/maps", "/proc/7/smaps_rollup", "/proc/7/task/8/x/maps", "/a", "/"];
        assert!(!others.into_iter().any(shows));
    }

    fn read_all(records: &[Vec<u8>], sizes: &[u64]) -> Vec<u8> {
        let mut all = Vec::new();
        let mut sizes = sizes.iter().cycle();
        loop {
            let length = *sizes.next().unwrap();
            let piece = piece(records, all.len() as u64, length);
            if piece.is_empty() {
                return all;
            }
            assert!(piece.len() as u64 <= length);
            all.extend(piece);
        }
    }

    proptest! {
        #[test]
        fn reads_of_any_sizes_give_the_whole(
            lengths in prop::collection::vec(1usize..6000, 0..40),
            sizes in prop::collection::vec(1u64..9000, 1..8),
        ) {
            let record = |(i, n): (usize, &usize)| vec![i as u8; *n];
            let records: Vec<Vec<u8>> = lengths.iter().enumerate().map(record).collect();
            prop_assert_eq!(read_all(&records, &sizes), records.concat());
        }
    }

    #[test]
    fn reads_end_where_the_kernels_do() {
        use std::io::Read;
        use std::os::unix::fs::FileExt;
        // This process's mappings change while others of its tests run: what is
        // compared is one read of a file of another process.
        let child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let path = format!("/proc/{}/maps", child.id());
        let whole = || records(&std::fs::read(&path).unwrap());
        let mut settled = whole();
        for _ in 0..100 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let now = whole();
            if now == settled && now.len() > 10 {
                break;
            }
            settled = now;
        }
        for size in [1, 3, 80, 1000, 4096, 70_000] {
            let mut file = File::open(&path).unwrap();
            let mut at = 0;
            loop {
                let mut buffer = vec![0; size];
                let count = file.read(&mut buffer).unwrap();
                assert_eq!(piece(&settled, at, size as u64), &buffer[..count], "{size} at {at}");
                if count == 0 {
                    break;
                }
                at += count as u64;
            }
        }
        let file = File::open(&path).unwrap();
        let mut buffer = [0; 50];
        let count = file.read_at(&mut buffer, 77).unwrap();
        assert!(piece(&settled, 77, 50).starts_with(&buffer[..count]));
        let mut child = child;
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
