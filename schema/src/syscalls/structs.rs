//! Structures in user memory that lead to other memory.

use super::{Memory, Written};

/// Most segments the kernel takes in one call (`UIO_MAXIOV`, `linux/uio.h`).
pub(super) const IOV_MAX: u64 = 1024;

/// Bytes of `struct iovec`.
pub(super) const IOVEC_BYTES: u64 = 16;

/// Bytes of `struct user_msghdr`.
pub(super) const MSGHDR_BYTES: u64 = 56;

/// Bytes of `struct mmsghdr`: a header, its `msg_len`, padding.
pub(super) const MMSGHDR_BYTES: u64 = 64;

/// Where `msg_len` stands in `struct mmsghdr`.
pub(super) const MSG_LEN: u64 = 56;

/// The little-endian number of `width` bytes (1, 2, 4 or 8) at an address.
pub(super) fn number(memory: &dyn Memory, address: u64, width: u8) -> Option<u64> {
    let mut bytes = [0; 8];
    let target = bytes.get_mut(..usize::from(width))?;
    memory.read(address, target).then(|| u64::from_le_bytes(bytes))
}

/// The number at `offset` in a buffer.
pub(super) fn field(bytes: &[u8], offset: usize, width: usize) -> Option<u64> {
    let source = bytes.get(offset..offset.checked_add(width)?)?;
    let mut word = [0; 8];
    word.get_mut(..width)?.copy_from_slice(source);
    Some(u64::from_le_bytes(word))
}

/// Reads `length` bytes, which the caller has bounded.
pub(super) fn bytes(memory: &dyn Memory, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; length];
    memory.read(address, &mut buffer).then_some(buffer)
}

/// The buffers of an `iovec` array: none if it is not readable, no more than
/// the kernel takes.
pub(super) fn iovecs(memory: &dyn Memory, address: u64, count: u64) -> Option<Vec<Written>> {
    let count = usize::try_from(count.min(IOV_MAX)).ok()?;
    let array = bytes(memory, address, count * IOVEC_BYTES as usize)?;
    let word = |entry: &[u8], offset| field(entry, offset, 8).unwrap_or(0);
    let buffers = array.chunks_exact(IOVEC_BYTES as usize);
    Some(buffers.map(|e| Written { address: word(e, 0), length: word(e, 8) }).collect())
}

/// `struct user_msghdr` (`linux/socket.h`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Msghdr {
    /// Buffer of the peer's address.
    pub(super) name: u64,
    /// Its length: after `recvmsg` that of the address itself.
    pub(super) name_length: u64,
    /// The `iovec` array.
    pub(super) iov: u64,
    /// Its length.
    pub(super) iov_count: u64,
    /// Buffer of control messages.
    pub(super) control: u64,
    /// Its length: after `recvmsg` what was written of it.
    pub(super) control_length: u64,
    /// `MSG_TRUNC` and its kind, as received.
    pub(super) flags: u64,
}

impl Msghdr {
    /// The header at an address.
    pub(super) fn read(memory: &dyn Memory, address: u64) -> Option<Self> {
        let header = bytes(memory, address, MSGHDR_BYTES as usize)?;
        Some(Self {
            name: field(&header, 0, 8)?,
            name_length: field(&header, 8, 4)?,
            iov: field(&header, 16, 8)?,
            iov_count: field(&header, 24, 8)?,
            control: field(&header, 32, 8)?,
            control_length: field(&header, 40, 8)?,
            flags: field(&header, 48, 4)?,
        })
    }
}
