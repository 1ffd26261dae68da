//! Success rates as a beta distribution with some prompts never and some always solved.

use std::collections::BTreeMap;

use crate::interval::ln_beta;

/// The four parameters, each without bounds: the log-odds of the mean, the logarithm of a + b, and
/// the logarithms of the odds of never and of always against the rest.
type Parameters = [f64; 4];

/// Where the search begins: means and concentrations of all kinds.
const STARTS: [Parameters; 6] = [
    [0.0, 0.7, -3.0, -3.0],
    [-2.0, 0.0, -3.0, -3.0],
    [2.0, 0.0, -3.0, -3.0],
    [0.0, 3.0, -1.0, -1.0],
    [-3.0, 2.0, -8.0, -8.0],
    [0.0, -1.0, -8.0, -8.0],
];
/// Bounds of the search: beyond them nothing changes that data could show.
const LEAST: Parameters = [-12.0, -5.0, -25.0, -25.0];
const MOST: Parameters = [12.0, 9.0, 12.0, 12.0];

/// A distribution for each class of prompts.
pub(super) struct BetaBinomials {
    /// Each with its share of the prompts.
    classes: Vec<(BetaBinomial, f64)>,
    prompts: f64,
}

impl BetaBinomials {
    /// `outcomes`: number of prompts by (samples, correct ones); `class`: of each number of samples.
    pub(super) fn new(
        outcomes: &BTreeMap<(u64, u64), f64>,
        class: &BTreeMap<u64, usize>,
        k: u64,
    ) -> Self {
        let prompts: f64 = outcomes.values().sum();
        let last = class.values().max().map_or(0, |last| last + 1);
        let of_class = |wanted: usize| {
            let own = outcomes
                .iter()
                .filter(move |((n, _), _)| class[n] == wanted);
            let share = own.clone().map(|(_, prompts)| prompts).sum::<f64>() / prompts;
            (BetaBinomial::new(own, k), share)
        };
        BetaBinomials {
            classes: (0..last).map(of_class).collect(),
            prompts,
        }
    }

    /// The most likely parameters.
    pub(super) fn best(&self) -> Vec<Parameters> {
        self.classes.iter().map(|(class, _)| class.best()).collect()
    }

    /// Pass@k under these distributions.
    pub(super) fn pass(&self, at: &[Parameters]) -> f64 {
        let classes = self.classes.iter().zip(at);
        classes
            .map(|((class, share), at)| share * class.pass(at))
            .sum()
    }

    fn log_likelihood(&self, at: &[Parameters]) -> f64 {
        let classes = self.classes.iter().zip(at);
        classes
            .map(|((class, _), at)| class.log_likelihood(at))
            .sum()
    }

    /// The largest (`sign` 1) or smallest (-1) Pass@k whose log-likelihood is within `drop` of the
    /// best: the price of Pass@k at which the optimum has fallen by it.
    pub(super) fn end(&self, best: &[Parameters], sign: f64, drop: f64) -> f64 {
        let floor = self.log_likelihood(best) - drop;
        let at = |log_price: f64, from: &[Parameters]| -> Vec<Parameters> {
            let price = sign * self.prompts * log_price.exp();
            let climb = |((class, share), from): (&(BetaBinomial, f64), &Parameters)| {
                let priced =
                    |at: &Parameters| class.log_likelihood(at) + price * share * class.pass(at);
                class.climb(*from, priced)
            };
            self.classes.iter().zip(from).map(climb).collect()
        };
        let (mut low, mut high, mut from) = (-8.0, 14.0, best.to_vec());
        let mut far = self.pass(best);
        for _ in 0..16 {
            let middle = 0.5 * (low + high);
            let found = at(middle, &from);
            if self.log_likelihood(&found) < floor {
                (high, far) = (middle, self.pass(&found));
            } else {
                far = if high == 14.0 { self.pass(&found) } else { far };
                (low, from) = (middle, found);
            }
        }
        if sign > 0.0 {
            far.max(self.pass(best))
        } else {
            far.min(self.pass(best))
        }
    }
}

/// `sum_i log P[c_i]` of the zero- and one-inflated beta-binomial, and what it says of Pass@k.
struct BetaBinomial {
    /// (n, c, prompts, log C(n, c)).
    outcomes: Vec<(f64, f64, f64, f64)>,
    k: f64,
}

impl BetaBinomial {
    fn new<'a>(outcomes: impl Iterator<Item = (&'a (u64, u64), &'a f64)>, k: u64) -> Self {
        let outcome = |(&(n, c), &prompts): (&(u64, u64), &f64)| {
            (
                n as f64,
                c as f64,
                prompts,
                statrs::function::factorial::ln_binomial(n, c),
            )
        };
        BetaBinomial {
            outcomes: outcomes.map(outcome).collect(),
            k: k as f64,
        }
    }

    /// a, b, and the shares of never, always and the rest.
    fn distribution(&self, at: &Parameters) -> (f64, f64, [f64; 3]) {
        let (mean, size) = (1.0 / (1.0 + (-at[0]).exp()), at[1].exp());
        let (never, always) = (at[2].exp(), at[3].exp());
        let all = 1.0 + never + always;
        (
            mean * size,
            (1.0 - mean) * size,
            [never / all, always / all, 1.0 / all],
        )
    }

    fn log_likelihood(&self, at: &Parameters) -> f64 {
        let (a, b, [never, always, rest]) = self.distribution(at);
        let norm = ln_beta(a, b);
        let of = |&(n, c, prompts, choose): &(f64, f64, f64, f64)| {
            let mut chance = rest * (choose + ln_beta(a + c, b + n - c) - norm).exp();
            chance += if c == 0.0 { never } else { 0.0 };
            chance += if c == n { always } else { 0.0 };
            prompts * chance.max(f64::MIN_POSITIVE).ln()
        };
        self.outcomes.iter().map(of).sum()
    }

    /// Pass@k under the distribution.
    fn pass(&self, at: &Parameters) -> f64 {
        let (a, b, [_, always, rest]) = self.distribution(at);
        let miss = (ln_beta(a, b + self.k) - ln_beta(a, b)).exp();
        (always + rest * (1.0 - miss)).clamp(0.0, 1.0)
    }

    /// The most likely parameters.
    fn best(&self) -> Parameters {
        let found = STARTS.map(|start| self.climb(start, |at| self.log_likelihood(at)));
        let better = |a: Parameters, b: &Parameters| {
            if self.log_likelihood(b) > self.log_likelihood(&a) {
                *b
            } else {
                a
            }
        };
        found.iter().fold(found[0], better)
    }

    /// Pattern search: steps along each parameter that grow while they help and shrink where they
    /// do not.
    fn climb(&self, start: Parameters, value: impl Fn(&Parameters) -> f64) -> Parameters {
        let (mut at, mut here, mut steps) = (start, value(&start), [0.5; 4]);
        for _ in 0..400 {
            for i in 0..4 {
                let mut moved = false;
                for sign in [1.0, -1.0] {
                    let mut next = at;
                    next[i] = (at[i] + sign * steps[i]).clamp(LEAST[i], MOST[i]);
                    let there = value(&next);
                    if there > here {
                        (at, here, moved) = (next, there, true);
                        break;
                    }
                }
                steps[i] *= if moved { 1.6 } else { 0.5 };
            }
            if steps.iter().all(|&step| step < 1e-5) {
                break;
            }
        }
        at
    }
}
