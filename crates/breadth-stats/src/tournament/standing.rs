//! The result of a tournament.

use std::cmp::Ordering;

use crate::log_ratio::Level;

/// The result of a tournament at one level.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tournament {
    /// N.
    pub level: Level,
    /// (models, models) `S_N(rival||q)` at `[rival * m + q]`, diagonal 0: the share of rows to
    /// which the rival assigns at least N times the probability that q does.
    pub rival_shares: Vec<f64>,
    /// One per model, in the order of the columns.
    pub standings: Vec<Standing>,
    /// Model indices, best first: by value, then cross-entropy, then order of the columns.
    pub ranking: Vec<usize>,
    /// The first of the ranking.
    pub winner: usize,
    /// All models with exactly the winner's value, in the order of the columns.
    pub tied: Vec<usize>,
    /// A confidence set: it contains the model with the smallest true value with the stated
    /// confidence; in the order of the columns.
    pub not_excluded: Vec<usize>,
    /// The model with the lowest cross-entropy, the first one among equals.
    pub cross_entropy_winner: usize,
}

impl Tournament {
    /// The share of rows on which two models differ by a factor of N or more, either way: the
    /// median over pairs of models, `None` for one model.
    ///
    /// Near 1 the choice of N does not matter: `S_N(r||q) = 1 - S_N(q||r)` is then how often r
    /// gives more than q, a coin toss between checkpoints whose log-probabilities differ by many
    /// nats either way.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::{tournament, Design, Level};
    /// let columns: [&[f64]; 2] = [&[-10.0, -50.0, -30.0], &[-40.0, -20.0, -30.5]];
    /// let outcome = tournament(&columns, &Design::default(), Level::from_n(16.0)?, 0.95)?;
    /// assert_eq!(outcome.separated_share(), Some(2.0 / 3.0));
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    pub fn separated_share(&self) -> Option<f64> {
        let m = self.standings.len();
        let pairs = (0..m).flat_map(|r| (0..r).map(move |q| (r, q)));
        let mut shares: Vec<f64> = pairs
            .map(|(r, q)| (self.rival_shares[r * m + q] + self.rival_shares[q * m + r]).min(1.0))
            .collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied()
    }

    /// Sets what follows from a ranking by value: winner, ranks and ties.
    pub(super) fn ranked(&mut self, ranking: Vec<usize>) {
        self.winner = ranking[0];
        for (place, &q) in ranking.iter().enumerate() {
            self.standings[q].rank = place + 1;
        }
        let best = self.standings[self.winner].value;
        self.tied = (0..ranking.len())
            .filter(|&q| self.standings[q].value == best)
            .collect();
        self.ranking = ranking;
    }
}

/// The result of one model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Standing {
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// `max over rivals q' != q of S_N(q'||q)`; 0 for a model without rivals.
    pub value: f64,
    /// The rival that attains it, the first one among equals; `None` without rivals.
    pub worst_rival: Option<usize>,
    /// Lower limit of the true value, `max over rivals of P_p[ q'/q >= N ]`.
    pub low: f64,
    /// Upper limit of the same.
    pub high: f64,
    /// Upper limit of this model's coverage beyond any other's:
    /// `Cov_{M N}(p||q) <= Cov_M(p||q') + excess` for every M >= 1 and every model q', with the
    /// stated confidence for all models at once, hence also for one that was picked.
    pub excess: f64,
    /// Cross-entropy in nats per response.
    pub cross_entropy: f64,
    /// Lower limit of the unobservable `Cov_N(p||q)`.
    pub certified_low: f64,
    /// Upper limit of the same.
    pub certified_high: f64,
}

/// Model indices by the first key, then the second, then as they come.
pub(super) fn rank(first: &[f64], second: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..first.len()).collect();
    let by =
        |keys: &[f64], a: usize, b: usize| keys[a].partial_cmp(&keys[b]).unwrap_or(Ordering::Equal);
    order.sort_by(|&a, &b| by(first, a, b).then(by(second, a, b)));
    order
}
