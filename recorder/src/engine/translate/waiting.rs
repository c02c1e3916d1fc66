//! Jumps that wait for a translation of where they go.

use super::branches::Link;
use crate::engine::addresses::AddressMap;

/// No link.
const NONE: u32 = u32::MAX;

/// The jumps: for each address they go to, a list.
#[derive(Default)]
pub struct Waiting {
    /// The first link of the list.
    first: AddressMap<u32>,
    /// Links, each with the next of its list.
    links: Vec<(Link, u32)>,
    /// Places in `links` that are free.
    free: Vec<u32>,
}

impl Waiting {
    /// None yet, and room for as many.
    pub fn with_room(count: usize) -> Self {
        Self { links: Vec::with_capacity(count), ..Self::default() }
    }

    /// Lets `link` wait.
    pub fn push(&mut self, link: Link) {
        let first = self.first.entry(link.target).or_insert(NONE);
        let entry = (link, *first);
        *first = match self.free.pop() {
            Some(place) => {
                self.links[place as usize] = entry;
                place
            }
            None => {
                self.links.push(entry);
                (self.links.len() - 1) as u32
            }
        };
    }

    /// Takes one of those that go to `target`.
    pub fn pop(&mut self, target: u64) -> Option<Link> {
        let place = *self.first.get(&target)?;
        let (link, next) = *self.links.get(place as usize)?;
        if next == NONE {
            self.first.remove(&target);
        } else {
            self.first.insert(target, next);
        }
        self.free.push(place);
        Some(link)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.first.clear();
        self.links.clear();
        self.free.clear();
    }
}
