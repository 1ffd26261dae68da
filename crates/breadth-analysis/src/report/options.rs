//! What a page may be asked for.

use breadth_stats::Level;

/// What the reader of a report may choose.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// N of the tournament; 4 by default.
    pub level: Level,
    /// Level of all intervals; 0.95 by default.
    pub confidence: f64,
    /// The `k` of Pass@k, each paired with `Cov_{k/2}`; empty (the default) means `N, 2N, 3N`.
    pub passes: Vec<u64>,
    /// Name of the reference among the scores; by default what `run.json` says.
    pub reference: Option<String>,
    /// Heading of the page; by default one made from the run.
    pub title: Option<String>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        let level = Level::from_n(4.0).expect("4 is a valid level");
        Self {
            level,
            confidence: 0.95,
            passes: Vec::new(),
            reference: None,
            title: None,
        }
    }
}

impl ReportOptions {
    /// The `k` to show: as chosen, or `N, 2N, 3N` where samples of that number are thinkable.
    pub fn passes(&self) -> Vec<u64> {
        if !self.passes.is_empty() {
            return self.passes.clone();
        }
        let n = self.level.n();
        if n > 1e6 {
            return vec![2, 8, 32];
        }
        let mut passes: Vec<u64> = [n, 2.0 * n, 3.0 * n].map(|k| k.round() as u64).to_vec();
        passes.retain(|&k| k >= 2);
        passes.dedup();
        passes
    }
}
