//! Where a function's parameters are in place.
//!
//! The rules are those a user of gdb knows from its amd64 port: clang's and
//! rustc's line tables mark the end; for gcc the instructions say whether a
//! frame is set up, and the line table where that line ends; code with
//! location lists needs no skipping.

use super::lines::LineTable;
use super::scopes::{Scope, Scopes};

/// `endbr64`.
const ENDBR64: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];

/// `lea 8(%rsp),%r10; and $-16,%rsp; push -8(%r10)`: main realigning its stack.
const REALIGN: &[u8] = &[0x4c, 0x8d, 0x54, 0x24, 8, 0x48, 0x83, 0xe4, 0xf0, 0x41, 0xff, 0x72, 0xf8];

/// `push %rbp`.
const PUSH_RBP: &[u8] = &[0x55];

/// `mov %rsp,%rbp` in its two encodings.
const MOV_RSP_RBP: [&[u8]; 2] = [&[0x48, 0x89, 0xe5], &[0x48, 0x8b, 0xec]];

/// Length of the instructions at the start of `code` that set up a frame
/// pointer; 0 if they do not.
pub(crate) fn frame_setup_length(code: &[u8]) -> u64 {
    let rest = code.strip_prefix(ENDBR64).unwrap_or(code);
    let rest = rest.strip_prefix(REALIGN).unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(PUSH_RBP) else { return 0 };
    let after = MOV_RSP_RBP.iter().find_map(|mov| rest.strip_prefix(*mov));
    after.map_or(0, |after| (code.len() - after.len()) as u64)
}

/// Where to stop in a function that begins with `code`.
pub(crate) fn end(scopes: &Scopes, scope: &Scope, lines: &LineTable, code: &[u8]) -> u64 {
    let entry = scope.entry;
    let Some((_, end)) = scope.range_around(entry) else { return entry };
    if scopes.llvm {
        return marked(lines, entry, end)
            .or_else(|| second_line(lines, entry, end))
            .unwrap_or(entry);
    }
    let setup = frame_setup_length(code);
    if scopes.has_location_lists || setup == 0 {
        return entry;
    }
    let body = entry.saturating_add(setup);
    let starts = lines.row_at(body).is_some_and(|row| row.address == body);
    match lines.next_row_address(body).filter(|_| !starts) {
        Some(next) if next < end => next,
        _ => body.min(end.saturating_sub(1)),
    }
}

fn marked(lines: &LineTable, entry: u64, end: u64) -> Option<u64> {
    let rows = lines.rows().iter().filter(|row| (entry..end).contains(&row.address));
    rows.filter(|row| row.prologue_end).map(|row| row.address).min()
}

/// The address of the second line of a function.
fn second_line(lines: &LineTable, entry: u64, end: u64) -> Option<u64> {
    let (range, _) = lines.range_at(entry)?;
    (range.end < end).then_some(range.end)
}

#[cfg(test)]
mod tests {
    use super::frame_setup_length;

    #[test]
    fn frame_setups() {
        assert_eq!(frame_setup_length(&[0x55, 0x48, 0x89, 0xe5, 0x90]), 4);
        assert_eq!(frame_setup_length(&[0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x8b, 0xec]), 8);
        assert_eq!(frame_setup_length(&[0x55, 0x53]), 0);
        assert_eq!(frame_setup_length(&[]), 0);
    }
}
