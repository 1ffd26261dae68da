//! The instances of the study.

use breadth_lab::law::{NextToken, Prompt, multinomial};
use breadth_stats::numerics::sum;
use rand_chacha::ChaCha8Rng;

/// Coordinates of theta; an instance may leave the last ones at 0.
pub const D: usize = 6;
/// The level of all coverages.
pub const N: f64 = 4.0;

pub type Theta = [f64; D];
/// The features of a prompt's kinds of tokens.
type Rows<const V: usize> = [Theta; V];

/// A mixture of prompts, with the start. `V`: kinds of tokens.
pub struct Instance<const V: usize> {
    pub prompts: Vec<Prompt<D, V>>,
    shares: Vec<f64>,
    /// (prompts) the list of each one's responses, which every coverage goes through.
    responses: Vec<Vec<([f64; V], f64)>>,
    pub start: Theta,
}

/// An instance of the study at every H.
pub struct Case<const V: usize> {
    pub name: &'static str,
    /// T.
    pub steps: u64,
    /// B, the length of the steep prompts' features.
    pub bound: f64,
    /// The length of the flat prompts' features.
    flat_bound: f64,
    flats: usize,
    /// How many of a flat prompt's 16 tokens are of each kind. The first kind is the one that theta
    /// moves; the others are alike.
    flat_tokens: [f64; V],
    /// For B, the features of each steep prompt; and where training starts.
    steep: fn(f64) -> (Vec<Rows<V>>, Theta),
}

/// Two steep prompts that pull apart (130 degrees between their directions), of two tokens each;
/// one flat prompt.
pub const OPPOSED: Case<2> = Case {
    name: "A. Two steep prompts that pull apart",
    steps: 2000,
    bound: 12.0,
    flat_bound: 12.0,
    flats: 1,
    flat_tokens: [1.0, 15.0],
    steep: opposed,
};

/// Prop 5.1's three tokens, from which large steps jump for ever, and one flat prompt.
pub const CYCLE: Case<3> = Case {
    name: "B. The two-cycle and one flat prompt",
    steps: 2000,
    bound: 60.0,
    flat_bound: 20.0,
    flats: 1,
    flat_tokens: [1.0, 7.0, 8.0],
    steep: cycle,
};

/// The same with four flat prompts, a share of 2.5% each.
pub const RARE_FLATS: Case<3> = Case {
    name: "C. The two-cycle and four flat prompts",
    steps: 4000,
    flats: 4,
    ..CYCLE
};

fn opposed(bound: f64) -> (Vec<Rows<2>>, Theta) {
    let (sin, cos) = 65_f64.to_radians().sin_cos();
    let pair = |sin: f64| {
        let way = [bound * cos, bound * sin];
        [in_plane(way.map(|x| -x)), in_plane(way)]
    };
    (vec![pair(sin), pair(-sin)], [0.0; D])
}

fn cycle(bound: f64) -> (Vec<Rows<3>>, Theta) {
    let (x, y) = (0.7, 0.51_f64.sqrt());
    let ways = [[x, -y], [1.0, 0.0], [x, y]];
    let rows = ways.map(|way| in_plane(way.map(|x| bound * x)));
    (vec![rows], in_plane([x, y]))
}

/// The steep prompts have the first two coordinates.
fn in_plane([x, y]: [f64; 2]) -> Theta {
    let mut row = [0.0; D];
    (row[0], row[1]) = (x, y);
    row
}

impl<const V: usize> Case<V> {
    pub fn build(&self, horizon: u64) -> Instance<V> {
        let truth = self.truth();
        let (steep, start) = (self.steep)(self.bound);
        let share = 0.9 / steep.len() as f64;
        let steep = steep
            .into_iter()
            .map(|rows| Prompt::new(share, horizon, rows, [1.0; V], &truth));
        let flat = |at: usize| {
            let mut rows = [[0.0; D]; V];
            rows[0][2 + at] = self.flat_bound;
            Prompt::new(0.1 / self.flats as f64, 1, rows, self.flat_tokens, &truth)
        };
        let prompts = steep.chain((0..self.flats).map(flat)).collect();
        Instance::new(prompts, start)
    }

    /// 0.8 along the first coordinate, and a length of 0.6 in those of the flat prompts.
    fn truth(&self) -> Theta {
        let mut truth = [0.0; D];
        truth[0] = 0.8;
        truth[2..2 + self.flats].fill(0.6 / (self.flats as f64).sqrt());
        truth
    }
}

impl<const V: usize> Instance<V> {
    fn new(prompts: Vec<Prompt<D, V>>, start: Theta) -> Self {
        Self {
            shares: prompts.iter().map(|prompt| prompt.share).collect(),
            responses: prompts.iter().map(Prompt::responses).collect(),
            prompts,
            start,
        }
    }

    /// The inherent variance s2.
    pub fn variance(&self) -> f64 {
        self.mean(|at| self.prompts[at].variance())
    }

    /// The mean over the prompts of a number of each.
    pub fn mean(&self, of: impl FnMut(usize) -> f64) -> f64 {
        let numbers = (0..self.prompts.len()).map(of);
        sum(self.shares.iter().zip(numbers).map(|(share, x)| share * x))
    }

    /// (prompts) the next-token laws of a model.
    pub fn next(&self, theta: &Theta) -> Vec<NextToken<V>> {
        let next = |prompt: &Prompt<D, V>| prompt.next(theta);
        self.prompts.iter().map(next).collect()
    }

    /// `Cov_N` of a model on one prompt.
    pub fn coverage(&self, at: usize, next: &NextToken<V>) -> f64 {
        self.prompts[at].coverage(next, &self.responses[at], N.ln())
    }

    /// (prompts) how many of `k` responses are to which.
    pub fn batch(&self, k: usize, rng: &mut ChaCha8Rng) -> Vec<u64> {
        multinomial(rng, k as u64, &self.shares)
    }

    /// A prompt drawn from mu.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let drawn = self.batch(1, rng).iter().position(|&count| count == 1);
        drawn.expect("one response")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists_are_whole<const V: usize>(case: &Case<V>) {
        for list in &case.build(512).responses {
            let total: f64 = list.iter().map(|(_, probability)| probability).sum();
            assert!((total - 1.0).abs() < 1e-11, "{}: {total}", case.name);
        }
    }

    #[test]
    fn nothing_is_missing_in_the_lists_of_responses() {
        lists_are_whole(&OPPOSED);
        lists_are_whole(&CYCLE);
        lists_are_whole(&RARE_FLATS);
    }

    /// The flat prompts start uncovered; the truth covers everything.
    fn is_as_described<const V: usize>(case: &Case<V>) {
        let instance = case.build(8);
        assert!((instance.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let (start, truth) = (instance.next(&instance.start), instance.next(&case.truth()));
        for (at, prompt) in instance.prompts.iter().enumerate() {
            assert_eq!(instance.coverage(at, &truth[at]), 0.0);
            if prompt.horizon == 1 {
                assert!((start[at].q[0] - 1.0 / 16.0).abs() < 1e-12);
                assert!(instance.coverage(at, &start[at]) > 0.96, "{}", case.name);
            }
        }
    }

    #[test]
    fn flat_prompts_start_uncovered_and_the_truth_covers_all() {
        is_as_described(&OPPOSED);
        is_as_described(&CYCLE);
        is_as_described(&RARE_FLATS);
    }
}
