//! Indirect functions (STT_GNU_IFUNC): a name means what its resolver chose when the dynamic
//! linker, or a static program's start, called it.

use super::breakpoint::Target;
use super::targets::Part;
use super::{LocationError, Session};
use crate::timeline::{Direction, StateError};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Most calls of one resolver that are looked at: there is one for each slot to fill.
const MOST_CALLS: usize = 4096;

/// Most names that one message has.
const MOST_NAMED: usize = 4;

/// What resolvers returned, with a state at which they had: by run-time address, each once.
type Choices = Rc<BTreeMap<u64, u64>>;

/// The implementations that resolvers chose, as far as anybody asked.
#[derive(Default)]
pub(super) struct Chosen(RefCell<HashMap<(u64, Option<u32>), Choices>>);

impl Session {
    /// `targets`, with what was chosen in place of resolvers of indirect functions. Says which
    /// have none.
    ///
    /// # Errors
    /// [`LocationError::NeverChosen`] if nothing is left; the history's.
    pub(super) fn bound(
        &self,
        targets: Vec<Target>,
        part: Part,
    ) -> Result<Vec<Target>, LocationError> {
        let (mut bound, mut unbound) = (Vec::new(), Vec::new());
        for target in targets {
            let Some(name) = target.indirect.clone() else {
                bound.push(target);
                continue;
            };
            let chosen = self.chosen(&target)?;
            if chosen.is_empty() {
                unbound.push(name.clone());
            }
            let one = |(address, state): (&u64, &u64)| {
                let of = self.locator.entered_at(&self.timeline, (*state, *address), part);
                let function = of.function.or_else(|| Some(name.clone()));
                Target { function, indirect: Some(name.clone()), ..of }
            };
            bound.extend(chosen.iter().map(one));
        }
        unbound.sort_unstable();
        unbound.dedup();
        let names = names(&unbound);
        match (bound.is_empty(), unbound.is_empty()) {
            (true, false) => return Err(LocationError::NeverChosen(names)),
            (false, false) => self.notice(LocationError::NeverChosen(names).to_string()),
            _ => {}
        }
        // Several names may mean one implementation.
        let mut seen = HashSet::new();
        bound.retain(|target| seen.insert((target.address, target.module)));
        Ok(bound)
    }

    /// The address that an indirect function whose resolver is at `entry` has at state `t`: the
    /// last that was chosen by then, else the first.
    pub(super) fn implementation(&self, entry: u64, t: u64) -> Option<u64> {
        let module = self.module_at(t, entry);
        let target = Target { address: entry, module, ..Target::default() };
        let chosen = self.chosen(&target).ok()?;
        let past = chosen.iter().filter(|(_, state)| **state <= t).max_by_key(|(_, state)| **state);
        let found = past.or_else(|| chosen.iter().min_by_key(|(_, state)| **state));
        found.map(|(address, _)| *address)
    }

    /// What the calls of a resolver returned.
    fn chosen(&self, resolver: &Target) -> Result<Choices, StateError> {
        let key = (resolver.address, resolver.module);
        if let Some(known) = self.implementations.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let (all, targets) = (0..self.timeline.end(), std::slice::from_ref(resolver));
        let calls = self.executed_in(targets, all, Direction::Forward, MOST_CALLS)?;
        let mut found = BTreeMap::new();
        self.calls_at(&calls, &mut |call| {
            let end = self.end_of(&call)?.filter(|end| self.back_of(&call) == Some(end.pc));
            if let Some(end) = end.filter(|end| end.value != 0) {
                found.entry(end.value).or_insert(end.state);
            }
            Ok(())
        })?;
        let found = Rc::new(found);
        self.implementations.0.borrow_mut().insert(key, found.clone());
        Ok(found)
    }
}

/// `index, rindex, strlen, wcslen and 12 more`.
fn names(all: &[String]) -> String {
    let shown = all.get(..MOST_NAMED.min(all.len())).unwrap_or_default().join(", ");
    match all.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
