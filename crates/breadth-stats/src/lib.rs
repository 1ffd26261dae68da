//! breadth-stats.
