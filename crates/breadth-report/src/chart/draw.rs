//! From a chart to its drawing.

use super::frame::{self, canvas};
use super::label;
use super::mark::{Chart, Dot, HEIGHT, Mark, Plot, Role, WIDTH};
use super::scale::Scale;
use super::shape::{circle, segment, shape, star};
use crate::svg::{Element, number};

impl Chart {
    /// Draws the chart: frame first, then areas, lines and dots, labels on top.
    pub(crate) fn draw(&self) -> Element {
        let plot = self.plot();
        // The choices lie above whatever is near.
        let (choices, plain): (Vec<&Mark>, Vec<&Mark>) =
            self.marks.iter().partition(|mark| is_choice(mark));
        let ordered = plain.into_iter().chain(choices);
        let marks = Element::new("g").children(ordered.filter_map(|mark| draw(mark, &plot)));
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

fn is_choice(mark: &Mark) -> bool {
    matches!(mark, Mark::Dot(dot) if dot.role != Role::Plain || dot.label.is_some())
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

fn draw_dot(dot: &Dot, plot: &Plot) -> Option<Element> {
    let (x, y) = plot.at(dot.at)?;
    let (class, size) = if dot.is_drawn_small() {
        (format!("dot small {}", dot.class), 1.7)
    } else {
        (format!("dot {}", dot.class), 4.5)
    };
    let mut group = Element::new("g")
        .class(class.trim_end())
        .attr("data-c", dot.checkpoint)
        .tip(&dot.tip);
    if let Some((low, high)) = dot.bar {
        let bar = segment(x, plot.y.place(low)?, x, plot.y.place(high)?);
        group = group.child(bar.class("bar"));
    }
    Some(match dot.role {
        Role::Chosen => group.child(star(x, y)),
        Role::LowestLoss => group
            .child(shape(dot.shape, x, y, size))
            .child(circle(x, y, 8.5).class("ring")),
        Role::Plain => group.child(shape(dot.shape, x, y, size)),
    })
}
