//! What a chart is made of: axes, marks, a legend, and the box between the axes.

use super::scale::{Kind, Scale, Unit};

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
    /// One of very many.
    pub(crate) is_small: bool,
    pub(crate) role: Role,
    pub(crate) checkpoint: usize,
    pub(crate) tip: String,
    /// Text beside the dot.
    pub(crate) label: Option<String>,
}

impl Dot {
    /// Whether it is drawn small: one of many that nothing brings out.
    pub(super) fn is_drawn_small(&self) -> bool {
        self.is_small && self.role == Role::Plain && self.label.is_none()
    }

    /// How far it covers what is around it, in pixels.
    pub(super) fn reach(&self) -> f64 {
        match self.role {
            _ if self.is_drawn_small() => 2.0,
            Role::Plain => 6.0,
            Role::Chosen | Role::LowestLoss => 9.5,
        }
    }
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
    pub(super) fn at(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        Some((self.x.place(x)?, self.y.place(y)?))
    }
}
