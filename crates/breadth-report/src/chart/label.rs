//! Labels beside dots, placed where they hide the least.

use super::frame::{CHARACTER, text};
use super::{Chart, Dot, Mark, Plot};
use crate::svg::Element;

const LINE_HEIGHT: f64 = 15.0;

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
    let mut taken: Vec<Area> = dots.iter().flat_map(|dot| covered(dot, plot)).collect();
    let mut group = Element::new("g").class("labels");
    for dot in dots {
        let (Some(label), Some(at)) = (&dot.label, plot.at(dot.at)) else {
            continue;
        };
        let area = best(label, at, plot, &taken);
        taken.push(area);
        let baseline = area.y + area.height - 4.0;
        group = group.child(text(area.x, baseline, "label", label).attr("data-c", dot.checkpoint));
    }
    group
}

/// What a dot and its bar cover.
fn covered(dot: &Dot, plot: &Plot) -> Vec<Area> {
    let Some((x, y)) = plot.at(dot.at) else {
        return Vec::new();
    };
    let mut areas = vec![Area::around(x, y, 6.0)];
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

/// The place around the dot that covers the least; the first of equals.
fn best(label: &str, at: (f64, f64), plot: &Plot, taken: &[Area]) -> Area {
    let cost = |area: &Area| {
        let hidden: f64 = taken.iter().map(|other| area.overlap(other)).sum();
        let inside = Area {
            x: plot.left,
            y: plot.top - 12.0,
            width: plot.right - plot.left + 8.0,
            height: plot.bottom - plot.top + 10.0,
        };
        hidden + 20.0 * (area.size() - area.overlap(&inside))
    };
    let places = candidates(label, at);
    let order = |a: &&Area, b: &&Area| cost(a).total_cmp(&cost(b));
    places.iter().min_by(order).copied().unwrap_or(places[0])
}

/// Right, left, above and below, and the corners, at three distances.
fn candidates(label: &str, (x, y): (f64, f64)) -> Vec<Area> {
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
    ];
    let area = |(dx, dy): (f64, f64), gap: f64| Area {
        x: x + dx * gap + width * (dx - 1.0) / 2.0,
        y: y + dy * gap + LINE_HEIGHT * (dy - 1.0) / 2.0,
        width,
        height: LINE_HEIGHT,
    };
    let near = directions.map(|direction| area(direction, 12.0));
    let far = directions.map(|direction| area(direction, 26.0));
    let farther = directions.map(|direction| area(direction, 40.0));
    near.into_iter().chain(far).chain(farther).collect()
}
