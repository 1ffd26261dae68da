//! The `breadth` command line.

fn main() {}
