//! A process just after exec: its strings, its auxiliary vector, its layout.

use rdb_schema::event::{Layout, ProcessStart};
use rdb_schema::space::Mapping;

use super::error::{self, CaptureError, number};
use super::{maps, status};

/// ADDR_NO_RANDOMIZE (linux/personality.h).
const NO_RANDOMIZE: u64 = 0x0004_0000;

/// The end of the 47-bit user address space (DEFAULT_MAP_WINDOW).
const USER_END: u64 = 0x7fff_ffff_f000;

/// The kernel's default `stack_guard_gap`.
const STACK_GUARD: u64 = 256 * 4096;

/// Least room the kernel leaves for the stack (SIZE_128M, arch/x86/mm/mmap.c).
const MIN_STACK_ROOM: u64 = 128 << 20;

/// Describes a process as it starts. Best called at the first instruction after
/// exec: afterwards the program can change its argument and environment strings.
///
/// What the kernel refuses to show is empty or zero.
///
/// # Errors
/// When the process is gone, or neither its status nor its stat can be read.
pub fn process_start(pid: u32) -> Result<ProcessStart, CaptureError> {
    let status = status::status(pid)?;
    let stat_path = format!("/proc/{pid}/stat");
    let stat = error::read(&stat_path)?;
    let mut layout = layout(&stat).ok_or(CaptureError::Malformed(stat_path))?;
    let part = |name| error::read(&format!("/proc/{pid}/{name}")).unwrap_or_default();
    let personality = number(&part("personality"), 16).unwrap_or(0);
    layout.mmap_base = mmap_base(pid, personality, layout.start_code);
    Ok(ProcessStart {
        process: pid,
        parent: status.parent,
        executable: error::read_link(&format!("/proc/{pid}/exe")).unwrap_or_default(),
        arguments: strings(&part("cmdline")),
        environment: strings(&part("environ")),
        auxv: part("auxv"),
        personality,
        layout,
    })
}

/// Strings that each end in a zero byte.
fn strings(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|b| *b == 0).map(<[u8]>::to_vec).collect()
}

/// The addresses of /proc/PID/stat (proc_pid_stat(5)); all but the name, which
/// may hold anything, comes after the last parenthesis.
fn layout(stat: &[u8]) -> Option<Layout> {
    let name_end = stat.iter().rposition(|b| *b == b')')?;
    let fields: Vec<&[u8]> = stat.get(name_end + 1..)?.trim_ascii().split(|b| *b == b' ').collect();
    // The manual counts from 1, and the field after the name is the third.
    let field = |manual: usize| number(fields.get(manual.checked_sub(3)?)?, 10);
    Some(Layout {
        start_code: field(26)?,
        end_code: field(27)?,
        start_stack: field(28)?,
        start_data: field(45)?,
        end_data: field(46)?,
        start_brk: field(47)?,
        arg_start: field(48)?,
        arg_end: field(49)?,
        env_start: field(50)?,
        env_end: field(51)?,
        mmap_base: 0,
    })
}

/// Where new mappings are placed, downwards; 0 if nothing shows it.
fn mmap_base(pid: u32, personality: u64, start_code: u64) -> u64 {
    let mappings = maps::mappings(pid).unwrap_or_default();
    let stack =
        super::limits(pid).iter().find(|l| l.resource == libc::RLIMIT_STACK).map(|l| l.soft);
    match stack.map(computed_base) {
        Some(base) if personality & NO_RANDOMIZE != 0 && mappings.iter().any(|m| m.end == base) => {
            base
        }
        _ => observed_base(&mappings, start_code),
    }
}

/// `mmap_base` of arch/x86/mm/mmap.c without randomisation, for a stack limit.
fn computed_base(stack_limit: u64) -> u64 {
    let room = stack_limit.saturating_add(STACK_GUARD);
    let base = USER_END - room.clamp(MIN_STACK_ROOM, USER_END / 6 * 5);
    base.next_multiple_of(4096)
}

/// The end of the highest mapping below `[stack]` that the kernel chose a place
/// for: the first such mapping ends at the base. That is the loader, or a vdso
/// in the same area; kernels that put vvar and vdso above the stack put them out
/// of this search. The program's own mappings, their bss and `[heap]` have places
/// of their own. 0 if none is left: a static program on such a kernel.
fn observed_base(mappings: &[Mapping], start_code: u64) -> u64 {
    let stack = mappings.iter().find(|m| m.name == b"[stack]").map_or(USER_END, |m| m.start);
    let program = mappings.iter().find(|m| m.contains(start_code));
    let program = program.map(|m| (m.device, m.inode)).filter(|(_, inode)| *inode != 0);
    let mut base = 0;
    let mut program_end = 0;
    for mapping in mappings.iter().take_while(|m| m.end <= stack) {
        let bss =
            mapping.inode == 0 && mapping.start == program_end && !mapping.name.starts_with(b"[v");
        if bss || program == Some((mapping.device, mapping.inode)) {
            program_end = mapping.end;
        } else if mapping.name != b"[heap]" {
            base = mapping.end;
        }
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Vec<Mapping> {
        text.lines().map(|l| maps::parse_mapping(l.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn the_base_is_the_loaders_end_not_the_programs() {
        let program = "555555554000-555555558000 r-xp 0 fe:00 7   /p\n\
            555555558000-555555559000 rw-p 0 00:00 0 \n\
            55555557a000-55555559b000 rw-p 0 00:00 0   [heap]\n";
        let loader = "7ffff7fc0000-7ffff7fff000 r-xp 0 fe:00 8   /ld.so\n";
        let top = "7ffffffde000-7ffffffff000 rw-p 0 00:00 0   [stack]\n\
            7ffffffff000-800000000000 r-xp 0 00:00 0   [vdso]\n";
        let whole = map(&format!("{program}{loader}{top}"));
        assert_eq!(observed_base(&whole, 0x555555554000), 0x7ffff7fff000);
        assert_eq!(observed_base(&map(&format!("{program}{top}")), 0x555555554000), 0);
        assert_eq!(observed_base(&[], 0), 0);
    }

    #[test]
    fn the_computed_base_is_the_kernels() {
        assert_eq!(computed_base(8 << 20), 0x7ffff7fff000);
        assert_eq!(computed_base(u64::MAX), 0x1555_5555_6000);
        assert_eq!(computed_base(300_000 << 10), 0x7fff_eda0_7000);
    }

    #[test]
    fn strings_may_be_empty() {
        assert_eq!(strings(b"a\0\0b\0"), [&b"a"[..], b"", b"b"]);
        assert_eq!(strings(b"\0"), [b""]);
        assert!(strings(b"").is_empty());
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let fields: Vec<String> = (3..=52).map(|n| n.to_string()).collect();
        let layout = layout(format!("1 (a) b) {}\n", fields.join(" ")).as_bytes()).unwrap();
        assert_eq!((layout.start_code, layout.env_end), (26, 51));
        assert!(super::layout(b"1 (a) S 1").is_none());
        assert!(super::layout(b"").is_none());
    }
}
