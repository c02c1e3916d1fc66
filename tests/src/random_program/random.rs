//! A small generator of pseudo-random numbers (splitmix64): a seed gives the same program again.

/// The generator.
pub struct Random(u64);

impl Random {
    /// A generator that starts from a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// True in `percent` of cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// Eight bytes of data: integers of all sizes, doubles, pairs of floats, zeros.
    pub fn lane(&mut self) -> u64 {
        let small = |r: &mut Random| (r.below(2000) as f32 - 1000.0) / 7.0;
        match self.below(6) {
            0 => f64::from(small(self)).to_bits(),
            1 => u64::from(small(self).to_bits()) | u64::from(small(self).to_bits()) << 32,
            2 => self.below(64),
            3 => 0,
            4 => self.number() >> self.below(64),
            _ => self.number(),
        }
    }
}
