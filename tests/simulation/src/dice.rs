//! All chance of a walk: one seed, one row of numbers (SplitMix64).

use std::ops::Range;

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed ^ 0x6a09_e667_f3bc_c909)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start).max(1)
    }

    /// Returns true so many times in a hundred.
    pub fn percent(&mut self, often: u64) -> bool {
        self.next() % 100 < often
    }

    pub fn pick<'a, T>(&mut self, some: &'a [T]) -> Option<&'a T> {
        match some.len() {
            0 => None,
            len => some.get(usize::try_from(self.next() % len as u64).unwrap_or(0)),
        }
    }
}
