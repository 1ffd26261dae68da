//! What stands around the marks: axes, grid, titles, legend.

use super::mark::{Axis, Chart, HEIGHT, Key, Plot, WIDTH};
use super::scale::Tick;
use super::shape::{segment, shape};
use crate::svg::Element;

/// Width of one character of a 13 pixel font, on average.
pub(crate) const CHARACTER: f64 = 6.9;
const TICKS: usize = 5;

/// An empty drawing with its name and description.
pub(crate) fn canvas(stem: &str, title: &str, description: &str, height: f64) -> Element {
    let (title_id, description_id) = (format!("{stem}-title"), format!("{stem}-desc"));
    Element::new("svg")
        .attr("xmlns", "http://www.w3.org/2000/svg")
        .attr("viewBox", format!("0 0 {WIDTH} {height}"))
        .attr("role", "img")
        .attr("aria-labelledby", format!("{title_id} {description_id}"))
        .class("chart")
        .child(Element::new("title").attr("id", title_id).text(title))
        .child(
            Element::new("desc")
                .attr("id", description_id)
                .text(description),
        )
}

/// A text at a point.
pub(super) fn text(x: f64, y: f64, class: &str, text: impl Into<String>) -> Element {
    Element::new("text")
        .class(class)
        .num("x", x)
        .num("y", y)
        .text(text)
}

/// Title of the vertical axis, written level above the plot where it is easy to read.
pub(crate) fn heading(title: &str) -> Element {
    text(0.0, 16.0, "axis-title", title)
}

/// Axes with grid, ticks and titles.
pub(super) fn frame(chart: &Chart, plot: &Plot) -> Element {
    let x_ticks = match &chart.x.places {
        Some(places) => named_ticks(places, plot),
        None => plot.x.ticks(chart.x.unit, TICKS + 2),
    };
    let y_ticks = plot.y.ticks(chart.y.unit, TICKS);
    let turned = needs_turning(&x_ticks);
    Element::new("g")
        .class("frame")
        .children(y_ticks.iter().flat_map(|tick| y_tick(tick, plot)))
        .children(x_ticks.iter().flat_map(|tick| x_tick(tick, plot, turned)))
        .child(segment(plot.left, plot.bottom, plot.right, plot.bottom).class("axis"))
        .child(heading(&chart.y.title))
        .child(x_title(&chart.x))
}

fn x_title(axis: &Axis) -> Element {
    text(WIDTH - 12.0, HEIGHT - 8.0, "axis-title end", &axis.title)
}

fn y_tick(tick: &Tick, plot: &Plot) -> [Element; 2] {
    let grid = segment(plot.left, tick.at, plot.right, tick.at).class("grid");
    [
        grid,
        text(plot.left - 6.0, tick.at + 4.0, "tick end", &tick.label),
    ]
}

fn x_tick(tick: &Tick, plot: &Plot, turned: bool) -> [Element; 2] {
    let mark = segment(tick.at, plot.bottom, tick.at, plot.bottom + 4.0).class("axis");
    let (x, y) = (tick.at, plot.bottom + 18.0);
    let label = if turned {
        let turn = format!(
            "rotate(-28 {} {})",
            crate::svg::number(x),
            crate::svg::number(y)
        );
        text(x + 4.0, y - 2.0, "tick end", &tick.label).attr("transform", turn)
    } else {
        text(x, y, "tick middle", &tick.label)
    };
    [mark, label]
}

/// Ticks for named places, thinned so that at most twelve are written.
fn named_ticks(places: &[String], plot: &Plot) -> Vec<Tick> {
    let every = places.len().div_ceil(12);
    let ticks = places.iter().enumerate().step_by(every.max(1));
    ticks
        .filter_map(|(i, name)| {
            Some(Tick {
                at: plot.x.place(i as f64)?,
                label: shorten(name, 14),
            })
        })
        .collect()
}

/// Whether labels would run into one another when written level.
fn needs_turning(ticks: &[Tick]) -> bool {
    ticks.windows(2).any(|pair| {
        let room = (pair[1].at - pair[0].at).abs();
        let wide = pair
            .iter()
            .map(|tick| tick.label.chars().count())
            .sum::<usize>() as f64
            / 2.0;
        wide * CHARACTER + 6.0 > room
    })
}

/// Keeps the end of a long name, where names of checkpoints differ.
pub(crate) fn shorten(name: &str, longest: usize) -> String {
    let length = name.chars().count();
    if length <= longest {
        return name.into();
    }
    let tail: String = name.chars().skip(length - (longest - 1)).collect();
    format!("…{tail}")
}

/// The legend: one row above the plot.
pub(super) fn legend(keys: &[Key]) -> Element {
    let mut x = 2.0;
    let mut group = Element::new("g").class("legend");
    for key in keys {
        group = group.child(entry(key, x));
        x += swatch_width(key) + 18.0 + CHARACTER * key.text.chars().count() as f64;
    }
    group
}

fn swatch_width(key: &Key) -> f64 {
    if key.line { 24.0 } else { 10.0 }
}

fn entry(key: &Key, x: f64) -> Element {
    let (y, width) = (34.0, swatch_width(key));
    let mut swatch = Element::new("g").class(format!("dot {}", key.class));
    if key.line {
        swatch = swatch.child(segment(x, y, x + width, y).class(format!("line {}", key.class)));
    }
    if let Some(mark) = key.shape {
        swatch = swatch.child(shape(mark, x + width / 2.0, y, 4.0));
    }
    Element::new("g")
        .child(swatch)
        .child(text(x + width + 6.0, y + 4.0, "key", &key.text))
}
