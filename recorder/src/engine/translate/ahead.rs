//! Translating ahead: a stop for a missing translation costs more than a
//! translation, so at each the code that is likely to follow is translated too.

use super::Translate;
use crate::engine::code::Prepared;
use std::collections::VecDeque;
use std::time::Instant;

/// Most translations made at one stop beyond the one it was for.
const MOST: usize = 12;

/// Where the program may go from what was translated since the last stop.
#[derive(Default)]
pub struct Ahead {
    next: VecDeque<Next>,
}

#[derive(Clone, Copy)]
struct Next {
    pc: u64,
    /// The address of a call's return: looked up in the table.
    returns: bool,
}

impl Ahead {
    /// A jump without a translation to go to.
    pub fn jump(&mut self, pc: u64) {
        self.next.push_back(Next { pc, returns: false });
    }

    /// The block ends with a call that will return behind it.
    pub fn call(&mut self, prepared: &Prepared) {
        if prepared.care.last().is_some_and(|care| care.calls) {
            self.next.push_back(Next { pc: prepared.block.end(), returns: true });
        }
    }
}

impl Translate {
    /// Translates `pc` and some of what may follow it. Where the code for `pc`
    /// begins.
    pub(super) fn translate_on(&mut self, pc: u64) -> Option<u64> {
        let begun = Instant::now();
        self.step.code.pages.begin();
        let head = self.translate(pc);
        for _ in 0..MOST {
            let Some(home) = &mut self.home else { break };
            let Some(next) = home.cache.ahead.next.pop_front() else { break };
            if home.cache.is_full() || !self.is_fixed(next.pc) {
                continue;
            }
            self.follow(next);
        }
        if let Some(home) = &mut self.home {
            home.cache.ahead.next.clear();
        }
        self.step.code.pages.end();
        self.step.rec.accounting.translate += begun.elapsed();
        head
    }

    fn follow(&mut self, next: Next) {
        let Some(head) = self.translate(next.pc) else { return };
        let Some(home) = &mut self.home else { return };
        if next.returns && !home.cache.is_listed(next.pc) {
            // Failing to list it costs a stop, no more.
            let _ = home.cache.find_by_table(next.pc, head, &mut home.region.memory);
        }
    }
}
