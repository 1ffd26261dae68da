//! Labels beside dots, placed where they hide the least.

use super::frame::text;
use super::mark::{Chart, Dot, Mark, Plot};
use super::shape::segment;
use crate::svg::Element;

const LINE_HEIGHT: f64 = 15.0;
/// Width of one character of a label, which is bold, on average.
const CHARACTER: f64 = 7.8;
/// Distances from the dot that are tried, in pixels.
const GAPS: [f64; 5] = [12.0, 26.0, 40.0, 60.0, 85.0];
/// Hidden area in square pixels that one pixel of distance is worth.
const DISTANCE: f64 = 2.5;

/// Hidden area that one square pixel of a labelled dot is worth.
const CHOICE: f64 = 4.0;
/// Hidden area that one square pixel of another label is worth.
const LABEL: f64 = 10.0;
/// Hidden area that one square pixel outside of the plot is worth: what is cut off cannot be read.
const OUTSIDE: f64 = 200.0;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn overlap(&self, other: &Area) -> f64 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    fn around(x: f64, y: f64, r: f64) -> Self {
        Self {
            x: x - r,
            y: y - r,
            width: 2.0 * r,
            height: 2.0 * r,
        }
    }

    fn size(&self) -> f64 {
        self.width * self.height
    }
}

/// All labels of a chart; each avoids the dots, their bars, and the labels before it.
pub(super) fn labels(chart: &Chart, plot: &Plot) -> Element {
    let dots: Vec<&Dot> = chart.marks.iter().filter_map(as_dot).collect();
    let worth = |dot: &Dot| if dot.label.is_some() { CHOICE } else { 1.0 };
    let covered = |dot: &&Dot| {
        let areas = covered(dot, plot).into_iter();
        areas.map(|area| (area, worth(dot))).collect::<Vec<_>>()
    };
    let mut taken: Vec<(Area, f64)> = dots.iter().flat_map(covered).collect();
    let mut group = Element::new("g").class("labels");
    for dot in dots {
        let (Some(label), Some(at)) = (&dot.label, plot.at(dot.at)) else {
            continue;
        };
        let place = best(label, at, plot, &taken);
        taken.push((place.area, LABEL));
        group = group
            .children(leader(at, &place))
            .child(written(label, dot, at.0, &place.area));
    }
    group
}

/// The text, held at the end that is nearer to its dot: fonts differ in width.
fn written(label: &str, dot: &Dot, dot_x: f64, area: &Area) -> Element {
    let baseline = area.y + area.height - 4.0;
    let end = area.x + area.width;
    let written = if end <= dot_x {
        text(end, baseline, "label end", label)
    } else {
        text(area.x, baseline, "label", label)
    };
    written.attr("data-c", dot.checkpoint)
}

/// A thin line from the dot to a label that stands off.
fn leader((x, y): (f64, f64), place: &Place) -> Option<Element> {
    let area = &place.area;
    let end_x = x.clamp(area.x, area.x + area.width);
    let end_y = y.clamp(area.y + 2.0, area.y + area.height - 2.0);
    let length = (end_x - x).hypot(end_y - y);
    let start = (
        x + 9.0 * (end_x - x) / length,
        y + 9.0 * (end_y - y) / length,
    );
    (place.gap > GAPS[0] && length > 14.0)
        .then(|| segment(start.0, start.1, end_x, end_y).class("leader"))
}

/// What a dot and its bar cover.
fn covered(dot: &Dot, plot: &Plot) -> Vec<Area> {
    let Some((x, y)) = plot.at(dot.at) else {
        return Vec::new();
    };
    let mut areas = vec![Area::around(x, y, dot.reach())];
    if let Some((low, high)) = dot.bar
        && let (Some(bottom), Some(top)) = (plot.y.place(low), plot.y.place(high))
    {
        areas.push(Area {
            x: x - 2.0,
            y: top,
            width: 4.0,
            height: bottom - top,
        });
    }
    areas
}

fn as_dot(mark: &Mark) -> Option<&Dot> {
    if let Mark::Dot(dot) = mark {
        Some(dot)
    } else {
        None
    }
}

/// A label's area, and how far it is from its dot.
#[derive(Clone, Copy)]
struct Place {
    area: Area,
    gap: f64,
}

/// The place around the dot that hides the least and is not far.
fn best(label: &str, at: (f64, f64), plot: &Plot, taken: &[(Area, f64)]) -> Place {
    let inside = Area {
        x: plot.left,
        y: plot.top - 12.0,
        width: plot.right - plot.left + 8.0,
        height: plot.bottom - plot.top + 10.0,
    };
    let cost = |place: &Place| {
        let hidden = taken
            .iter()
            .map(|(other, worth)| worth * place.area.overlap(other));
        let hidden: f64 = hidden.sum();
        let outside = place.area.size() - place.area.overlap(&inside);
        hidden + OUTSIDE * outside + DISTANCE * place.gap
    };
    let places = candidates(label, at);
    let order = |a: &&Place, b: &&Place| cost(a).total_cmp(&cost(b));
    places.iter().min_by(order).copied().unwrap_or(places[0])
}

/// Places for a label, the nearest first, and beside before above.
fn candidates(label: &str, (x, y): (f64, f64)) -> Vec<Place> {
    let width = CHARACTER * label.chars().count() as f64;
    let directions = [
        (1.0, 0.0),
        (-1.0, 0.0),
        (0.0, -1.0),
        (0.0, 1.0),
        (1.0, -1.0),
        (1.0, 1.0),
        (-1.0, -1.0),
        (-1.0, 1.0),
        (0.6, -1.0),
        (-0.6, -1.0),
        (0.6, 1.0),
        (-0.6, 1.0),
    ];
    let area = |gap: f64, (dx, dy): (f64, f64)| Area {
        x: x + dx * gap + width * (dx - 1.0) / 2.0,
        y: y + dy * gap + LINE_HEIGHT * (dy - 1.0) / 2.0,
        width,
        height: LINE_HEIGHT,
    };
    let around = |gap: f64| {
        directions.map(|direction| Place {
            area: area(gap, direction),
            gap,
        })
    };
    GAPS.into_iter().flat_map(around).collect()
}
