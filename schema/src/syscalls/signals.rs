//! Signals: numbers and names (`asm/signal.h`, signal(7)).

use std::borrow::Cow;

static NAMES: [&str; 32] = [
    "0",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The name of a signal: `SIGSEGV`; from the kernel's first real-time signal
/// (32) on `SIGRT_0`, `SIGRT_1`, …; any other number as it is.
pub fn signal_name(number: u32) -> Cow<'static, str> {
    match NAMES.get(number as usize) {
        Some(name) => Cow::Borrowed(name),
        None if number <= 64 => Cow::Owned(format!("SIGRT_{}", number - 32)),
        None => Cow::Owned(number.to_string()),
    }
}

/// The number of a name that [`signal_name`] gives; the `SIG` may be left off.
pub fn signal_by_name(name: &str) -> Option<u32> {
    let short = name.strip_prefix("SIG").unwrap_or(name);
    (1..=64).find(|&number| signal_name(number).strip_prefix("SIG") == Some(short))
}

/// A set of signals as a mask (bit 0 is signal 1): `[HUP INT]`, `[]`, or
/// `~[KILL STOP]` where most are members.
pub fn sigset_text(mask: u64) -> String {
    let inverted = mask.count_ones() > 48;
    let shown = if inverted { !mask } else { mask };
    let names: Vec<String> = (0..64)
        .filter(|bit| shown >> bit & 1 == 1)
        .map(|bit| signal_name(bit + 1).trim_start_matches("SIG").to_owned())
        .collect();
    format!("{}[{}]", if inverted { "~" } else { "" }, names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_all_signals() {
        assert_eq!(signal_name(11), "SIGSEGV");
        assert_eq!(signal_name(31), "SIGSYS");
        assert_eq!(signal_name(32), "SIGRT_0");
        assert_eq!(signal_name(64), "SIGRT_32");
        assert_eq!(signal_name(65), "65");
        for number in 1..=64 {
            assert_eq!(signal_by_name(&signal_name(number)), Some(number));
        }
    }

    #[test]
    fn sets_read_shorter_way_round() {
        assert_eq!(sigset_text(0), "[]");
        assert_eq!(sigset_text(0b11), "[HUP INT]");
        assert_eq!(sigset_text(!(1 << 8)), "~[KILL]");
    }
}
