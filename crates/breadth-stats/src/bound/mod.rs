//! The paper's statements about coverage, as functions named after them.
//!
//! | statement | function | between |
//! |---|---|---|
//! | Prop 3.1, Lemmas D.1, D.2 | [`coverage_upper_from_kl`], [`coverage_upper_from_kl_sharp`], [`coverage_lower_from_kl_bernoulli`] | KL and coverage |
//! | Lemma D.3, D.4, Eq 5 | [`kl_upper_from_profile`], [`coverage_upper_from_hellinger`], [`level_from_kl`] | the profile and KL; Hellinger and coverage; KL and N |
//! | Prop D.5, Eq 95, section 7.1 | [`coverage_upper_chain_rule`], [`coverage_upper_triangle`], [`coverage_upper_markov`], [`answer_coverage_upper`] | coverage and coverage |
//! | Prop D.6, D.7 | [`best_of_n_regret_upper`], [`best_of_n_samples`], [`best_of_n_regret_lower`] | coverage and the regret of Best-of-N |
//! | Lemma D.10, D.11, Eq 25 | [`coverage_upper_from_stopped_kl`], [`coverage_lower_from_hellinger`], [`truncation_weights`] | token by token |
//! | Thm 6.3, 6.4 | [`tournament_coverage_upper`], [`offset_tournament_coverage_rate`] | what a tournament guarantees |
//! | section 4, Prop 3.2 | [`mle_kl_lower`], [`mle_coverage_covering_rate`], [`mle_coverage_parametric_rate`], [`mle_coverage_linear_rate`], [`mle_coverage_overparameterised_rate`], [`mle_coverage_lower`], [`mle_coverage_lower_rate`], [`mle_convex_class_rate`], [`mle_coverage_lower_nonconvex`] | what maximum likelihood reaches |
//!
//! A function whose name ends in `_rate` is right up to a constant that the paper does not give: it tells how things grow, not how large they are. All others are
//! inequalities or exact values. `None` means that the statement says nothing there.

mod best_of_n;
mod coverage;
mod divergence;
mod maximum_likelihood;
mod selection;
mod tokens;

pub use best_of_n::{best_of_n_regret_lower, best_of_n_regret_upper, best_of_n_samples};
pub use coverage::{
    answer_coverage_upper, coverage_upper_chain_rule, coverage_upper_markov,
    coverage_upper_triangle,
};
pub use divergence::{
    coverage_lower_from_kl_bernoulli, coverage_upper_from_hellinger, coverage_upper_from_kl,
    coverage_upper_from_kl_sharp, kl_upper_from_profile, level_from_kl,
};
pub use maximum_likelihood::{
    mle_convex_class_rate, mle_coverage_covering_rate, mle_coverage_linear_rate,
    mle_coverage_lower, mle_coverage_lower_nonconvex, mle_coverage_lower_rate,
    mle_coverage_overparameterised_rate, mle_coverage_parametric_rate, mle_kl_lower,
};
pub use selection::{offset_tournament_coverage_rate, tournament_coverage_upper};
pub use tokens::{
    coverage_lower_from_hellinger, coverage_upper_from_stopped_kl, truncation_weights,
};

/// Whether all values are shares.
fn are_shares(values: &[f64]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value))
}
