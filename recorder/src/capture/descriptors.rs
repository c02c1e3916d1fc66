//! Open descriptors: /proc/PID/fd and /proc/PID/fdinfo (proc_pid_fdinfo(5)).

use std::os::unix::fs::MetadataExt;

use rdb_schema::system::Descriptor;

use super::error::{self, number};
use super::kernel;

/// Descriptors described of one process.
const MAX_DESCRIPTORS: usize = 16_384;

/// Up to how many descriptors kcmp(2) is asked which share a description.
const MAX_COMPARED: usize = 256;

/// The open descriptors of a process, ascending; none if they are hidden.
///
/// What one descriptor hides stays zero or empty. `shared_with` is −1 where the
/// kernel has no kcmp(2), refuses it, or there are more than 256 descriptors.
pub fn descriptors(pid: u32) -> Vec<Descriptor> {
    let mut all: Vec<Descriptor> =
        numbers(pid).into_iter().filter_map(|number| describe(pid, number)).collect();
    if all.len() <= MAX_COMPARED {
        find_shared(pid, &mut all);
    }
    all
}

fn numbers(pid: u32) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let names = entries.map_while(Result::ok).map(|entry| entry.file_name());
    let mut numbers: Vec<i32> =
        names.filter_map(|n| n.to_str()?.parse().ok()).take(MAX_DESCRIPTORS).collect();
    numbers.sort_unstable();
    numbers
}

/// `None` if the descriptor was closed meanwhile.
fn describe(pid: u32, number: i32) -> Option<Descriptor> {
    let path = format!("/proc/{pid}/fd/{number}");
    let target = error::read_link(&path).ok()?;
    let mut descriptor = Descriptor { number, target, shared_with: -1, ..Descriptor::default() };
    // Following the link asks the open file itself, even when its path is gone.
    if let Ok(file) = std::fs::metadata(&path) {
        descriptor.device = file.dev();
        descriptor.inode = file.ino();
        descriptor.size = file.size();
        descriptor.modified =
            file.mtime().saturating_mul(1_000_000_000).saturating_add(file.mtime_nsec());
    }
    if let Ok(info) = error::read(&format!("/proc/{pid}/fdinfo/{number}")) {
        read_info(&info, &mut descriptor);
    }
    Some(descriptor)
}

/// Takes over what fdinfo says. The mount and the inode are left out: the one
/// means nothing elsewhere, the other is known.
fn read_info(info: &[u8], descriptor: &mut Descriptor) {
    for line in error::lines(info) {
        if let Some(value) = line.strip_prefix(b"pos:") {
            descriptor.offset = number(value, 10).unwrap_or(0);
        } else if let Some(value) = line.strip_prefix(b"flags:") {
            let flags = number(value, 8).and_then(|flags| u32::try_from(flags).ok());
            descriptor.flags = flags.unwrap_or(0);
        } else if !line.starts_with(b"mnt_id:") && !line.starts_with(b"ino:") {
            descriptor.detail.extend_from_slice(line);
            descriptor.detail.push(b'\n');
        }
    }
}

/// Fills `shared_with` in. kcmp(2) orders descriptions, so a sorted list of those
/// seen finds each descriptor's with few calls.
fn find_shared(pid: u32, all: &mut [Descriptor]) {
    let mut lowest: Vec<i32> = Vec::with_capacity(all.len());
    for descriptor in all {
        let Some(place) = place(pid, &lowest, descriptor.number) else { continue };
        descriptor.shared_with = match place {
            Ok(index) => lowest.get(index).copied().unwrap_or(-1),
            Err(index) => {
                lowest.insert(index.min(lowest.len()), descriptor.number);
                descriptor.number
            }
        };
    }
}

/// Where `number`'s description is (`Ok`) or belongs (`Err`); `None` if unknown.
fn place(pid: u32, sorted: &[i32], number: i32) -> Option<Result<usize, usize>> {
    if sorted.is_empty() {
        // Whether kcmp works at all shows on the first descriptor.
        kernel::compare_files(pid, number, number)?;
    }
    let mut known = true;
    let place = sorted.binary_search_by(|other| {
        kernel::compare_files(pid, *other, number).unwrap_or_else(|| {
            known = false;
            std::cmp::Ordering::Equal
        })
    });
    known.then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fdinfo_is_split_into_known_and_rest() {
        let mut descriptor = Descriptor::default();
        let info = b"pos:\t17\nflags:\t02100001\nmnt_id:\t24\nino:\t3\neventfd-count: 5\nx\n";
        read_info(info, &mut descriptor);
        assert_eq!(descriptor.offset, 17);
        assert_eq!(descriptor.flags, 0o2100001);
        assert_eq!(descriptor.detail, b"eventfd-count: 5\nx\n");
        read_info(b"pos:\t-1\nflags:\t9\n", &mut descriptor);
        assert_eq!((descriptor.offset, descriptor.flags), (0, 0));
    }

    #[test]
    fn a_missing_process_has_none() {
        assert!(descriptors(u32::MAX).is_empty());
    }
}
