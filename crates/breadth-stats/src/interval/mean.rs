//! The interval for a weighted mean of values without bounds.

use std::fmt;

use super::beta::student_t_upper;
use super::design::Strata;
use super::{CheckedDesign, Estimate};
use crate::numerics::{Sum, sum};

/// A unit with more than this share of the weight or of the variance decides the mean by itself.
const HEAVY: f64 = 0.1;
/// Fewer units than this are no basis for an estimated variance.
const FEW: f64 = 10.0;

/// A mean of unbounded values, such as a KL divergence or a cross-entropy in nats, with its limits
/// or the reason why there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeanEstimate {
    /// The point estimate.
    pub value: f64,
    /// Lower confidence limit; the least possible value where none can be given.
    pub low: f64,
    /// Upper confidence limit; the largest possible value (`inf`) where none can be given.
    pub high: f64,
    /// Why no limits can be given, where that is so.
    pub no_limits: Option<NoLimits>,
}

/// Why the mean of unbounded values has no limits.
///
/// A sample of unbounded values may have missed arbitrarily large ones, so the only limits are
/// those of a normal approximation, which needs many units none of which dominates. (`Display`
/// gives the reason in words.)
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum NoLimits {
    /// One unit holds more than a tenth of the weight.
    Weight {
        /// A row of it.
        row: usize,
        /// Its share of the weight.
        share: f64,
    },
    /// One unit holds more than a tenth of the variance.
    Variance {
        /// A row of it.
        row: usize,
        /// Its share of the sum of squared deviations.
        share: f64,
    },
    /// Fewer than ten units effectively determine the sum.
    Few {
        /// `(sum |w z|)^2 / sum (w z)^2` over units.
        units: f64,
    },
}

impl NoLimits {
    /// A row of the unit that dominates, if one does.
    pub fn row(&self) -> Option<usize> {
        match self {
            NoLimits::Weight { row, .. } | NoLimits::Variance { row, .. } => Some(*row),
            NoLimits::Few { .. } => None,
        }
    }

    /// The reason in words, with the name of the unit that [`NoLimits::row`] belongs to.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::NoLimits;
    /// let reason = NoLimits::Weight {
    ///     row: 3,
    ///     share: 0.97,
    /// };
    /// assert_eq!(
    ///     reason.in_words("prompt `7`"),
    ///     "cannot be bounded: prompt `7` carries 97% of the weight"
    /// );
    /// ```
    pub fn in_words(&self, unit: &str) -> String {
        match self {
            NoLimits::Weight { share, .. } => {
                format!(
                    "cannot be bounded: {unit} carries {} of the weight",
                    whole_percent(*share)
                )
            }
            NoLimits::Variance { share, .. } => {
                format!(
                    "cannot be bounded: {unit} carries {} of the variance",
                    whole_percent(*share)
                )
            }
            NoLimits::Few { units } => format!(
                "cannot be bounded: it is carried by as little as {units:.1} prompts of equal \
                 size, and it takes 10"
            ),
        }
    }
}

/// A share in whole percent, 100% only where nothing is left.
fn whole_percent(share: f64) -> String {
    if share < 1.0 && share > 0.995 {
        return ">99%".into();
    }
    format!("{:.0}%", 100.0 * share)
}

impl fmt::Display for NoLimits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self
            .row()
            .map(|row| format!("the prompt of row {}", row + 1));
        out.write_str(&self.in_words(&unit.unwrap_or_default()))
    }
}

impl MeanEstimate {
    /// A value known for certain.
    pub(crate) fn certain(value: f64) -> MeanEstimate {
        MeanEstimate {
            value,
            low: value,
            high: value,
            no_limits: None,
        }
    }

    /// Limits that do not leave [least, largest], where the mean is known to lie.
    pub(crate) fn within(self, least: f64, largest: f64) -> MeanEstimate {
        MeanEstimate {
            low: self.low.clamp(least, largest),
            high: self.high.clamp(least, largest),
            ..self
        }
    }

    /// The value and its limits, without the reason.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            value: self.value,
            low: self.low,
            high: self.high,
        }
    }
}

/// Weighted mean with a Student t interval over units (clusters, or rows): `mean +- t * sqrt(v)`,
/// `v = m/(m-1) * sum_c R_c^2 / W^2`, where R_c is unit c's weighted sum of deviations from the
/// mean, W the total weight and m the effective number of units `W^2 / sum W_c^2`, which also gives
/// the m - 1 degrees of freedom. With strata the variance is that within them, with Satterthwaite's
/// degrees of freedom where those are fewer.
///
/// No limits (`-inf`, `inf`) where one unit holds more than a tenth of the weight or of the
/// variance, or fewer than ten units carry the sum. Values must be finite.
pub(crate) fn mean_interval(
    rows: &CheckedDesign,
    value: impl Fn(usize) -> f64,
    alpha: f64,
) -> MeanEstimate {
    let values: Vec<f64> = (0..rows.n).map(value).collect();
    let mean = rows.mean(|row| values[row]);
    let totals = rows.cluster_totals(|row| values[row]);
    let residuals = rows.cluster_totals(|row| values[row] - mean);
    if let Some(reason) = reason_against(rows, &totals, &residuals) {
        return MeanEstimate {
            value: mean,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            no_limits: Some(reason),
        };
    }
    let effective = rows.effective_clusters();
    let spread = spread(&residuals, rows.strata.as_ref());
    let freedom = spread.freedom.min(effective - 1.0).max(1.0);
    let variance = spread.squares * effective / (effective - 1.0) / rows.total_weight().powi(2);
    let margin = student_t_upper(freedom, 0.5 * alpha) * variance.sqrt();
    MeanEstimate {
        value: mean,
        low: mean - margin,
        high: mean + margin,
        no_limits: None,
    }
}

fn reason_against(rows: &CheckedDesign, totals: &[f64], residuals: &[f64]) -> Option<NoLimits> {
    let row_of = |unit: usize| (0..rows.n).find(|&row| rows.unit(row) == unit).unwrap_or(0);
    let units = rows.cluster_count;
    if units < FEW as usize {
        return Some(NoLimits::Few {
            units: units as f64,
        });
    }
    if let Some((unit, share)) = heaviest((0..units).map(|unit| rows.unit_weight(unit))) {
        let row = row_of(unit);
        return Some(NoLimits::Weight { row, share });
    }
    let (absolute, squares) = totals
        .iter()
        .fold((0.0, 0.0), |(a, s), z| (a + z.abs(), s + z * z));
    let carrying = absolute * absolute / squares;
    if carrying < FEW {
        return Some(NoLimits::Few { units: carrying });
    }
    let (unit, share) = heaviest(residuals.iter().map(|z| z * z))?;
    let row = row_of(unit);
    Some(NoLimits::Variance { row, share })
}

/// The largest of some numbers, where it is more than [`HEAVY`] of their sum: its position and
/// share.
fn heaviest(of: impl Iterator<Item = f64>) -> Option<(usize, f64)> {
    let mut total = Sum::default();
    let (mut at, mut largest) = (0, f64::NEG_INFINITY);
    for (unit, value) in of.enumerate() {
        total.add(value);
        if value >= largest {
            (at, largest) = (unit, value);
        }
    }
    let share = largest / total.value();
    (share > HEAVY).then_some((at, share))
}

/// The spread of units' residuals, and its degrees of freedom.
struct Spread {
    /// `sum_g m_g / (m_g - 1) sum_{c in g} (z_c - mean of g)^2`; the only unit of a stratum counts
    /// in full. Without the factor where there is one stratum.
    squares: f64,
    /// Satterthwaite's: `(sum_g v_g)^2 / sum_g v_g^2 / (m_g - 1)`, which is m - 1 where there is
    /// one stratum.
    freedom: f64,
}

/// The spread of residuals that sum to 0, one for each unit, within strata.
fn spread(residuals: &[f64], strata: Option<&Strata>) -> Spread {
    let Some(strata) = strata else {
        return Spread {
            squares: sum(residuals.iter().map(|z| z * z)),
            freedom: residuals.len() as f64 - 1.0,
        };
    };
    let mut sums = vec![(0.0, 0.0, 0.0); strata.count];
    for (unit, &z) in residuals.iter().enumerate() {
        let (m, total, squares) = &mut sums[strata.of_cluster[unit] as usize];
        *m += 1.0;
        *total += z;
        *squares += z * z;
    }
    let of_stratum = |&(m, total, squares): &(f64, f64, f64)| {
        if m < 2.0 {
            (squares, 1.0)
        } else {
            let within = (squares - total * total / m).max(0.0);
            (within * m / (m - 1.0), m - 1.0)
        }
    };
    let parts = || sums.iter().map(of_stratum);
    let squares: f64 = parts().map(|(v, _)| v).sum();
    let penalty: f64 = parts().map(|(v, freedom)| v * v / freedom).sum();
    let all = (residuals.len() - strata.count) as f64;
    Spread {
        squares,
        freedom: if penalty > 0.0 {
            squares * squares / penalty
        } else {
            all
        },
    }
}
