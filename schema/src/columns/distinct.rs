//! The distinct values of a tile, when they are few.

/// Most values that a tile may choose from.
pub(super) const MAX_CHOICES: usize = 255;

/// Entries of the table: four times as many as it may hold values.
const SLOTS: usize = 1024;

/// Fewest values of a tile that are worth a look.
const FEWEST: usize = 8;

/// The first values of a tile: where most of them differ, the rest is not looked at.
const SAMPLE: usize = 48;
const MAX_IN_SAMPLE: usize = 40;

/// The distinct values of one tile after another.
pub(super) struct Distinct {
    /// By hash: the tile's number in the upper half, a value's index in the lower.
    table: [u32; SLOTS],
    tile: u32,
    values: Vec<u64>,
    indexes: Vec<u8>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { table: [0; SLOTS], tile: 0, values: Vec::new(), indexes: Vec::new() }
    }
}

impl Distinct {
    /// Finds the distinct values of a tile. False if writing them, and an index for
    /// each value, takes no less than writing `width` bytes for each.
    pub(super) fn find(&mut self, tile: &[u64], width: usize) -> bool {
        // 2 bytes more say so; a distinct value takes up to 8.
        let limit = (tile.len() * (width - 1)).saturating_sub(2) / 8;
        let limit = limit.min(MAX_CHOICES);
        if tile.len() < FEWEST || limit < 2 {
            return false;
        }
        self.restart();
        let (sample, rest) = tile.split_at(tile.len().min(SAMPLE));
        self.take(sample, limit)
            && (sample.len() < SAMPLE || self.values.len() <= MAX_IN_SAMPLE)
            && self.take(rest, limit)
    }

    /// Finds the values of a part of a tile; false if there are more than `limit`.
    fn take(&mut self, part: &[u64], limit: usize) -> bool {
        part.iter().all(|value| {
            let index = self.index(*value, limit);
            index.is_some_and(|index| {
                self.indexes.push(index);
                true
            })
        })
    }

    /// The distinct values.
    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }

    /// The index of each of the tile's values among them.
    pub(super) fn indexes(&self) -> &[u8] {
        &self.indexes
    }

    fn restart(&mut self) {
        self.values.clear();
        self.indexes.clear();
        self.tile += 1;
        if self.tile > u32::from(u16::MAX) {
            self.table.fill(0);
            self.tile = 1;
        }
    }

    /// The index of `value`, which may be new; `None` if it is one too many.
    #[inline]
    fn index(&mut self, value: u64, limit: usize) -> Option<u8> {
        let mut at = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        loop {
            let slot = &mut self.table[at % SLOTS];
            if *slot >> 16 != self.tile {
                if self.values.len() == limit {
                    return None;
                }
                *slot = self.tile << 16 | self.values.len() as u32;
                self.values.push(value);
                return Some((self.values.len() - 1) as u8);
            }
            let index = *slot as u8;
            if self.values.get(usize::from(index)) == Some(&value) {
                return Some(index);
            }
            at += 1;
        }
    }
}
