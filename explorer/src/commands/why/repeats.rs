//! Rounds of a loop that repeat each other, which are told once.

use super::Row;
use crate::dataflow::Place;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Links upwards among which the round before is looked for.
const ROUND: usize = 16;

/// Fewest rounds that are told as one.
const FEWEST: usize = 2;

/// Rounds that are the same as the one before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    /// How many.
    pub rounds: usize,
    /// The first link of the last of them.
    pub last: usize,
    /// The first link behind them.
    pub next: usize,
}

/// The rounds of an answer: by the link that each begins with, the one before, and behind.
struct Rounds<'a> {
    links: &'a [Row],
    children: &'a HashMap<Option<usize>, Vec<usize>>,
    before: Vec<Option<usize>>,
    behind: Vec<Option<usize>>,
}

/// The repeats among `links`, by their first links. `children` are the links by who has its value
/// from them.
pub(super) fn repeats(
    links: &[Row],
    children: &HashMap<Option<usize>, Vec<usize>>,
) -> HashMap<usize, Repeat> {
    let rounds = Rounds::new(links, children);
    let shapes: Vec<Option<u64>> = (0..links.len()).map(|link| rounds.shape(link)).collect();
    let mut found: HashMap<usize, Repeat> = HashMap::new();
    // What comes behind has the higher number.
    for link in (0..links.len()).rev() {
        let Some(next) = rounds.next_of_same(link, &shapes) else { continue };
        let one = Repeat { rounds: 1, last: link, next };
        let more = |more: &Repeat| Repeat { rounds: more.rounds + 1, ..*more };
        let repeat = found.get(&next).map_or(one, more);
        found.insert(link, repeat);
    }
    found.retain(|_, repeat| repeat.rounds >= FEWEST);
    found
}

impl<'a> Rounds<'a> {
    fn new(links: &'a [Row], children: &'a HashMap<Option<usize>, Vec<usize>>) -> Self {
        let kinds: Vec<u64> = links.iter().map(kind).collect();
        let before_of = |link: usize| {
            let mut at = link;
            for _ in 0..ROUND {
                at = links.get(at)?.link.of.filter(|of| *of < at)?;
                if kinds.get(at) == kinds.get(link) {
                    return Some(at);
                }
            }
            None
        };
        let before: Vec<Option<usize>> = (0..links.len()).map(before_of).collect();
        let mut behind = vec![None; links.len()];
        let mut several = vec![false; links.len()];
        for (link, before) in before.iter().enumerate() {
            let Some(before) = *before else { continue };
            let known = behind.get_mut(before).and_then(|behind| behind.replace(link));
            if let Some(several) = several.get_mut(before).filter(|_| known.is_some()) {
                *several = true;
            }
        }
        // Rounds that part are no loop's.
        behind.iter_mut().zip(several).filter(|(_, several)| *several).for_each(|(b, _)| *b = None);
        Self { links, children, before, behind }
    }

    fn behind(&self, link: usize) -> Option<usize> {
        self.behind.get(link).copied().flatten()
    }

    /// The first link behind the round that begins with `link`, if that is the same as the one
    /// before it.
    fn next_of_same(&self, link: usize, shapes: &[Option<u64>]) -> Option<usize> {
        let before = self.before.get(link).copied().flatten()?;
        let shape = |link: usize| shapes.get(link).copied().flatten();
        let same = self.behind(before) == Some(link) && shape(before) == shape(link);
        self.behind(link).filter(|_| same && shape(link).is_some())
    }

    /// What the round that begins with `link` looks like, up to the one behind; `None` if there
    /// is none behind.
    fn shape(&self, link: usize) -> Option<u64> {
        let behind = self.behind(link)?;
        let mut state = DefaultHasher::new();
        let mut open = vec![link];
        while let Some(at) = open.pop() {
            if at == behind {
                "behind".hash(&mut state);
                continue;
            }
            let children = self.children.get(&Some(at)).map(Vec::as_slice).unwrap_or_default();
            let own = self.links.get(at)?;
            (kind(own), own.link.more, children.len()).hash(&mut state);
            // What is made of another comes behind it.
            open.extend(children.iter().filter(|child| **child > at));
        }
        Some(state.finish())
    }
}

/// What a link does, wherever and whenever: its instruction, and which bytes that writes.
fn kind(row: &Row) -> u64 {
    let link = &row.link;
    let mut state = DefaultHasher::new();
    link.place.as_ref().map(|place| place.pc).hash(&mut state);
    row.instruction.hash(&mut state);
    if !matches!(link.span.place, Place::Memory(_)) {
        link.span.place.hash(&mut state);
    }
    (link.span.length, link.address, link.same_as.is_some(), link.leftover).hash(&mut state);
    let origins = link.origins.iter().map(|one| std::mem::discriminant(&one.origin));
    origins.collect::<Vec<_>>().hash(&mut state);
    state.finish()
}
