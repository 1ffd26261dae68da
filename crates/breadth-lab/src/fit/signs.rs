//! The truth, or a sign for each prompt: the class of Prop 4.1(b).

use crate::law::PromptCounts;

/// The models `P(1|i) = (1 + tilt t_i) / 2` for signs t of the prompts, with what they have seen.
///
/// Maximum likelihood over all signs and the fair coin is exact without a search: the likelihood is
/// a product over prompts, so each sign is chosen by its own prompt, and the fair coin wins unless
/// the sum of what the best signs gain exceeds what choosing any signs costs elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct SignedPrompts {
    log_likely: f64,
    log_unlikely: f64,
}

impl SignedPrompts {
    /// The models of this tilt, in (0, 1).
    pub fn new(tilt: f64) -> SignedPrompts {
        SignedPrompts {
            log_likely: tilt.ln_1p(),
            log_unlikely: (-tilt).ln_1p(),
        }
    }

    /// `max_t log( prod (1 + tilt t)^ones (1 - tilt t)^zeros )`: how much likelier than a fair coin
    /// the better sign makes a prompt's tokens, in nats.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_lab::{fit::SignedPrompts, law::PromptCounts};
    /// let gain = SignedPrompts::new(0.5).gain(PromptCounts { ones: 1, zeros: 3 });
    /// assert!((gain - (1.5_f64.powi(3) * 0.5).ln()).abs() < 1e-15);
    /// ```
    pub fn gain(&self, seen: PromptCounts) -> f64 {
        let more = f64::from(seen.ones.max(seen.zeros));
        let fewer = f64::from(seen.ones.min(seen.zeros));
        more * self.log_likely + fewer * self.log_unlikely
    }

    /// The log-likelihood of the best signs over that of fair coins.
    pub fn best_gain(&self, prompts: &[PromptCounts]) -> f64 {
        prompts.iter().map(|&seen| self.gain(seen)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_signs() {
        let tilt: f64 = 0.3;
        let prompts = [(3, 1), (0, 0), (2, 2), (0, 5), (1, 0), (4, 6)]
            .map(|(ones, zeros)| PromptCounts { ones, zeros });
        let gain_of = |signs: u32| -> f64 {
            let of_prompt = |(i, seen): (usize, &PromptCounts)| {
                let sign = if signs >> i & 1 == 1 { tilt } else { -tilt };
                f64::from(seen.ones) * sign.ln_1p() + f64::from(seen.zeros) * (-sign).ln_1p()
            };
            prompts.iter().enumerate().map(of_prompt).sum()
        };
        let best = (0..1 << prompts.len())
            .map(gain_of)
            .fold(f64::NEG_INFINITY, f64::max);
        assert!((SignedPrompts::new(tilt).best_gain(&prompts) - best).abs() < 1e-12);
        // A prompt with as many ones as zeros costs: both signs are worse than the fair coin.
        assert!(SignedPrompts::new(tilt).gain(prompts[2]) < 0.0);
    }
}
