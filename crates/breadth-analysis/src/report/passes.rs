//! Pass@k of every checkpoint: exact where it is known, from graded samples where there are some.

use super::document::{Graded, PassPoint};
use super::options::ReportOptions;
use crate::error::Result;
use crate::samples::Drawn;
use crate::scores::Scores;
use crate::verdict::{is_partial, wanted};

/// The `k` of a report.
pub(super) struct Passes {
    /// Those of tables and charts.
    pub(super) ks: Vec<u64>,
    /// 1, 2, 4, .. as far as they are known, for a curve; empty without samples.
    pub(super) curve: Vec<u64>,
    /// Half of these are levels at which coverage is measured.
    pub(super) of_levels: Vec<u64>,
}

impl Passes {
    /// The `k` that were asked for. Where nobody asked and samples are all there is, those that the
    /// samples reach, among them the most up to 2N that all checkpoints have.
    pub(super) fn new(options: &ReportOptions, drawn: &[Option<Drawn>], is_exact: bool) -> Self {
        let asked = options.passes();
        let fewest = || drawn.iter().flatten().map(Drawn::fewest);
        let (Some(least), Some(most)) = (fewest().min(), fewest().max()) else {
            return Self {
                ks: asked.clone(),
                curve: Vec::new(),
                of_levels: asked,
            };
        };
        let mut ks = asked.clone();
        if options.passes.is_empty() && !is_exact {
            ks.retain(|&k| k <= most);
            ks.push(least.min(wanted(2.0 * options.level.n()) as u64));
            ks.sort_unstable();
            ks.dedup();
        }
        let powers = std::iter::successors(Some(1_u64), |k| k.checked_mul(2));
        Self {
            curve: powers.take_while(|&k| k <= most).collect(),
            of_levels: [&asked[..], &ks].concat(),
            ks,
        }
    }
}

/// Pass@k of one checkpoint; `exact` holds its log-probabilities of the only right responses.
pub(super) fn point(
    k: u64,
    exact: Option<(&Scores, &[f64])>,
    drawn: Option<&Drawn>,
    confidence: f64,
) -> Result<PassPoint> {
    let exact = exact.map(|(scores, log_q)| exact_pass(log_q, scores.design().weights, k));
    let sampled = drawn.map(|drawn| drawn.pass(k, confidence)).transpose()?;
    Ok(PassPoint {
        k,
        exact: exact.transpose()?,
        sampled: sampled.flatten(),
    })
}

/// `mean(1 - (1 - q)^k)` over the rows, weighted.
fn exact_pass(log_q: &[f64], weights: Option<&[f64]>, k: u64) -> breadth_stats::Result<f64> {
    let pass = |&log_q: &f64| breadth_stats::pass_at_n_exact(log_q, k as f64);
    let passes = log_q.iter().map(pass).collect::<Result<Vec<f64>, _>>()?;
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    let total: f64 = (0..log_q.len()).map(weight).sum();
    Ok((0..log_q.len()).map(|i| weight(i) * passes[i]).sum::<f64>() / total)
}

/// How many graded samples there are, if any.
pub(super) fn graded(drawn: &[Option<Drawn>]) -> Option<Graded> {
    let all = || drawn.iter().flatten();
    Some(Graded {
        prompts: all().map(|drawn| drawn.prompts.len()).max()?,
        fewest: all().map(Drawn::fewest).min()?,
        is_best_of: all().any(|drawn| drawn.prompts.iter().any(is_partial)),
    })
}
