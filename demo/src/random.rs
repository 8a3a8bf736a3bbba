//! A repeatable random generator: the same seed and stream give the same values on every machine.
//!
//! Enters: a seed, a stream and a number. Leaves: integers, letters, choices. Law: no state is shared between streams
//! and no floating point is used, so one record can be generated without the records before it.

/// Letters of an AWS unique id.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of a delivered object's name.
const ALNUM: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The base64 alphabet.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Hexadecimal digits.
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The golden gamma of SplitMix64 (Steele, Lea, Flood 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// One repeatable random stream: SplitMix64, with a counter as its state.
#[derive(Clone, Debug)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// The generator of element `number` of the stream `stream` of `seed`.
    pub const fn of(seed: u64, stream: u64, number: u64) -> Self {
        Self(mix(mix(seed ^ mix(stream)) ^ number))
    }

    /// The generator of a name, for values that do not depend on other random values.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a: short, and the same on every machine, unlike the standard library's hasher.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::of(seed, hash, 0)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, inclusive.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// An index into `length` elements.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// An element of `from`, all equally likely; the default value for an empty slice.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let index = self.index(from.len());
        from.get(index).copied().unwrap_or_default()
    }

    /// Appends `count` lower-case hexadecimal digits.
    pub fn hex(&mut self, out: &mut String, count: usize) {
        self.letters(out, HEX, 4, count);
    }

    /// Appends `count` letters of an AWS unique id.
    pub fn base32(&mut self, out: &mut String, count: usize) {
        self.letters(out, BASE32, 5, count);
    }

    /// Appends `count` letters of base64.
    pub fn base64(&mut self, out: &mut String, count: usize) {
        self.letters(out, BASE64, 6, count);
    }

    /// Appends `count` letters and digits.
    pub fn alnum(&mut self, out: &mut String, count: usize) {
        for _ in 0..count {
            out.push(char::from(self.pick(ALNUM)));
        }
    }

    /// Appends a random UUID (version 4).
    pub fn uuid(&mut self, out: &mut String) {
        self.hex(out, 8);
        out.push('-');
        self.hex(out, 4);
        out.push_str("-4");
        self.hex(out, 3);
        out.push('-');
        out.push(char::from(self.pick(b"89ab")));
        self.hex(out, 3);
        out.push('-');
        self.hex(out, 12);
    }

    /// Appends `count` letters of an alphabet of `2^width` letters.
    fn letters<const N: usize>(&mut self, out: &mut String, alphabet: &[u8; N], width: u32, count: usize) {
        let mask = (1_u64 << width) - 1;
        let (mut bits, mut left) = (0, 0);
        for _ in 0..count {
            if left < width {
                (bits, left) = (self.bits(), u64::BITS);
            }
            let letter = usize::try_from(bits & mask).ok().and_then(|index| alphabet.get(index));
            out.push(letter.copied().map_or('0', char::from));
            bits >>= width;
            left -= width;
        }
    }
}

/// The finalizer of SplitMix64: every bit of the input affects every bit of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(GAMMA);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Random ranks by Zipf's law: rank n is drawn 1/n times as often as the first.
#[derive(Clone, Debug)]
pub struct ZipfRanks(Vec<u64>);

impl ZipfRanks {
    /// Zipf's law over `count` ranks.
    pub fn new(count: usize) -> Self {
        let mut total = 0;
        Self(
            (1..=count as u64)
                .map(|rank| {
                    total += 1_000_000_000 / rank;
                    total
                })
                .collect(),
        )
    }

    /// A random rank; 0 is the most frequent.
    pub fn draw(&self, chance: &mut SeededRandom) -> usize {
        let at = chance.below(self.0.last().copied().unwrap_or(0));
        self.0.partition_point(|&bound| bound <= at)
    }
}
