//! breadth-lm.
