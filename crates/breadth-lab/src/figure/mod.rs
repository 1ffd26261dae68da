//! The paper's figures: configuration, training runs, rows, signs.
//!
//! Every seed is trained and measured; a sign is looked for in each of them and in their median,
//! and [`crate::Check::sign`] decides.

mod evaluation;
mod fig1;
mod fig2;
mod seeds;
mod setting;
mod spread;

use crate::statement::Statement;

/// Every figure, in the paper's order.
pub static FIGURES: &[Statement] = &[fig1::STATEMENT, fig2::STATEMENT];
