//! Rotary positions: the angles by which pairs of numbers of query and key turn.

use std::sync::{Arc, Mutex};

use super::kernels::RotaryTable;

/// How a model's angles differ from `position * theta^(-2i/d)`, so that it may read longer texts
/// than it was trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// Not at all.
    None,
    /// All angles are divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Slow angles are divided, fast ones stay, those between are mixed (Llama 3).
    Llama3 {
        /// The divisor.
        factor: f64,
        /// Angles that turn fewer times than this in the original length are slow.
        low: f64,
        /// Angles that turn more often than this are fast.
        high: f64,
        /// The original length.
        original: f64,
    },
    /// As Llama 3, with a ramp over dimensions, and a temperature of the attention (YaRN).
    Yarn {
        /// The divisor.
        factor: f64,
        /// What cosines and sines are multiplied by; absent means `0.1 ln(factor) + 1`.
        attention_factor: Option<f64>,
        /// With `mscale_all_dim`: the multiplier is a ratio of two such terms; 0 where it is not
        /// given.
        mscale: f64,
        /// See `mscale`.
        mscale_all_dim: f64,
        /// Turns in the original length above which an angle stays.
        beta_fast: f64,
        /// Turns below which it is divided.
        beta_slow: f64,
        /// The original length.
        original: f64,
        /// Whether the ends of the ramp are whole dimensions.
        truncate: bool,
    },
    /// Every angle is divided by a number of its own, and by another one in all of a sequence that
    /// is longer than the original length (LongRoPE).
    Long {
        /// Divisors up to the original length.
        short: Vec<f64>,
        /// Divisors beyond.
        long: Vec<f64>,
        /// What cosines and sines are multiplied by; absent means `sqrt(1 + ln(factor) /
        /// ln(original))`.
        attention_factor: Option<f64>,
        /// How many times the original length the model reads.
        factor: f64,
        /// The original length.
        original: f64,
    },
}

/// Rotary positions of one kind of layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    /// Angle per position of each pair.
    frequencies: Vec<f32>,
    /// Other angles for sequences of more than so many tokens.
    long: Option<(usize, Vec<f32>)>,
    /// What cosines and sines are multiplied by.
    magnitude: f32,
}

impl Rotary {
    /// The first `width` numbers of a head turn, in `width / 2` pairs.
    #[must_use]
    pub fn new(theta: f64, width: usize, scaling: Scaling) -> Self {
        let frequency = |i: usize| theta.powf(-((2 * i) as f64) / width as f64);
        let plain: Vec<f64> = (0..width.div_ceil(2)).map(frequency).collect();
        let mut beyond = None;
        let (frequencies, magnitude) = match scaling {
            Scaling::None => (plain, 1.0),
            Scaling::Linear { factor } => (plain.iter().map(|f| f / factor).collect(), 1.0),
            Scaling::Llama3 {
                factor,
                low,
                high,
                original,
            } => {
                let scaled = |&f: &f64| llama3(f, factor, low, high, original);
                (plain.iter().map(scaled).collect(), 1.0)
            }
            Scaling::Yarn { .. } => yarn(&plain, theta, width, scaling),
            Scaling::Long {
                short,
                long,
                attention_factor,
                factor,
                original,
            } => {
                let divided = |by: &[f64]| plain.iter().zip(by).map(|(f, by)| f / by).collect();
                let own: Vec<f64> = divided(&long);
                beyond = Some((original as usize, single(&own)));
                let magnitude = if factor > 1.0 {
                    (1.0 + factor.ln() / original.ln()).sqrt()
                } else {
                    1.0
                };
                (divided(&short), attention_factor.unwrap_or(magnitude))
            }
        };
        Self {
            frequencies: single(&frequencies),
            long: beyond,
            magnitude: magnitude as f32,
        }
    }

    /// Pairs that turn.
    #[must_use]
    pub fn half(&self) -> usize {
        self.frequencies.len()
    }

    /// The longest sequence that turns by the usual angles, if longer ones turn by others.
    #[must_use]
    pub fn long_from(&self) -> Option<usize> {
        self.long.as_ref().map(|&(original, _)| original)
    }

    /// Cosines and sines at the positions `0..positions`, then those of long sequences. The angle
    /// is a product of two `f32`, as in the reference implementations.
    #[must_use]
    pub(crate) fn angles(&self, positions: usize) -> RotaryTable {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        let long = self.long.as_ref().map(|(_, frequencies)| frequencies);
        let sets = [Some(&self.frequencies), long];
        let rows = sets.into_iter().flatten();
        for (frequencies, position) in rows.flat_map(|set| (0..positions).map(move |p| (set, p))) {
            for &frequency in frequencies {
                let (s, c) = f64::from(position as f32 * frequency).sin_cos();
                cos.push(c as f32 * self.magnitude);
                sin.push(s as f32 * self.magnitude);
            }
        }
        RotaryTable {
            half: self.half(),
            positions,
            cos,
            sin,
        }
    }
}

fn single(frequencies: &[f64]) -> Vec<f32> {
    frequencies.iter().map(|&f| f as f32).collect()
}

fn llama3(frequency: f64, factor: f64, low: f64, high: f64, original: f64) -> f64 {
    let turns = original * frequency / (2.0 * std::f64::consts::PI);
    if turns > high {
        frequency
    } else if turns < low {
        frequency / factor
    } else {
        let smooth = (turns - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}

fn yarn(plain: &[f64], theta: f64, width: usize, scaling: Scaling) -> (Vec<f64>, f64) {
    let Scaling::Yarn {
        factor,
        attention_factor,
        mscale,
        mscale_all_dim,
        beta_fast,
        beta_slow,
        original,
        truncate,
    } = scaling
    else {
        unreachable!("called for YaRN alone")
    };
    let term = |scale: f64, m: f64| {
        if scale <= 1.0 {
            1.0
        } else {
            0.1 * m * scale.ln() + 1.0
        }
    };
    let magnitude = attention_factor.unwrap_or_else(|| {
        if mscale != 0.0 && mscale_all_dim != 0.0 {
            term(factor, mscale) / term(factor, mscale_all_dim)
        } else {
            term(factor, 1.0)
        }
    });
    let dimension = |turns: f64| {
        let wavelengths = original / (turns * 2.0 * std::f64::consts::PI);
        width as f64 * wavelengths.ln() / (2.0 * theta.ln())
    };
    let (mut low, mut high) = (dimension(beta_fast), dimension(beta_slow));
    if truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, mut high) = (low.max(0.0), high.min(width as f64 - 1.0));
    if low == high {
        high += 0.001;
    }
    let mixed = |(i, &f): (usize, &f64)| {
        let divided = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
        f / factor * divided + f * (1.0 - divided)
    };
    (plain.iter().enumerate().map(mixed).collect(), magnitude)
}

/// The angles of all kinds of layers, made as far as sequences reach and kept.
#[derive(Debug, Default)]
pub(super) struct RotaryCache(Mutex<Vec<Arc<RotaryTable>>>);

impl RotaryCache {
    /// Tables of each kind for at least `positions` positions.
    pub fn get(&self, kinds: &[Rotary], positions: usize) -> Vec<Arc<RotaryTable>> {
        let mut kept = self.0.lock().expect("no code panics while it holds this");
        let enough = |a: &Arc<RotaryTable>| a.positions >= positions;
        if kept.len() != kinds.len() || !kept.iter().all(enough) {
            let reach = positions.next_power_of_two().max(64);
            *kept = kinds.iter().map(|r| Arc::new(r.angles(reach))).collect();
        }
        kept.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_angles_by_hand() {
        let angles = Rotary::new(100.0, 4, Scaling::None).angles(3);
        assert_eq!(angles.half, 2);
        // theta^(-2/4) = 0.1
        let exact = [[0.0, 0.0], [1.0, 0.1], [2.0, 0.2f32]];
        for (at, angle) in exact.iter().flatten().enumerate() {
            assert!((angles.cos[at] - angle.cos()).abs() < 1e-6);
            assert!((angles.sin[at] - angle.sin()).abs() < 1e-6);
        }
    }

    #[test]
    fn scalings_leave_fast_angles_and_divide_slow_ones() {
        let plain = Rotary::new(1e4, 64, Scaling::None).frequencies;
        let llama = Scaling::Llama3 {
            factor: 8.0,
            low: 1.0,
            high: 4.0,
            original: 256.0,
        };
        let yarn = Scaling::Yarn {
            factor: 8.0,
            attention_factor: None,
            mscale: 0.0,
            mscale_all_dim: 0.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            original: 256.0,
            truncate: true,
        };
        for scaling in [llama, yarn.clone()] {
            let scaled = Rotary::new(1e4, 64, scaling).frequencies;
            assert_eq!(scaled[0], plain[0]);
            assert!((scaled[31] * 8.0 / plain[31] - 1.0).abs() < 1e-6);
            assert!(
                scaled
                    .iter()
                    .zip(&plain)
                    .all(|(s, p)| s <= p && s * 8.01 >= *p)
            );
        }
        let magnitude = Rotary::new(1e4, 64, yarn).magnitude;
        assert!((f64::from(magnitude) - (0.1 * 8f64.ln() + 1.0)).abs() < 1e-6);
    }
}
