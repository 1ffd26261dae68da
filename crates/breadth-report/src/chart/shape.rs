//! The shapes of dots, and straight lines.

use super::mark::Shape;
use crate::svg::{Element, number};

pub(crate) fn segment(x1: f64, y1: f64, x2: f64, y2: f64) -> Element {
    Element::new("line")
        .num("x1", x1)
        .num("y1", y1)
        .num("x2", x2)
        .num("y2", y2)
}

pub(super) fn circle(x: f64, y: f64, r: f64) -> Element {
    Element::new("circle").num("cx", x).num("cy", y).num("r", r)
}

fn polygon(points: impl Iterator<Item = (f64, f64)>) -> Element {
    let points = points.map(|(x, y)| format!("{},{}", number(x), number(y)));
    Element::new("polygon").attr("points", points.collect::<Vec<_>>().join(" "))
}

pub(crate) fn shape(shape: Shape, x: f64, y: f64, r: f64) -> Element {
    match shape {
        Shape::Circle => circle(x, y, r),
        Shape::Square => {
            let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
            polygon(
                corners
                    .into_iter()
                    .map(|(a, b)| (x + 0.88 * r * a, y + 0.88 * r * b)),
            )
        }
        Shape::Triangle => {
            let corners = [(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)];
            polygon(corners.into_iter().map(|(a, b)| (x + r * a, y + r * b)))
        }
    }
}

/// A five-pointed star, for the checkpoint to take.
pub(crate) fn star(x: f64, y: f64) -> Element {
    let corner = |i: usize| {
        let angle = std::f64::consts::PI * (i as f64 / 5.0 - 0.5);
        let r = if i.is_multiple_of(2) { 9.5 } else { 4.2 };
        (x + r * angle.cos(), y + r * angle.sin())
    };
    polygon((0..10).map(corner)).class("star")
}
