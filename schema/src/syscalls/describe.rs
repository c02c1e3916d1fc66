//! A call as a person reads it, in strace's manner.

use super::errno::{errno_name, errno_text};
use super::flags::{flags_text, value_name};
use super::ioctl::request_name;
use super::kinds::{Count, Kind, Layout};
use super::signals::{signal_name, sigset_text};
use super::sockets::sockaddr_text;
use super::structs::{MMSGHDR_BYTES, MSG_LEN, Msghdr, bytes, field, iovecs, number};
use super::text::{octal, pointer, quoted, structure};
use super::{Call, Memory, Written, syscall};

/// Bytes of a buffer shown unless told otherwise.
pub const DEFAULT_LIMIT: usize = 32;

/// Bytes of a buffer shown at most, whatever was asked for.
const MAX_LIMIT: usize = 1 << 16;

/// Bytes shown at most of a buffer that is one of many.
const MAX_PART: usize = 4096;

/// Elements of an array shown at most.
const MAX_ELEMENTS: usize = 32;

/// Longest path the kernel takes (`PATH_MAX`, `linux/limits.h`).
const PATH_MAX: usize = 4096;

/// A call in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `read`; `syscall_999` for a number without a name.
    pub name: String,
    /// Arguments in order.
    pub arguments: Vec<Argument>,
    /// `3`, `-1 ENOENT (No such file or directory)`, `? ERESTARTSYS (…)`.
    pub result: String,
}

/// An argument in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The parameter's name in the man page.
    pub name: &'static str,
    /// Its value: `O_RDONLY|O_CLOEXEC`, `"/etc/passwd"`, `{st_mode=0100644, …}`.
    pub text: String,
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, argument) in self.arguments.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, argument.text)?;
        }
        write!(f, ") = {}", self.result)
    }
}

/// Describes a call, showing [`DEFAULT_LIMIT`] bytes of each buffer. `before`
/// is the caller's memory on entry, `after` on return.
pub fn describe(call: &Call, before: &dyn Memory, after: &dyn Memory) -> Description {
    describe_limited(call, before, after, DEFAULT_LIMIT)
}

/// Describes a call, showing `limit` bytes of each buffer (64 KiB at most).
pub fn describe_limited(
    call: &Call,
    before: &dyn Memory,
    after: &dyn Memory,
    limit: usize,
) -> Description {
    let Some(line) = syscall(call.number) else { return nameless(call) };
    let reader = Reader { call, before, after, limit: limit.min(MAX_LIMIT) };
    let argument = |(index, parameter): (usize, &super::Parameter)| Argument {
        name: parameter.name,
        text: reader.argument(call.arg(index), parameter.kind.resolve(call)),
    };
    Description {
        name: line.name.to_owned(),
        arguments: line.parameters.iter().enumerate().map(argument).collect(),
        result: reader.result(line.name, line.result),
    }
}

fn nameless(call: &Call) -> Description {
    const NAMES: [&str; 6] = ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"];
    let argument = |(name, &value): (&'static str, &u64)| Argument { name, text: pointer(value) };
    Description {
        name: format!("syscall_{}", call.number),
        arguments: NAMES.into_iter().zip(&call.args).map(argument).collect(),
        result: failure(call).unwrap_or_else(|| call.result.to_string()),
    }
}

fn failure(call: &Call) -> Option<String> {
    let number = call.error()?;
    let (Some(name), Some(text)) = (errno_name(number), errno_text(number)) else {
        return Some(format!("-1 errno {number}"));
    };
    // The kernel's own codes never reach a program: the call is not over.
    let sign = if number >= 512 { "?" } else { "-1" };
    Some(format!("{sign} {name} ({text})"))
}

struct Reader<'a> {
    call: &'a Call,
    before: &'a dyn Memory,
    after: &'a dyn Memory,
    limit: usize,
}

impl Reader<'_> {
    fn result(&self, name: &str, kind: Kind) -> String {
        if name == "exit" || name == "exit_group" {
            return "?".to_owned();
        }
        match failure(self.call) {
            Some(text) => text,
            None => self.argument(self.call.result as u64, kind.resolve(self.call)),
        }
    }

    /// Whether outputs carry nothing worth reading: an interrupted sleep's
    /// remaining time does, after EINTR and its kernel-internal kin.
    fn failed(&self) -> bool {
        self.call.error().is_some_and(|error| !matches!(error, 4 | 514 | 516))
    }

    fn argument(&self, value: u64, kind: Kind) -> String {
        match kind {
            Kind::Int => (value as i32).to_string(),
            Kind::Long => (value as i64).to_string(),
            Kind::Unsigned => value.to_string(),
            Kind::Hex => format!("{value:#x}"),
            Kind::Octal => octal(value),
            Kind::Fd => (value as i32).to_string(),
            Kind::DirFd if value as i32 == -100 => "AT_FDCWD".to_owned(),
            Kind::DirFd => (value as i32).to_string(),
            Kind::Signal => signal_name(value as u32).into_owned(),
            Kind::Request => request(value),
            Kind::Names(names) => match value_name(value & 0xffff_ffff, names) {
                Some(name) => name.to_owned(),
                None => (value as i32).to_string(),
            },
            Kind::Flags(flags) => flags_text(value, flags),
            Kind::Pointer | Kind::Opaque | Kind::Sub(_) => pointer(value),
            _ if value == 0 => "NULL".to_owned(),
            memory => self.pointed(value, memory).unwrap_or_else(|| pointer(value)),
        }
    }

    /// What an address leads to; nothing if it cannot be read.
    fn pointed(&self, address: u64, kind: Kind) -> Option<String> {
        match kind {
            Kind::Path => self.string(address),
            Kind::Strings => self.strings(address),
            Kind::In(count) => self.buffer(self.before, address, self.count(count)?),
            Kind::InStruct(layout) => layout_text(self.before, address, layout),
            Kind::InArray(layout, count) => self.array(self.before, address, layout, count),
            Kind::InOutStruct(layout) => self.updated(address, layout),
            Kind::IovecIn(count) => {
                let count = self.call.arg(count);
                self.iovec(self.before, address, count, u64::MAX)
            }
            Kind::MsghdrIn => self.message(self.before, address, u64::MAX),
            Kind::MmsghdrIn(count) => self.messages(self.before, address, self.call.arg(count)),
            Kind::SockaddrIn(length) => self.sockaddr(self.before, address, self.call.arg(length)),
            Kind::SigsetIn => Some(sigset_text(number(self.before, address, 8)?)),
            Kind::CloneArgs(_) => self.clone_args(address),
            Kind::LengthInOut => self.length(address),
            Kind::FdSet(bits) => self.fd_set(address, self.call.arg(bits)),
            _ if self.failed() => None,
            written => self.written(address, written),
        }
    }

    /// What the kernel wrote.
    fn written(&self, address: u64, kind: Kind) -> Option<String> {
        match kind {
            Kind::Out(count) => self.buffer(self.after, address, self.count(count)?),
            Kind::OutStruct(layout) => layout_text(self.after, address, layout),
            Kind::OutArray(layout, count) => self.array(self.after, address, layout, count),
            Kind::IovecOut(count) => {
                self.iovec(self.after, address, self.call.arg(count), self.received())
            }
            Kind::MsghdrOut => self.message(self.after, address, self.received()),
            Kind::MmsghdrOut(_) => self.messages(self.after, address, self.received()),
            Kind::SockaddrOut(length) => {
                let length = number(self.after, self.call.arg(length), 4)?;
                self.sockaddr(self.after, address, length)
            }
            Kind::Pollfds(count) => {
                self.array(self.after, address, super::layouts::POLLFD, Count::Arg(count))
            }
            Kind::SigsetOut => Some(sigset_text(number(self.after, address, 8)?)),
            Kind::Msgbuf(_) => {
                let mtype = number(self.after, address, 8)? as i64;
                let text = self.buffer(self.after, address.checked_add(8)?, self.received())?;
                Some(format!("{{mtype={mtype}, mtext={text}}}"))
            }
            Kind::Nested(nested) => {
                let at = |offset: u32| address.checked_add(offset.into());
                let target = number(self.after, at(nested.pointer)?, 8)?;
                let length = number(self.after, at(nested.length)?, nested.width)?;
                self.buffer(self.after, target, length)
            }
            Kind::Tail(tail) => self.buffer(self.after, address, tail.header.into()),
            _ => None,
        }
    }

    fn received(&self) -> u64 {
        u64::try_from(self.call.result).unwrap_or(0)
    }

    fn count(&self, count: Count) -> Option<u64> {
        Some(match count {
            Count::Fixed(count) => count.into(),
            Count::Arg(argument) => self.call.arg(argument),
            Count::Result(limit) => self.received().min(self.call.arg(limit)),
            Count::At(argument) => number(self.after, self.call.arg(argument), 4)?,
            Count::Pages(argument) => self.call.arg(argument).div_ceil(4096),
            Count::Bits(argument) => self.call.arg(argument).div_ceil(64).checked_mul(8)?,
        })
    }

    /// The first bytes of a buffer.
    fn buffer(&self, memory: &dyn Memory, address: u64, length: u64) -> Option<String> {
        let shown = usize::try_from(length).unwrap_or(usize::MAX).min(self.limit);
        let text = bytes(memory, address, shown)?;
        Some(quoted(&text, length > shown as u64))
    }

    /// One of many buffers: bounded tighter, as they multiply.
    fn part(&self, memory: &dyn Memory, address: u64, length: u64) -> Option<String> {
        let limit = self.limit.min(MAX_PART);
        Reader { limit, ..*self }.buffer(memory, address, length)
    }

    /// A NUL-terminated string: a path whole, as it is what one looks for.
    fn string(&self, address: u64) -> Option<String> {
        let (text, cut) = text_at(self.before, address, self.limit.max(PATH_MAX))?;
        Some(quoted(&text, cut))
    }

    fn strings(&self, address: u64) -> Option<String> {
        let mut items = Vec::new();
        for index in 0..=MAX_ELEMENTS as u64 {
            let target = number(self.before, address.checked_add(index * 8)?, 8)?;
            if target == 0 {
                break;
            }
            if index == MAX_ELEMENTS as u64 {
                items.push("...".to_owned());
                break;
            }
            let text = text_at(self.before, target, self.limit.min(MAX_PART));
            items.push(text.map_or_else(|| pointer(target), |(text, cut)| quoted(&text, cut)));
        }
        Some(format!("[{}]", items.join(", ")))
    }

    /// A structure that changed reads `before => after`.
    fn updated(&self, address: u64, layout: &Layout) -> Option<String> {
        let before = layout_text(self.before, address, layout)?;
        let after = layout_text(self.after, address, layout);
        Some(changed(before, after.filter(|_| !self.failed())))
    }

    fn length(&self, address: u64) -> Option<String> {
        let text = |memory| number(memory, address, 4).map(|length| format!("[{length}]"));
        Some(changed(text(self.before)?, text(self.after).filter(|_| !self.failed())))
    }

    fn array(
        &self,
        memory: &dyn Memory,
        address: u64,
        layout: &Layout,
        count: Count,
    ) -> Option<String> {
        let count = self.count(count)?;
        list(count, |index| {
            let at = address.checked_add(index.checked_mul(layout.size.into())?)?;
            let bytes = bytes(memory, at, layout.size as usize)?;
            let text = structure(layout, &bytes);
            let bare = layout.fields.iter().all(|field| field.name.is_empty());
            Some(if bare { text.trim_matches(['[', ']']).to_owned() } else { text })
        })
    }

    fn iovec(&self, memory: &dyn Memory, address: u64, count: u64, filled: u64) -> Option<String> {
        let buffers = iovecs(memory, address, count.min(MAX_ELEMENTS as u64 + 1))?;
        let mut left = filled;
        list(buffers.len() as u64, |index| {
            let buffer: &Written = buffers.get(usize::try_from(index).ok()?)?;
            let length = buffer.length.min(left);
            left -= length;
            let text = self.part(memory, buffer.address, length);
            let text = text.unwrap_or_else(|| pointer(buffer.address));
            Some(format!("{{iov_base={text}, iov_len={}}}", buffer.length))
        })
    }

    fn message(&self, memory: &dyn Memory, address: u64, filled: u64) -> Option<String> {
        let header = Msghdr::read(memory, address)?;
        let name = self.sockaddr(memory, header.name, header.name_length);
        let iov = self.iovec(memory, header.iov, header.iov_count, filled);
        Some(format!(
            "{{msg_name={}, msg_namelen={}, msg_iov={}, msg_iovlen={}, msg_controllen={}, msg_flags={}}}",
            name.unwrap_or_else(|| pointer(header.name)),
            header.name_length,
            iov.unwrap_or_else(|| pointer(header.iov)),
            header.iov_count,
            header.control_length,
            flags_text(header.flags, super::flags::MESSAGE),
        ))
    }

    fn messages(&self, memory: &dyn Memory, address: u64, count: u64) -> Option<String> {
        list(count & 0xffff_ffff, |index| {
            let at = address.checked_add(index * MMSGHDR_BYTES)?;
            let length = number(self.after, at.checked_add(MSG_LEN)?, 4)?;
            let header = self.message(memory, at, length)?;
            Some(format!("{{msg_hdr={header}, msg_len={length}}}"))
        })
    }

    fn sockaddr(&self, memory: &dyn Memory, address: u64, length: u64) -> Option<String> {
        if address == 0 {
            return None;
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(128);
        Some(sockaddr_text(&bytes(memory, address, length)?))
    }

    /// `[3 5]`, and what remained of it.
    fn fd_set(&self, address: u64, bits: u64) -> Option<String> {
        let bits = (bits & 0xffff_ffff).min(1024) as usize;
        let text = |memory| Some(members(&bytes(memory, address, bits.div_ceil(64) * 8)?, bits));
        Some(changed(text(self.before)?, text(self.after).filter(|_| !self.failed())))
    }

    /// `struct clone_args` (clone(2)), first published size.
    fn clone_args(&self, address: u64) -> Option<String> {
        let args = bytes(self.before, address, 64)?;
        let word = |offset| field(&args, offset, 8).unwrap_or(0);
        Some(format!(
            "{{flags={}, exit_signal={}, stack={}, stack_size={:#x}, tls={:#x}}}",
            flags_text(word(0), super::flags::CLONE),
            signal_name(word(32) as u32),
            pointer(word(40)),
            word(48),
            word(56),
        ))
    }
}

fn changed(before: String, after: Option<String>) -> String {
    match after {
        Some(after) if after != before => format!("{before} => {after}"),
        _ => before,
    }
}

fn layout_text(memory: &dyn Memory, address: u64, layout: &Layout) -> Option<String> {
    Some(structure(layout, &bytes(memory, address, layout.size as usize)?))
}

/// The first elements of an array; `...` for the rest.
fn list(count: u64, mut element: impl FnMut(u64) -> Option<String>) -> Option<String> {
    let shown = count.min(MAX_ELEMENTS as u64);
    let mut items = (0..shown).map(&mut element).collect::<Option<Vec<String>>>()?;
    if count > shown {
        items.push("...".to_owned());
    }
    Some(format!("[{}]", items.join(", ")))
}

fn members(set: &[u8], bits: usize) -> String {
    let member = |bit: &usize| set.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
    let names: Vec<String> = (0..bits).filter(member).map(|bit| bit.to_string()).collect();
    format!("[{}]", names.join(" "))
}

/// A string up to its NUL, at most `limit` bytes, and whether it went on.
fn text_at(memory: &dyn Memory, address: u64, limit: usize) -> Option<(Vec<u8>, bool)> {
    let mut text = Vec::new();
    while text.len() <= limit {
        let at = address.checked_add(text.len() as u64)?;
        // Up to the next 64-byte boundary: never past the page the string ends in.
        let step = 64 - (at % 64) as usize;
        let piece = bytes(memory, at, step)?;
        if let Some(end) = piece.iter().position(|&byte| byte == 0) {
            text.extend(piece.iter().take(end));
            let cut = text.len() > limit;
            text.truncate(limit);
            return Some((text, cut));
        }
        text.extend(piece);
    }
    text.truncate(limit);
    Some((text, true))
}

fn request(value: u64) -> String {
    let value = value & 0xffff_ffff;
    if let Some(name) = request_name(value) {
        return name.to_owned();
    }
    let direction = match value >> 30 {
        0 => "_IOC_NONE",
        1 => "_IOC_WRITE",
        2 => "_IOC_READ",
        _ => "_IOC_READ|_IOC_WRITE",
    };
    let (kind, nr, size) = (value >> 8 & 0xff, value & 0xff, value >> 16 & 0x3fff);
    format!("_IOC({direction}, {kind:#x}, {nr:#x}, {size:#x})")
}
