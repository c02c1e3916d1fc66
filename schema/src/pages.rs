//! Page versions: the content of pages as it stands at a state.

use crate::space::PAGE;

/// Contents of some pages at one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// The state at which they hold.
    pub state: u64,
    /// Page numbers (address / 4096), ascending.
    pub numbers: Vec<u64>,
    /// Their contents, 4096 bytes each, in the order of `numbers`.
    pub contents: Vec<u8>,
}

impl Pages {
    /// No pages yet, at `state`.
    pub fn new(state: u64) -> Self {
        Self { state, ..Self::default() }
    }

    /// Appends a page.
    pub fn push(&mut self, number: u64, content: &[u8; PAGE as usize]) {
        self.numbers.push(number);
        self.contents.extend_from_slice(content);
    }

    /// The content of the page at `slot`.
    pub fn get(&self, slot: usize) -> Option<&[u8]> {
        let start = slot.checked_mul(PAGE as usize)?;
        self.contents.get(start..start + PAGE as usize)
    }
}

/// Where every page's versions are: parallel columns, ascending by (page, state).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageIndex {
    /// Page numbers.
    pub pages: Vec<u64>,
    /// The states at which the versions hold.
    pub states: Vec<u64>,
    /// Indexes of their frames in the directory.
    pub frames: Vec<u32>,
    /// Their places in those frames.
    pub slots: Vec<u32>,
}

/// One version of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageVersion {
    /// Page number.
    pub page: u64,
    /// The state at which it holds.
    pub state: u64,
    /// Index of its frame in the directory.
    pub frame: u32,
    /// Its place in that frame.
    pub slot: u32,
}

impl PageIndex {
    /// An index of these versions, in any order.
    pub fn new(mut versions: Vec<PageVersion>) -> Self {
        versions.sort_unstable();
        Self {
            pages: versions.iter().map(|v| v.page).collect(),
            states: versions.iter().map(|v| v.state).collect(),
            frames: versions.iter().map(|v| v.frame).collect(),
            slots: versions.iter().map(|v| v.slot).collect(),
        }
    }

    /// The newest version of `page` at or before `state`.
    pub fn newest(&self, page: u64, state: u64) -> Option<PageVersion> {
        let low = self.pages.partition_point(|p| *p < page);
        let high = low + self.pages[low..].partition_point(|p| *p == page);
        let at = low + self.states.get(low..high)?.partition_point(|s| *s <= state);
        let slot = at.checked_sub(1).filter(|i| *i >= low)?;
        Some(PageVersion {
            page,
            state: *self.states.get(slot)?,
            frame: *self.frames.get(slot)?,
            slot: *self.slots.get(slot)?,
        })
    }
}
