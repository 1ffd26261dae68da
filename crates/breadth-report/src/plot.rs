//! Measured points with their lines, for documents that this crate does not know.

use crate::chart::{Axis, Chart, Dot, Key, Kind, Mark, Role, Shape, Unit};
use crate::palette;

/// A chart of points and lines.
///
/// # Examples
///
/// ```
/// use breadth_report::{Curve, Plot};
/// let plot = Plot {
///     stem: "headline".into(),
///     title: "KL grows with the length, coverage does not".into(),
///     x: "H".into(),
///     y: "n KL".into(),
///     x_log: true,
///     y_log: true,
///     curves: vec![Curve {
///         name: "measured".into(),
///         points: vec![(8.0, 6.25), (16.0, 9.91)],
///         ..Curve::default()
///     }],
/// };
/// assert!(plot.svg().contains("n KL"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// Name of the drawing, unique within a page: letters, digits, `-`.
    pub stem: String,
    /// What is seen, for who cannot see it.
    pub title: String,
    /// What the horizontal axis says.
    pub x: String,
    /// What the vertical axis says.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    pub x_log: bool,
    /// Whether the vertical axis is logarithmic.
    pub y_log: bool,
    /// What is drawn; from the fifth on the looks repeat.
    pub curves: Vec<Curve>,
}

/// Measured points, and the lines that belong to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What the legend calls it; nothing for a curve without an entry.
    pub name: String,
    /// The points measured.
    pub points: Vec<(f64, f64)>,
    /// (points) the ends of their error bars, or nothing.
    pub bars: Vec<(f64, f64)>,
    /// The line predicted.
    pub predicted: Vec<(f64, f64)>,
    /// The line fitted.
    pub fitted: Vec<(f64, f64)>,
}

/// Looks that are told apart without colour.
const LOOKS: [(&str, Shape); 4] = [
    ("a", Shape::Circle),
    ("loss", Shape::Square),
    ("b", Shape::Triangle),
    ("c", Shape::Circle),
];

impl Plot {
    /// The drawing for a page with [`crate::page_style`].
    pub fn svg(&self) -> String {
        self.chart().draw().to_string()
    }

    /// The drawing as a file of its own, in light colours.
    pub fn file(&self) -> String {
        palette::standalone(&self.chart().draw())
    }

    fn chart(&self) -> Chart {
        let kind = |log| if log { Kind::Log } else { Kind::Linear };
        let looks = self.curves.iter().zip(LOOKS.into_iter().cycle());
        let keyed = looks.clone().filter(|(curve, _)| !curve.name.is_empty());
        Chart {
            stem: self.stem.clone(),
            title: self.title.clone(),
            description: format!("{} against {}", self.y, self.x),
            x: Axis::new(&self.x, kind(self.x_log), Unit::Plain),
            y: Axis::new(&self.y, kind(self.y_log), Unit::Plain),
            marks: looks.flat_map(|(curve, look)| curve.marks(look)).collect(),
            legend: keyed.map(|(curve, look)| curve.key(look)).collect(),
        }
    }
}

impl Curve {
    fn marks(&self, (class, shape): (&str, Shape)) -> Vec<Mark> {
        let line = |class: &str, points: &[(f64, f64)], what: &str| Mark::Line {
            class: class.into(),
            points: points.to_vec(),
            checkpoint: None,
            tip: format!("{} {what}", self.name).trim().to_owned(),
        };
        let dot = |(i, &at): (usize, &(f64, f64))| {
            Mark::Dot(Dot {
                is_small: false,
                at,
                bar: self.bars.get(i).copied(),
                class: class.into(),
                shape,
                role: Role::Plain,
                checkpoint: i,
                tip: format!("{} ({}, {})", self.name, at.0, at.1)
                    .trim()
                    .to_owned(),
                label: None,
            })
        };
        [
            line("faint", &self.predicted, "predicted"),
            line(class, &self.fitted, "fitted"),
        ]
        .into_iter()
        .chain(self.points.iter().enumerate().map(dot))
        .collect()
    }

    fn key(&self, (class, shape): (&str, Shape)) -> Key {
        Key {
            class: class.into(),
            shape: Some(shape),
            line: !self.fitted.is_empty(),
            text: crate::chart::shorten(&self.name, 14),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        let curve = |name: &str| Curve {
            name: name.into(),
            points: vec![(1.0, 2.0), (10.0, 0.0), (100.0, f64::INFINITY)],
            bars: vec![(1.5, 2.5), (0.0, 0.5)],
            predicted: vec![(1.0, 2.0), (100.0, 0.02)],
            fitted: vec![(1.0, 2.1), (100.0, 0.021)],
        };
        Plot {
            stem: "p".into(),
            title: "a < b".into(),
            x: "n".into(),
            y: "Cov".into(),
            x_log: true,
            y_log: true,
            curves: vec![curve("N = 8"), curve("")],
        }
    }

    #[test]
    fn every_point_and_line_is_drawn_and_the_file_is_xml() {
        let drawn = plot().svg();
        assert_eq!(drawn.matches("<g class=\"dot").count(), 6 + 1); // and one in the legend
        assert_eq!(drawn.matches("<path class=\"line").count(), 4);
        assert!(roxmltree::Document::parse(&plot().file()).is_ok());
        assert!(!plot().file().contains("var("));
    }

    #[test]
    fn nothing_is_a_chart_too() {
        assert!(roxmltree::Document::parse(&Plot::default().file()).is_ok());
    }
}
