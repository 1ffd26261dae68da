//! The paper's inequalities about coverage, one function each, named after what it bounds.
//!
//! Each function carries the number of its statement as a documentation alias: searching for
//! "Lemma D.1" finds [`coverage_upper_from_kl_sharp`].
//!
//! | statement | function | what it says |
//! |---|---|---|
//! | Prop 3.1 | [`coverage_upper_from_kl`] | coverage at most so much, given the KL |
//! | Prop 3.2 | [`mle_kl_lower`] | KL of maximum likelihood at least so much |
//! | Thm 4.1 | [`mle_coverage_covering_rate`] | coverage of maximum likelihood, any class |
//! | Cor 4.1 | [`mle_coverage_parametric_rate`] | the same for a class of finite dimension |
//! | Cor 4.2 | [`mle_coverage_linear_rate`] | the same for autoregressive linear models |
//! | Thm 4.2 | [`mle_coverage_overparameterised_rate`] | the same, whatever the dimension |
//! | Prop 4.1 | [`mle_coverage_lower`], [`mle_coverage_lower_rate`] | coverage of maximum likelihood at least so much |
//! | Thm 6.3 | [`tournament_coverage_upper`] | coverage of the tournament's winner |
//! | Thm 6.4 | [`offset_tournament_coverage_rate`], [`offset_applies`], [`offset_parameter`] | the same for the offset tournament |
//! | Eq 5 | [`level_from_kl`] | the N that a KL asks for |
//! | Eq 25, Lemma I.4 | [`truncation_weights`] | token weights that stop the KL at log N |
//! | Eq 95 | [`coverage_upper_triangle`], [`coverage_upper_markov`] | coverage between three models |
//! | section 7.1 | [`answer_coverage_upper`] | coverage of answers from that of responses |
//! | Lemma D.1 | [`coverage_upper_from_kl_sharp`] | as Prop 3.1, sharper |
//! | Lemma D.2 | [`coverage_lower_from_kl_bernoulli`] | a family for which Lemma D.1 is tight |
//! | Lemma D.3 | [`kl_upper_from_profile`] | KL at most so much, given the whole profile |
//! | Lemma D.4 | [`coverage_upper_from_hellinger`] | coverage at most so much, given the Hellinger distance |
//! | Prop D.5 | [`coverage_upper_chain_rule`] | coverage of another target |
//! | Prop D.6 | [`best_of_n_regret_upper`], [`best_of_n_samples`] | coverage suffices for Best-of-N |
//! | Prop D.7 | [`best_of_n_regret_lower`] | coverage is needed for Best-of-N |
//! | Lemma D.10 | [`coverage_upper_from_stopped_kl`] | coverage from the stopped KL |
//! | Lemma D.11 | [`coverage_lower_from_hellinger`] | coverage from next-token Hellinger distances |
//! | Thm E.1 | [`mle_convex_class_rate`] | maximum likelihood over convex classes |
//! | Prop E.1 | [`mle_coverage_lower_nonconvex`] | and over one that is not convex |
//!
//! A function whose name ends in `_rate` holds up to a constant that the paper does not give: it
//! tells how a quantity grows, not how large it is. All others are inequalities or exact values.
//! `None` means that the statement does not apply to these arguments.

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
pub use selection::{
    OFFSET_LEAST, offset_applies, offset_parameter, offset_tournament_coverage_rate,
    tournament_coverage_upper,
};
pub use tokens::{
    coverage_lower_from_hellinger, coverage_upper_from_stopped_kl, truncation_weights,
};

/// Whether all values lie in [0, 1].
fn are_shares(values: &[f64]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value))
}
