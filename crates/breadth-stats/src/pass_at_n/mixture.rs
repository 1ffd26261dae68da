//! The distributions of success rates that fit the samples: the most likely one, and the least of a
//! linear functional over all that are nearly as likely.
//!
//! Prompts of other numbers of samples may be prompts of other kinds, so each class of such numbers
//! has a distribution of its own: the cells are pairs of a class and a rate.
//!
//! Both are concave programs over the weights of a grid of rates, solved by a barrier method: it
//! keeps every weight positive, so a rate that no sample speaks against (0, where a prompt may have
//! been missed) gets whatever mass pays, and what is left to gain is known.

use std::collections::BTreeMap;
use std::ops::Range;

/// Distance of neighbouring rates in log-odds. Grids of different k differ only in how far down
/// they go, so that what one allows the next does too.
const STEP: f64 = 0.2;
/// The least positive success rate considered, in units of 1/k: below it k samples see nothing.
const LEAST: f64 = 0.01;
/// The largest rate below 1, in log-odds.
const MOST: f64 = 7.0;
/// What an optimum found may lack to the true one, in nats.
const LACK: f64 = 1e-3;
/// By how much the weight of the likelihood against the barrier grows from stage to stage.
const GROWTH: f64 = 12.0;
/// The weight at which the search for the next price goes on from the weights of the last one.
const RESUME: f64 = 100.0;
/// Newton steps of one stage; some ten are usual.
const NEWTON: usize = 60;
/// Prices tried for an end at most, and how near the end found must be to the true one.
const PRICES: usize = 30;
const NEAR: f64 = 1e-4;

/// Numbers of samples up to so many are classes by themselves.
const NUMBERS: usize = 4;
/// Of more, a class holds those that are at most so many times its least one: many classes of few
/// prompts fit them too well, and a few samples that were lost make no other kind of prompt.
const ALIKE: f64 = 2.0;

/// The likelihoods of the outcomes at the rates of a grid.
pub(super) struct Mixture {
    /// Number of prompts with each outcome.
    prompts: Vec<f64>,
    /// `[outcome][rate]`, the largest of each outcome 1.
    likelihood: Vec<Vec<f64>>,
    /// Cells of the class of each outcome.
    cells: Vec<Range<usize>>,
    classes: BTreeMap<u64, usize>,
    rates: Vec<f64>,
}

/// The class of each number of samples.
pub(super) fn classes(outcomes: &BTreeMap<(u64, u64), f64>) -> BTreeMap<u64, usize> {
    let mut numbers: Vec<u64> = outcomes.keys().map(|&(n, _)| n).collect();
    numbers.dedup();
    let alike = if numbers.len() > NUMBERS { ALIKE } else { 1.0 };
    let (mut class, mut least) = (0, numbers[0]);
    let of = |n: u64| {
        if n as f64 > alike * least as f64 {
            (class, least) = (class + 1, n);
        }
        (n, class)
    };
    numbers.into_iter().map(of).collect()
}

/// Weights, and the mixed likelihood of each outcome.
#[derive(Clone)]
struct Point {
    weights: Vec<f64>,
    mixed: Vec<f64>,
    log_likelihood: f64,
}

impl Mixture {
    /// `outcomes`: number of prompts by (samples, correct ones), at least one.
    pub(super) fn new(outcomes: &BTreeMap<(u64, u64), f64>, k: u64) -> Mixture {
        let rates = rates(k);
        let row = |&(n, c): &(u64, u64)| {
            let log = |rate: &f64| {
                let term = |count: u64, log: f64| if count == 0 { 0.0 } else { count as f64 * log };
                term(c, rate.ln()) + term(n - c, (-rate).ln_1p())
            };
            let logs: Vec<f64> = rates.iter().map(log).collect();
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            logs.iter().map(|log| (log - largest).exp()).collect()
        };
        let classes = classes(outcomes);
        let cells = |(n, _): &(u64, u64)| range(classes[n], rates.len());
        Mixture {
            prompts: outcomes.values().copied().collect(),
            likelihood: outcomes.keys().map(row).collect(),
            cells: outcomes.keys().map(cells).collect(),
            classes,
            rates,
        }
    }

    /// `(1 - rate)^k` of every cell.
    pub(super) fn miss(&self, k: u64) -> Vec<f64> {
        let miss = |rate: &f64| (k as f64 * (-rate).ln_1p()).exp();
        let of_class: Vec<f64> = self.rates.iter().map(miss).collect();
        of_class.repeat(self.ranges().len())
    }

    /// The cells of each class.
    fn ranges(&self) -> Vec<Range<usize>> {
        let classes = self.classes.values().max().map_or(0, |last| last + 1);
        (0..classes)
            .map(|class| range(class, self.rates.len()))
            .collect()
    }

    /// `M_k / M_j` with `M_j = E[(1 - rate)^j]` among prompts like those of n samples.
    pub(super) fn further(&self, n: u64, [j, k]: [u64; 2], weights: &[f64]) -> f64 {
        let cells = range(self.classes[&n], self.rates.len());
        let mean = |k: u64| dot(&self.miss(k)[cells.clone()], &weights[cells.clone()]);
        mean(k) / mean(j)
    }

    /// The most likely weights, to within [`LACK`].
    pub(super) fn best(&self) -> Vec<f64> {
        let even = self.even();
        let free = vec![0.0; even.weights.len()];
        self.priced(even, 1.0, &free).weights
    }

    /// The least `sum cost * weight` over all weights whose log-likelihood is at most `drop` below
    /// that of `best`, or a little less.
    ///
    /// By duality: where w has the largest `log-likelihood - price * cost`, no weights that are
    /// likely enough cost less than `cost(w) - (log-likelihood(w) - floor) / price`, whatever the
    /// price. The best price is the one at which the likelihood comes down to the floor, and any
    /// near it is safe.
    pub(super) fn least(&self, best: &[f64], cost: &[f64], drop: f64) -> f64 {
        let floor = self.point(best.to_vec()).log_likelihood - drop;
        let all: f64 = self.prompts.iter().sum();
        let mut search = PriceSearch::new(drop, all);
        let (mut least, mut most) = (0.0_f64, dot(cost, best));
        let (mut at, mut force) = (self.even(), 1.0);
        for _ in 0..PRICES {
            let price = search.log_price.exp();
            let priced: Vec<f64> = cost.iter().map(|cost| price * cost).collect();
            at = self.priced(at, force, &priced);
            force = RESUME;
            let (room, here) = (at.log_likelihood - floor, dot(cost, &at.weights));
            let bound = here - (room + LACK) / price;
            least = least.max(bound);
            most = if room >= 0.0 { most.min(here) } else { most };
            most = most.min(search.next(drop, room, bound));
            if most - least < NEAR || room.abs() < NEAR * price {
                break;
            }
        }
        least.min(dot(cost, best))
    }

    fn even(&self) -> Point {
        let cells = self.ranges().len() * self.rates.len();
        self.point(vec![1.0 / cells as f64; cells])
    }

    fn point(&self, weights: Vec<f64>) -> Point {
        let rows = self.likelihood.iter().zip(&self.cells);
        let mix = |(row, cells): (&Vec<f64>, &Range<usize>)| dot(row, &weights[cells.clone()]);
        let mixed: Vec<f64> = rows.map(mix).collect();
        let of = |(count, mixed): (&f64, &f64)| count * mixed.ln();
        let log_likelihood = self.prompts.iter().zip(&mixed).map(of).sum();
        Point {
            weights,
            mixed,
            log_likelihood,
        }
    }

    /// The weights with the largest log-likelihood less their cost, to within [`LACK`], along the
    /// central path from where the objective weighs `force` against the barrier.
    fn priced(&self, start: Point, mut force: f64, cost: &[f64]) -> Point {
        let most = start.weights.len() as f64 / LACK;
        let mut at = start;
        loop {
            for _ in 0..NEWTON {
                let Some(next) = self.newton(&at, cost, force) else {
                    break;
                };
                at = next;
            }
            if force >= most {
                return at;
            }
            force = (GROWTH * force).min(most);
        }
    }

    /// What is minimised: `force (cost - log-likelihood) - sum log w`.
    fn value(&self, at: &Point, cost: &[f64], force: f64) -> f64 {
        let barrier: f64 = at.weights.iter().map(|w| w.ln()).sum();
        force * (dot(cost, &at.weights) - at.log_likelihood) - barrier
    }

    /// One damped Newton step on `sum w = 1`, or nothing where it gains nothing.
    ///
    /// In `u = dw / w` the Hessian is `1 + sum_i m_i m_i'` with `m_i = w L_i sqrt(force n_i) / f_i`
    /// for each outcome, L its likelihoods and f its mixed one: never singular, however small the
    /// weights. Cells of two classes have no outcome in common, so that it is solved class by class.
    fn newton(&self, at: &Point, cost: &[f64], force: f64) -> Option<Point> {
        let pull = self.pull(at);
        let cells = || at.weights.iter().zip(cost.iter().zip(&pull));
        let drawn: Vec<f64> = cells()
            .map(|(w, (cost, pull))| force * w * (cost - pull) - 1.0)
            .collect();
        // About the multiplier of the sum: what is left of the gradient is small near the path.
        let about = dot(&drawn, &at.weights) / dot(&at.weights, &at.weights);
        let left: Vec<f64> = drawn
            .iter()
            .zip(&at.weights)
            .map(|(d, w)| d - about * w)
            .collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for cells in self.ranges() {
            let factor = cholesky(self.hessian(at, force, &cells));
            a.extend(substitute(&factor, left[cells.clone()].to_vec()));
            b.extend(substitute(&factor, at.weights[cells].to_vec()));
        }
        let shift = dot(&at.weights, &a) / dot(&at.weights, &b);
        let step: Vec<f64> = a.iter().zip(&b).map(|(a, b)| shift * b - a).collect();
        let slope = dot(&left, &step);
        // Half of it is what the step gains where the model is right.
        (slope < -1e-4).then(|| self.search(at, cost, force, &step, slope))?
    }

    /// The lower triangle of the scaled Hessian of a class.
    fn hessian(&self, at: &Point, force: f64, class: &Range<usize>) -> Vec<Vec<f64>> {
        let unit = |j: usize| {
            let mut row = vec![0.0; j + 1];
            row[j] = 1.0;
            row
        };
        let mut rows: Vec<Vec<f64>> = (0..self.rates.len()).map(unit).collect();
        let outcomes = self.likelihood.iter().zip(&at.mixed).zip(&self.prompts);
        let outcomes = outcomes
            .zip(&self.cells)
            .filter(|(_, cells)| *cells == class);
        for (((likelihood, f), n), _) in outcomes {
            let scale = (force * n).sqrt() / f;
            let cells = likelihood.iter().zip(&at.weights[class.clone()]);
            let m: Vec<f64> = cells.map(|(l, w)| scale * l * w).collect();
            for (row, &own) in rows.iter_mut().zip(&m) {
                row.iter_mut().zip(&m).for_each(|(r, m)| *r += own * m);
            }
        }
        rows
    }

    /// The slope of the log-likelihood in every weight.
    fn pull(&self, at: &Point) -> Vec<f64> {
        let mut result = vec![0.0; at.weights.len()];
        let outcomes = self.likelihood.iter().zip(&at.mixed).zip(&self.prompts);
        for (((row, f), n), cells) in outcomes.zip(&self.cells) {
            result[cells.clone()]
                .iter_mut()
                .zip(row)
                .for_each(|(r, l)| *r += l * n / f);
        }
        result
    }

    /// The longest step, halved again and again, that keeps its promise; `step` is relative to the
    /// weights.
    fn search(
        &self,
        at: &Point,
        cost: &[f64],
        force: f64,
        step: &[f64],
        slope: f64,
    ) -> Option<Point> {
        let here = self.value(at, cost, force);
        let steepest = step.iter().copied().fold(0.0, f64::min);
        let mut length = (0.99 / -steepest).min(1.0);
        for _ in 0..40 {
            let moved = at.weights.iter().zip(step);
            let moved: Vec<f64> = moved.map(|(w, s)| w * (1.0 + length * s)).collect();
            let total: f64 = moved.iter().sum();
            let next = self.point(moved.into_iter().map(|w| w / total).collect());
            if self.value(&next, cost, force) <= here + 0.1 * length * slope {
                return Some(next);
            }
            length *= 0.5;
        }
        None
    }
}

/// The cells of a class.
fn range(class: usize, rates: usize) -> Range<usize> {
    class * rates..(class + 1) * rates
}

/// Looks for the price that gives the highest bound. As a function of 1/price the bound is concave,
/// and its slope is minus the room.
struct PriceSearch {
    log_price: f64,
    /// The highest price known to be too low, and the lowest known to be too high.
    low: Option<Priced>,
    high: Option<Priced>,
    /// The last price with the fall it gave.
    before: Option<(f64, f64)>,
}

/// What a price gave.
#[derive(Clone, Copy)]
struct Priced {
    log_price: f64,
    room: f64,
    bound: f64,
}

impl PriceSearch {
    fn new(drop: f64, prompts: f64) -> PriceSearch {
        PriceSearch {
            log_price: 1.0 + (2.0 * drop * prompts).sqrt().max(1.0).ln(),
            low: None,
            high: None,
            before: None,
        }
    }

    /// Sets the next price and gives a value that no bound exceeds, where one is known.
    fn next(&mut self, drop: f64, room: f64, bound: f64) -> f64 {
        let here = Priced {
            log_price: self.log_price,
            room,
            bound,
        };
        if room > 0.0 {
            self.low = Some(here);
        } else {
            self.high = Some(here);
        }
        // The fall is about a power of the price: its square near the best, less where a share of
        // rate 0 or 1 grows.
        let fall = (drop - room).max(0.01 * drop);
        let power = self.before.map_or(2.0, |(price, before)| {
            (fall / before).ln() / (self.log_price - price)
        });
        self.before = Some((self.log_price, fall));
        let step = (drop / fall).ln() / power.clamp(0.2, 2.0);
        let guess = self.log_price + step.clamp(-2.0, 2.0);
        let (Some(low), Some(high)) = (self.low, self.high) else {
            self.log_price = guess;
            return f64::INFINITY;
        };
        // Where the tangents at the two ends meet.
        let apart = (-low.log_price).exp() - (-high.log_price).exp();
        let along = (high.bound - low.bound - high.room * apart) / (low.room - high.room);
        let margin = 0.1 * (high.log_price - low.log_price);
        let met = -((-low.log_price).exp() - along).ln();
        self.log_price = if met > low.log_price + margin && met < high.log_price - margin {
            met
        } else {
            0.5 * (low.log_price + high.log_price)
        };
        low.bound + low.room * along
    }
}

/// 0, rates evenly spaced in their log-odds from far below 1/k to near 1, and 1.
fn rates(k: u64) -> Vec<f64> {
    let least = ((LEAST / k as f64).ln() / STEP).floor() as i64;
    let most = (MOST / STEP) as i64;
    let rate = |place: i64| 1.0 / (1.0 + (-STEP * place as f64).exp());
    std::iter::once(0.0)
        .chain((least..=most).map(rate))
        .chain([1.0])
        .collect()
}

/// The lower triangle C with `C C' = S`, of the lower triangle of a positive definite S.
fn cholesky(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for i in 0..rows.len() {
        let (above, rest) = rows.split_at_mut(i);
        let row = &mut rest[0];
        for (j, other) in above.iter().enumerate() {
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).max(1.0).sqrt();
    }
    rows
}

/// `S^-1 right` from the triangle.
fn substitute(factor: &[Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    for i in 0..right.len() {
        right[i] = (right[i] - dot(&factor[i][..i], &right[..i])) / factor[i][i];
    }
    for i in (0..right.len()).rev() {
        let value = right[i] / factor[i][i];
        right[i] = value;
        let before = right[..i].iter_mut().zip(&factor[i]);
        before.for_each(|(r, c)| *r -= c * value);
    }
    right
}

/// In eight sums, which is what processors are made for.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b[..a.len()].chunks_exact(8));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + rest
}
