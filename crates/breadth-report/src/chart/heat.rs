//! A heat map of pairwise shares, with the largest of each column below it.

use super::frame::{CHARACTER, canvas, heading, shorten, text};
use super::mark::WIDTH;
use super::shape::star;
use crate::format::percent;
use crate::svg::{Element, number};

/// Room for the names of rows, at least.
const LEFT: f64 = 62.0;
/// Characters of a row's name, at most.
const NAME: usize = 14;
const TOP: f64 = 50.0;
/// Space between the matrix and the row of maxima.
const GAP: f64 = 10.0;

/// A square matrix of shares before it is drawn.
pub(crate) struct HeatMap<'a> {
    pub(crate) stem: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    /// What the rows and the columns are.
    pub(crate) y_title: &'a str,
    pub(crate) x_title: &'a str,
    pub(crate) names: Vec<String>,
    /// Row-major, `names.len()` squared.
    pub(crate) values: &'a [f64],
    /// The largest of them, which has the most ink.
    pub(crate) largest: f64,
    /// Whether a column is one checkpoint, which is lit up in the other charts too.
    pub(crate) are_single: bool,
    /// The column to mark with a star.
    pub(crate) chosen: Option<usize>,
    /// The tip of a cell, from row, column and value.
    pub(crate) tip: &'a dyn Fn(usize, usize) -> String,
}

impl HeatMap<'_> {
    pub(crate) fn draw(&self) -> Element {
        let m = self.names.len();
        let (width, height) = self.cell();
        let below = TOP + m as f64 * height + GAP;
        let turned = self.turned(width);
        let foot = if turned { 74.0 } else { 24.0 };
        let total = below + height.max(12.0) + foot + 20.0;
        canvas(self.stem, self.title, self.description, total.round())
            .child(heading(self.y_title))
            .child(self.colour_key())
            .children((0..m * m).map(|i| self.cell_at(i / m, i % m)))
            .children(self.row_labels(height))
            .children((0..m).map(|q| self.maximum(q, below)))
            .child(text(
                self.left() - 6.0,
                below + height / 2.0 + 4.0,
                "tick end",
                "largest",
            ))
            .children(self.column_labels(below + height.max(12.0), width, turned))
            .child(text(
                WIDTH - 12.0,
                total - 8.0,
                "axis-title end",
                self.x_title,
            ))
    }

    /// Where the cells begin.
    fn left(&self) -> f64 {
        let names = self.names.iter().map(|name| name.chars().count());
        let longest = names.max().unwrap_or(0).min(NAME);
        LEFT.max(CHARACTER * longest as f64 + 18.0)
    }

    /// Width and height of one cell.
    fn cell(&self) -> (f64, f64) {
        let m = self.names.len().max(1) as f64;
        (
            (WIDTH - 12.0 - self.left()) / m,
            (230.0 / m).clamp(4.0, 40.0),
        )
    }

    /// How strongly a value is inked; the faintest ink still shows a cell.
    fn ink(&self, value: f64) -> f64 {
        let share = if self.largest > 0.0 && value.is_finite() {
            value / self.largest
        } else {
            0.0
        };
        0.05 + 0.95 * share.clamp(0.0, 1.0)
    }

    fn square(&self, q: usize, y: f64, value: f64) -> Element {
        let (width, height) = self.cell();
        let gap = if width > 8.0 && height > 8.0 {
            1.0
        } else {
            0.0
        };
        Element::new("rect")
            .class("cell")
            .num("x", self.left() + q as f64 * width)
            .num("y", y)
            .num("width", width - gap)
            .num("height", height - gap)
            .num("fill-opacity", self.ink(value))
    }

    fn of_column(&self, q: usize) -> Element {
        let group = Element::new("g");
        if self.are_single {
            group.attr("data-c", q)
        } else {
            group
        }
    }

    fn cell_at(&self, rival: usize, q: usize) -> Element {
        let m = self.names.len();
        let (width, height) = self.cell();
        let value = self.values[rival * m + q];
        let y = TOP + rival as f64 * height;
        let mut group = self
            .of_column(q)
            .tip((self.tip)(rival, q))
            .child(self.square(q, y, value));
        if width >= 44.0 && height >= 18.0 && rival != q {
            let x = self.left() + (q as f64 + 0.5) * width;
            let class = if self.ink(value) > 0.55 {
                "in-cell dark"
            } else {
                "in-cell"
            };
            group = group.child(text(x, y + height / 2.0 + 4.0, class, percent(value)));
        }
        group
    }

    /// The largest share of a column: the number the tournament minimises.
    fn maximum(&self, q: usize, y: f64) -> Element {
        let m = self.names.len();
        let (width, height) = self.cell();
        let value = (0..m)
            .map(|rival| self.values[rival * m + q])
            .fold(0.0, f64::max);
        let tip = format!(
            "{}: largest share over its rivals {}",
            self.names[q],
            percent(value)
        );
        let group = self.of_column(q).tip(tip).child(self.square(q, y, value));
        if self.chosen != Some(q) {
            return group;
        }
        let x = self.left() + (q as f64 + 0.5) * width;
        group.child(
            Element::new("g")
                .class("dot chosen")
                .child(star(x, y + height / 2.0)),
        )
    }

    fn row_labels(&self, height: f64) -> Vec<Element> {
        let every = (13.0 / height).ceil() as usize;
        let y = |rival: usize| TOP + (rival as f64 + 0.5) * height + 4.0;
        let named = self.names.iter().enumerate().step_by(every.max(1));
        named
            .map(|(i, name)| text(self.left() - 6.0, y(i), "tick end", shorten(name, NAME)))
            .collect()
    }

    /// Whether columns carry labels that are too narrow to be written level.
    fn turned(&self, width: f64) -> bool {
        let longest = self.names.iter().map(|name| name.chars().count()).max();
        let longest = CHARACTER * longest.unwrap_or(0).min(NAME) as f64;
        longest > 1.6 * width.max(20.0)
    }

    fn column_labels(&self, y: f64, width: f64, turned: bool) -> Vec<Element> {
        let longest = self.names.iter().map(|name| name.chars().count()).max();
        let longest = longest.unwrap_or(0).min(NAME);
        let room = if turned {
            16.0
        } else {
            CHARACTER * longest as f64 + 6.0
        };
        let every = (room / width).ceil() as usize;
        let label = |(q, name): (usize, &String)| {
            let (x, y) = (self.left() + (q as f64 + 0.5) * width, y + 15.0);
            if !turned {
                return text(x, y, "tick middle", shorten(name, NAME));
            }
            let turn = format!("rotate(-50 {} {})", number(x), number(y));
            text(x + 4.0, y - 2.0, "tick end", shorten(name, 11)).attr("transform", turn)
        };
        self.names
            .iter()
            .enumerate()
            .step_by(every.max(1))
            .map(label)
            .collect()
    }

    /// Five steps of ink from zero to the largest value.
    fn colour_key(&self) -> Element {
        let largest = self.largest;
        let step = |i: usize| {
            Element::new("rect")
                .class("cell")
                .num("x", self.left() + 30.0 + 22.0 * i as f64)
                .num("y", 28.0)
                .num("width", 22.0)
                .num("height", 11.0)
                .num("fill-opacity", self.ink(largest * i as f64 / 4.0))
        };
        Element::new("g")
            .class("legend")
            .child(text(self.left() + 24.0, 38.0, "key end", "0%"))
            .children((0..5).map(step))
            .child(text(self.left() + 146.0, 38.0, "key", percent(largest)))
    }
}
