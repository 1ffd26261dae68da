//! Draws the page of the miniature experiment: `cargo run -p breadth-report --example miniature --
//! OUT.html [SVG_DIR]`.
//!
//! The numbers at steps 0, 30, 60, 90, 150, 240 and 480 are one run of the small Figure 1 (three
//! layers, two nodes each); the rest of a report, which such a table does not hold, is interpolated
//! or made up in a plausible way. It shows what a page looks like; it measures nothing.

#[allow(dead_code)]
#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments
        .next()
        .ok_or("usage: miniature OUT.html [SVG_DIR]")?;
    let report = fixture::miniature();
    std::fs::write(&out, breadth_report::html(&report)?)?;
    println!("{}\n{out}", report.headline());
    if let Some(dir) = arguments.next().map(PathBuf::from) {
        std::fs::create_dir_all(&dir)?;
        for (stem, svg) in breadth_report::svgs(&report) {
            std::fs::write(dir.join(format!("{stem}.svg")), svg)?;
        }
    }
    Ok(())
}
