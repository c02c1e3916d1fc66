//! Memory that is seen at several places: a store into a shared file mapping
//! shows in every other mapping of that file, and so does a write into the file.

use crate::recording::{Recording, ReplayFailed};
use rdb_schema::space::{Mapping, PROT_READ, PROT_WRITE};

/// A file: device and inode.
pub type Identity = (u64, u64);

/// Calls that change the file behind a descriptor, and the argument it is in.
const FILE_WRITERS: [(i64, usize); 10] = [
    (libc::SYS_write, 0),
    (libc::SYS_pwrite64, 0),
    (libc::SYS_writev, 0),
    (libc::SYS_pwritev, 0),
    (libc::SYS_pwritev2, 0),
    (libc::SYS_ftruncate, 0),
    (libc::SYS_fallocate, 0),
    (libc::SYS_sendfile, 0),
    (libc::SYS_splice, 2),
    (libc::SYS_copy_file_range, 2),
];

impl Recording {
    /// Whether a file is mapped shared and writable, and at another place, too.
    pub fn has_aliases(&self) -> bool {
        let shared = libc::MAP_SHARED.cast_unsigned();
        let is_source =
            |m: &&Mapping| m.inode != 0 && m.flags & shared != 0 && m.protection & PROT_WRITE != 0;
        self.space.iter().filter(is_source).any(|own| {
            let same = |m: &Mapping| m.start != own.start && identity(m) == identity(own);
            self.space.iter().any(same)
        })
    }

    /// What the other mappings of the same file hold by now, after `length`
    /// bytes were stored at `address`.
    pub fn aliases(&self, address: u64, length: u64) -> Vec<(u64, Vec<u8>)> {
        let ranges = self.alias_ranges(address, length).into_iter();
        ranges.flat_map(|(at, length)| self.memory.read_pieces(at, length as usize)).collect()
    }

    /// Where these bytes are seen, too: address and length.
    pub fn alias_ranges(&self, address: u64, length: u64) -> Vec<(u64, u64)> {
        let Some(own) = self.space.find(address) else { return Vec::new() };
        if own.inode == 0 || own.flags & libc::MAP_SHARED.cast_unsigned() == 0 {
            return Vec::new();
        }
        let first = own.file_offset.wrapping_add(address - own.start);
        let last = first.saturating_add(length.min(own.end - address));
        let others = self.space.iter().filter(|m| m.start != own.start);
        others
            .filter(|m| identity(m) == identity(own))
            .filter_map(|m| {
                let from = first.max(m.file_offset);
                let to = last.min(m.file_offset.saturating_add(m.end - m.start));
                let length = to.checked_sub(from).filter(|length| *length > 0)?;
                Some((m.start + (from - m.file_offset), length))
            })
            .collect()
    }

    /// The mapped file that the call of this number may change.
    pub fn changed_file(&mut self, number: u64, arguments: &[u64; 6]) -> Option<Identity> {
        let number = i64::try_from(number).ok()?;
        let file = if number == libc::SYS_madvise {
            if arguments[2] != libc::MADV_REMOVE as u64 {
                return None;
            }
            self.space.find(arguments[0]).map(identity)?
        } else {
            let (_, argument) = FILE_WRITERS.iter().find(|(n, _)| *n == number)?;
            let descriptor = arguments[*argument] as i32;
            self.open_files.get(self.pid, descriptor).identity?
        };
        self.space.iter().any(|m| m.inode != 0 && identity(m) == file).then_some(file)
    }

    /// Records how the mappings of a file changed with the last tracepoint.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn compare_file(&mut self, file: Identity) -> Result<(), ReplayFailed> {
        self.catch_up()?;
        let memory = self.compare(|m| identity(m) == file && m.protection & PROT_READ != 0);
        self.note_lost(file);
        self.amend(memory)
    }
}

/// The file that `mapping` shows; zeros if it shows none.
pub fn identity(mapping: &Mapping) -> Identity {
    (mapping.device, mapping.inode)
}
