//! What a run minimises.

use serde::{Deserialize, Serialize};

use super::batch::WeightedTokens;
use crate::decode::sequence_log_prob;
use crate::error::{Error, Result};
use crate::server::Address;

/// The objectives by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObjectiveName {
    /// `-log q`.
    #[default]
    CrossEntropy,
    /// `-log(1 - (1 - q(y|x))^N)`: what Best-of-N needs, directly (Chen et al. 2025).
    Coverage,
    /// Cross-entropy that stops pushing what is likely enough already.
    ConfidenceLimited,
    /// Distillation: towards a teacher's distribution.
    Distill,
    /// A step after every token, carried on through the sequence and to the next (Eq 21).
    TokenLevel,
}

/// What counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Every token of the batch.
    Token,
    /// Every sequence: its tokens are summed, as in the paper.
    Sequence,
}

/// `[objective]`: a name and its settings; a setting that the name does not use is refused.
///
/// ```
/// use breadth_lm::train::Objective;
/// let objective: Objective = toml::from_str("name = 'coverage'\nn = 8")?;
/// objective.validate("[objective]")?;
/// let wrong: Objective = toml::from_str("name = 'coverage'")?;
/// assert!(wrong.validate("[objective]").unwrap_err().to_string().contains("needs n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// Which (default: cross_entropy).
    pub name: ObjectiveName,
    /// cross_entropy: the mean over tokens or over sequences; confidence_limited: whether a token's
    /// or a sequence's probability is limited (default: token).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Unit>,
    /// coverage: N.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    /// confidence_limited: probability from which on nothing is pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// distill: the teacher's checkpoint folder, or a server (`vllm:http://HOST:PORT/MODEL`, see
    /// [`Address`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// distill from a server: how many of the most likely tokens of each next-token distribution it
    /// is asked for (default: 20). All others are taken as one, so that the KL that is minimised
    /// and logged is a lower bound on the whole, and so are the `a_h` of `truncate`; coverage is
    /// exact at any number. Tokens as targets without `truncate` ask for none unless this is given;
    /// then the logged KL alone is coarser. vLLM gives more than 20 with `--max-logprobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
    /// distill: whether the targets are the teacher's next-token distributions (`laws`) or the
    /// response's tokens (default: laws).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Targets>,
    /// distill: who writes the responses (default: teacher with a task, data with files).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponseSource>,
    /// distill: the budget N of the truncated weights (Eq 25) (default: none: every token counts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<f64>,
}

/// What a student is trained towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// `KL(p(.|x,y_<h) || q(.|x,y_<h))` in closed form.
    #[serde(rename = "laws")]
    Distributions,
    /// `-log q(y_h|x,y_<h)` of the tokens of the response.
    Tokens,
}

/// Who writes the responses of a distillation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseSource {
    /// The teacher, fresh for every batch; with a task, whose responses have one length.
    Teacher,
    /// The data.
    Data,
}

impl Objective {
    /// Checks that every setting belongs to the name and lies in its domain.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self, place: &str) -> Result<()> {
        use ObjectiveName::{ConfidenceLimited, Coverage, CrossEntropy, Distill};
        let error = |message: String| Err(Error::config(place, message));
        let settings: [(&str, bool, &[ObjectiveName], &str); 8] = [
            (
                "per",
                self.per.is_some(),
                &[CrossEntropy, ConfidenceLimited],
                "cross_entropy and confidence_limited",
            ),
            ("n", self.n.is_some(), &[Coverage], "coverage"),
            (
                "limit",
                self.limit.is_some(),
                &[ConfidenceLimited],
                "confidence_limited",
            ),
            ("teacher", self.teacher.is_some(), &[Distill], "distill"),
            ("top", self.top.is_some(), &[Distill], "distill"),
            ("targets", self.targets.is_some(), &[Distill], "distill"),
            ("responses", self.responses.is_some(), &[Distill], "distill"),
            ("truncate", self.truncate.is_some(), &[Distill], "distill"),
        ];
        if let Some((setting, _, _, names)) = settings
            .iter()
            .find(|(_, given, names, _)| *given && !names.contains(&self.name))
        {
            return error(format!("{setting} is a setting of {names}; remove it"));
        }
        let is_level = |n: f64| n >= 1.0 && n.is_finite();
        match self.name {
            Coverage if !self.n.is_some_and(is_level) => {
                error("coverage needs n, a number of at least 1".into())
            }
            ConfidenceLimited if !self.limit.is_some_and(|l| l > 0.0 && l <= 1.0) => {
                error("confidence_limited needs limit, a probability in (0, 1]".into())
            }
            Distill if self.teacher.is_none() => {
                error("distill needs teacher = \"CHECKPOINT or server\"".into())
            }
            Distill if self.top.is_some() && !self.is_taught_by_server() => error(
                "top is a setting of a teacher behind a server; a checkpoint's laws are whole, \
                 remove it"
                    .into(),
            ),
            Distill if self.top == Some(0) => error("top must be at least 1".into()),
            Distill if !self.truncate.is_none_or(is_level) => {
                error("truncate must be a number N of at least 1".into())
            }
            _ => Ok(()),
        }
    }

    /// Whether more is needed of the teacher than the log-probabilities of the response's tokens:
    /// its distributions are the targets, or weigh the tokens (`a_h` of Eq 25), or the file asks
    /// for them.
    pub(super) fn needs_distributions(&self) -> bool {
        self.targets != Some(Targets::Tokens) || self.truncate.is_some() || self.top.is_some()
    }

    fn is_taught_by_server(&self) -> bool {
        self.teacher.as_deref().is_some_and(Address::is_one)
    }

    /// What the objective makes of a sequence with these token log-probabilities, in a batch of so
    /// many sequences and response tokens.
    pub(super) fn weigh(
        &self,
        log_probs: &[f32],
        sequences: usize,
        tokens: usize,
    ) -> WeightedTokens {
        let log_q = sequence_log_prob(log_probs);
        let all = |weight: f64, value: f64| WeightedTokens {
            value,
            weights: vec![weight; log_probs.len()],
        };
        let of_sequences = 1.0 / sequences as f64;
        let of_tokens = 1.0 / tokens as f64;
        match (self.name, self.per.unwrap_or(Unit::Token)) {
            (ObjectiveName::Coverage, _) => {
                let (value, slope) = missed(log_q, self.n.unwrap_or(1.0));
                all(of_sequences * slope, of_sequences * value)
            }
            (ObjectiveName::ConfidenceLimited, Unit::Sequence) => {
                let is_limited = log_q >= self.limit.unwrap_or(1.0).ln();
                let weight = if is_limited { 0.0 } else { of_sequences };
                all(weight, -of_sequences * log_q)
            }
            (ObjectiveName::ConfidenceLimited, Unit::Token) => {
                let limit = self.limit.unwrap_or(1.0).ln();
                let weight = |&v: &f32| {
                    if f64::from(v) >= limit {
                        0.0
                    } else {
                        of_tokens
                    }
                };
                WeightedTokens {
                    value: -of_tokens * log_q,
                    weights: log_probs.iter().map(weight).collect(),
                }
            }
            (_, Unit::Sequence) => all(of_sequences, -of_sequences * log_q),
            (_, Unit::Token) => all(of_tokens, -of_tokens * log_q),
        }
    }
}

/// `f(l) = -log(1 - (1 - e^l)^N)` and `-f'(l) = N q (1-q)^(N-1) / (1 - (1-q)^N)`, for `q = e^l`;
/// -log N - l and 1 in the limit of small q.
fn missed(log_q: f64, n: f64) -> (f64, f64) {
    let q = log_q.exp().min(1.0);
    if n * q < 1e-8 {
        return (-n.ln() - log_q, 1.0);
    }
    let log_miss = (-q).ln_1p();
    let found = -(n * log_miss).exp_m1();
    let slope = n * q * ((n - 1.0) * log_miss).exp() / found;
    (
        -found.ln(),
        if q < 1.0 {
            slope
        } else {
            f64::from(u8::from(n == 1.0))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(text: &str) -> Objective {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn coverage_is_its_formula_and_its_slope_a_difference() {
        for n in [1.0, 2.0, 8.0, 1000.0] {
            for log_q in [-1e-3_f64, -0.5, -3.0, -20.0, -40.0, -700.0] {
                let (value, slope) = missed(log_q, n);
                let exact = |l: f64| -(-(n * (-l.exp()).ln_1p()).exp_m1()).ln();
                if log_q > -30.0 {
                    assert!(
                        (value - exact(log_q)).abs() < 1e-9 * (1.0 + value),
                        "{n} {log_q}"
                    );
                    let h = 1e-5;
                    let difference = (exact(log_q - h) - exact(log_q + h)) / (2.0 * h);
                    assert!(
                        (slope - difference).abs() < 1e-4 * (1.0 + slope),
                        "{n} {log_q}: {slope} {difference}"
                    );
                }
                assert!(value.is_finite() && (0.0..=1.0 + 1e-9).contains(&slope));
            }
            assert_eq!(missed(0.0, n).0, 0.0);
        }
        // N = 1 is cross-entropy; a sure response is not pushed for N > 1.
        assert!(
            (missed(-2.0, 1.0).0 - 2.0).abs() < 1e-12 && (missed(-2.0, 1.0).1 - 1.0).abs() < 1e-12
        );
        assert_eq!((missed(0.0, 1.0).1, missed(0.0, 8.0).1), (1.0, 0.0));
        assert_eq!(missed(f64::NEG_INFINITY, 8.0).0, f64::INFINITY);
    }

    #[test]
    fn what_is_likely_enough_is_not_pushed() {
        let limited = objective("name = 'confidence_limited'\nlimit = 0.5");
        let weighed = limited.weigh(&[-0.1, -0.69, -0.7], 4, 10);
        assert_eq!(weighed.weights, [0.0, 0.0, 0.1]);
        let limited = objective("name = 'confidence_limited'\nlimit = 0.2\nper = 'sequence'");
        assert_eq!(limited.weigh(&[-0.5, -0.5], 4, 10).weights, [0.0, 0.0]);
        assert_eq!(limited.weigh(&[-0.9, -0.9], 4, 10).weights, [0.25, 0.25]);
    }

    #[test]
    fn cross_entropy_is_a_mean_over_tokens_or_over_sequences() {
        let cross_entropy = objective("per = 'sequence'").weigh(&[-0.25, -2.0], 2, 4);
        assert_eq!(
            (cross_entropy.value, cross_entropy.weights),
            (1.125, vec![0.5, 0.5])
        );
        let plain = objective("").weigh(&[-0.25, -2.0], 2, 4);
        assert_eq!(plain.weights, [0.25, 0.25]);
    }

    #[test]
    fn impossible_settings_are_named() {
        let error = |text: &str| {
            objective(text)
                .validate("[objective]")
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(error("n = 8"), @"[objective]: n is a setting of coverage; remove it");
        insta::assert_snapshot!(error("name = 'coverage'\nn = 0.5"), @"[objective]: coverage needs n, a number of at least 1");
        insta::assert_snapshot!(error("name = 'confidence_limited'\nlimit = 2"), @"[objective]: confidence_limited needs limit, a probability in (0, 1]");
        insta::assert_snapshot!(error("name = 'distill'"), @r#"[objective]: distill needs teacher = "CHECKPOINT or server""#);
        insta::assert_snapshot!(error("name = 'distill'\nteacher = 'x'\ntop = 5"), @"[objective]: top is a setting of a teacher behind a server; a checkpoint's laws are whole, remove it");
        insta::assert_snapshot!(error("name = 'distill'\nteacher = 'vllm:http://h:1/m'\ntop = 0"), @"[objective]: top must be at least 1");
        insta::assert_snapshot!(error("name = 'distill'\nteacher = 'x'\ntruncate = 0"), @"[objective]: truncate must be a number N of at least 1");
    }
}
