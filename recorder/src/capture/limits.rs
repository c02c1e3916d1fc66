//! /proc/PID/limits (proc_pid_limits(5)).

use rdb_schema::system::Limit;

use super::error::{self, number};

/// Width of the column of names.
const NAME_COLUMN: usize = 26;

/// The names the kernel gives the resources (`lnames`, fs/proc/base.c).
const NAMES: [(&[u8], u32); 16] = [
    (b"Max cpu time", libc::RLIMIT_CPU),
    (b"Max file size", libc::RLIMIT_FSIZE),
    (b"Max data size", libc::RLIMIT_DATA),
    (b"Max stack size", libc::RLIMIT_STACK),
    (b"Max core file size", libc::RLIMIT_CORE),
    (b"Max resident set", libc::RLIMIT_RSS),
    (b"Max processes", libc::RLIMIT_NPROC),
    (b"Max open files", libc::RLIMIT_NOFILE),
    (b"Max locked memory", libc::RLIMIT_MEMLOCK),
    (b"Max address space", libc::RLIMIT_AS),
    (b"Max file locks", libc::RLIMIT_LOCKS),
    (b"Max pending signals", libc::RLIMIT_SIGPENDING),
    (b"Max msgqueue size", libc::RLIMIT_MSGQUEUE),
    (b"Max nice priority", libc::RLIMIT_NICE),
    (b"Max realtime priority", libc::RLIMIT_RTPRIO),
    (b"Max realtime timeout", libc::RLIMIT_RTTIME),
];

/// The resource limits of a process; none if they cannot be read. An unlimited
/// one is RLIM_INFINITY.
pub fn limits(pid: u32) -> Vec<Limit> {
    let text = error::read(&format!("/proc/{pid}/limits")).unwrap_or_default();
    error::lines(&text).filter_map(parse).collect()
}

fn parse(line: &[u8]) -> Option<Limit> {
    let (name, values) = line.split_at_checked(NAME_COLUMN)?;
    let (_, resource) = NAMES.iter().find(|(known, _)| *known == name.trim_ascii_end())?;
    let mut values = values.split(|b| *b == b' ').filter(|value| !value.is_empty()).map(value);
    Some(Limit { resource: *resource, soft: values.next()??, hard: values.next()?? })
}

fn value(text: &[u8]) -> Option<u64> {
    if text == b"unlimited" { Some(libc::RLIM_INFINITY) } else { number(text, 10) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::{Resource, getrlimit};

    #[test]
    fn agrees_with_getrlimit() {
        let all = limits(std::process::id());
        assert_eq!(all.len(), NAMES.len());
        for resource in [Resource::RLIMIT_STACK, Resource::RLIMIT_NOFILE, Resource::RLIMIT_NICE] {
            let (soft, hard) = getrlimit(resource).unwrap();
            let number = resource as u32;
            assert!(all.contains(&Limit { resource: number, soft, hard }), "{resource:?}");
        }
    }

    #[test]
    fn a_missing_process_has_none() {
        assert!(limits(u32::MAX).is_empty());
    }
}
