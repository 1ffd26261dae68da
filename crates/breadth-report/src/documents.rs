//! The charts of single documents, for a notebook.

use breadth_analysis::{PassReport, Profile, ReachReport, Report, Selection};

use crate::figures::{self, Figure};
use crate::palette;

/// A chart with its words, complete in itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// What it shows.
    pub title: String,
    /// One sentence: what to see.
    pub caption: String,
    /// A file in light colours, without script and without references.
    pub svg: String,
}

impl From<Figure> for Drawing {
    fn from(figure: Figure) -> Self {
        Self {
            title: figure.title,
            caption: figure.caption,
            svg: palette::standalone(&figure.drawing),
        }
    }
}

fn drawings(figures: Vec<Figure>) -> Vec<Drawing> {
    figures.into_iter().map(Drawing::from).collect()
}

/// Draws a selection: the worst case of every checkpoint in the tournament, Pass@k where there are
/// samples, and what is certain about coverage.
#[must_use]
pub fn draw_selection(selection: &Selection) -> Vec<Drawing> {
    drawings(figures::of_selection(&Report::of_selection(selection)))
}

/// Draws coverage profiles: by checkpoint, and at every N.
#[must_use]
pub fn draw_profile(profile: &Profile) -> Vec<Drawing> {
    drawings(figures::of_profile(&Report::of_profile(profile)))
}

/// Draws reach: by checkpoint, and at every k.
#[must_use]
pub fn draw_reach(reach: &ReachReport) -> Vec<Drawing> {
    drawings(figures::of_reach(&Report::of_reach(reach), reach))
}

/// Draws Pass@k: by checkpoint, and at every k.
#[must_use]
pub fn draw_pass(pass: &PassReport) -> Vec<Drawing> {
    drawings(figures::of_pass(&Report::of_pass(pass)))
}
