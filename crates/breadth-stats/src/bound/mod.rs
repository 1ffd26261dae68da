//! The paper's statements about coverage, as functions named after them.
//!
//! | statement | function | between |
//! |---|---|---|
//! | Prop 3.1, Lemmas D.1, D.2 | [`prop_3_1`], [`lemma_d_1`], [`lemma_d_2`] | KL and coverage |
//! | Lemma D.3, D.4, Eq 5 | [`lemma_d_3`], [`lemma_d_4`], [`eq_5`] | the profile and KL; Hellinger and coverage; KL and N |
//! | Prop D.5, Eq 95, section 7.1 | [`prop_d_5`], [`eq_95`], [`markov`], [`answer_level`] | coverage and coverage |
//! | Prop D.6, D.7 | [`prop_d_6`], [`prop_d_6_samples`], [`prop_d_7`] | coverage and the regret of Best-of-N |
//! | Lemma D.10, D.11, Eq 25 | [`lemma_d_10`], [`lemma_d_11`], [`eq_25`] | token by token |
//! | Thm 6.3, 6.4 | [`thm_6_3`], [`thm_6_4_rate`] | what a tournament guarantees |
//! | section 4, Prop 3.2 | [`prop_3_2`], [`thm_4_1_rate`], [`cor_4_1_rate`], [`cor_4_2_rate`], [`thm_4_2_rate`], [`prop_4_1_a`], [`prop_4_1_b_rate`], [`thm_e_1_rate`], [`prop_e_1`] | what maximum likelihood reaches |
//!
//! A function whose name ends in `_rate` is right up to a constant that the paper does not give: it tells how things grow, not how large they are. All others are
//! inequalities or exact values. `None` means that the statement says nothing there.

mod best_of_n;
mod coverage;
mod divergence;
mod maximum_likelihood;
mod selection;
mod tokens;

pub use best_of_n::{prop_d_6, prop_d_6_samples, prop_d_7};
pub use coverage::{answer_level, eq_95, markov, prop_d_5};
pub use divergence::{eq_5, lemma_d_1, lemma_d_2, lemma_d_3, lemma_d_4, prop_3_1};
pub use maximum_likelihood::{
    cor_4_1_rate, cor_4_2_rate, prop_3_2, prop_4_1_a, prop_4_1_b_rate, prop_e_1, thm_4_1_rate,
    thm_4_2_rate, thm_e_1_rate,
};
pub use selection::{thm_6_3, thm_6_4_rate};
pub use tokens::{eq_25, lemma_d_10, lemma_d_11};

/// Whether all values are shares.
fn are_shares(values: &[f64]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value))
}
