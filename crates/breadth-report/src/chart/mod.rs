//! A small chart: two axes, and marks between them, drawn as SVG.
//!
//! The same drawing goes into the page and into files, so colours are classes; `chart.css` says
//! what they look like. Every mark of a checkpoint carries `data-c`, its index, by which the
//! page's script finds it again in the other charts.

mod frame;
pub(crate) mod heat;
mod label;
mod scale;

use crate::svg::{Element, number};
use frame::canvas;
pub(crate) use frame::shorten;
pub(crate) use scale::{Kind, Scale, Unit};

pub(crate) const WIDTH: f64 = 460.0;
pub(crate) const HEIGHT: f64 = 320.0;

/// One axis: what it says and how it runs.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    /// Names of the places 0, 1, 2, ... where the axis has names instead of numbers.
    pub(crate) places: Option<Vec<String>>,
}

impl Axis {
    pub(crate) fn new(title: impl Into<String>, kind: Kind, unit: Unit) -> Self {
        Self {
            title: title.into(),
            kind,
            unit,
            places: None,
        }
    }
}

/// What a dot stands for: the choices are told apart by shape and label, not by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// The checkpoint to take: a star.
    Chosen,
    /// The checkpoint that the loss would take: a ring around the dot.
    LowestLoss,
}

/// Shape of a plain dot, so that series differ without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
}

#[derive(Clone, Debug)]
pub(crate) struct Dot {
    pub(crate) at: (f64, f64),
    /// Ends of the vertical error bar.
    pub(crate) bar: Option<(f64, f64)>,
    pub(crate) class: String,
    pub(crate) shape: Shape,
    pub(crate) role: Role,
    pub(crate) checkpoint: usize,
    pub(crate) tip: String,
    /// Text beside the dot.
    pub(crate) label: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// A filled area: `(x, low, high)`.
    Band {
        class: String,
        points: Vec<(f64, f64, f64)>,
    },
    Line {
        class: String,
        points: Vec<(f64, f64)>,
        checkpoint: Option<usize>,
        tip: String,
    },
    /// A vertical line through the whole chart.
    Rule {
        class: String,
        x: f64,
    },
    Dot(Dot),
}

/// An entry of the legend: how a series looks and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) class: String,
    /// Shape on the line; `None` draws the line alone.
    pub(crate) shape: Option<Shape>,
    pub(crate) line: bool,
    pub(crate) text: String,
}

/// A chart before it is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// Name of the file, and of the element's ids.
    pub(crate) stem: String,
    pub(crate) title: String,
    /// What a reader who cannot see the chart should know.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) marks: Vec<Mark>,
    pub(crate) legend: Vec<Key>,
}

/// The two scales of a chart, and the box they span.
pub(crate) struct Plot {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Plot {
    fn at(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        Some((self.x.place(x)?, self.y.place(y)?))
    }
}

impl Chart {
    /// Draws the chart: frame first, then areas, lines and dots, labels on top.
    pub(crate) fn draw(&self) -> Element {
        let plot = self.plot();
        let marks = Element::new("g").children(self.marks.iter().filter_map(|m| draw(m, &plot)));
        canvas(&self.stem, &self.title, &self.description, HEIGHT)
            .child(frame::frame(self, &plot))
            .child(marks)
            .child(label::labels(self, &plot))
            .child(frame::legend(&self.legend))
    }

    fn plot(&self) -> Plot {
        let top = if self.legend.is_empty() { 30.0 } else { 50.0 };
        let (left, right, bottom) = (54.0, WIDTH - 12.0, HEIGHT - 44.0);
        let (xs, ys) = self.values();
        // Dots keep clear of the frame.
        let (x0, x1) = (left + 8.0, right - 8.0);
        let x = match &self.x.places {
            Some(places) => Scale::places(places.len(), x0, x1),
            None => Scale::fit(self.x.kind, &xs, x0, x1),
        };
        let y = Scale::fit(self.y.kind, &ys, bottom, top + 4.0);
        Plot {
            x,
            y,
            left,
            right,
            top,
            bottom,
        }
    }

    /// All values along each axis.
    fn values(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for mark in &self.marks {
            match mark {
                Mark::Band { points, .. } => {
                    xs.extend(points.iter().map(|p| p.0));
                    ys.extend(points.iter().flat_map(|p| [p.1, p.2]));
                }
                Mark::Line { points, .. } => {
                    xs.extend(points.iter().map(|p| p.0));
                    ys.extend(points.iter().map(|p| p.1));
                }
                Mark::Rule { x, .. } => xs.push(*x),
                Mark::Dot(dot) => {
                    xs.push(dot.at.0);
                    ys.push(dot.at.1);
                    ys.extend(dot.bar.iter().flat_map(|bar| [bar.0, bar.1]));
                }
            }
        }
        (xs, ys)
    }
}

fn draw(mark: &Mark, plot: &Plot) -> Option<Element> {
    match mark {
        Mark::Band { class, points } => band(class, points, plot),
        Mark::Line {
            class,
            points,
            checkpoint,
            tip,
        } => {
            let drawn = line(class, points, plot)?.tip(tip);
            Some(match checkpoint {
                Some(index) => drawn.attr("data-c", index),
                None => drawn,
            })
        }
        Mark::Rule { class, x } => {
            let x = plot.x.place(*x)?;
            Some(segment(x, plot.top, x, plot.bottom).class(format!("rule {class}")))
        }
        Mark::Dot(dot) => draw_dot(dot, plot),
    }
}

fn path(points: &[(f64, f64)]) -> String {
    let step = |(i, (x, y)): (usize, &(f64, f64))| {
        format!(
            "{}{} {}",
            if i == 0 { 'M' } else { 'L' },
            number(*x),
            number(*y)
        )
    };
    points
        .iter()
        .enumerate()
        .map(step)
        .collect::<Vec<_>>()
        .join("")
}

fn line(class: &str, points: &[(f64, f64)], plot: &Plot) -> Option<Element> {
    let placed: Vec<_> = points.iter().filter_map(|&point| plot.at(point)).collect();
    let drawn = Element::new("path")
        .class(format!("line {class}"))
        .attr("d", path(&placed));
    (placed.len() > 1).then_some(drawn)
}

fn band(class: &str, points: &[(f64, f64, f64)], plot: &Plot) -> Option<Element> {
    let lower = points.iter().filter_map(|p| plot.at((p.0, p.1)));
    let upper = points.iter().rev().filter_map(|p| plot.at((p.0, p.2)));
    let outline: Vec<_> = lower.chain(upper).collect();
    let shape = format!("{}Z", path(&outline));
    (points.len() > 1).then(|| {
        Element::new("path")
            .class(format!("band {class}"))
            .attr("d", shape)
    })
}

pub(crate) fn segment(x1: f64, y1: f64, x2: f64, y2: f64) -> Element {
    Element::new("line")
        .num("x1", x1)
        .num("y1", y1)
        .num("x2", x2)
        .num("y2", y2)
}

fn draw_dot(dot: &Dot, plot: &Plot) -> Option<Element> {
    let (x, y) = plot.at(dot.at)?;
    let mut group = Element::new("g")
        .class(format!("dot {}", dot.class))
        .attr("data-c", dot.checkpoint)
        .tip(&dot.tip);
    if let Some((low, high)) = dot.bar {
        let bar = segment(x, plot.y.place(low)?, x, plot.y.place(high)?);
        group = group.child(bar.class("bar"));
    }
    Some(match dot.role {
        Role::Chosen => group.child(star(x, y)),
        Role::LowestLoss => group
            .child(shape(dot.shape, x, y, 4.5))
            .child(circle(x, y, 8.5).class("ring")),
        Role::Plain => group.child(shape(dot.shape, x, y, 4.5)),
    })
}

fn circle(x: f64, y: f64, r: f64) -> Element {
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
