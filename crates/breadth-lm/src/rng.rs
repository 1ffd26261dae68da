//! Random numbers: the caller owns the generator, and every stream is named by what it is for.
//!
//! A run needs no saved generator: step `i` of purpose `name` draws from [`stream`]`(seed, name,
//! i)`, so that a resumed run draws what the uninterrupted one would have drawn. The helpers below
//! are ours because `rand` does not promise the same values from one release to the next; their
//! outputs, and those of `stream`, are fixed for ever by the tests.

use std::convert::Infallible;

use breadth_data::fnv_1a;
use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random numbers, made by [`stream`].
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

/// The generator of purpose `name` (say `"train/batch"`) at position `index` (say the step),
/// independent of all others.
///
/// ChaCha8 with key `seed (8 bytes) | FNV-1a-128(name) (16 bytes) | "breadth1"`, little-endian, and
/// `index` as its stream number: different indices are different streams of one cipher, not seeds
/// that may collide.
///
/// ```
/// use breadth_lm::rng::{self, stream};
/// let draw = |step| rng::below(&mut stream(7, "train/batch", step), 1000);
/// assert_eq!(draw(3), draw(3));
/// assert_ne!(draw(3), draw(4));
/// ```
pub fn stream(seed: u64, name: &str, index: u64) -> Stream {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..24].copy_from_slice(&fnv_1a(name.as_bytes()).to_le_bytes());
    key[24..].copy_from_slice(b"breadth1");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    Stream(rng)
}

/// Uniform integer in `0..n`, without bias (Lemire's multiplication with rejection). Zero for `n <=
/// 1`.
///
/// ```
/// use breadth_lm::rng::{below, stream};
/// assert!(below(&mut stream(0, "doc", 0), 6) < 6);
/// ```
pub fn below(rng: &mut Stream, n: u64) -> u64 {
    // Low halves under 2^64 mod n belong to the results that would otherwise come up once too
    // often.
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
pub fn uniform(rng: &mut Stream) -> f64 {
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
pub fn shuffle<T>(rng: &mut Stream, items: &mut [T]) {
    for i in 1..items.len() {
        let rest = items.len() - (i - 1);
        items.swap(i - 1, i - 1 + below(rng, rest as u64) as usize);
    }
}

/// Removes and returns a uniformly drawn item (the order of the rest changes); `None` when there is
/// none.
///
/// ```
/// use breadth_lm::rng::{stream, take};
/// let mut names = vec![4, 8];
/// let first = take(&mut stream(0, "doc", 0), &mut names).unwrap();
/// assert_eq!(first + names[0], 12);
/// ```
pub fn take<T>(rng: &mut Stream, items: &mut Vec<T>) -> Option<T> {
    if items.is_empty() {
        return None;
    }
    let i = below(rng, items.len() as u64) as usize;
    Some(items.swap_remove(i))
}

/// An index drawn with probability proportional to its weight, by one uniform draw. Zero weights
/// are never drawn.
///
/// Weights are finite, at least 0, and not all 0; the caller has checked that. `None` when their
/// sum is not positive.
///
/// ```
/// use breadth_lm::rng::{categorical, stream};
/// assert_eq!(categorical(&mut stream(0, "doc", 0), &[0.0, 2.5, 0.0]), Some(1));
/// ```
pub fn categorical(rng: &mut Stream, weights: &[f64]) -> Option<usize> {
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

/// Golden values are those of `scripts/conformance_rng.py`, a second implementation.
#[cfg(test)]
mod tests {
    use super::*;

    fn words(n: usize, mut rng: Stream) -> Vec<u64> {
        (0..n).map(|_| rng.next_u64()).collect()
    }

    #[test]
    fn streams_are_fixed_for_ever() {
        assert_eq!(
            words(2, stream(0, "", 0)),
            [0x190299c820e423a7, 0xc4ae30cb4d02d699]
        );
        assert_eq!(
            words(2, stream(7, "train/batch", 3)),
            [0x0338f7bf7c11d2e9, 0xf0a71f74a0fa7361]
        );
        assert_eq!(
            words(2, stream(u64::MAX, "ä", u64::MAX)),
            [0x2b6dbf94e6356278, 0x6fd57e8b169b11b4]
        );
        // Beyond the first block of the cipher.
        assert_eq!(words(17, stream(1, "golden", 2))[16], 0x4bfdf2a03b003f56);
    }

    #[test]
    fn helpers_are_fixed_for_ever() {
        let mut rng = stream(1, "golden", 3);
        let bounds = [2, 6, 10, 1000, (1 << 63) + 1, (1 << 63) + 1];
        assert_eq!(
            bounds.map(|n| below(&mut rng, n)),
            [0, 4, 0, 991, 3945423647234309652, 2674904532884789502]
        );
        assert_eq!(
            [uniform(&mut rng), uniform(&mut rng)],
            [0.4122717980104025, 0.2842765813771603]
        );
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        shuffle(&mut rng, &mut items);
        assert_eq!(items, [4, 8, 0, 1, 3, 5, 2, 6, 7, 9]);
    }

    #[test]
    fn seed_name_and_index_each_make_another_stream() {
        let places = [
            (0, "a", 0),
            (1, "a", 0),
            (0, "b", 0),
            (0, "a", 1),
            (0, "aa", 0),
            (1 << 32, "a", 0),
            (0, "a", 1 << 32),
        ];
        let firsts: std::collections::BTreeSet<u64> = places
            .iter()
            .map(|&(s, n, i)| words(1, stream(s, n, i))[0])
            .collect();
        assert_eq!(firsts.len(), places.len());
    }

    /// Pearson's statistic of counts that should be equal, in standard deviations from its mean.
    fn excess(counts: &[u64]) -> f64 {
        let (total, cells) = (counts.iter().sum::<u64>() as f64, counts.len() as f64);
        let expected = total / cells;
        let chi2: f64 = counts
            .iter()
            .map(|&c| (c as f64 - expected).powi(2) / expected)
            .sum();
        (chi2 - (cells - 1.0)) / (2.0 * (cells - 1.0)).sqrt()
    }

    #[test]
    fn below_shuffle_and_take_are_uniform() {
        let mut rng = stream(0, "uniformity", 0);
        let (mut dice, mut orders, mut taken) = ([0; 6], [0; 27], [0; 3]);
        for _ in 0..60_000 {
            dice[below(&mut rng, 6) as usize] += 1;
            let mut order = [0, 1, 2];
            shuffle(&mut rng, &mut order);
            orders[order[0] * 9 + order[1] * 3 + order[2]] += 1;
            taken[take(&mut rng, &mut vec![0, 1, 2]).unwrap()] += 1;
        }
        let permutations: Vec<u64> = orders.into_iter().filter(|&count| count > 0).collect();
        assert_eq!(permutations.len(), 6);
        for counts in [&dice[..], &permutations, &taken] {
            assert!(excess(counts).abs() < 4.0, "{counts:?}");
        }
    }

    #[test]
    fn categorical_follows_its_weights() {
        let mut rng = stream(0, "categorical", 0);
        let mut counts = [0u32; 4];
        for _ in 0..60_000 {
            counts[categorical(&mut rng, &[1.0, 0.0, 2.0, 3.0]).unwrap()] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, expected) in [
            (counts[0], 10_000.0),
            (counts[2], 20_000.0),
            (counts[3], 30_000.0),
        ] {
            assert!((f64::from(count) - expected).abs() < 500.0, "{counts:?}"); // four standard deviations
        }
    }

    #[test]
    fn nothing_to_draw_from() {
        let mut rng = stream(0, "edges", 0);
        assert_eq!((below(&mut rng, 0), below(&mut rng, 1)), (0, 0));
        assert_eq!(take(&mut rng, &mut Vec::<u32>::new()), None);
        assert_eq!(categorical(&mut rng, &[]), None);
        assert_eq!(categorical(&mut rng, &[0.0, 0.0]), None);
        shuffle(&mut rng, &mut Vec::<u32>::new());
        shuffle(&mut rng, &mut [1]);
    }
}
