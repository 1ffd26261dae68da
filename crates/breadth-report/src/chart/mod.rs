//! A small chart: two axes, and marks between them, drawn as SVG.
//!
//! The same drawing goes into the page and into files, so colours are classes; `chart.css` says
//! what they look like. Every mark of a checkpoint carries `data-c`, its index, by which the
//! page's script finds it again in the other charts.

mod draw;
mod frame;
pub(crate) mod heat;
mod label;
mod mark;
mod scale;
mod shape;

pub(crate) use frame::shorten;
pub(crate) use mark::{Axis, Chart, Dot, Key, Mark, Role, Shape};
pub(crate) use scale::{Kind, Unit};
