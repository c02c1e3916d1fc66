//! Where values begin: what no other byte of the program's says.

use crate::dataflow::{Place, Span};
use crate::render::{Page, Style, brief, hex, thousands};
use crate::session::Session;
use crate::symbols::ModuleAddr;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::space::{Base, Mapping};
use rdb_schema::syscalls::{Call, describe_limited, name};
use serde::Serialize;
use std::ops::ControlFlow;

/// Bytes of each buffer that a system call is shown with.
const SHOWN: usize = 16;

/// Where a value begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// The instruction says it.
    Constant,
    /// The stack pointer: it is an address in the frame of a function.
    StackPointer {
        /// The function.
        #[serde(skip_serializing_if = "Option::is_none")]
        function: Option<String>,
    },
    /// The allocator returned it.
    Returned {
        /// The call, as `malloc(16)`.
        call: String,
    },
    /// The processor says it.
    Processor {
        /// What of it.
        what: &'static str,
    },
    /// A system call wrote it, or returned it.
    Syscall {
        /// The call with arguments and result.
        call: String,
        /// What it read from, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// Bytes of its buffer before the value.
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
        /// Offset in the file, if it mapped that.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_offset: Option<u64>,
    },
    /// The kernel wrote it, in no call.
    Kernel {
        /// What for.
        what: String,
    },
    /// A mapped file holds it.
    File {
        /// Its path.
        path: String,
        /// Offset in it.
        offset: u64,
        /// `name+4` of what stands there.
        #[serde(skip_serializing_if = "Option::is_none")]
        symbol: Option<String>,
    },
    /// An argument of the program.
    Argument {
        /// Its number; 0 is the program.
        index: usize,
        /// All of it.
        text: String,
    },
    /// A variable of the program's environment.
    Environment {
        /// `NAME=VALUE`.
        text: String,
    },
    /// What the stack held before: the frame's function has not written it.
    Leftover {
        /// The function.
        function: String,
        /// The tracepoint of its first instruction.
        entered: u64,
    },
    /// Nobody wrote there, and the kernel maps zeros.
    Zero,
    /// A system call made zeros of memory that was there before: threw away what it held, or
    /// mapped it anew.
    Cleared {
        /// The call with arguments and result.
        call: String,
    },
    /// The program began with it.
    Start {
        /// What it is part of.
        what: String,
    },
    /// Not known.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Session {
    /// Where bytes come from that were there when the history began.
    pub(super) fn initial(&self, span: &Span) -> Result<Origin, StateError> {
        let Place::Memory(address) = span.place else {
            return Ok(Origin::Start { what: "the registers that the kernel sets".to_owned() });
        };
        if let Some(origin) = self.passed_in(address) {
            return Ok(origin);
        }
        let space = self.timeline.shared_space(0)?;
        Ok(match space.find(address) {
            Some(mapping) if mapping.name == b"[stack]" => {
                let what = "what the kernel puts on the stack: argc, pointers to arguments, \
                            the auxiliary vector";
                Origin::Start { what: what.to_owned() }
            }
            Some(_) if self.is_cleared(address) => Origin::Zero,
            Some(mapping) => self.of_mapping(mapping, address, 0),
            None => Origin::Unknown { why: "nothing is mapped there".to_owned() },
        })
    }

    /// Whether a program's segment has more bytes in memory than in its file, and this is one of
    /// those: the kernel clears them, in the last page of the file too (binfmt_elf.c, padzero).
    fn is_cleared(&self, address: u64) -> bool {
        self.locator.module_at(&self.timeline, 0, address).is_some_and(|(symbols, bias)| {
            let address = ModuleAddr::of_runtime(address, bias);
            let layout = symbols.layout();
            layout.segment_at(address.0).is_some() && layout.offset_of_address(address).is_none()
        })
    }

    /// Where bytes come from that were mapped at `w` and not written since.
    pub(super) fn mapped_in(&self, span: &Span, w: u64) -> Result<Origin, StateError> {
        let Place::Memory(address) = span.place else {
            return Ok(Origin::Unknown { why: "it is no memory".to_owned() });
        };
        let space = self.timeline.shared_space(w + 1)?;
        let unmapped = || Origin::Unknown { why: "nothing is mapped there".to_owned() };
        let of = |mapping: &Mapping| self.of_mapping(mapping, address, w + 1);
        let origin = space.find(address).map_or_else(unmapped, of);
        Ok(match origin {
            Origin::Zero => super::cleared::by(self, span, address, w)?.unwrap_or(origin),
            origin => origin,
        })
    }

    fn of_mapping(&self, mapping: &Mapping, address: u64, state: u64) -> Origin {
        match mapping.base {
            Base::Zero if mapping.inode == 0 => Origin::Zero,
            // What a file that is no module held was taken down page by page.
            Base::Zero | Base::Module(_) => Origin::File {
                path: String::from_utf8_lossy(&mapping.name).into_owned(),
                offset: mapping.file_offset.saturating_add(address - mapping.start),
                symbol: self.symbol_at(state, address),
            },
            Base::Unreadable => {
                let name = String::from_utf8_lossy(&mapping.name);
                Origin::Kernel { what: format!("{name}, which the kernel keeps") }
            }
            Base::Moved(_) => Origin::Unknown { why: "it was moved there".to_owned() },
        }
    }

    /// The argument, or the variable of the environment, that holds an address.
    fn passed_in(&self, address: u64) -> Option<Origin> {
        let start = &self.timeline.header().start;
        let text = |all: &[Vec<u8>], first: u64, end: u64| {
            let mut at = first;
            for (index, one) in all.iter().enumerate() {
                // Each ends with a zero byte.
                let next = at.checked_add(one.len() as u64 + 1)?;
                if (at..next.min(end)).contains(&address) {
                    return Some((index, String::from_utf8_lossy(one).into_owned()));
                }
                at = next;
            }
            None
        };
        let layout = &start.layout;
        let argument = text(&start.arguments, layout.arg_start, layout.arg_end);
        let argument = argument.map(|(index, text)| Origin::Argument { index, text });
        argument.or_else(|| {
            let variable = text(&start.environment, layout.env_start, layout.env_end);
            variable.map(|(_, text)| Origin::Environment { text })
        })
    }

    /// Where bytes come from that the kernel wrote at `w`.
    pub(super) fn kernel_origin(&self, span: &Span, w: u64) -> Result<Origin, StateError> {
        let mut found = None;
        self.timeline.events(w..w + 1, Direction::Forward, &mut |event| {
            let wrote = event.memory.iter().find_map(|(address, bytes)| {
                let to = Span::memory(*address, bytes.len() as u32);
                span.within(&to).map(|_| span.behind(&to))
            });
            let sets = matches!(span.place, Place::Register(_));
            // Beside a call that maps a module stands what says so of the module.
            let calls = matches!(event.kind, EventKind::Syscall(_));
            if wrote.is_some() || (sets && (calls || found.is_none())) {
                found = Some(self.of_event(event, span, w));
            }
            ControlFlow::Continue(())
        })?;
        let unknown = || Origin::Unknown { why: "nothing says what wrote it".to_owned() };
        Ok(found.unwrap_or_else(unknown))
    }

    fn of_event(&self, event: &Event, span: &Span, w: u64) -> Origin {
        let what = |what: &str| Origin::Kernel { what: what.to_owned() };
        match &event.kind {
            EventKind::Syscall(call) => self.of_call(call, span, w),
            EventKind::Signal(_) => what("the frame of a signal's handler"),
            EventKind::Exec(_) => what("the new program's start"),
            EventKind::External { .. } => Origin::Unknown {
                why: "it was written from outside, which the recorder's audit found".to_owned(),
            },
            EventKind::Gap(_) => Origin::Unknown { why: "it was written in a gap".to_owned() },
            _ => Origin::Unknown { why: "only the instruction's result is recorded".to_owned() },
        }
    }

    /// A system call at `w` with arguments and result.
    pub(super) fn syscall_text(&self, call: &Syscall, w: u64) -> String {
        let memory =
            |t: u64| move |address, buffer: &mut [u8]| self.timeline.read(t, address, buffer);
        let words = describe_limited(&asked(call), &memory(w), &memory(w + 1), SHOWN);
        let arguments: Vec<_> = words.arguments.iter().map(|a| a.text.as_str()).collect();
        format!("{}({}) = {}", words.name, arguments.join(", "), words.result)
    }

    fn of_call(&self, call: &Syscall, span: &Span, w: u64) -> Origin {
        let asked = asked(call);
        let text = self.syscall_text(call, w);
        let reads = matches!(
            name(call.number),
            Some("read" | "pread64" | "recvfrom" | "readv" | "preadv" | "recvmsg" | "getdents64")
        );
        let buffer =
            matches!(name(call.number), Some("read" | "pread64" | "recvfrom" | "getrandom"));
        let first =
            if name(call.number) == Some("getrandom") { asked.arg(0) } else { asked.arg(1) };
        let offset = match span.place {
            Place::Memory(address) if buffer => address.checked_sub(first),
            _ => None,
        };
        let mapped = mapped_descriptor(&asked);
        let read = if reads { Some(asked.arg(0)) } else { mapped };
        let file = read.and_then(|number| self.descriptor(number, w).ok().flatten());
        let file_offset = file.as_ref().and(mapped).and_then(|_| match span.place {
            Place::Memory(address) => {
                let mapping = u64::try_from(call.result).ok()?;
                asked.arg(5).checked_add(address.checked_sub(mapping)?)
            }
            _ => Some(asked.arg(5)),
        });
        Origin::Syscall { call: text, file, offset, file_offset }
    }
}

fn asked(call: &Syscall) -> Call {
    Call { number: call.number, args: call.arguments, result: call.result }
}

/// The descriptor of what a call maps, if that is a file.
fn mapped_descriptor(call: &Call) -> Option<u64> {
    /// asm-generic/mman-common.h.
    const MAP_ANONYMOUS: u64 = 0x20;
    let maps = name(call.number) == Some("mmap") && call.arg(3) & MAP_ANONYMOUS == 0;
    maps.then(|| call.arg(4))
}

impl Origin {
    /// `a constant of the instruction`.
    pub fn render(&self, page: &mut Page) {
        match self {
            Self::Constant => page.plain("a constant of the instruction"),
            Self::StackPointer { function } => {
                page.plain("the stack pointer");
                if let Some(function) = function {
                    page.plain(" in ").put(Style::Function, brief(function));
                }
                page
            }
            Self::Returned { call } => {
                page.plain("what ").put(Style::Function, call).plain(" returned")
            }
            Self::Processor { what } => page.plain(what),
            Self::Syscall { call, file, offset, file_offset } => {
                page.put(Style::Function, call);
                if let Some(offset) = offset {
                    page.plain(format!(", from byte {offset} of its buffer"));
                }
                if let Some(file) = file {
                    page.plain(", of ").put(Style::File, file);
                }
                if let Some(offset) = file_offset {
                    page.plain(format!(" at {}", hex(*offset)));
                }
                page
            }
            Self::Kernel { what } | Self::Start { what } => page.plain(what),
            Self::File { path, offset, symbol } => {
                page.plain("the file ").put(Style::File, path);
                page.plain(format!(" at {}", hex(*offset)));
                if let Some(symbol) = symbol {
                    page.plain(" ").put(Style::Function, brief(symbol));
                }
                page
            }
            Self::Argument { index, text } => page.plain(format!("argument {index}, {text:?}")),
            Self::Environment { text } => page.plain(format!("the environment, {text:?}")),
            Self::Leftover { function, entered } => {
                page.plain("the stack's old contents: not written since ");
                page.put(Style::Function, brief(function)).plain(" was entered at ");
                page.put(Style::Tracepoint, format!("#{}", thousands(*entered)))
            }
            Self::Cleared { call } => {
                page.put(Style::Function, call).plain(": zero from the kernel")
            }
            Self::Zero => page.plain("memory that nobody wrote to: zero from the kernel"),
            Self::Unknown { why } => page.plain(format!("not known: {why}")),
        };
    }
}
