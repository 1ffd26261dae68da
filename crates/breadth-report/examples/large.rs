//! The page of a long run, to see what it costs: `cargo run --release -p breadth-report --example
//! large -- CHECKPOINTS ROWS OUT.html`.
//!
//! The tables are made from a formula; the times of the computation and of the drawing are printed.

#[allow(dead_code)]
#[path = "../tests/fixture/large.rs"]
mod large;

use std::error::Error;
use std::time::Instant;

use breadth_analysis::{ReportInputs, ReportOptions, summarize};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoints, rows, out] = &arguments[..] else {
        return Err("usage: large CHECKPOINTS ROWS OUT.html".into());
    };
    let (checkpoints, rows) = (checkpoints.parse()?, rows.parse()?);
    let scores = large::scores(checkpoints, rows);
    let samples = large::samples(checkpoints, rows.min(200));
    let inputs = ReportInputs {
        scores: &scores,
        selection: None,
        samples: Some(&samples),
        reference: Some("teacher"),
        single_correct_response: false,
    };
    let begun = Instant::now();
    let report = summarize(&inputs, &ReportOptions::default())?;
    let computed = begun.elapsed();
    let page = breadth_report::html(&report)?;
    println!(
        "computed in {computed:.1?}, drawn in {:.1?}, {} bytes",
        begun.elapsed() - computed,
        page.len()
    );
    std::fs::write(out, page)?;
    Ok(())
}
