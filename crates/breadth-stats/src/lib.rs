//! Coverage statistics over plain slices of log-probabilities: profiles, divergences, tournaments, Pass@N, each with an interval.
//!
//! ```
//! use breadth_stats::{coverage_profile, tournament, Design, Level};
//!
//! // log p(y|x) under the data distribution and log q(y|x) under two checkpoints, for five responses drawn from the data.
//! let log_p = [-1.4, -1.4, -1.4, -2.3, -2.3];
//! let early = [-2.0, -2.1, -2.0, -2.9, -2.8];
//! let late = [-1.1, -1.1, -1.1, -7.0, -1.8];
//!
//! let n = Level::from_n(4.0)?;
//! let profile = coverage_profile(&log_p, &late, &Design::default(), &[n], 0.95)?;
//! assert_eq!(profile.points[0].cov, 0.2); // the late checkpoint gave up one response in five
//!
//! let outcome = tournament(&[&early, &late], &Design::default(), n, 0.95)?; // needs no log p
//! assert_eq!(outcome.winner, 0);
//! # Ok::<(), breadth_stats::Error>(())
//! ```
//!
//! The types to know: [`Level`] (a real N >= 1), [`Design`] (weights and clusters of the rows), [`Estimate`] (a number with limits),
//! [`CoverageProfile`], [`Tournament`], [`PromptOutcome`].
//!
//! It does **not** read files, name rows or models, run models, or hold tensors; nor does it forgive: NaN, a log-probability above 0 or an
//! empty sample is an [`Error`], never a number. Logs are natural logs (nats), sums are f64.
//!
//! | paper | here |
//! |---|---|
//! | `p`, pi_D; `q`, pi-hat | `log_p`, `log_q`: log-probabilities of whole responses |
//! | `N`, `M` | [`Level`] |
//! | `log p/q` | [`log_ratio`] |
//! | `p/q >= N` | [`is_uncovered`] |
//! | `Cov_N(p‖q)`, Def 1.1 | [`coverage_profile`] |
//! | `KL(p‖q)`, `CE(q)` | [`kl`], [`cross_entropy`] |
//! | `S_N(q'‖q)`, Eq 28 | [`rival_counts`], [`Tournament::rival_shares`] |
//! | `argmin max S`, Eq 29 | [`tournament()`] |
//! | the same over final answers, from samples, section 7.1 | [`answer_tournament`], [`answer_coverage`] |
//! | `Con_N(q'‖q)`, `argmin max {S - 2 N^a Con}`, Eq 32 | [`offset_tournament`] |
//! | Pass@N, Best-of-N | [`pass_at_k`], [`best_of_k`], [`pass_at_n_exact`], [`pass_at_k_estimate`] |
//! | `1 - (1 - q(S_x))^k`: reach, what k samples find for certain | [`CorrectResponses`] |
//! | whether N samples reach a prompt | [`reachability`] |
//! | `Dseq_N` | [`stopped_kl`] |
//! | propositions, lemmas, theorems | [`bound`] |

pub mod bound;
mod difference;
mod divergence;
mod error;
pub mod finite;
pub mod interval;
mod leader;
mod log_ratio;
pub mod numerics;
mod pass_at_n;
mod plan;
mod prediction;
mod profile;
mod reach;
mod tokens;
pub mod tournament;

pub use difference::{coverage_difference, cross_entropy_difference};
pub use divergence::{cross_entropy, kl, stopped_kl};
pub use error::{Error, Result};
pub use interval::{Design, Estimate, MeanEstimate, NoLimits, stratified_weights};
pub use leader::{Leader, leader};
pub use log_ratio::{Level, is_uncovered, log_ratio};
pub use pass_at_n::{
    AnswerCount, BestAtK, Extrapolation, PromptOutcome, RateModel, answer_coverage,
    answer_log_prob, best_at_k, best_of_k, extrapolate_pass, majority_of_k, mean_over_prompts,
    pass_at_k, pass_at_k_estimate, pass_at_n_exact, pass_hat_k_estimate, solved_share,
};
pub use plan::{
    Separation, design_effect, rows_to_certify, rows_to_separate, samples_to_see, separations,
};
pub use prediction::pass_from_coverage;
pub use profile::{CoveragePoint, CoverageProfile, coverage_profile};
pub use reach::{CorrectResponses, Reach, Reachability, hit_probability, reachability};
pub use tokens::{
    PositionBand, TokenBreakdown, TokenLogRatio, token_breakdown, without_worst_token,
};
pub use tournament::{
    DataAnswers, Dropped, Minimax, OnPolicy, Race, RivalCounts, Standing, Tournament,
    answer_tournament, landscape, landscape_levels, lowest_cross_entropy, minimax, offset_applies,
    offset_parameter, offset_tournament, race, rival_counts, rival_counts_at, tournament,
};
