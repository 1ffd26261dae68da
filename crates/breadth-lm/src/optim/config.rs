//! Optimisers by name.

use serde::{Deserialize, Serialize};

use super::adam::ScaleByAdam;
use super::ball::ProjectOntoBall;
use super::clip::ClipByGlobalNorm;
use super::decay::AddDecayedWeights;
use super::momentum::Momentum;
use super::name::OptimizerName;
use super::normalize::{Normalize, Per, Sign};
use super::orthogonalize::Muon;
use super::proof::Proof;
use super::schedule::{ScaleBySchedule, Schedule, Shape};
use super::transformation::{Chain, GradientTransformation, chain};
use crate::error::{Error, Result};
use crate::tree::Tree;

/// Adam's averaging, epsilon, weight decay and clipping where a file does not say otherwise.
const BETAS: [f64; 2] = [0.9, 0.99];
const EPSILON: f64 = 1e-8;
const WEIGHT_DECAY: f64 = 0.01;
const CLIP_NORM: f64 = 1.0;

/// `[optimizer]`: a name and its settings; absent ones take their defaults, and a setting that the
/// name does not use is refused.
///
/// ```
/// use breadth_lm::optim::Optimizer;
/// let optimizer: Optimizer = toml::from_str("name = 'normalized_sgd'\nlearning_rate = 0.1\nlambda = 0.01")?;
/// optimizer.validate("[optimizer]")?;
/// assert_eq!(optimizer.schedule(10).at(9), 0.1);
/// let wrong: Optimizer = toml::from_str("name = 'sgd'\nbetas = [0.9, 0.99]")?;
/// assert!(wrong.validate("[optimizer]").unwrap_err().to_string().contains("betas is a setting of adamw"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Which (default: adamw).
    pub name: OptimizerName,
    /// Peak learning rate (default: 1e-3).
    pub learning_rate: f64,
    /// sgd, normalized_sgd: the proof whose step size (and lambda) takes the place of
    /// `learning_rate` (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Steps of linear warm-up from 0 (default: 0).
    pub warmup_steps: u64,
    /// Learning rate at the last step as a share of the peak; 1 keeps it constant (default: 1).
    pub decay_to: f64,
    /// How it falls (default: linear).
    pub schedule: Shape,
    /// Largest global gradient norm (default: 1 for adamw, otherwise none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Decoupled weight decay, on matrices only (default: 0.01 for adamw, otherwise 0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// adamw: averaging of the first and the second moment (default: 0.9, 0.99).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// adamw: added to the root of the second moment (default: 1e-8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// All but adamw: momentum of the gradients, before they are normalised (default: 0; muon
    /// 0.95).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// normalized_sgd: added to the norm (default: 0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// normalized_sgd: what shares a norm (default: model).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// Radius of a ball around 0 to which parameters are projected after every step (default:
    /// none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ball: Option<f64>,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            name: OptimizerName::Adamw,
            learning_rate: 1e-3,
            proof: None,
            warmup_steps: 0,
            decay_to: 1.0,
            schedule: Shape::Linear,
            clip_norm: None,
            weight_decay: None,
            betas: None,
            epsilon: None,
            momentum: None,
            lambda: None,
            per: None,
            ball: None,
        }
    }
}

impl Optimizer {
    /// The learning rate over `steps` steps.
    #[must_use]
    pub fn schedule(&self, steps: u64) -> Schedule {
        let proven = self.proof.as_ref().map(|p| p.learning_rate(steps));
        Schedule {
            peak: proven.unwrap_or(self.learning_rate),
            warmup_steps: self.warmup_steps,
            decay_to: self.decay_to,
            shape: self.schedule,
            steps,
        }
    }

    /// The optimiser over `steps` steps: clipping by global norm, momentum, the scaling of the
    /// name, decoupled weight decay, the learning-rate schedule, projection; those of them that are
    /// asked for, in this order.
    ///
    /// ```
    /// use breadth_lm::optim::{GradientTransformation, Optimizer, apply_updates};
    /// use breadth_lm::tree::{Array, Tree};
    /// let mut params: Tree = [("w".to_string(), Array::full([1, 1], 1.0))].into_iter().collect();
    /// let adamw = Optimizer { learning_rate: 0.1, weight_decay: Some(0.0), ..Optimizer::default() };
    /// let mut optimizer = adamw.build(10, &params);
    /// let mut updates = params.clone(); // the gradient of w^2 / 2
    /// optimizer.update(&mut updates, &params, 0);
    /// apply_updates(&mut params, &updates);
    /// // The first step of Adam has length learning_rate.
    /// assert!((params["w"].data[0] - 0.9).abs() < 1e-6);
    /// ```
    ///
    /// Source: AdamW is Loshchilov and Hutter 2019.
    #[must_use]
    pub fn build(&self, steps: u64, params: &Tree) -> Chain {
        let is_adamw = self.name == OptimizerName::Adamw;
        let mut parts: Vec<Box<dyn GradientTransformation>> = Vec::new();
        if let Some(limit) = self.clip_norm.or(is_adamw.then_some(CLIP_NORM)) {
            parts.push(Box::new(ClipByGlobalNorm { limit }));
        }
        if let Some(decay) = self.momentum.filter(|_| self.name != OptimizerName::Muon) {
            parts.push(Box::new(Momentum::new(decay, false, params)));
        }
        match self.name {
            OptimizerName::Adamw => {
                let betas = self.betas.unwrap_or(BETAS);
                let epsilon = self.epsilon.unwrap_or(EPSILON);
                parts.push(Box::new(ScaleByAdam::new(betas, epsilon, params)));
            }
            OptimizerName::Sgd => {}
            OptimizerName::NormalizedSgd => {
                let proven = self.proof.as_ref().and_then(|p| p.lambda(steps));
                parts.push(Box::new(Normalize {
                    lambda: proven.or(self.lambda).unwrap_or(0.0),
                    per: self.per.unwrap_or_default(),
                }));
            }
            OptimizerName::SignSgd => parts.push(Box::new(Sign)),
            OptimizerName::Muon => {
                parts.push(Box::new(Muon::new(self.momentum.unwrap_or(0.95), params)))
            }
        }
        let default_decay = if is_adamw { WEIGHT_DECAY } else { 0.0 };
        let rate = self.weight_decay.unwrap_or(default_decay);
        if rate > 0.0 {
            parts.push(Box::new(AddDecayedWeights { rate }));
        }
        parts.push(Box::new(ScaleBySchedule(self.schedule(steps))));
        if let Some(radius) = self.ball {
            parts.push(Box::new(ProjectOntoBall { radius }));
        }
        chain(parts)
    }

    /// Checks that every setting belongs to the name and lies in its domain.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self, place: &str) -> Result<()> {
        self.check_names(place)?;
        self.check_proof(place)?;
        let in_unit = |v: f64| (0.0..1.0).contains(&v);
        let [first, second] = self.betas.unwrap_or(BETAS);
        let epsilon = self.epsilon.unwrap_or(EPSILON);
        let [decay, clip] = [
            self.weight_decay.unwrap_or(WEIGHT_DECAY),
            self.clip_norm.unwrap_or(CLIP_NORM),
        ];
        let [momentum, lambda] = [self.momentum, self.lambda].map(Option::unwrap_or_default);
        let ball = self.ball.unwrap_or(1.0);
        let (rate, last) = (self.learning_rate, self.decay_to);
        let checks = [
            ("learning_rate", rate, rate > 0.0, "above 0"),
            ("decay_to", last, (0.0..=1.0).contains(&last), "in [0, 1]"),
            ("betas[0]", first, in_unit(first), "in [0, 1)"),
            ("betas[1]", second, in_unit(second), "in [0, 1)"),
            ("epsilon", epsilon, epsilon > 0.0, "above 0"),
            ("weight_decay", decay, decay >= 0.0, "at least 0"),
            ("clip_norm", clip, clip > 0.0, "above 0"),
            ("momentum", momentum, in_unit(momentum), "in [0, 1)"),
            ("lambda", lambda, lambda >= 0.0, "at least 0"),
            ("ball", ball, ball > 0.0, "above 0"),
        ];
        match checks
            .into_iter()
            .find(|(_, value, good, _)| !(*good && value.is_finite()))
        {
            Some((name, value, _, domain)) => Err(Error::config(
                place,
                format!("{name} = {value} must be {domain}"),
            )),
            None => Ok(()),
        }
    }

    fn check_proof(&self, place: &str) -> Result<()> {
        let Some(proof) = &self.proof else {
            return Ok(());
        };
        if self.learning_rate != Self::default().learning_rate || self.lambda.is_some() {
            let message = "proof gives the step size and lambda; remove learning_rate and lambda";
            return Err(Error::config(place, message));
        }
        proof.validate(self.name, place)
    }

    fn check_names(&self, place: &str) -> Result<()> {
        use OptimizerName::{Adamw, Muon, NormalizedSgd, Sgd, SignSgd};
        let settings: [(&str, bool, &[OptimizerName], &str); 5] = [
            ("betas", self.betas.is_some(), &[Adamw], "adamw"),
            ("epsilon", self.epsilon.is_some(), &[Adamw], "adamw"),
            (
                "momentum",
                self.momentum.is_some(),
                &[Sgd, NormalizedSgd, SignSgd, Muon],
                "sgd, normalized_sgd, sign_sgd and muon",
            ),
            (
                "lambda",
                self.lambda.is_some(),
                &[NormalizedSgd],
                "normalized_sgd",
            ),
            (
                "per",
                self.per.is_some(),
                &[NormalizedSgd],
                "normalized_sgd",
            ),
        ];
        let misplaced = |(_, given, names, _): &&(&str, bool, &[OptimizerName], &str)| {
            *given && !names.contains(&self.name)
        };
        match settings.iter().find(misplaced) {
            Some((setting, _, _, names)) => Err(Error::config(
                place,
                format!("{setting} is a setting of {names}; remove it"),
            )),
            None => Ok(()),
        }
    }
}
