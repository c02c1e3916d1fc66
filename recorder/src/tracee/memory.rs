//! A tracee's memory.

use super::sys;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

/// Access to a process's memory, for as long as it has not exec'ed.
#[derive(Debug)]
pub struct Memory {
    pid: libc::pid_t,
    /// /proc/PID/mem: reaches what is not readable for the program itself.
    forced: File,
}

impl Memory {
    /// The memory of `pid`.
    ///
    /// # Errors
    /// Those of opening /proc/PID/mem.
    pub fn new(pid: libc::pid_t) -> io::Result<Self> {
        let path = format!("/proc/{pid}/mem");
        let forced = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { pid, forced })
    }

    /// Reads as much of `buffer` as is readable from `address` on; bytes read.
    pub fn read_some(&self, address: u64, buffer: &mut [u8]) -> usize {
        sys::read_memory(self.pid, address, buffer).unwrap_or(0)
    }

    /// Reads all of `buffer`, or says no.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.read_some(address, buffer) == buffer.len() || self.read_forced(address, buffer)
    }

    /// Reads all of `buffer` whatever the pages' protection, or says no.
    pub fn read_forced(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.forced.read_exact_at(buffer, address).is_ok()
    }

    /// Writes `bytes` whatever the pages' protection.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.forced.write_all_at(bytes, address)
    }

    /// The readable pieces of `address..address + length`: pages that cannot be
    /// read are left out.
    pub fn read_pieces(&self, address: u64, length: usize) -> Vec<(u64, Vec<u8>)> {
        let mut bytes = vec![0; length];
        if self.read(address, &mut bytes) {
            return vec![(address, bytes)];
        }
        let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut at = address;
        let end = address.saturating_add(length as u64);
        while at < end {
            let next = ((at | 4095).saturating_add(1)).min(end);
            let mut page = vec![0; (next - at) as usize];
            if self.read(at, &mut page) {
                match pieces.last_mut() {
                    Some((start, piece)) if *start + piece.len() as u64 == at => piece.extend(page),
                    _ => pieces.push((at, page)),
                }
            }
            at = next;
        }
        pieces
    }
}
