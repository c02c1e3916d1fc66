//! What an argument is: which bytes the kernel writes through it, how it reads.

use super::Call;
use super::flags::{Flags, Names};

/// One line of the table.
#[derive(Debug)]
pub struct Syscall {
    /// Number in `rax`.
    pub number: u16,
    /// Name without `__NR_`.
    pub name: &'static str,
    /// Parameters in register order.
    pub parameters: &'static [Parameter],
    /// How a successful result reads.
    pub result: Kind,
}

/// A named parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Name, as in the man page.
    pub name: &'static str,
    /// Meaning.
    pub kind: Kind,
}

/// The meaning of an argument. An index names another argument of the call.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A signed 32-bit number.
    Int,
    /// A signed 64-bit number.
    Long,
    /// An unsigned number.
    Unsigned,
    /// A number best read in hexadecimal.
    Hex,
    /// A file mode.
    Octal,
    /// An address that the kernel does not write through.
    Pointer,
    /// A file descriptor.
    Fd,
    /// A directory descriptor, or `AT_FDCWD`.
    DirFd,
    /// A signal number.
    Signal,
    /// An `ioctl` request.
    Request,
    /// One of a set of named values.
    Names(&'static Names),
    /// Named bits and bit fields.
    Flags(&'static Flags),
    /// A NUL-terminated string read by the kernel.
    Path,
    /// A NULL-terminated array of strings read by the kernel.
    Strings,
    /// Bytes read by the kernel.
    In(Count),
    /// A structure read by the kernel.
    InStruct(&'static Layout),
    /// An array of structures read by the kernel.
    InArray(&'static Layout, Count),
    /// Bytes written by the kernel.
    Out(Count),
    /// A structure written by the kernel; assumed written by failed calls too.
    OutStruct(&'static Layout),
    /// A structure read and written by the kernel.
    InOutStruct(&'static Layout),
    /// An array of structures written by the kernel; counts are of elements.
    OutArray(&'static Layout, Count),
    /// An `iovec` array (its length in the argument named) the kernel reads from.
    IovecIn(usize),
    /// An `iovec` array filled in order, up to the result.
    IovecOut(usize),
    /// A `msghdr` to send.
    MsghdrIn,
    /// A `msghdr` received into.
    MsghdrOut,
    /// An array of `mmsghdr` to send; the kernel writes each `msg_len`.
    MmsghdrIn(usize),
    /// An array of `mmsghdr` received into.
    MmsghdrOut(usize),
    /// A socket address of the length in the argument named.
    SockaddrIn(usize),
    /// A socket address written, with its `socklen_t` at the argument named.
    SockaddrOut(usize),
    /// A 32-bit length read and written by the kernel.
    LengthInOut,
    /// An `fd_set` read and written, of the number of bits in the argument named.
    FdSet(usize),
    /// A `pollfd` array of the length in the argument named.
    Pollfds(usize),
    /// A signal set read.
    SigsetIn,
    /// A signal set written (8 bytes).
    SigsetOut,
    /// A System V message: an 8-byte type, then up to the result.
    Msgbuf(usize),
    /// `struct clone_args`, of the size in the argument named.
    CloneArgs(usize),
    /// A structure that holds a pointer to the buffer written, and its length.
    Nested(&'static Nested),
    /// A header written, followed in place by a counted array.
    Tail(&'static Tail),
    /// Decided by another argument.
    Sub(fn(&Call) -> Kind),
    /// Something through which the kernel may write what no table tells.
    Opaque,
}

/// How many bytes or elements there are.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Always this many, assumed written by failed calls too.
    Fixed(u32),
    /// As many as the argument named says.
    Arg(usize),
    /// As many as the result says, at most the argument named.
    Result(usize),
    /// As many as the `u32` says that the argument named points to.
    At(usize),
    /// One for each page of the length in the argument named.
    Pages(usize),
    /// Bytes of a bit mask (of `unsigned long`s) with as many bits.
    Bits(usize),
}

/// A C structure: its size and the fields worth printing.
#[derive(Debug)]
pub struct Layout {
    /// The C tag.
    pub name: &'static str,
    /// Bytes the kernel transfers.
    pub size: u32,
    /// Fields printed.
    pub fields: &'static [Field],
}

/// A field of a [`Layout`].
#[derive(Debug)]
pub struct Field {
    /// Bytes from the structure's start.
    pub offset: u32,
    /// Bytes; 1, 2, 4 or 8 unless text.
    pub width: u8,
    /// How it reads.
    pub format: Format,
    /// The C name; empty for a bare value.
    pub name: &'static str,
}

/// How a field reads.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// Signed decimal.
    Signed,
    /// Unsigned decimal.
    Unsigned,
    /// Hexadecimal.
    Hex,
    /// Octal.
    Octal,
    /// A signal number.
    Signal,
    /// A set of signals.
    Sigset,
    /// NUL-terminated text in place.
    Text,
    /// One of a set of named values.
    Names(&'static Names),
    /// Named bits.
    Flags(&'static Flags),
}

/// A structure that points to the buffer it is about.
#[derive(Debug)]
pub struct Nested {
    /// Bytes of the structure, written back too.
    pub size: u32,
    /// Offset of the 8-byte pointer.
    pub pointer: u32,
    /// Offset of the length, in bytes.
    pub length: u32,
    /// Bytes of the length: 2, 4 or 8.
    pub width: u8,
}

/// A header with an array behind it.
#[derive(Debug)]
pub struct Tail {
    /// Bytes of the header.
    pub header: u32,
    /// Offset of the element count.
    pub count: u32,
    /// Bytes of the count: 2, 4 or 8.
    pub width: u8,
    /// Bytes of an element.
    pub element: u32,
}

impl Kind {
    /// The kind once the other arguments are known: never [`Kind::Sub`].
    pub fn resolve(self, call: &Call) -> Kind {
        let mut kind = self;
        for _ in 0..4 {
            match kind {
                Kind::Sub(choose) => kind = choose(call),
                other => return other,
            }
        }
        Kind::Opaque
    }
}
