//! Reads a score table and says how long it took and how much memory it needed.
//!
//! cargo run --release -p breadth-data --example read_scores -- TABLE...

use std::path::PathBuf;
use std::time::Instant;

use breadth_data::{ReadOptions, ScoreTable};

fn main() {
    let inputs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let start = Instant::now();
    let table = match ScoreTable::read(&inputs, &ReadOptions::default()) {
        Ok(table) => table,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let sum: f64 = table.logprob.iter().flatten().sum();
    println!(
        "{} models x {} rows, sum {sum:.6}",
        table.models.len(),
        table.rows()
    );
    println!("{seconds:.3} s, peak {} MB", peak_mb());
}

/// The peak resident memory that Linux reports; 0 elsewhere.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
