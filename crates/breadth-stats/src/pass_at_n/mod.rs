//! Pass@k and Best-of-k: unbiased from samples, exact from a known probability.

mod best_at_k;
mod beta_binomial;
mod extrapolate;
mod majority;
mod mixture;
mod numbers;
mod over_prompts;
mod per_prompt;
mod rates;

pub use best_at_k::{BestAtK, best_at_k};
pub use extrapolate::{Extrapolation, RateModel, extrapolate_pass, most_likely_pass};
pub use majority::{AnswerCount, majority_of_k};
pub use numbers::samples_go_with_rates;
pub use over_prompts::{mean_over_prompts, pass_at_k_estimate, pass_hat_k_estimate};
pub use per_prompt::{best_of_k, pass_at_k, pass_at_n_exact};
pub use rates::{answer_coverage, answer_log_prob, solved_share};
