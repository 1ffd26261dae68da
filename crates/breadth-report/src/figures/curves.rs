//! A curve for every checkpoint: the choices in full, with what is known around them, the others
//! thinly.

use super::figure::{Figure, Table, key, shown, thinned};
use crate::chart::{Axis, Chart, Mark};
use breadth_analysis::Report;

/// The curves of one chart.
pub(super) struct Curves<'a> {
    pub(super) stem: &'static str,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// The points of a checkpoint's curve.
    pub(super) line: &'a dyn Fn(usize) -> Vec<(f64, f64)>,
    /// Its limits: (x, low, high).
    pub(super) band: &'a dyn Fn(usize) -> Vec<(f64, f64, f64)>,
    pub(super) table: Table,
}

impl Curves<'_> {
    pub(super) fn figure(self, report: &Report) -> Figure {
        let shown = shown(report);
        let curve = |i: usize, class: &str| Mark::Line {
            class: class.into(),
            points: (self.line)(i),
            checkpoint: Some(i),
            tip: report.checkpoints[i].model.clone(),
        };
        let band = |&(i, class): &(usize, &str)| Mark::Band {
            class: class.into(),
            points: (self.band)(i),
        };
        let plain = thinned(report).filter(|i| shown.iter().all(|s| s.0 != *i));
        let mut marks: Vec<Mark> = plain.map(|i| curve(i, "faint")).collect();
        // Beside choices the first is there to be compared with.
        let has_choice = shown.iter().any(|(_, class)| is_choice(class));
        let banded = shown
            .iter()
            .filter(|(_, class)| is_choice(class) || !has_choice);
        marks.extend(banded.map(band));
        marks.extend(shown.iter().map(|&(i, class)| curve(i, class)));
        let keys = shown.iter().map(|&(i, class)| key(report, i, class));
        let chart = Chart {
            stem: self.stem.into(),
            title: self.title.clone(),
            description: self.caption.clone(),
            x: self.x,
            y: self.y,
            marks,
            legend: keys.collect(),
        };
        Figure {
            stem: self.stem.into(),
            title: self.title,
            caption: self.caption,
            drawing: chart.draw(),
            table: self.table,
        }
    }
}

fn is_choice(class: &str) -> bool {
    matches!(class, "chosen" | "loss")
}
