//! Calls through pointers that ran, and where they led.

use super::question::Question;
use super::reason::{Pointers, Site};
use crate::dataflow::decode;
use crate::session::locate::Owner;
use crate::session::{Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use iced_x86::{FlowControl, Instruction, Register};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Calls that are looked at, places that call and places they lead to that are told.
const MAX_CALLS: usize = 20_000;
const MAX_SITES: usize = 8;
const MAX_TARGETS: usize = 3;

/// What a place that calls did.
#[derive(Default)]
struct Ran {
    first: u64,
    times: usize,
    targets: BTreeSet<u64>,
}

impl Session {
    /// The calls and jumps out of functions through pointers that ran in the question's time.
    pub(super) fn pointers(&self, question: &Question) -> Result<Pointers, StateError> {
        let sites = self.pointer_sites()?;
        let (mut ran, mut left) = (BTreeMap::<u64, Ran>::new(), MAX_CALLS);
        let mut failed = None;
        let span = (question.times.clone(), Direction::Forward);
        self.each_execution(question, &sites, span, &mut |t| {
            let known = (self.timeline.pc(t), self.timeline.pc_after(t));
            let (Ok(pc), Ok(target)) = known else {
                failed = known.0.and(known.1).err();
                return ControlFlow::Break(());
            };
            let site = ran.entry(pc).or_insert_with(|| Ran { first: t, ..Ran::default() });
            site.times += 1;
            site.targets.insert(target);
            left -= 1;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let leaves = |(pc, ran): &(u64, Ran)| {
            let stub = || self.is_named_stub(*pc, ran.first);
            ran.targets.iter().any(|to| self.leaves_to(*pc, *to)) && !stub()
        };
        let mut ran: Vec<(u64, Ran)> = ran.into_iter().filter(leaves).collect();
        ran.sort_by_key(|(pc, ran)| (self.is_foreign(*pc, ran.first), ran.first));
        let more = ran.len().saturating_sub(MAX_SITES);
        ran.truncate(MAX_SITES);
        let sites = ran.into_iter().map(|(pc, ran)| self.site(pc, &ran)).collect();
        Ok(Pointers { sites, more, cut: left == 0 })
    }

    /// The addresses, ascending, of all calls and jumps through pointers that were ever
    /// executed, but for those of the dynamic linker and those through its slots.
    fn pointer_sites(&self) -> Result<Vec<u64>, StateError> {
        let dictionary = self.timeline.dictionary();
        let (imports, mut found) = (self.imports(), BTreeSet::new());
        for block in (0..dictionary.len() as u32).filter_map(|id| dictionary.get(id)) {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let Some(index) = block.instructions().len().checked_sub(1) else { continue };
            let pc = block.address(index);
            let instruction = decode(pc, block.bytes(index));
            let Some(instruction) = instruction.filter(is_indirect) else { continue };
            if slot_of(&instruction).is_none_or(|slot| !imports.contains(&slot)) {
                found.insert(pc);
            }
        }
        let own = |pc: &u64| self.locator.owner(&self.timeline, self.cursor, *pc) != Owner::Linker;
        Ok(found.into_iter().filter(own).collect())
    }

    fn leaves_to(&self, pc: u64, target: u64) -> bool {
        let bounds = self.bounds_of(pc).filter(|bounds| bounds.start < bounds.end);
        bounds.is_none_or(|bounds| !(bounds.start + 1..bounds.end).contains(&target))
    }

    fn is_foreign(&self, pc: u64, t: u64) -> bool {
        self.locator.owner(&self.timeline, t, pc) != Owner::Program
    }

    /// Whether a jump is one that a stub of a procedure linkage table makes for its callers.
    fn is_named_stub(&self, pc: u64, t: u64) -> bool {
        let symbol = self.locator.symbol(&self.timeline, t, pc);
        symbol.is_some_and(|(name, _)| name.ends_with("@plt"))
    }

    fn site(&self, pc: u64, ran: &Ran) -> Site {
        let place = |pc| self.locator.place(&self.timeline, ran.first, CodeAddr::Pc(pc));
        let led_to: Vec<Place> =
            ran.targets.iter().take(MAX_TARGETS).map(|to| place(*to)).collect();
        let more = ran.targets.len() - led_to.len();
        Site { place: place(pc), tracepoint: ran.first, times: ran.times, led_to, more }
    }
}

fn is_indirect(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::IndirectCall | FlowControl::IndirectBranch)
}

/// The address of the slot that an instruction calls or jumps through, if its own address says
/// it.
pub(super) fn slot_of(instruction: &Instruction) -> Option<u64> {
    let direct = instruction.memory_base() == Register::RIP && is_indirect(instruction);
    direct.then(|| instruction.memory_displacement64())
}
