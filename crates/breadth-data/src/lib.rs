//! breadth-data.
