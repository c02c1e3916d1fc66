//! /proc/PID/maps as mappings (proc_pid_maps(5)).

use rdb_schema::space::{Base, Mapping, PROT_EXEC, PROT_READ, PROT_WRITE};

use super::error::{self, CaptureError, number};

/// The page the kernel shows in every process and no program owns.
const VSYSCALL: &[u8] = b"[vsyscall]";

/// How the kernel names a shared anonymous mapping.
const SHARED_ANONYMOUS: &[u8] = b"/dev/zero (deleted)";

/// The mappings of a process by ascending address, without `[vsyscall]`.
///
/// Names are as the kernel shows them: a newline in a path is `\012`, a removed
/// file ends in ` (deleted)`. `flags` holds MAP_SHARED or MAP_PRIVATE,
/// MAP_ANONYMOUS, and MAP_GROWSDOWN for `[stack]`; what else mmap(2) was given
/// is not shown. `device` is composed as st_dev, but on file systems with
/// several devices (btrfs, overlayfs) stat(2) can say another. `base` is
/// `Unreadable` for the kernel's own data pages, else `Zero`: which file
/// mappings have a module is the caller's to say. `advice` is empty, `key` 0.
///
/// # Errors
/// When the process is gone or its file refused.
pub fn mappings(pid: u32) -> Result<Vec<Mapping>, CaptureError> {
    let path = format!("/proc/{pid}/maps");
    let text = error::read(&path)?;
    let mut mappings = Vec::new();
    for line in error::lines(&text) {
        let mapping = parse_mapping(line).ok_or_else(|| CaptureError::Malformed(path.clone()))?;
        if mapping.name != VSYSCALL {
            mappings.push(mapping);
        }
    }
    Ok(mappings)
}

/// One line of a maps file; `None` if it is none.
pub fn parse_mapping(line: &[u8]) -> Option<Mapping> {
    let (range, rest) = field(line)?;
    let (permissions, rest) = field(rest)?;
    let (offset, rest) = field(rest)?;
    let (device, rest) = field(rest)?;
    let (inode, rest) = field(rest)?;
    let (start, end) = pair(range, b'-')?;
    let (major, minor) = pair(device, b':')?;
    let device = libc::makedev(u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
    let inode = number(inode, 10)?;
    let name = rest.trim_ascii_start();
    Some(Mapping {
        start,
        end,
        protection: protection(permissions),
        flags: flags(permissions, device == 0 && inode == 0, name),
        file_offset: number(offset, 16)?,
        device,
        inode,
        name: name.to_vec(),
        advice: Vec::new(),
        since: 0,
        base: if name.starts_with(b"[vvar") { Base::Unreadable } else { Base::Zero },
        key: 0,
    })
}

/// The bytes up to the next space, and what follows it.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    (end > 0).then(|| line.split_at(end))
}

/// Two hexadecimal numbers with `between` between them.
fn pair(field: &[u8], between: u8) -> Option<(u64, u64)> {
    let at = field.iter().position(|b| *b == between)?;
    Some((number(field.get(..at)?, 16)?, number(field.get(at + 1..)?, 16)?))
}

fn protection(permissions: &[u8]) -> u8 {
    let bits = [(b'r', PROT_READ), (b'w', PROT_WRITE), (b'x', PROT_EXEC)];
    bits.iter().filter(|(c, _)| permissions.contains(c)).fold(0, |sum, (_, bit)| sum | bit)
}

fn flags(permissions: &[u8], anonymous: bool, name: &[u8]) -> u32 {
    let shared = permissions.contains(&b's');
    let mut flags = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    if anonymous || shared && name == SHARED_ANONYMOUS {
        flags |= libc::MAP_ANONYMOUS;
    }
    if name == b"[stack]" {
        flags |= libc::MAP_GROWSDOWN;
    }
    flags.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Mapping {
        parse_mapping(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_file_mapping_keeps_spaces_and_deleted() {
        let m = parse("56395e5d8000-56395e5dd000 r-xp 00002000 fe:1f 247030      /a b/c (deleted)");
        assert_eq!((m.start, m.end, m.file_offset), (0x56395e5d8000, 0x56395e5dd000, 0x2000));
        assert_eq!((m.protection, m.flags), (5, libc::MAP_PRIVATE as u32));
        assert_eq!((m.device, m.inode), (libc::makedev(0xfe, 0x1f), 247030));
        assert_eq!(m.name, b"/a b/c (deleted)");
        assert_eq!(m.base, Base::Zero);
    }

    #[test]
    fn anonymous_stack_and_kernel_pages() {
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let m = parse("7f13f2123000-7f13f2145000 rw-p 00000000 00:00 0 ");
        assert_eq!((m.flags, m.name.as_slice()), (private as u32, &b""[..]));
        let m = parse("7ffe8c183000-7ffe8c1a4000 rw-p 00000000 00:00 0      [stack]");
        assert_eq!(m.flags, (private | libc::MAP_GROWSDOWN) as u32);
        let m = parse("7f13f2399000-7f13f239b000 r--p 00000000 00:00 0     [vvar_vclock]");
        assert_eq!(m.base, Base::Unreadable);
        let m = parse("7f00-8f00 rw-s 00000000 00:01 1029     /dev/zero (deleted)");
        assert_eq!(m.flags, (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u32);
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for line in ["", "-", "1-2", "1-2 r--p 0 0:0", "x-2 r--p 0 0:0 0", "1-2 r--p 0 0 0"] {
            assert!(parse_mapping(line.as_bytes()).is_none(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(line in "[0-9a-f]{1,18}[- ][0-9a-f]{1,17} \\PC{0,40}") {
            parse_mapping(line.as_bytes());
        }
    }

    #[test]
    fn finds_its_own_code_stack_and_executable() {
        use std::os::unix::fs::MetadataExt;
        let all = mappings(std::process::id()).unwrap();
        let code = finds_its_own_code_stack_and_executable as fn() as usize as u64;
        let code = all.iter().find(|m| m.contains(code)).unwrap();
        let exe = std::fs::metadata("/proc/self/exe").unwrap();
        assert_eq!(code.inode, exe.ino());
        assert_eq!(code.protection, PROT_READ | PROT_EXEC);
        assert!(all.iter().any(|m| m.name == b"[stack]"));
        assert!(all.iter().all(|m| m.name != VSYSCALL));
        assert!(all.windows(2).all(|w| w[0].end <= w[1].start));
    }
}
