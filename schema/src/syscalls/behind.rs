//! Which addresses stand in the structures that a call gives the kernel.

use super::kinds::Kind;
use super::structs::{IOV_MAX, MMSGHDR_BYTES, Msghdr, iovecs};
use super::{Call, Memory, syscall};

/// The addresses in `iovec`s and `msghdr`s, through which `call` has the kernel read or
/// write user memory; its own arguments are not among them.
///
/// Not covered: pointers in other structures (`struct clone_args`, `execve`'s arrays, what
/// an unlisted number or `ioctl` leads to). `memory` is the caller's after the call.
pub fn addresses_behind(call: &Call, memory: &dyn Memory) -> Vec<u64> {
    let mut behind = Behind { memory, addresses: Vec::new() };
    for (index, parameter) in syscall(call.number).iter().flat_map(|l| l.parameters).enumerate() {
        let value = call.arg(index);
        match parameter.kind {
            Kind::IovecIn(count) | Kind::IovecOut(count) => behind.buffers(value, call.arg(count)),
            Kind::MsghdrIn | Kind::MsghdrOut => behind.message(value),
            Kind::MmsghdrIn(count) | Kind::MmsghdrOut(count) => {
                for index in 0..call.arg(count).min(IOV_MAX) {
                    behind.message(value.saturating_add(index * MMSGHDR_BYTES));
                }
            }
            _ => {}
        }
    }
    behind.addresses
}

struct Behind<'a> {
    memory: &'a dyn Memory,
    addresses: Vec<u64>,
}

impl Behind<'_> {
    fn buffers(&mut self, address: u64, count: u64) {
        let buffers = iovecs(self.memory, address, count).unwrap_or_default();
        let used = buffers.iter().filter(|buffer| buffer.length != 0);
        self.addresses.extend(used.map(|buffer| buffer.address));
    }

    fn message(&mut self, address: u64) {
        let Some(header) = Msghdr::read(self.memory, address) else { return };
        self.addresses.extend([header.name, header.iov, header.control]);
        self.buffers(header.iov, header.iov_count);
    }
}
