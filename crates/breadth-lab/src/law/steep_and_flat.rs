//! Instance S: a steep prompt that every response of H tokens teaches, and a flat one of a single
//! token that is seen one time in ten.

use super::prompt::{NextToken, Prompt};

/// al: the first coordinate of the steep prompt's other two features.
const ALPHA: f64 = 0.2;
const TRUTH: [f64; 3] = [0.8, 0.0, 0.6];
/// mu of the steep prompt.
const STEEP: f64 = 0.9;

/// The steep prompt and the flat one.
#[derive(Clone, Debug)]
pub struct SteepAndFlat {
    /// B.
    pub bound: f64,
    /// Tokens 0, +1, -1 with the features (1, 0), (al, b), (al, -b) times B, al^2 + b^2 = 1.
    pub steep: Prompt<3, 3>,
    /// The right token with the feature B e_3, and 15 others.
    pub flat: Prompt<3, 2>,
    of_steep: Vec<([f64; 3], f64)>,
    of_flat: Vec<([f64; 2], f64)>,
}

/// The next-token laws of a model on the two prompts.
#[derive(Clone, Copy, Debug)]
pub struct SteepAndFlatLaws {
    /// On the steep one.
    pub steep: NextToken<3>,
    /// On the flat one.
    pub flat: NextToken<2>,
}

impl SteepAndFlat {
    /// Where training starts: at the steep prompt's token +1.
    pub fn start() -> [f64; 3] {
        [ALPHA, (1.0 - ALPHA * ALPHA).sqrt(), 0.0]
    }

    /// The instance with H = `horizon` and B = `bound`.
    pub fn new(horizon: u64, bound: f64) -> SteepAndFlat {
        let (x, y) = (bound * ALPHA, bound * (1.0 - ALPHA * ALPHA).sqrt());
        let features = [[bound, 0.0, 0.0], [x, y, 0.0], [x, -y, 0.0]];
        let steep = Prompt::new(STEEP, horizon, features, [1.0; 3], &TRUTH);
        let features = [[0.0, 0.0, bound], [0.0; 3]];
        let flat = Prompt::new(1.0 - STEEP, 1, features, [1.0, 15.0], &TRUTH);
        SteepAndFlat {
            bound,
            of_steep: steep.responses(),
            of_flat: flat.responses(),
            steep,
            flat,
        }
    }

    /// The inherent variance s2.
    pub fn variance(&self) -> f64 {
        STEEP * self.steep.variance() + (1.0 - STEEP) * self.flat.variance()
    }

    /// The next-token laws of a model.
    pub fn next(&self, theta: &[f64; 3]) -> SteepAndFlatLaws {
        SteepAndFlatLaws {
            steep: self.steep.next(theta),
            flat: self.flat.next(theta),
        }
    }

    /// `Cov_N` of a model.
    pub fn coverage(&self, laws: &SteepAndFlatLaws, log_n: f64) -> f64 {
        let steep = self.steep.coverage(&laws.steep, &self.of_steep, log_n);
        let flat = self.flat.coverage(&laws.flat, &self.of_flat, log_n);
        STEEP * steep + (1.0 - STEEP) * flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_all_but_certain_where_the_steep_prompt_is_steep() {
        for (bound, rare) in [(16.0, 7.1e-5), (40.0, 1.51e-11)] {
            let instance = SteepAndFlat::new(8, bound);
            let law = instance.next(&TRUTH);
            assert!(
                ((1.0 - law.steep.q[0]) / rare - 1.0).abs() < 0.02,
                "{}",
                law.steep.q[0]
            );
            assert_eq!(instance.coverage(&law, 8_f64.ln()), 0.0);
        }
    }

    /// At the start both prompts are uncovered.
    #[test]
    fn the_start_covers_nothing() {
        let instance = SteepAndFlat::new(8, 16.0);
        let laws = instance.next(&SteepAndFlat::start());
        // All but the flat prompt's 15 wrong tokens.
        let wrong = 1.0 - instance.next(&TRUTH).flat.q[0];
        let missed = instance.coverage(&laws, 8_f64.ln());
        assert!(
            (missed - (1.0 - (1.0 - STEEP) * wrong)).abs() < 1e-9,
            "{missed}"
        );
    }

    #[test]
    fn inherent_variance_grows_with_the_horizon() {
        let of = |horizon, bound| SteepAndFlat::new(horizon, bound).variance();
        // H 2 e^{-.64 B} |B (v(1) - v(0))|^2, and the flat prompt's.
        let expected = 0.9 * 512.0 * 2.0 * (-10.24_f64).exp() * 256.0 * 1.6;
        assert!(
            (of(512, 16.0) / expected - 1.0).abs() < 0.01,
            "{}",
            of(512, 16.0)
        );
        assert!(of(2048, 40.0) < 1e-3);
    }
}
