//! Learning-rate schedules.

use serde::{Deserialize, Serialize};

use super::transformation::{GradientTransformation, scale_all};
use crate::tree::{Real, Tree};

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// In a straight line.
    #[default]
    Linear,
    /// As half a cosine.
    Cosine,
}

/// Linear warm-up to `peak`, then decay to `decay_to * peak` at the last step.
///
/// ```
/// use breadth_lm::optim::{Schedule, Shape};
/// let schedule = Schedule { peak: 2.0, warmup_steps: 4, decay_to: 0.5, shape: Shape::Linear, steps: 14 };
/// assert_eq!(schedule.at(0), 0.5); // a quarter of the way up
/// assert_eq!(schedule.at(3), 2.0);
/// assert_eq!(schedule.at(13), 1.0);
/// assert_eq!(Schedule { shape: Shape::Cosine, ..schedule }.at(8), 1.5); // half-way, as is the straight line
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Largest learning rate.
    pub peak: f64,
    /// Steps of warm-up; step `i < warmup_steps` has `(i + 1) / warmup_steps` of the peak.
    pub warmup_steps: u64,
    /// Share of the peak at the last step.
    pub decay_to: f64,
    /// How it falls.
    pub shape: Shape,
    /// Number of steps.
    pub steps: u64,
}

impl Schedule {
    /// Learning rate of step `step`, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let span = self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let done = ((step + 1 - self.warmup_steps) as f64 / span).min(1.0);
        let fallen = match self.shape {
            Shape::Linear => done,
            Shape::Cosine => 0.5 * (1.0 - (std::f64::consts::PI * done).cos()),
        };
        self.peak * (1.0 + fallen * (self.decay_to - 1.0))
    }
}

/// Multiplies updates by minus the learning rate: the last link of a chain that descends.
#[derive(Clone, Debug)]
pub struct ScaleBySchedule(pub Schedule);

impl<T: Real> GradientTransformation<T> for ScaleBySchedule {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, step: u64) {
        scale_all(updates, -self.0.at(step));
    }
}
