//! Signals as a person reads them.

use rdb_schema::event::{Disposition, Signal};
use rdb_schema::syscalls::signals::signal_name;
use serde::Serialize;

/// A signal that history stops at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignalStop {
    /// `SIGSEGV`.
    pub signal: String,
    /// 11.
    pub number: u32,
    /// `Segmentation fault`.
    pub description: &'static str,
    /// si_code: `SEGV_MAPERR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// si_addr of a fault, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `ignored`, `handled`, `fatal` or `stopped`.
    pub disposition: &'static str,
    /// The tracepoint it arrived at; the cursor stands behind it.
    pub at: u64,
}

impl SignalStop {
    /// From the event's signal.
    pub fn new(at: u64, signal: &Signal) -> Self {
        let info = Info::parse(&signal.info);
        let code = info.as_ref().and_then(|info| code_name(signal.number, info.code));
        let address = info.filter(|info| has_address(signal.number, info.code));
        Self {
            signal: signal_name(signal.number).into_owned(),
            number: signal.number,
            description: description(signal.number),
            code,
            address: address.map(|info| crate::render::hex(info.address)),
            disposition: disposition_name(signal.disposition),
            at,
        }
    }

    /// A process killed by a signal of which no event tells.
    pub fn bare(at: u64, number: u32) -> Self {
        let signal =
            Signal { number, info: Vec::new(), fault: false, disposition: Disposition::Fatal };
        Self::new(at, &signal)
    }
}

/// What became of a signal, as output names it.
pub fn disposition_name(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Ignored => "ignored",
        Disposition::Handled => "handled",
        Disposition::Fatal => "fatal",
        Disposition::Stopped => "stopped",
    }
}

/// Whether going forward stops at a signal. As in gdb: not at those that
/// programs get in the normal course of things (`info signals` there).
pub fn stops(signal: &Signal) -> bool {
    // SIGALRM SIGCHLD SIGURG SIGVTALRM SIGPROF SIGWINCH SIGIO, and glibc's own 32 and 33.
    const QUIET: [u32; 9] = [14, 17, 23, 26, 27, 28, 29, 32, 33];
    match signal.disposition {
        Disposition::Fatal => true,
        Disposition::Ignored => signal.fault,
        Disposition::Handled | Disposition::Stopped => {
            signal.fault || !QUIET.contains(&signal.number)
        }
    }
}

/// The parts of a `siginfo_t` (asm-generic/siginfo.h) shown.
struct Info {
    code: i32,
    address: u64,
}

impl Info {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let code = i32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
        let address = u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
        Some(Self { code, address })
    }
}

/// SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV raised by the CPU carry si_addr;
/// not general protection faults (SI_KERNEL).
fn has_address(signal: u32, code: i32) -> bool {
    matches!(signal, 4 | 5 | 7 | 8 | 11) && (1..0x80).contains(&code)
}

fn code_name(signal: u32, code: i32) -> Option<&'static str> {
    Some(match (signal, code) {
        (_, 0) => "SI_USER",
        (_, 0x80) => "SI_KERNEL",
        (_, -1) => "SI_QUEUE",
        (_, -2) => "SI_TIMER",
        (_, -3) => "SI_MESGQ",
        (_, -4) => "SI_ASYNCIO",
        (_, -5) => "SI_SIGIO",
        (_, -6) => "SI_TKILL",
        (4, 1) => "ILL_ILLOPC",
        (4, 2) => "ILL_ILLOPN",
        (4, 5) => "ILL_PRVOPC",
        (5, 1) => "TRAP_BRKPT",
        (5, 2) => "TRAP_TRACE",
        (7, 1) => "BUS_ADRALN",
        (7, 2) => "BUS_ADRERR",
        (7, 3) => "BUS_OBJERR",
        (8, 1) => "FPE_INTDIV",
        (8, 2) => "FPE_INTOVF",
        (8, 3) => "FPE_FLTDIV",
        (8, 4) => "FPE_FLTOVF",
        (8, 5) => "FPE_FLTUND",
        (8, 6) => "FPE_FLTRES",
        (8, 7) => "FPE_FLTINV",
        (11, 1) => "SEGV_MAPERR",
        (11, 2) => "SEGV_ACCERR",
        (11, 3) => "SEGV_BNDERR",
        (11, 4) => "SEGV_PKUERR",
        _ => return None,
    })
}

/// What a signal means (signal(7)).
fn description(number: u32) -> &'static str {
    const TEXTS: [&str; 31] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Arithmetic exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child status changed",
        "Continued",
        "Stopped (signal)",
        "Stopped (user)",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window size changed",
        "I/O possible",
        "Power fail/restart",
        "Bad system call",
    ];
    let index = (number as usize).checked_sub(1);
    index.and_then(|index| TEXTS.get(index)).copied().unwrap_or("Real-time signal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_its_address_and_code() {
        let mut info = vec![0; 128];
        info[8] = 1;
        info[16..24].copy_from_slice(&0x1234u64.to_le_bytes());
        let signal = Signal { number: 11, info, fault: true, disposition: Disposition::Fatal };
        let stop = SignalStop::new(7, &signal);
        assert_eq!(stop.signal, "SIGSEGV");
        assert_eq!(stop.description, "Segmentation fault");
        assert_eq!(stop.code, Some("SEGV_MAPERR"));
        assert_eq!(stop.address.as_deref(), Some("0x1234"));
        assert!(stops(&signal));
    }

    #[test]
    fn a_killed_process_without_siginfo_still_has_a_name() {
        assert_eq!(SignalStop::bare(1, 6).description, "Aborted");
    }
}
