//! A small deterministic generator (splitmix64), so that a failure repeats.

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True in `percent` of cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Values that integer code meets: small, negative, wide, at the bounds.
    pub fn value(&mut self) -> u64 {
        match self.below(5) {
            // Around zero, and around the sign bit of each width.
            4 => {
                let sign = [0, 1 << 7, 1 << 15, 1 << 31, 1u64 << 63][self.below(5) as usize];
                sign.wrapping_add(self.below(5)).wrapping_sub(2)
            }
            0 => self.below(64),
            1 => (self.below(4096) as i64 - 2048) as u64,
            _ => self.next() >> self.below(64),
        }
    }

    /// Eight bytes of a vector: doubles, pairs of floats, integers, zeros.
    pub fn lane(&mut self) -> [u8; 8] {
        let float = |r: &mut Self| (r.below(2000) as f32 - 1000.0) / 7.0;
        match self.below(7) {
            5 => self.special(11, 52).to_le_bytes(),
            6 => (self.special(8, 23) | self.special(8, 23) << 32).to_le_bytes(),
            0 => f64::from(float(self)).to_le_bytes(),
            1 => {
                let (low, high) = (float(self).to_bits(), float(self).to_bits());
                (u64::from(low) | u64::from(high) << 32).to_le_bytes()
            }
            2 => self.value().to_le_bytes(),
            3 => [0; 8],
            _ => self.next().to_le_bytes(),
        }
    }

    /// A floating-point number at a bound: infinite, no number, smallest, largest; or
    /// one with few bits, so that sums and products round to a half.
    fn special(&mut self, exponent: u32, fraction: u32) -> u64 {
        let highest = (1 << exponent) - 1;
        let bias = highest >> 1;
        let field = match self.below(4) {
            0 => [0, 1, highest - 1, highest][self.below(4) as usize],
            1 => bias / 2 + self.below(3),
            2 => bias + bias / 2 - self.below(3),
            _ => bias - 2 + self.below(u64::from(fraction) + 6),
        };
        let bits = match self.below(4) {
            0 => 0,
            1 => self.below(3).wrapping_sub(1),
            2 => 1 << self.below(fraction.into()),
            _ => self.next(),
        };
        self.below(2) << (exponent + fraction) | field << fraction | bits & ((1 << fraction) - 1)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for lane in bytes.chunks_exact_mut(8) {
            lane.copy_from_slice(&self.lane());
        }
    }
}
