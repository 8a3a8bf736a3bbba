//! Chance that is a function of a seed.
//!
//! Enters: a seed, and what the chance is about: a subject and a number. Leaves: a number. Law: the draw about one subject does not
//! depend on which draws were made before, so that a schedule without one of its faults stays the same elsewhere.

/// Draws for one schedule.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    /// The seed of the schedule.
    pub seed: u64,
}

impl Dice {
    /// A number below `below`.
    pub fn roll(self, subject: &str, number: u64, below: u64) -> u64 {
        self.bits(subject, number) % below.max(1)
    }

    /// A place in a list of this length.
    pub fn place(self, subject: &str, number: u64, length: usize) -> usize {
        usize::try_from(self.roll(subject, number, length as u64)).unwrap()
    }

    /// Whether something happens that happens so many times in ten thousand.
    pub fn happens(self, subject: &str, number: u64, in_ten_thousand: u64) -> bool {
        self.roll(subject, number, 10_000) < in_ten_thousand
    }

    /// FNV-1a over the subject, mixed by the last step of SplitMix64 (Steele, Lea and Flood, 2014).
    fn bits(self, subject: &str, number: u64) -> u64 {
        let hash = subject.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        mix(mix(hash ^ mix(self.seed)).wrapping_add(number))
    }
}

const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
