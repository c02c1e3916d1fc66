//! Which block follows, by experience: the one that followed these two blocks last
//! time, else the one that followed this block last time, else a new one. Writer
//! and reader see the same history, and so predict the same.

/// No block.
const NONE: u32 = u32::MAX;

/// Most entries of the table of pairs: more would not stay in the cache.
const MAX_PAIRS: u32 = 1 << 16;

/// Fewest.
const MIN_PAIRS: u32 = 1 << 8;

/// What followed what.
#[derive(Default)]
pub(super) struct Predictor {
    /// By block.
    successors: Vec<u32>,
    /// By a hash of two blocks.
    pairs: Vec<u32>,
    /// Bits that a hash loses.
    shift: u32,
    previous: u32,
    pair: u32,
    /// How many blocks were met; the next new one has this index.
    pub(super) met: u32,
}

/// What is expected next.
pub(super) struct Expected {
    /// Most likely.
    pub(super) first: u32,
    /// If not that; [`u32::MAX`] if nothing is known.
    pub(super) second: u32,
}

impl Predictor {
    /// Forgets everything, for a chunk of `count` tracepoints and `blocks` blocks.
    pub(super) fn restart(&mut self, count: u64, blocks: usize) {
        let pairs = u32::try_from(count).unwrap_or(MAX_PAIRS).clamp(MIN_PAIRS, MAX_PAIRS);
        let bits = pairs.ilog2();
        self.shift = 32 - bits;
        self.pairs.clear();
        self.pairs.resize(1 << bits, NONE);
        self.successors.clear();
        self.successors.resize(blocks + 1, NONE);
        // What comes before the first block is an imagined last one.
        (self.previous, self.pair, self.met) = (blocks as u32, 0, 0);
    }

    /// What is expected next.
    #[inline]
    pub(super) fn expected(&self) -> Expected {
        let second = self.successors.get(self.previous as usize).copied().unwrap_or(NONE);
        let pair = self.pairs.get(self.pair as usize).copied().unwrap_or(NONE);
        let known = if second == NONE { self.met } else { second };
        Expected { first: if pair == NONE { known } else { pair }, second }
    }

    /// Learns that `block` came.
    #[inline]
    pub(super) fn learn(&mut self, block: u32) {
        if let Some(slot) = self.successors.get_mut(self.previous as usize) {
            *slot = block;
        }
        if let Some(slot) = self.pairs.get_mut(self.pair as usize) {
            *slot = block;
        }
        self.met += u32::from(block == self.met);
        let hash = block.wrapping_mul(0x9e37_79b1) ^ self.previous.wrapping_mul(0x85eb_ca6b);
        self.pair = hash >> self.shift;
        self.previous = block;
    }
}
