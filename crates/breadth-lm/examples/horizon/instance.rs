//! The instances of the study.

use breadth_lm::rng::uniform;

use crate::prompt::{D, Prompt, Theta, V, binomial};
use breadth_lm::rng::Stream;

/// A mixture of prompts, with the truth and the start.
pub struct Instance {
    pub prompts: Vec<Prompt>,
    pub start: Theta,
}

/// The instances of the study.
#[derive(Clone, Copy, PartialEq)]
pub enum Case {
    /// Two steep prompts that pull apart (130 degrees between their directions), of two tokens
    /// each; one flat prompt. B = 12.
    Opposed,
    /// Prop 5.1's three tokens, from which large steps jump for ever, and one flat prompt. B = 60.
    Cycle,
    /// The same with four flat prompts, a share of 2.5% each.
    RareFlats,
}

impl Case {
    pub fn name(self) -> &'static str {
        match self {
            Case::Opposed => "A. Two steep prompts that pull apart",
            Case::Cycle => "B. The two-cycle and one flat prompt",
            Case::RareFlats => "C. The two-cycle and four flat prompts",
        }
    }

    pub fn steps(self) -> u64 {
        match self {
            Case::Opposed | Case::Cycle => 2000,
            Case::RareFlats => 4000,
        }
    }

    /// B, and the length of the flat prompts' features.
    pub fn bounds(self) -> (f64, f64) {
        match self {
            Case::Opposed => (12.0, 12.0),
            Case::Cycle | Case::RareFlats => (60.0, 20.0),
        }
    }

    pub fn build(self, horizon: usize) -> Instance {
        let (bound, flat_bound) = self.bounds();
        let flats = if self == Case::RareFlats { 4 } else { 1 };
        // The truth: 0.8 along the first coordinate, and a length of 0.6 in those of the flat
        // prompts.
        let mut truth = [0.0; D];
        truth[0] = 0.8;
        truth[2..2 + flats].fill(0.6 / (flats as f64).sqrt());
        let direction = |x: f64, y: f64| {
            let mut row = [0.0; D];
            (row[0], row[1]) = (bound * x, bound * y);
            row
        };
        let (steep, start) = match self {
            Case::Opposed => {
                let (sin, cos) = 65_f64.to_radians().sin_cos();
                let pair = |sin: f64| vec![direction(-cos, -sin), direction(cos, sin)];
                (vec![pair(sin), pair(-sin)], [0.0; D])
            }
            Case::Cycle | Case::RareFlats => {
                let (x, y) = (0.7, 0.51_f64.sqrt());
                let rows = vec![direction(x, -y), direction(1.0, 0.0), direction(x, y)];
                (vec![rows], direction(x / bound, y / bound))
            }
        };
        let share = 0.9 / steep.len() as f64;
        let mut prompts: Vec<Prompt> = steep
            .into_iter()
            .map(|rows| Prompt::new(share, horizon, rows, &truth))
            .collect();
        for flat in 0..flats {
            let mut rows = vec![[0.0; D]; V];
            rows[V - 1][2 + flat] = flat_bound;
            prompts.push(Prompt::new(0.1 / flats as f64, 1, rows, &truth));
        }
        Instance { prompts, start }
    }
}

impl Instance {
    pub fn prompt(&self, rng: &mut Stream) -> &Prompt {
        let mut left = uniform(rng);
        let found = self.prompts.iter().find(|prompt| {
            left -= prompt.share;
            left < 0.0
        });
        found.unwrap_or(&self.prompts[0])
    }

    /// How many of `k` responses are to which prompt.
    pub fn batch(&self, k: usize, rng: &mut Stream) -> Vec<(&Prompt, usize)> {
        let (mut left, mut rest) = (k, 1.0);
        let of_prompt = |prompt: &Prompt| {
            let p = (prompt.share / rest).min(1.0);
            let count = if rest - prompt.share < 1e-9 {
                left
            } else {
                binomial(left, p, uniform(rng))
            };
            left -= count;
            rest -= prompt.share;
            count
        };
        let counts: Vec<usize> = self.prompts.iter().map(of_prompt).collect();
        let batch = self.prompts.iter().zip(counts);
        batch.filter(|(_, count)| *count > 0).collect()
    }

    pub fn coverage(&self, of: impl FnMut(&Prompt) -> f64) -> f64 {
        let shares = self.prompts.iter().map(|prompt| prompt.share);
        let values: Vec<f64> = self.prompts.iter().map(of).collect();
        shares.zip(values).map(|(share, value)| share * value).sum()
    }
}
