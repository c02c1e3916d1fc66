//! Translating ahead: a stop for a missing translation costs more than a
//! translation, so at each the code that is likely to follow is translated too.

use super::Translate;
use super::branches::Link;
use crate::engine::code::Prepared;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Most translations made at one stop beyond the one it was for.
const MOST: usize = 64;

/// Certainty, in the units of [`Chance`].
const CERTAIN: Chance = 1024;

/// What is less likely is not translated ahead: a stop costs about as much as three or
/// four translations.
const LEAST: Chance = 300;

/// How likely it is that control comes somewhere, in 1024ths.
type Chance = u32;

/// Where the program may go from what was translated since the last stop.
#[derive(Default)]
pub struct Ahead {
    /// The most likely first.
    next: BinaryHeap<Next>,
    /// That of the block that is being translated.
    present: Chance,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    chance: Chance,
    /// The address of a call's return: looked up in the table.
    returns: bool,
    pc: Reverse<u64>,
}

impl Ahead {
    /// What follows is about the code at a place that is this likely.
    fn at(&mut self, chance: Chance) {
        self.present = chance;
    }

    /// `link` has no translation to go to; `end` is where its block ends, `others` says
    /// whether the block has other ways out.
    pub fn jump(&mut self, link: &Link, end: u64, others: bool) {
        let chance = if others { chance(link.target, end) } else { CERTAIN };
        self.push(link.target, false, chance);
    }

    /// The block ends with a call that will return behind it.
    pub fn call(&mut self, prepared: &Prepared) {
        if prepared.care.last().is_some_and(|care| care.calls) {
            self.push(prepared.block.end(), true, RETURN);
        }
    }

    fn push(&mut self, pc: u64, returns: bool, chance: Chance) {
        let chance = chance * self.present / CERTAIN;
        if chance >= LEAST {
            self.next.push(Next { chance, returns, pc: Reverse(pc) });
        }
    }
}

/// A call returns.
const RETURN: Chance = 990;

/// A conditional branch is not taken, ever, or it is.
const PASSED: Chance = 930;

/// How likely a conditional branch is taken sooner or later that goes less far than so
/// many bytes forwards, or backwards: compilers put what is rare far away. Counted in
/// the first executions of python3's code.
const TAKEN: [(u64, Chance, Chance); 5] = [
    (1 << 6, 700, 760),
    (1 << 8, 520, 760),
    (1 << 10, 340, 750),
    (1 << 16, 230, 750),
    (u64::MAX, 20, 20),
];

/// How likely the way from a block that ends at `end` to `target` is, one of several.
fn chance(target: u64, end: u64) -> Chance {
    if target == end {
        return PASSED;
    }
    let distance = target.abs_diff(end);
    let found = TAKEN.iter().find(|(below, ..)| distance < *below);
    found.map_or(0, |(_, ahead, back)| if target > end { *ahead } else { *back })
}

impl Translate {
    /// Translates `pc` and some of what may follow it. Where the code for `pc`
    /// begins.
    pub(super) fn translate_on(&mut self, pc: u64) -> Option<u64> {
        let begun = Instant::now();
        self.step.code.pages.begin();
        if let Some(home) = &mut self.home {
            home.cache.ahead.at(CERTAIN);
        }
        let head = self.translate(pc);
        for _ in 0..MOST {
            let Some(home) = &mut self.home else { break };
            let Some(next) = home.cache.ahead.next.pop() else { break };
            home.cache.ahead.at(next.chance);
            if home.cache.is_full() || !self.is_fixed(next.pc.0) {
                continue;
            }
            self.follow(next.pc.0, next.returns);
        }
        if let Some(home) = &mut self.home {
            home.cache.ahead.next.clear();
            // What others translate is not followed.
            home.cache.ahead.at(0);
        }
        self.step.code.pages.end();
        self.step.rec.accounting.translate += begun.elapsed();
        head
    }

    fn follow(&mut self, pc: u64, returns: bool) {
        let Some(head) = self.translate(pc) else { return };
        let Some(home) = &mut self.home else { return };
        if returns && !home.cache.is_listed(pc) {
            // Failing to list it costs a stop, no more.
            let _ = home.cache.find_by_table(pc, head, &mut home.region.memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: u64) -> Link {
        Link { site: 0, stub: 0, target, bulk: false }
    }

    #[test]
    fn the_most_likely_comes_first_and_the_unlikely_not_at_all() {
        let mut ahead = Ahead::default();
        ahead.at(CERTAIN);
        ahead.jump(&link(0x1000), 0x1000, true);
        ahead.jump(&link(0x9000), 0x1000, false);
        ahead.jump(&link(0x1010), 0x1000, true);
        ahead.jump(&link(0x10_0000), 0x1000, true);
        let order: Vec<_> = std::iter::from_fn(|| ahead.next.pop()).map(|next| next.pc.0).collect();
        assert_eq!(order, [0x9000, 0x1000, 0x1010]);
    }

    #[test]
    fn what_follows_the_unlikely_is_less_likely() {
        let mut ahead = Ahead::default();
        ahead.at(LEAST);
        ahead.jump(&link(0x1000), 0x1000, true);
        assert!(ahead.next.is_empty());
        ahead.jump(&link(0x1000), 0x1000, false);
        assert_eq!(ahead.next.pop().map(|next| next.chance), Some(LEAST));
    }
}
