//! Sweeps over chunks that are checked: what a chunk does that does not replay is not told.

use super::sweep::{Found, Plans, sweep};
use crate::timeline::{StateError, Timeline};
use rdb_schema::chunk::Chunk;
use rdb_schema::registers::Registers;

/// What is said of a chunk behind which the next does not follow.
pub(super) const ENDS_ELSEWHERE: &str = "replay ends elsewhere than the next chunk starts";

/// Sweeps over `chunk`, which is the one of number `index`.
///
/// # Errors
/// [`StateError`]: what it does cannot be trusted, as it does not end where the next one of its
/// thread begins, if that can be read.
pub fn sweep_soundly(
    timeline: &Timeline,
    plans: &Plans,
    (index, chunk): (usize, &Chunk),
    found: &mut impl Found,
) -> Result<(), StateError> {
    let damaged = |why: String| StateError::Damaged(chunk.first, chunk.end(), why);
    let end = sweep(chunk, plans, found).map_err(|error| damaged(error.to_string()))?;
    let next = timeline.following(index);
    match next.is_none_or(|next| swept(&next.keyframe) == swept(&end)) {
        true => Ok(()),
        false => Err(damaged(ENDS_ELSEWHERE.to_owned())),
    }
}

/// Of registers, those that a sweep follows.
pub(super) fn swept(registers: &Registers) -> ([u64; 16], u64, u64) {
    (registers.gpr, registers.fs_base, registers.gs_base)
}
