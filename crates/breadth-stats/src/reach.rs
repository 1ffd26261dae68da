//! Reach: the probability that k samples contain a known correct response, and which prompts N
//! samples reach.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, lower, upper};
use crate::leader::{Leader, leader_of};
use crate::log_ratio::Level;
use crate::numerics::{
    MASS_ROUNDING, TOLERANCE, WEIGHT_ROUNDING, check_length, check_log_probs, error_rate,
    log_sum_exp, sum,
};
use crate::outcome::PromptOutcome;

/// `1 - (1 - q)^k`, exact to the last digits for any q and k.
fn hit(log_q: f64, k: f64) -> f64 {
    if k == 0.0 || log_q == f64::NEG_INFINITY {
        return 0.0;
    }
    // So small that ln(1 - q) is -q, which may be below the least f64.
    if log_q < -40.0 {
        let expected = (k.ln() + log_q).exp();
        return if expected < 1e-8 {
            expected - 0.5 * expected * expected
        } else {
            -(-expected).exp_m1()
        };
    }
    // ln(1 - q), without the loss of digits of 1 - q where q is small or near 1.
    let log_miss = if log_q > -std::f64::consts::LN_2 {
        (-log_q.exp_m1()).ln()
    } else {
        (-log_q.exp()).ln_1p()
    };
    -(k * log_miss).exp_m1()
}

/// The log-probabilities that several models give the correct responses of every prompt.
///
/// The rows are responses that a verifier would accept. Those of one prompt (one cluster of the
/// design) are added up: `q(S_x|x) = sum over distinct y of q(y|x)`. Responses of a prompt with
/// equal log-probabilities under every model are taken for one ([`Self::repeated`]).
#[derive(Debug)]
pub struct CorrectResponses {
    /// `ln q(S_x|x)`: `[model][prompt]`.
    log_mass: Vec<Vec<f64>>,
    rows: CheckedDesign,
    /// Rows that repeat another one of their prompt.
    pub repeated: usize,
    /// Prompts with several distinct responses.
    pub several: usize,
}

/// Reach, with its limits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reach {
    /// The mean over prompts of the probability that k samples contain a correct response.
    pub value: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
    /// The number of prompts that the mean effectively rests on, `(sum h)^2 / sum h^2` for the
    /// probabilities h.
    pub effective_prompts: f64,
}

impl CorrectResponses {
    /// Adds up the responses of each prompt.
    ///
    /// `columns`: (models, rows) log-probabilities in nats. `design`: its clusters are the prompts
    /// (without them every row is one). A prompt's weight is the mean weight of its rows, scaled
    /// within strata so that each stratum keeps the total weight of its rows.
    ///
    /// # Errors
    ///
    /// No models, no rows, columns of unequal length, NaN or positive log-probabilities, an invalid
    /// [`Design`], and a prompt whose distinct responses have probabilities that add up to more
    /// than 1 (by more than 1e-6): they are not distinct, or not probabilities of whole responses.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{Design, CorrectResponses};
    /// // Two correct responses to prompt 0, one of them listed twice, and one to prompt 1.
    /// let log_q = [0.25_f64.ln(), 0.25_f64.ln(), 0.125_f64.ln(), 0.5_f64.ln()];
    /// let design = Design { clusters: Some(&[0, 0, 0, 1]), ..Design::default() };
    /// let correct = CorrectResponses::new(&[&log_q], &design)?;
    /// assert_eq!((correct.repeated, correct.several, correct.prompts()), (1, 1, 2));
    /// let reach = correct.reach(0, 2.0, 0.95)?;
    /// let expected = 0.5 * (1.0 - 0.625 * 0.625) + 0.5 * (1.0 - 0.5 * 0.5);
    /// assert!((reach.value - expected).abs() < 1e-15);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// The utility of direct coverage optimisation, Chen et al. (2025); Pass@k where the responses
    /// are all the correct ones.
    pub fn new(columns: &[&[f64]], design: &Design) -> Result<CorrectResponses> {
        let Some(first) = columns.first() else {
            return Err(Error::Empty {
                what: "the set of models",
            });
        };
        for column in columns {
            check_length("a model", column.len(), "the first model", first.len())?;
            check_log_probs("log_q", column)?;
        }
        let all = CheckedDesign::new(design, first.len())?;
        let prompts = all.cluster_count;
        let mut of_prompt: Vec<Vec<usize>> = vec![Vec::new(); prompts];
        for row in 0..all.n {
            of_prompt[all.unit(row)].push(row);
        }
        let repeated = of_prompt
            .par_iter_mut()
            .map(|rows| keep_distinct(rows, columns))
            .sum();
        let several = of_prompt.iter().filter(|rows| rows.len() > 1).count();
        let mass = |column: &&[f64]| -> Result<Vec<f64>> {
            of_prompt
                .iter()
                .map(|rows| log_sum(rows, column))
                .collect::<Result<_>>()
        };
        let log_mass = columns.par_iter().map(mass).collect::<Result<_>>()?;
        let weights = prompt_weights(&all);
        let design = Design {
            weights: weights.as_deref(),
            clusters: None,
            strata: all
                .strata
                .as_ref()
                .map(|strata| strata.of_cluster.as_slice()),
        };
        Ok(CorrectResponses {
            log_mass,
            rows: CheckedDesign::new(&design, prompts)?,
            repeated,
            several,
        })
    }

    /// Number of prompts.
    pub fn prompts(&self) -> usize {
        self.rows.n
    }

    /// `ln q(S_x|x)` of every prompt under a model, in order of first appearance.
    ///
    /// # Panics
    ///
    /// If there is no such model.
    pub fn log_mass(&self, model: usize) -> &[f64] {
        &self.log_mass[model]
    }

    /// Reach `mean over prompts of 1 - (1 - q(S_x|x))^k`, a lower bound on Pass@k, with limits.
    ///
    /// It holds for every verifier that accepts these responses, and is Pass@k where it accepts no
    /// others. `k`: a real number of at least 0, however large. Limits are those of a mean of
    /// values in [0, 1] over prompts ([`BoundedMean`]).
    ///
    /// # Errors
    ///
    /// k below 0 or NaN, or a confidence outside (0, 1).
    ///
    /// # Panics
    ///
    /// If there is no such model.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{CorrectResponses, Design};
    /// let correct = CorrectResponses::new(&[&[0.5_f64.ln(), 0.25_f64.ln()]], &Design::default())?;
    /// let reach = correct.reach(0, 2.0, 0.95)?;
    /// assert!((reach.value - 0.5 * (0.75 + 0.4375)).abs() < 1e-15);
    /// assert!(reach.low > 0.0 && reach.high < 1.0);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// The utility of direct coverage optimisation, Chen et al. (2025).
    pub fn reach(&self, model: usize, k: f64, confidence: f64) -> Result<Reach> {
        let tail = 0.5 * error_rate(confidence)?;
        let hits = self.hits(model, k)?;
        let share = BoundedMean::of_values(&self.rows, |row| hits[row]);
        Ok(Reach {
            value: share.value,
            low: share.lower(tail),
            high: share.upper(tail),
            effective_prompts: self.carried_by(&hits),
        })
    }

    /// The number of prompts that a model's reach effectively rests on, as in
    /// [`Reach::effective_prompts`]; without limits, at next to no cost.
    ///
    /// # Errors
    ///
    /// k below 0 or NaN.
    ///
    /// # Panics
    ///
    /// If there is no such model.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{CorrectResponses, Design};
    /// let correct = CorrectResponses::new(&[&[-1.0, -1.0, -1.0, -700.0]], &Design::default())?;
    /// assert!((correct.effective_prompts(0, 1.0)? - 3.0).abs() < 1e-12);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    pub fn effective_prompts(&self, model: usize, k: f64) -> Result<f64> {
        Ok(self.carried_by(&self.hits(model, k)?))
    }

    fn carried_by(&self, hits: &[f64]) -> f64 {
        let weighted = |row: usize| self.rows.weight(row) * hits[row];
        let largest = (0..hits.len()).map(weighted).fold(0.0, f64::max);
        let scaled = |row: usize| {
            if largest > 0.0 {
                weighted(row) / largest
            } else {
                0.0
            }
        };
        let total = sum((0..hits.len()).map(scaled));
        let squares = sum((0..hits.len()).map(|row| scaled(row).powi(2)));
        if squares > 0.0 {
            total * total / squares
        } else {
            0.0
        }
    }

    /// The model with the largest reach among some of the models, and a confidence set for it.
    ///
    /// `models`: positions of the models to compare. The comparison is that of [`crate::leader()`],
    /// over prompts.
    ///
    /// # Errors
    ///
    /// As [`Self::reach`]; also no models.
    ///
    /// # Panics
    ///
    /// If there is no such model.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{CorrectResponses, Design};
    /// let (bold, broad) = ([-9.0; 40], [-1.0; 40]);
    /// let correct = CorrectResponses::new(&[&bold, &broad], &Design::default())?;
    /// let found = correct.leader(&[0, 1], 8.0, 0.95)?;
    /// assert_eq!((found.best, found.not_excluded), (1, vec![1]));
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    pub fn leader(&self, models: &[usize], k: f64, confidence: f64) -> Result<Leader> {
        if models.is_empty() {
            return Err(Error::Empty {
                what: "the set of models",
            });
        }
        let hits = models.par_iter().map(|&model| self.hits(model, k));
        leader_of(
            &hits.collect::<Result<Vec<_>>>()?,
            &self.rows,
            error_rate(confidence)?,
        )
    }

    /// Logarithm of the likelihood quantile `Q(e) = sup{a : P_x[q(S_x|x) <= a] <= e}`, in nats.
    ///
    /// All but a share e of the prompts have correct responses of at least this probability.
    /// Learning from a reward at the end of the response needs of the order of 1/Q(e) queries.
    ///
    /// # Errors
    ///
    /// A share outside [0, 1).
    ///
    /// # Panics
    ///
    /// If there is no such model.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{CorrectResponses, Design};
    /// let correct = CorrectResponses::new(&[&[-9.0, -2.0, -7.0, -1.0]], &Design::default())?;
    /// assert_eq!(correct.log_quantile(0, 0.25)?, -7.0);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// The Base Model Barrier, arXiv 2603.06957.
    pub fn log_quantile(&self, model: usize, share: f64) -> Result<f64> {
        self.quantile(&self.log_mass[model], share)
    }

    /// Quantile `Q(e) = sup{a : P_x[v(x) <= a] <= e}` of any value of the prompts.
    ///
    /// `values`: (prompts) in order of first appearance; `share`: e. With the least log-probability
    /// of a token in place of `ln q(S_x|x)` it is what rewards of single steps have to overcome.
    ///
    /// # Errors
    ///
    /// Not one value for each prompt, NaN, or a share outside [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{Design, CorrectResponses};
    /// let right = CorrectResponses::new(&[&[-9.0, -2.0, -7.0, -1.0]], &Design::default())?;
    /// assert_eq!(right.quantile(&[-4.0, -1.0, -3.0, -0.5], 0.25)?, -3.0);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// The Base Model Barrier, arXiv 2603.06957.
    pub fn quantile(&self, values: &[f64], share: f64) -> Result<f64> {
        if !(0.0..1.0).contains(&share) {
            return Err(Error::InvalidShare {
                what: "share",
                value: share,
            });
        }
        check_length("values", values.len(), "the prompts", self.prompts())?;
        if let Some(row) = values.iter().position(|value| value.is_nan()) {
            return Err(Error::InvalidLogProb {
                column: "values".to_owned(),
                row,
                value: values[row],
            });
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let allowed = share * self.rows.total_weight();
        let mut below = 0.0;
        for &prompt in &order {
            below += self.rows.weight(prompt);
            if below > allowed * (1.0 + WEIGHT_ROUNDING) {
                return Ok(values[prompt]);
            }
        }
        Ok(values[order[order.len() - 1]])
    }

    fn hits(&self, model: usize, k: f64) -> Result<Vec<f64>> {
        if k.is_nan() || k < 0.0 {
            return Err(Error::InvalidAttempts(k));
        }
        Ok(self.log_mass[model].iter().map(|&q| hit(q, k)).collect())
    }
}

/// Whether a number of samples reaches a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// A sample is correct with probability 1/N or more.
    Reachable,
    /// The data are compatible with both.
    Unknown,
    /// A sample is correct with probability below 1/N.
    Unreachable,
}

/// Whether N samples of a model reach a prompt: whether a sample is correct with probability
/// `p >= 1/N`.
///
/// `log_mass`: `ln q(S_x|x)` of known correct responses, in nats, which bounds p from below;
/// `graded`: graded samples; `budget`: N. Reachable for certain if `log_mass >= -ln N - 1e-9`, else
/// with the confidence stated if Clopper and Pearson's lower limit of the graded success rate is at
/// least 1/N; not reachable if their upper limit is below 1/N; unknown otherwise, as always from a
/// small `log_mass` alone. The limits are two-sided, each with error (1 - confidence)/2. Partial
/// rewards count as wrong for the lower limit and as correct for the upper one.
///
/// # Errors
///
/// A log-probability that is NaN or above 0, no samples, more correct ones than samples, rewards
/// outside [0, 1], or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Level, PromptOutcome, Reachability, reachability};
/// let budget = Level::from_n(64.0)?;
/// let (rare, none_of) = (-9.0, |n| PromptOutcome::Counts { n, c: 0 });
/// assert_eq!(
///     reachability(Some(-4.0), None, budget, 0.95)?,
///     Reachability::Reachable
/// );
/// assert_eq!(
///     reachability(Some(rare), None, budget, 0.95)?,
///     Reachability::Unknown
/// );
/// // 1 - 0.025^(1/n) is below 1/64 from n = 235 on.
/// assert_eq!(
///     reachability(Some(rare), Some(&none_of(234)), budget, 0.95)?,
///     Reachability::Unknown
/// );
/// assert_eq!(
///     reachability(Some(rare), Some(&none_of(235)), budget, 0.95)?,
///     Reachability::Unreachable
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Clopper and Pearson, Biometrika 26 (1934).
pub fn reachability(
    log_mass: Option<f64>,
    graded: Option<&PromptOutcome>,
    budget: Level,
    confidence: f64,
) -> Result<Reachability> {
    let tail = 0.5 * error_rate(confidence)?;
    if let Some(log_mass) = log_mass {
        check_log_probs("log_mass", &[log_mass])?;
        if log_mass >= -budget.log_n() - TOLERANCE {
            return Ok(Reachability::Reachable);
        }
    }
    let Some(graded) = graded else {
        return Ok(Reachability::Unknown);
    };
    let (n, surely, perhaps) = right_of(graded)?;
    let needed = (-budget.log_n()).exp();
    // Limits enclose the rate, so that one of them is enough to look at. 1/N is positive even where
    // f64 has it as 0.
    if surely > 0.0 && surely >= needed * n && lower(surely, n, tail) >= needed {
        Ok(Reachability::Reachable)
    } else if perhaps < needed * n && upper(perhaps, n, tail) < needed {
        Ok(Reachability::Unreachable)
    } else {
        Ok(Reachability::Unknown)
    }
}

/// Samples, those that are right, and those that are not wrong.
fn right_of(graded: &PromptOutcome) -> Result<(f64, f64, f64)> {
    let empty = Error::Empty {
        what: "the set of samples",
    };
    match graded {
        PromptOutcome::Counts { n: 0, .. } => Err(empty),
        PromptOutcome::Counts { n, c } if c > n => Err(Error::InvalidCounts {
            samples: *n,
            correct: *c,
        }),
        PromptOutcome::Counts { n, c } => Ok((*n as f64, *c as f64, *c as f64)),
        PromptOutcome::Rewards(rewards) if rewards.is_empty() => Err(empty),
        PromptOutcome::Rewards(rewards) => {
            if let Some(index) = rewards.iter().position(|r| !(0.0..=1.0).contains(r)) {
                return Err(Error::InvalidReward {
                    index,
                    value: rewards[index],
                });
            }
            let count = |is: fn(&f64) -> bool| rewards.iter().filter(|r| is(r)).count() as f64;
            Ok((
                rewards.len() as f64,
                count(|&r| r == 1.0),
                count(|&r| r > 0.0),
            ))
        }
    }
}

/// Removes rows that repeat another one under every model; returns how many.
fn keep_distinct(rows: &mut Vec<usize>, columns: &[&[f64]]) -> usize {
    let all = rows.len();
    if all == 1 {
        return 0;
    }
    let compare = |&a: &usize, &b: &usize| {
        let mut of_column = columns.iter().map(|column| column[a].total_cmp(&column[b]));
        of_column
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    rows.sort_unstable_by(compare);
    rows.dedup_by(|a, b| columns.iter().all(|column| column[*a] == column[*b]));
    all - rows.len()
}

/// `ln sum q` over rows, at most 0.
fn log_sum(rows: &[usize], column: &[f64]) -> Result<f64> {
    let total = log_sum_exp(rows.iter().map(|&row| column[row]));
    if total > MASS_ROUNDING.ln_1p() {
        return Err(Error::ProbabilitiesAboveOne {
            row: rows[0],
            total: total.exp(),
        });
    }
    Ok(total.min(0.0))
}

/// The mean weight of each prompt's rows, scaled so that strata keep what they count; `None` where
/// all are equal.
fn prompt_weights(rows: &CheckedDesign) -> Option<Vec<f64>> {
    if rows.weights.is_none() && rows.strata.is_none() {
        return None;
    }
    let mut counts = vec![0.0; rows.cluster_count];
    (0..rows.n).for_each(|row| counts[rows.unit(row)] += 1.0);
    let totals = rows.cluster_totals(|_| 1.0);
    let mean = |prompt: usize| totals[prompt] / counts[prompt];
    let Some(strata) = &rows.strata else {
        return Some((0..counts.len()).map(mean).collect());
    };
    let (mut of_rows, mut of_prompts) = (vec![0.0; strata.count], vec![0.0; strata.count]);
    for (prompt, &stratum) in strata.of_cluster.iter().enumerate() {
        of_rows[stratum as usize] += totals[prompt];
        of_prompts[stratum as usize] += mean(prompt);
    }
    let scaled = |(prompt, &stratum): (usize, &u32)| {
        mean(prompt) * of_rows[stratum as usize] / of_prompts[stratum as usize]
    };
    Some(strata.of_cluster.iter().enumerate().map(scaled).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass_at_n_exact;
    use proptest::prelude::*;

    #[test]
    fn hits_keep_their_digits() {
        assert_eq!(hit(0.0, 3.0), 1.0);
        assert_eq!(hit(f64::NEG_INFINITY, 1e9), 0.0);
        assert_eq!(hit(-0.5, 0.0), 0.0);
        assert!((hit(-40.0, 1e5) / (1e5 * (-40.0_f64).exp()) - 1.0).abs() < 1e-12);
        assert!((hit(-700.0, 1e6) / (1e6 * (-700.0_f64).exp()) - 1.0).abs() < 1e-12);
        assert!((hit(-1000.0, 1e300).ln() - (300.0 * 10.0_f64.ln() - 1000.0)).abs() < 1e-9);
        assert!((hit(-40.0 - 1e-9, 1e17) - hit(-40.0 + 1e-9, 1e17)).abs() < 1e-8);
        // 1 - q = 1e-9: the miss of two samples is its square.
        let log_q = (-1e-9_f64).ln_1p();
        assert!(((1.0 - hit(log_q, 0.5)) / 1e-9_f64.sqrt() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn one_right_response_makes_reach_the_exact_pass_at_k() -> Result<()> {
        let log_q = [-0.1, -1.0, -3.0, -9.0, f64::NEG_INFINITY];
        let right = CorrectResponses::new(&[&log_q], &Design::default())?;
        for k in [1.0, 8.0, 1000.0] {
            let exact: f64 = log_q
                .iter()
                .map(|&q| pass_at_n_exact(q, k).expect("valid"))
                .sum::<f64>()
                / 5.0;
            let reach = right.reach(0, k, 0.95)?;
            assert!((reach.value - exact).abs() < 1e-14);
            assert!(reach.low <= reach.value && reach.value <= reach.high);
        }
        Ok(())
    }

    #[test]
    fn quantiles_leave_out_the_share() -> Result<()> {
        let log_q = [-4.0, -1.0, -3.0, -2.0];
        let right = CorrectResponses::new(&[&log_q], &Design::default())?;
        let found = [0.0, 0.2, 0.25, 0.5, 0.99].map(|e| right.log_quantile(0, e));
        assert_eq!(
            found.map(|q| q.ok()),
            [-4.0, -4.0, -3.0, -2.0, -1.0].map(Some)
        );
        assert!(right.log_quantile(0, 1.0).is_err());
        Ok(())
    }

    #[test]
    fn what_a_budget_reaches() -> Result<()> {
        use Reachability::{Reachable, Unknown, Unreachable};
        let budget = Level::from_n(4.0)?;
        let counts = |n, c| PromptOutcome::Counts { n, c };
        let quarter = 0.25_f64.ln();
        let states = [
            (Some(quarter), None, Reachable),
            (Some(quarter - 1e-12), None, Reachable),
            (Some(quarter - 1e-6), None, Unknown),
            (Some(f64::NEG_INFINITY), None, Unknown),
            (None, None, Unknown),
            // Clopper and Pearson of 3 in 4: [.194, .994]; of 4 in 5: [.284, .995].
            (None, Some(counts(4, 3)), Unknown),
            (None, Some(counts(5, 4)), Reachable),
            // Of 0 in 12: at most .265; of 0 in 13: at most .247.
            (Some(-9.0), Some(counts(12, 0)), Unknown),
            (Some(-9.0), Some(counts(13, 0)), Unreachable),
            // What is certain stands against what is likely.
            (Some(-0.1), Some(counts(13, 0)), Reachable),
            (None, Some(PromptOutcome::Rewards(vec![0.5; 13])), Unknown),
            (None, Some(PromptOutcome::Rewards(vec![1.0; 13])), Reachable),
            (
                None,
                Some(PromptOutcome::Rewards(vec![0.0; 13])),
                Unreachable,
            ),
        ];
        for (log_mass, graded, expected) in states {
            let found = reachability(log_mass, graded.as_ref(), budget, 0.95)?;
            assert_eq!(found, expected, "{log_mass:?}, {graded:?}");
        }
        // A budget of one sample asks for certainty, which samples cannot give; one past f64 for
        // next to nothing.
        let one = Level::from_n(1.0)?;
        assert_eq!(reachability(Some(0.0), None, one, 0.95)?, Reachable);
        assert_eq!(reachability(None, Some(&counts(9, 9)), one, 0.95)?, Unknown);
        let vast = Level::from_log_n(2000.0)?;
        assert_eq!(
            reachability(None, Some(&counts(9, 1)), vast, 0.95)?,
            Reachable
        );
        assert_eq!(
            reachability(None, Some(&counts(9, 0)), vast, 0.95)?,
            Unknown
        );
        Ok(())
    }

    #[test]
    fn a_budget_of_nonsense_is_an_error() -> Result<()> {
        let budget = Level::from_n(4.0)?;
        let of = |graded: PromptOutcome| reachability(None, Some(&graded), budget, 0.95);
        assert!(of(PromptOutcome::Counts { n: 0, c: 0 }).is_err());
        assert!(of(PromptOutcome::Counts { n: 1, c: 2 }).is_err());
        assert!(of(PromptOutcome::Rewards(vec![])).is_err());
        assert!(of(PromptOutcome::Rewards(vec![f64::NAN])).is_err());
        assert!(reachability(Some(f64::NAN), None, budget, 0.95).is_err());
        assert!(reachability(Some(0.1), None, budget, 0.95).is_err());
        assert!(reachability(None, None, budget, 1.0).is_err());
        Ok(())
    }

    #[test]
    fn more_than_all_is_an_error_and_rounding_is_not() {
        let design = Design {
            clusters: Some(&[0, 0, 1]),
            ..Design::default()
        };
        let (half, rest) = (0.5_f64.ln(), (0.5_f64 + 4e-7).ln());
        let right = CorrectResponses::new(&[&[half, rest, -1.0]], &design).expect("rounding");
        assert_eq!(right.log_mass(0)[0], 0.0);
        let far = CorrectResponses::new(&[&[half, -0.6, -1.0]], &design);
        assert!(matches!(
            far,
            Err(Error::ProbabilitiesAboveOne { row: 0, .. }
                | Error::ProbabilitiesAboveOne { row: 1, .. })
        ));
        assert!(CorrectResponses::new(&[&[]], &Design::default()).is_err());
        assert!(CorrectResponses::new(&[], &Design::default()).is_err());
        assert!(CorrectResponses::new(&[&[f64::NAN]], &Design::default()).is_err());
        assert!(CorrectResponses::new(&[&[0.1]], &Design::default()).is_err());
        for odd in [-1.0, f64::NAN] {
            assert!(right.reach(0, odd, 0.95).is_err());
        }
    }

    #[test]
    fn above_0_within_the_tolerance_is_0() -> Result<()> {
        let right = CorrectResponses::new(&[&[1e-10]], &Design::default())?;
        assert_eq!(right.reach(0, 2.0, 0.95)?.value, 1.0);
        Ok(())
    }

    #[test]
    fn a_lone_prompt_has_limits() -> Result<()> {
        let right = CorrectResponses::new(&[&[-1.0], &[-2.0]], &Design::default())?;
        let reach = right.reach(0, 1.0, 0.95)?;
        assert!(
            reach.low < 0.1 && reach.high > 0.9 && (reach.effective_prompts - 1.0).abs() < 1e-12
        );
        let leader = right.leader(&[0, 1], 1.0, 0.95)?;
        assert_eq!((leader.best, leader.not_excluded.len()), (0, 2));
        Ok(())
    }

    /// Strata count what their rows count, whatever the number of prompts and of responses.
    #[test]
    fn strata_keep_their_weight() -> Result<()> {
        let strata = [0, 0, 0, 1, 1, 1];
        let weights = crate::stratified_weights(&strata, &[0.9, 0.1], None)?;
        let design = Design {
            weights: Some(&weights),
            clusters: Some(&[0, 0, 1, 2, 3, 4]),
            strata: Some(&strata),
        };
        let log_q = [-1.0_f64, -2.0, -3.0, -0.5, -0.7, -0.9];
        let right = CorrectResponses::new(&[&log_q], &design)?;
        let q = log_q.map(f64::exp);
        let expected = 0.9 * (q[0] + q[1] + q[2]) / 2.0 + 0.1 * (q[3] + q[4] + q[5]) / 3.0;
        assert!((right.reach(0, 1.0, 0.9)?.value - expected).abs() < 1e-14);
        Ok(())
    }

    proptest! {
        /// By definition, from all subsets that k = 1, 2, 3 samples can be.
        #[test]
        fn reach_is_its_definition(
            parts in prop::collection::vec(prop::collection::vec(0.01_f64..0.3, 1..4), 1..6),
            k in 1_u32..4,
        ) {
            let clusters: Vec<u32> = parts.iter().enumerate().flat_map(|(i, p)| vec![i as u32; p.len()]).collect();
            let log_q: Vec<f64> = parts.iter().flatten().map(|q| q.ln()).collect();
            let design = Design { clusters: Some(&clusters), ..Design::default() };
            let right = CorrectResponses::new(&[&log_q], &design).expect("at most .9 each");
            let of_prompt = |p: &Vec<f64>| {
                let right: f64 = p.iter().sum();
                // Draw by draw: wrong so far, then right.
                (0..k).map(|drawn| (1.0 - right).powi(drawn as i32) * right).sum::<f64>()
            };
            let expected = parts.iter().map(of_prompt).sum::<f64>() / parts.len() as f64;
            let reach = right.reach(0, f64::from(k), 0.95).expect("valid");
            prop_assert!((reach.value - expected).abs() < 1e-12);
            prop_assert!(reach.effective_prompts <= parts.len() as f64 + 1e-9);
        }
    }
}
