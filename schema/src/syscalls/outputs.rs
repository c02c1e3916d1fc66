//! Which bytes of user memory a call may have written.

use super::collect::Collector;
use super::errno::EINVAL;
use super::ioctl::encoded_output;
use super::kinds::{Count, Kind, Nested, Tail};
use super::structs::{IOVEC_BYTES, MMSGHDR_BYTES, MSG_LEN, Msghdr, iovecs};
use super::{Call, Memory, Outputs, Written, syscall};

/// Page size of x86-64 base pages.
const PAGE: u64 = 4096;

/// The memory that `call` may have written, `memory` being the caller's after
/// the call returned or was interrupted.
///
/// The ranges are a superset: of small fixed outputs all, whether the call
/// succeeded or not; of buffers what the result says, or the whole buffer
/// where a fault cut the call short. Not covered: a datagram copied out and
/// then dropped for a bad checksum (the call reports `EAGAIN`, or the next
/// datagram's shorter length), and what the notes of this module's parent list.
///
/// Structures that lead to buffers (`iovec`, `msghdr`) are read from `memory`,
/// that is after the kernel wrote; if the buffers overlap them the outputs are
/// not known. They are not known either for unlisted numbers, for commands
/// without a description, and for calls that only start work (io_uring, AIO).
pub fn outputs(call: &Call, memory: &dyn Memory) -> Outputs {
    let Some(line) = syscall(call.number) else { return Outputs::default() };
    let mut collector = Collector::new(call, memory);
    for (index, parameter) in line.parameters.iter().enumerate() {
        collector.argument(call.arg(index), parameter.kind.resolve(call));
    }
    collector.finish()
}

impl Collector<'_> {
    fn argument(&mut self, value: u64, kind: Kind) {
        match kind {
            Kind::Out(count) => self.array(value, 1, count),
            Kind::OutArray(layout, count) => self.array(value, layout.size, count),
            Kind::OutStruct(layout) | Kind::InOutStruct(layout) => {
                self.write(value, layout.size.into());
            }
            Kind::IovecOut(count) => self.iovec(value, self.call.arg(count), self.call.result),
            Kind::MsghdrOut => self.message(value, self.call.result),
            Kind::MmsghdrIn(count) => self.sent(value, self.call.arg(count)),
            Kind::MmsghdrOut(count) => self.received(value, self.call.arg(count)),
            Kind::SockaddrOut(length) => {
                let length = self.counter(self.call.arg(length));
                self.sockaddr(value, length);
            }
            Kind::LengthInOut => self.update(value, 4),
            Kind::FdSet(bits) => self.fd_set(value, int(self.call.arg(bits))),
            Kind::Pollfds(count) => self.pollfds(value, int(self.call.arg(count))),
            Kind::SigsetOut => self.write(value, 8),
            Kind::Msgbuf(size) => self.system_v_message(value, self.call.arg(size)),
            Kind::CloneArgs(size) => self.clone_args(value, self.call.arg(size)),
            Kind::Nested(nested) => self.nested(value, nested),
            Kind::Tail(tail) => self.tail(value, tail),
            Kind::Opaque => self.opaque(value),
            // Read by the kernel, or no address; `Sub` is resolved.
            _ => {}
        }
    }

    fn array(&mut self, address: u64, element: u32, count: Count) {
        let size = u64::from(element);
        let asked = |argument: usize| self.call.arg(argument).saturating_mul(size);
        match count {
            Count::Fixed(count) => self.write(address, u64::from(count).saturating_mul(size)),
            Count::Result(limit) => {
                let buffer = Written { address, length: asked(limit) };
                let result = self.call.result;
                let unit = if result > 0 { i64::from(element) } else { 1 };
                self.fill(&[buffer], result.saturating_mul(unit));
            }
            Count::Arg(argument) => self.whole(address, asked(argument)),
            Count::At(argument) => {
                let count = self.counter(self.call.arg(argument)).unwrap_or(0);
                self.write(address, count.saturating_mul(size));
            }
            Count::Pages(argument) => self.whole(address, self.call.arg(argument).div_ceil(PAGE)),
            // One word more than needed: the kernel rounds up by its own rules.
            Count::Bits(argument) => {
                self.write(address, (self.call.arg(argument) / 64).saturating_add(1) * 8);
            }
        }
    }

    /// A buffer that a call fills whole, or not at all.
    fn whole(&mut self, address: u64, length: u64) {
        if self.may_have_started() {
            self.write(address, length);
        }
    }

    /// A 32-bit length that the kernel updated.
    fn counter(&mut self, address: u64) -> Option<u64> {
        if address == 0 {
            return Some(0);
        }
        self.number(address, 4)
    }

    fn iovec(&mut self, address: u64, count: u64, result: i64) {
        let Some(buffers) = iovecs(self.memory, address, count) else {
            self.unreadable();
            return;
        };
        self.follow(address, IOVEC_BYTES.saturating_mul(buffers.len() as u64));
        self.fill(&buffers, result);
    }

    /// A `msghdr` after `recvmsg`: name, control, the three fields updated,
    /// and the buffers up to `result`.
    fn message(&mut self, address: u64, result: i64) {
        let Some(header) = Msghdr::read(self.memory, address) else {
            self.unreadable();
            return;
        };
        let at = |offset| address.saturating_add(offset);
        self.follow(address, 8);
        self.follow(at(16), 24);
        self.update(at(8), 4);
        self.update(at(40), 12);
        self.sockaddr(header.name, Some(header.name_length));
        self.write(header.control, header.control_length);
        self.iovec(header.iov, header.iov_count, result);
    }

    /// `recvmmsg`: each message received, and the one it may have failed in.
    fn received(&mut self, address: u64, count: u64) {
        let received = u64::try_from(self.call.result).unwrap_or(0);
        let last = int(count).min(received.saturating_add(1));
        for index in 0..last {
            if !self.has_room() {
                return;
            }
            let at = address.saturating_add(index * MMSGHDR_BYTES);
            if index < received {
                self.received_one(at);
            } else {
                // The error may not be the call's result: take the worst.
                self.failed_one(at);
            }
        }
    }

    fn received_one(&mut self, address: u64) {
        let at = address.saturating_add(MSG_LEN);
        let length = self.number(at, 4).unwrap_or(0);
        self.update(at, 4);
        self.message(address, length as i64);
    }

    /// A message whose receipt failed part-way: a fault leaves its traces in
    /// buffers that are not wholly accessible.
    fn failed_one(&mut self, address: u64) {
        self.update(address.saturating_add(MSG_LEN), 4);
        let fault = -i64::from(super::errno::EFAULT);
        let all_readable = Msghdr::read(self.memory, address).is_some_and(|header| {
            let buffers = iovecs(self.memory, header.iov, header.iov_count);
            buffers.is_some_and(|list| list.iter().all(|buffer| self.ends_readable(buffer)))
        });
        let failed = self.call.result == fault || !all_readable;
        self.message_if_readable(address, if failed { fault } else { 0 });
    }

    fn message_if_readable(&mut self, address: u64, result: i64) {
        if Msghdr::read(self.memory, address).is_some() {
            self.message(address, result);
        }
    }

    /// `sendmmsg` writes each sent message's `msg_len`.
    fn sent(&mut self, address: u64, count: u64) {
        let sent = u64::try_from(self.call.result).unwrap_or(0);
        // `sendmmsg` takes at most UIO_MAXIOV messages.
        let last = int(count).min(sent.saturating_add(1)).min(super::structs::IOV_MAX);
        for index in 0..last {
            let at = address.saturating_add(index * MMSGHDR_BYTES + MSG_LEN);
            self.write(at, 4);
        }
    }

    fn fd_set(&mut self, address: u64, bits: u64) {
        if self.call.error() != Some(EINVAL) {
            self.write(address, bits.div_ceil(64) * 8);
        }
    }

    fn pollfds(&mut self, address: u64, count: u64) {
        if self.call.error() != Some(EINVAL) {
            self.write(address, count.saturating_mul(8));
        }
    }

    /// The type, then the text; the result counts the text only.
    fn system_v_message(&mut self, address: u64, size: u64) {
        self.write(address, 8);
        let text = Written { address: address.saturating_add(8), length: size };
        if address != 0 {
            self.fill(&[text], self.call.result);
        }
    }

    /// The thread ids and the pidfd that `clone3` hands out (clone(2)).
    fn clone_args(&mut self, address: u64, size: u64) {
        if size < 64 {
            return;
        }
        let Some(flags) = self.number(address, 8) else { return };
        self.follow(address, size.min(PAGE));
        for (flag, offset) in [(0x1000, 8), (0x0100_0000, 16), (0x0010_0000, 24)] {
            if flags & flag != 0 {
                let pointer = self.number(address.saturating_add(offset), 8).unwrap_or(0);
                self.write(pointer, 4);
            }
        }
    }

    fn nested(&mut self, address: u64, nested: &Nested) {
        let at = |offset: u32| address.saturating_add(offset.into());
        let pointer = self.number(at(nested.pointer), 8);
        let length = self.number(at(nested.length), nested.width);
        self.update(address, nested.size.into());
        self.write(pointer.unwrap_or(0), length.unwrap_or(0));
    }

    fn tail(&mut self, address: u64, tail: &Tail) {
        let at = address.saturating_add(tail.count.into());
        let count = self.number(at, tail.width).unwrap_or(0);
        let length = count.saturating_mul(tail.element.into()).saturating_add(tail.header.into());
        self.update(address, length);
    }

    /// Of an unlisted `ioctl` at least what its number encodes.
    fn opaque(&mut self, value: u64) {
        if syscall(self.call.number).is_some_and(|line| line.name == "ioctl") {
            self.write(value, encoded_output(self.call.arg(1)).into());
        }
        self.unknown();
    }
}

/// An argument that the kernel takes as 32 bits.
fn int(value: u64) -> u64 {
    value & 0xffff_ffff
}
