//! breadth-report.
