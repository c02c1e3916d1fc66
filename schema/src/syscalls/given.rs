//! Which addresses a call gives the kernel.

use super::kinds::Kind;
use super::structs::{IOV_MAX, MMSGHDR_BYTES, Msghdr, iovecs};
use super::{Call, Memory, syscall};

/// The addresses at which `call` has the kernel read or write user memory: its pointers,
/// and those in `iovec`s and `msghdr`s behind them. Unsorted; null pointers are left out.
///
/// Not covered: pointers in other structures (`struct clone_args`, `execve`'s arrays, what
/// an unlisted number or `ioctl` leads to). `memory` is the caller's after the call.
pub fn addresses(call: &Call, memory: &dyn Memory) -> Vec<u64> {
    let mut given = Given { call, memory, addresses: Vec::new() };
    for (index, parameter) in syscall(call.number).iter().flat_map(|l| l.parameters).enumerate() {
        given.argument(call.arg(index), parameter.kind.resolve(call));
    }
    given.addresses.retain(|address| *address != 0);
    given.addresses
}

struct Given<'a> {
    call: &'a Call,
    memory: &'a dyn Memory,
    addresses: Vec<u64>,
}

impl Given<'_> {
    fn argument(&mut self, value: u64, kind: Kind) {
        match kind {
            Kind::Int | Kind::Long | Kind::Unsigned | Kind::Hex | Kind::Octal | Kind::Fd => return,
            Kind::DirFd | Kind::Signal | Kind::Request | Kind::Names(_) | Kind::Flags(_) => return,
            Kind::IovecIn(count) | Kind::IovecOut(count) => {
                self.buffers(value, self.call.arg(count));
            }
            Kind::MsghdrIn | Kind::MsghdrOut => self.message(value),
            Kind::MmsghdrIn(count) | Kind::MmsghdrOut(count) => {
                for index in 0..self.call.arg(count).min(IOV_MAX) {
                    self.message(value.saturating_add(index * MMSGHDR_BYTES));
                }
            }
            _ => {}
        }
        self.addresses.push(value);
    }

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
