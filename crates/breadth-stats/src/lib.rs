#![doc = include_str!("../README.md")]
//!
//! # The paper's symbols
//!
//! | paper | here |
//! |---|---|
//! | `p`, pi_D; `q`, pi-hat | `log_p`, `log_q`: log-probabilities of whole responses, in nats |
//! | `x`, `y` | a prompt; a response to it, one row |
//! | `N`, `M` | [`Level`] |
//! | `log p/q` | [`log_ratio()`] |
//! | `p/q >= N` | [`is_uncovered`] |
//! | `Cov_N(p‖q)`, Def 1.1 | [`coverage_profile`]; [`finite::coverage`] of known distributions |
//! | `KL(p‖q)`, `CE(q)` | [`kl()`], [`cross_entropy`]; [`finite::kl`] of known distributions |
//! | `H2`, squared Hellinger distance | [`finite::hellinger_squared`] |
//! | `Ĉov_N(q'‖q)`, or Chat, Eq 28 (`S_N` here) | rival share: [`Tournament::rival_shares`], [`rival_counts`] |
//! | `argmin max Ĉov_N`, Eq 29 | [`tournament()`]; [`race`] and [`minimax`] with less work |
//! | the same over final answers, section 7.1 | [`answer_tournament`], [`answer_coverage`] |
//! | `Con_N(q'‖q)`, `argmin max {Ĉov_N - 2 N^a Con_N}`, Eq 32 | [`offset_tournament`], [`offset_minimax`] |
//! | Pass@N, Best-of-N | [`pass_at_k`], [`best_of_k`], [`pass_at_n_exact`], [`pass_at_k_estimate`] |
//! | `1 - (1 - q(S_x))^k` | reach: [`CorrectResponses`], [`reachability`] |
//! | `Dseq_N`, Lemma D.10 | [`stopped_kl`] |
//! | `alpha_h`, Eq 25 | [`bound::truncation_weights`] |
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
mod outcome;
mod pass_at_n;
mod plan;
mod prediction;
mod profile;
mod reach;
pub mod simd;
mod tokens;
pub mod tournament;

pub use bound::{offset_applies, offset_parameter};
pub use difference::{coverage_difference, cross_entropy_difference};
pub use divergence::{cross_entropy, kl, stopped_kl};
pub use error::{Error, Result};
pub use interval::{Design, Estimate, MeanEstimate, NoLimits, stratified_weights};
pub use leader::{Leader, leader};
pub use log_ratio::{Level, is_uncovered, log_ratio};
pub use outcome::PromptOutcome;
pub use pass_at_n::{
    AnswerCount, BestAtK, Extrapolation, RateModel, answer_coverage, answer_log_prob, best_at_k,
    best_of_k, extrapolate_pass, majority_of_k, mean_over_prompts, most_likely_pass, pass_at_k,
    pass_at_k_estimate, pass_at_n_exact, pass_hat_k_estimate, samples_go_with_rates, solved_share,
};
pub use plan::{
    Certification, Separation, certifications, design_effect, prompts_to_certify,
    prompts_to_separate, rows_to_certify, rows_to_separate, samples_to_see, separations,
};
pub use prediction::pass_from_coverage;
pub use profile::{CoveragePoint, CoverageProfile, coverage_profile};
pub use reach::{CorrectResponses, Reach, Reachability, reachability};
pub use tokens::{
    PositionBand, TokenBreakdown, TokenLogRatio, token_breakdown, without_worst_token,
};
pub use tournament::{
    DataAnswers, Dropped, Minimax, OnPolicy, Race, RivalCounts, Standing, Tournament,
    answer_tournament, landscape, landscape_levels, lowest_cross_entropy, minimax, offset_minimax,
    offset_tournament, race, rival_counts, rival_counts_at, tournament,
};
