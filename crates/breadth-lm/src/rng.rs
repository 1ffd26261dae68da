//! Random numbers: the caller owns the generator, and every stream is named by what it is for.
//!
//! A run needs no saved generator: step `i` of purpose `name` draws from [`stream`]`(seed, name, i)`, so that a resumed run
//! draws what the uninterrupted one would have drawn. The helpers below are ours because `rand` does not promise the same
//! values from one release to the next; their outputs, and those of `stream`, are fixed for ever by the tests.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of purpose `name` (say `"train/batch"`) at position `index` (say the step), independent of all others.
///
/// ChaCha8 with key `seed (8 bytes) | FNV-1a-128(name) (16 bytes) | "breadth1"`, little-endian, and `index` as its stream
/// number: different indices are different streams of one cipher, not seeds that may collide.
///
/// ```
/// use breadth_lm::rng::{self, stream};
/// let draw = |step| rng::below(&mut stream(7, "train/batch", step), 1000);
/// assert_eq!(draw(3), draw(3));
/// assert_ne!(draw(3), draw(4));
/// ```
pub fn stream(seed: u64, name: &str, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..24].copy_from_slice(&fnv_1a_128(name.as_bytes()).to_le_bytes());
    key[24..].copy_from_slice(b"breadth1");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// Uniform integer in `0..n`, without bias (Lemire's multiplication with rejection). Zero for `n <= 1`.
///
/// ```
/// use breadth_lm::rng::{below, stream};
/// assert!(below(&mut stream(0, "doc", 0), 6) < 6);
/// ```
pub fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    // Low halves under 2^64 mod n belong to the results that would otherwise come up once too often.
    let reject = if n <= 1 { 0 } else { n.wrapping_neg() % n };
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(n);
        if product as u64 >= reject {
            return (product >> 64) as u64;
        }
    }
}

/// Uniform real in `[0, 1)`: 53 random bits over 2^53.
///
/// ```
/// use breadth_lm::rng::{stream, uniform};
/// let u = uniform(&mut stream(0, "doc", 0));
/// assert!((0.0..1.0).contains(&u));
/// ```
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * SCALE
}

/// Shuffles in place, every order equally likely (Fisher-Yates from the front).
///
/// ```
/// use breadth_lm::rng::{shuffle, stream};
/// let mut cards = [1, 2, 3];
/// shuffle(&mut stream(0, "doc", 0), &mut cards);
/// cards.sort();
/// assert_eq!(cards, [1, 2, 3]);
/// ```
pub fn shuffle<T>(rng: &mut ChaCha8Rng, items: &mut [T]) {
    for i in 1..items.len() {
        let rest = items.len() - (i - 1);
        items.swap(i - 1, i - 1 + below(rng, rest as u64) as usize);
    }
}

/// Removes and returns a uniformly drawn item (the order of the rest changes); `None` when there is none.
///
/// ```
/// use breadth_lm::rng::{stream, take};
/// let mut names = vec![4, 8];
/// let first = take(&mut stream(0, "doc", 0), &mut names).unwrap();
/// assert_eq!(first + names[0], 12);
/// ```
pub fn take<T>(rng: &mut ChaCha8Rng, items: &mut Vec<T>) -> Option<T> {
    if items.is_empty() {
        return None;
    }
    let i = below(rng, items.len() as u64) as usize;
    Some(items.swap_remove(i))
}

/// An index drawn with probability proportional to its weight, by one uniform draw. Zero weights are never drawn.
///
/// Weights are finite, at least 0, and not all 0; the caller has checked that. `None` when their sum is not positive.
///
/// ```
/// use breadth_lm::rng::{categorical, stream};
/// assert_eq!(categorical(&mut stream(0, "doc", 0), &[0.0, 2.5, 0.0]), Some(1));
/// ```
pub fn categorical(rng: &mut ChaCha8Rng, weights: &[f64]) -> Option<usize> {
    let mut left = uniform(rng) * weights.iter().sum::<f64>();
    let mut last = None;
    for (i, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        if left < weight {
            return Some(i);
        }
        left -= weight;
        last = Some(i); // rounding may leave a crumb beyond the last weight: it belongs to it
    }
    last
}

/// The 128-bit Fowler-Noll-Vo hash, variant 1a: short, and written down for ever.
fn fnv_1a_128(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}
