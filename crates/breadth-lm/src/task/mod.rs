//! Synthetic tasks whose law `p(y|x)` is known exactly, so that coverage and KL can be computed and not only estimated.

pub mod graph_search;
