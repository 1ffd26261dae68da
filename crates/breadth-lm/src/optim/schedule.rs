//! Learning-rate schedules.

use rayon::prelude::*;

use super::GradientTransformation;
use crate::tree::Tree;

/// Linear warm-up to `peak`, then linear decay to `decay_to * peak` at the last step.
///
/// ```
/// use breadth_lm::optim::Schedule;
/// let schedule = Schedule { peak: 2.0, warmup_steps: 4, decay_to: 0.5, steps: 14 };
/// assert_eq!(schedule.at(0), 0.5); // a quarter of the way up
/// assert_eq!(schedule.at(3), 2.0);
/// assert_eq!(schedule.at(13), 1.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Largest learning rate.
    pub peak: f64,
    /// Steps of warm-up; step `i < warmup_steps` has `(i + 1) / warmup_steps` of the peak.
    pub warmup_steps: u64,
    /// Share of the peak at the last step.
    pub decay_to: f64,
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
        self.peak * (1.0 + done * (self.decay_to - 1.0))
    }
}

/// Multiplies updates by minus the learning rate: the last link of a chain that descends.
#[derive(Clone, Debug)]
pub struct ScaleBySchedule(pub Schedule);

impl GradientTransformation for ScaleBySchedule {
    fn update(&mut self, updates: &mut Tree, _: &Tree, step: u64) {
        let scale = -self.0.at(step) as f32;
        let arrays: Vec<_> = updates.iter_mut().map(|(_, a)| a).collect();
        arrays.into_par_iter().for_each(|array| {
            for v in &mut array.data {
                *v *= scale;
            }
        });
    }
}
