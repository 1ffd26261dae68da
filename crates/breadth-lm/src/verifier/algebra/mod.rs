//! Exact algebra on answers: rational numbers, roots, powers, variables and functions as unknowns.
//!
//! A value is a quotient of two sums of products. Products hold primes and sums under roots (by
//! their exponents between 0 and 1), names, functions of values and powers with unknown exponents.
//! Equal quotients by the laws of the field are found equal: both are multiplied out, so there is
//! no rounding, and no two different rational functions are ever taken for equal. Beyond that `i^2
//! = -1`, `sin^2 = 1 - cos^2` and `sinh^2 = cosh^2 - 1` are known, and roots are those of positive
//! numbers. Work is bounded: what would take too long, or has numbers too long for 128 bits, is
//! given up as no value.

mod calculator;
mod division;
mod power;
mod ratio;
mod sum;
mod write;

pub use calculator::Calculator;
pub use ratio::Ratio;
pub use sum::{Atom, Quotient, Sum};

#[cfg(test)]
mod tests;
