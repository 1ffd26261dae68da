//! The convex hull of the class of Prop 4.1(b).

use crate::law::PromptCounts;

/// The hull of "fair coins, or tilts of one size": `P(1|i) = (1 + e_i) / 2` with `|e_i| <= w tilt`
/// for a w in [0, 1] that all prompts share.
#[derive(Clone, Copy, Debug)]
pub struct TiltedPrompts {
    tilt: f64,
}

impl TiltedPrompts {
    /// The hull for tilts up to `tilt`, in (0, 1).
    pub fn new(tilt: f64) -> TiltedPrompts {
        TiltedPrompts { tilt }
    }

    /// The maximum likelihood tilt of a prompt at w: `clip((ones - zeros) / (ones + zeros), ±w
    /// tilt)`, and 0 at a prompt without tokens.
    pub fn best_tilt(&self, seen: PromptCounts, w: f64) -> f64 {
        let (ones, zeros) = (f64::from(seen.ones), f64::from(seen.zeros));
        if ones + zeros == 0.0 {
            return 0.0;
        }
        ((ones - zeros) / (ones + zeros)).clamp(-w * self.tilt, w * self.tilt)
    }

    /// How much likelier than a fair coin the best tilt at w makes a prompt's tokens, in nats;
    /// concave in w.
    pub fn gain(&self, seen: PromptCounts, w: f64) -> f64 {
        let tilt = self.best_tilt(seen, w);
        f64::from(seen.ones) * tilt.ln_1p() + f64::from(seen.zeros) * (-tilt).ln_1p()
    }

    /// The derivative of [`TiltedPrompts::gain`] by w: 0 where the prompt's best tilt is not at its
    /// limit.
    pub fn slope(&self, seen: PromptCounts, w: f64) -> f64 {
        let more = f64::from(seen.ones.max(seen.zeros));
        let fewer = f64::from(seen.ones.min(seen.zeros));
        let limit = w * self.tilt;
        if more - fewer <= limit * (more + fewer) {
            return 0.0;
        }
        self.tilt * (more / (1.0 + limit) - fewer / (1.0 - limit))
    }

    /// Maximum likelihood of w, where prompt 0 has shown its only token `others` times and
    /// `P(1|0) = 1 - w (1 - floor)`.
    ///
    /// The gain of all prompts plus `others log(1 - w (1 - floor))` is concave: its derivative is
    /// bisected.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_lab::{fit::TiltedPrompts, law::PromptCounts};
    /// let hull = TiltedPrompts::new(0.5);
    /// let seen = [PromptCounts { ones: 3, zeros: 0 }];
    /// assert_eq!(hull.weight(&seen, 0.0, 1e-9), 1.0); // nothing speaks against the tilt
    /// let w = hull.weight(&seen, 1.0, 1e-9); // 1.5 / (1 + w/2) = 1 / (1 - w)
    /// assert!((w - 0.25).abs() < 1e-8);
    /// ```
    pub fn weight(&self, prompts: &[PromptCounts], others: f64, floor: f64) -> f64 {
        let slope = |w: f64| {
            let gained: f64 = prompts.iter().map(|&seen| self.slope(seen, w)).sum();
            gained - others * (1.0 - floor) / (1.0 - w * (1.0 - floor))
        };
        if slope(1.0) >= 0.0 {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: f64 = 1e-3;

    fn prompts(counts: &[(u32, u32)]) -> Vec<PromptCounts> {
        counts
            .iter()
            .map(|&(ones, zeros)| PromptCounts { ones, zeros })
            .collect()
    }

    #[test]
    fn no_point_of_a_grid_of_the_hull_is_likelier() {
        let tilt = 0.6;
        let hull = TiltedPrompts::new(tilt);
        for (seen, others) in [
            (prompts(&[(3, 1), (0, 2)]), 1.0),
            (prompts(&[(9, 1), (2, 8)]), 2.0),
            (prompts(&[(2, 2), (0, 0)]), 1.0),
            (prompts(&[(5, 0), (0, 5)]), 0.0),
        ] {
            let likelihood = |w: f64, tilts: [f64; 2]| {
                let of_prompts = seen.iter().zip(tilts).map(|(seen, e)| {
                    f64::from(seen.ones) * e.ln_1p() + f64::from(seen.zeros) * (-e).ln_1p()
                });
                others * (1.0 - w * (1.0 - FLOOR)).ln() + of_prompts.sum::<f64>()
            };
            let w = hull.weight(&seen, others, FLOOR);
            let best = likelihood(w, [0, 1].map(|i| hull.best_tilt(seen[i], w)));
            let mut on_grid = f64::NEG_INFINITY;
            for i in 0..=200 {
                let w = f64::from(i) / 200.0;
                for j in 0..=60 {
                    for k in 0..=60 {
                        let tilts = [j, k].map(|step| w * tilt * (f64::from(step) / 30.0 - 1.0));
                        on_grid = f64::max(on_grid, likelihood(w, tilts));
                    }
                }
            }
            assert!(best >= on_grid - 1e-9, "{seen:?}: {best} < {on_grid}");
            assert!(best - on_grid < 0.02, "{seen:?}: {best} > {on_grid}");
        }
    }

    #[test]
    fn slopes_are_finite_differences() {
        let hull = TiltedPrompts::new(0.4);
        for seen in prompts(&[(3, 1), (0, 7), (5, 5), (0, 0), (6, 4), (12, 8)]) {
            for w in [0.1, 0.45, 0.9] {
                let difference = (hull.gain(seen, w + 1e-6) - hull.gain(seen, w - 1e-6)) / 2e-6;
                assert!(
                    (hull.slope(seen, w) - difference).abs() < 1e-6,
                    "{seen:?}, w = {w}"
                );
            }
        }
    }
}
