//! The coverage profile with its limits (Def 1.1).

use crate::bound::best_of_n_regret_upper;
use crate::error::Result;
use crate::interval::{BoundedMean, CheckedDesign, Design, dkw_half_width};
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Estimates of `Cov_N` at several levels, with intervals.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CoverageProfile {
    /// One point per level, in the order asked for.
    pub points: Vec<CoveragePoint>,
    /// The interval method, as a phrase to print.
    pub method: &'static str,
}

/// `Cov_N` at one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoveragePoint {
    /// N.
    pub level: Level,
    /// The estimate: the share of data responses to which p assigns at least N times the
    /// probability that q does.
    pub cov: f64,
    /// Lower limit for this level alone.
    pub low: f64,
    /// Upper limit for this level alone.
    pub high: f64,
    /// The number of independent rows of equal weight whose limits would be as far apart, at most
    /// the (effective) number of clusters.
    pub effective_rows: f64,
    /// Lower limit that holds at all levels at once.
    pub band_low: f64,
    /// Upper limit that holds at all levels at once.
    pub band_high: f64,
}

/// Coverage profile `Cov_N(p||q) = P_p[ p(y|x) / q(y|x) >= N ]` at each level, with limits and a
/// band.
///
/// `log_p`, `log_q`: (rows) log-probabilities in nats of responses drawn from the data; `levels`:
/// the N. For each level we count the responses to which p assigns at least N times the probability
/// that q does. Limits at one level are those of [`BoundedMean`], which are Clopper and Pearson's
/// for independent rows of equal weight. The band over all levels is that of Dvoretzky, Kiefer and
/// Wolfowitz with Massart's constant, at the number of rows, or for weighted or clustered rows at
/// Kish's effective number of clusters `(sum W_c)^2 / sum W_c^2`.
///
/// # Errors
///
/// No rows, slices of different lengths, a log-probability that is NaN, positive or finite and
/// below -1e30, an invalid [`Design`], or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{coverage_profile, Design, Level};
/// let log_p = [-1.0, -1.0, -1.0, -1.0];
/// let log_q = [-1.0, -2.0, -5.0, f64::NEG_INFINITY];
/// let levels = [Level::from_n(1.0)?, Level::from_n(8.0)?, Level::from_n(1e6)?];
/// let profile = coverage_profile(&log_p, &log_q, &Design::default(), &levels, 0.95)?;
/// let cov: Vec<f64> = profile.points.iter().map(|point| point.cov).collect();
/// assert_eq!(cov, [1.0, 0.5, 0.25]);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Def 1.1; Massart, Annals of Probability 18 (1990), for the band.
#[doc(alias = "Definition 1.1")]
#[doc(alias = "Cov_N")]
pub fn coverage_profile(
    log_p: &[f64],
    log_q: &[f64],
    design: &Design,
    levels: &[Level],
    confidence: f64,
) -> Result<CoverageProfile> {
    let alpha = error_rate(confidence)?;
    check_length("log_q", log_q.len(), "log_p", log_p.len())?;
    let rows = CheckedDesign::new(design, log_p.len())?;
    check_log_probs("log_p", log_p)?;
    check_log_probs("log_q", log_q)?;
    let half_width = dkw_half_width(rows.effective_clusters(), alpha);
    let point = |&level: &Level| {
        let share =
            BoundedMean::of_all_rows(&rows, |row| is_uncovered(log_p[row], log_q[row], level));
        let (low, high) = (share.lower(0.5 * alpha), share.upper(0.5 * alpha));
        CoveragePoint {
            level,
            cov: share.value,
            low,
            high,
            effective_rows: share.effective_size_of(high - low, 0.5 * alpha),
            band_low: (share.value - half_width).max(0.0),
            band_high: (share.value + half_width).min(1.0),
        }
    };
    Ok(CoverageProfile {
        points: levels.iter().map(point).collect(),
        method: method(&rows),
    })
}

impl CoverageProfile {
    /// Upper limit of the regret of Best-of-n against the reference, for every reward in [0, 1].
    ///
    /// The least of `Cov_M + e^(-n/(2M))` over the levels M of the profile, with the band's upper
    /// limits for the coverages, which hold at all levels at once; 1 where no level says anything.
    /// `n`: number of samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{Design, Level, coverage_profile};
    /// let (log_p, log_q) = (vec![-1.0; 10_000], vec![-2.0; 10_000]);
    /// let profile = coverage_profile(
    ///     &log_p,
    ///     &log_q,
    ///     &Design::default(),
    ///     &[Level::from_n(4.0)?],
    ///     0.95,
    /// )?;
    /// let band = profile.points[0].band_high;
    /// assert_eq!(profile.best_of_n_regret(64.0), band + (-8.0_f64).exp());
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// Prop D.6.
    pub fn best_of_n_regret(&self, n: f64) -> f64 {
        let bounds = self
            .points
            .iter()
            .filter_map(|point| best_of_n_regret_upper(n, point.level, point.band_high));
        bounds.fold(1.0, f64::min)
    }
}

fn method(rows: &CheckedDesign) -> &'static str {
    match (rows.is_iid(), rows.is_clustered(), rows.strata.is_some()) {
        (true, ..) => "Clopper-Pearson limits, DKW band",
        (_, true, false) => {
            "Gaffke limits over prompts, DKW band at the effective number of prompts"
        }
        (_, false, false) => {
            "Gaffke limits for weighted rows, DKW band at the effective number of rows"
        }
        (_, true, true) => {
            "Gaffke limits over prompts within groups, DKW band at the effective number of prompts"
        }
        (_, false, true) => "Gaffke limits within groups, DKW band at the effective number of rows",
    }
}
