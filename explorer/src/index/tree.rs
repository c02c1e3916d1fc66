//! From the root down to the leaves that a question concerns.

use super::keys::{self, RADIX};
use super::leaf::{Summary, pieces};
use super::node::Node;
use super::postings::GRANULE;
use super::{Index, IndexError};
use crate::timeline::Direction;
use std::ops::{ControlFlow, Range};

/// What leaves have to have.
pub enum Wanted<'a> {
    /// Writes to some of these addresses: the first, and the last.
    Addresses(u64, u64),
    /// Executions of some of these blocks, ascending.
    Blocks(&'a [u64]),
    /// Anything of which the summary says that it may be.
    Summary(&'a dyn Fn(&Summary) -> bool),
}

type Step = Result<ControlFlow<()>, IndexError>;

impl Index {
    /// Calls `visit` with the leaves of `range` that may have what is wanted, in
    /// `direction`, until it breaks; and with those that have to be looked at
    /// whatever is wanted (false): they have mapping changes, or are not sound.
    pub(super) fn leaves(
        &self,
        range: Range<usize>,
        direction: Direction,
        wanted: &Wanted,
        visit: &mut dyn FnMut(usize, bool) -> Step,
    ) -> Result<(), IndexError> {
        if range.is_empty() {
            return Ok(());
        }
        let levels = self.directory.levels.len();
        let walk = Walk { index: self, range, direction, wanted };
        walk.below(levels, 0, true, visit).map(drop)
    }
}

struct Walk<'a> {
    index: &'a Index,
    range: Range<usize>,
    direction: Direction,
    wanted: &'a Wanted<'a>,
}

impl Walk<'_> {
    /// Visits what is below node `at` of the level of this height; height 0 is
    /// that of leaves.
    fn below(
        &self,
        height: usize,
        at: usize,
        found: bool,
        visit: &mut dyn FnMut(usize, bool) -> Step,
    ) -> Step {
        let Some(below) = height.checked_sub(1) else { return visit(at, found) };
        let node = self.index.directory.levels.get(below).and_then(|nodes| nodes.get(at));
        let node = node.ok_or(IndexError::Damaged)?;
        let children = if found { self.index.children(node, self.wanted)? } else { 0 };
        let width = RADIX.saturating_pow(below as u32);
        for step in 0..RADIX {
            let child = match self.direction {
                Direction::Forward => step,
                Direction::Backward => RADIX - 1 - step,
            };
            let next = at * RADIX + child;
            let first = next.saturating_mul(width);
            let inside = first < self.range.end && first.saturating_add(width) > self.range.start;
            let found = found && children >> child & 1 == 1;
            let wanted = (found || node.always >> child & 1 == 1) && child < node.children.len();
            if inside && wanted && self.below(below, next, found, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Index {
    /// The children of a node that may have what is wanted.
    fn children(&self, node: &Node, wanted: &Wanted) -> Result<u16, IndexError> {
        let mut found = 0;
        match wanted {
            Wanted::Addresses(first, last) => {
                let key = |address: u64| (address >> GRANULE).checked_shr(node.shift.into());
                let keys = (key(*first).unwrap_or(0), key(*last).unwrap_or(0));
                for piece in pieces(&node.granules, keys) {
                    found |= keys::children(&self.part(&piece.place)?, keys)?;
                }
            }
            Wanted::Blocks(ids) => {
                for piece in &node.blocks {
                    let from = ids.partition_point(|id| *id < piece.first);
                    let to = ids.partition_point(|id| *id <= piece.last);
                    if let Some(ids) = ids.get(from..to).filter(|ids| !ids.is_empty()) {
                        found |= keys::children_of(&self.part(&piece.place)?, ids)?;
                    }
                }
            }
            Wanted::Summary(test) => {
                for (child, summary) in node.children.iter().enumerate().take(RADIX) {
                    found |= u16::from(test(summary)) << child;
                }
            }
        }
        Ok(found)
    }
}
