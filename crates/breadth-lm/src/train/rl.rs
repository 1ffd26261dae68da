//! Reinforcement learning on a verifier.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::batch::{Pair, WeightedTokens};
use crate::decode::sample;
use crate::error::{Error, Result};
use crate::generation::{MOST_SAMPLES, Sample, Sampling};
use crate::model::Checkpoint;
use crate::text::{Item, Text};
use crate::verifier::{Judged, Verifier};

/// How rewards become gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// The reward less the mean of its group; each response's tokens are summed (Williams 1992).
    #[default]
    Reinforce,
    /// The same over the group's standard deviation; tokens are averaged, likelihood ratios clipped
    /// (Shao et al. 2024).
    Grpo,
}

/// `[rl]`: responses are drawn from the model itself, and the objective is their reward;
/// `batch_size` of `[train]` counts prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RlConfig {
    /// Which (default: reinforce).
    pub algorithm: Algorithm,
    /// Responses per prompt, which share a baseline (default: 8).
    pub group: usize,
    /// What is rewarded, as `breadth sample --verifier` has it (default: exact).
    pub verifier: String,
    /// Seconds that a verifier's program may take for one response; absent means 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_timeout: Option<f64>,
    /// Longest response in tokens; absent means the longest of the data's in the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Updates per batch of responses (default: 1).
    pub updates: usize,
    /// grpo: likelihood ratios count no further than 1 +- this (default: 0.2).
    pub clip: f64,
}

impl Default for RlConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Reinforce,
            group: 8,
            verifier: "exact".into(),
            verifier_timeout: None,
            max_tokens: None,
            updates: 1,
            clip: 0.2,
        }
    }
}

/// A response with what it earned.
pub(super) struct Rollout {
    /// The prompt and the response.
    pub pair: Pair,
    /// `log q` of each token when it was drawn.
    pub log_probs: Vec<f32>,
    /// Its reward.
    pub reward: f64,
    /// How much better than its group.
    pub advantage: f64,
}

/// What judges responses, and makes text of them where it is read.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    /// The verifier.
    pub verifier: &'a Verifier,
    /// What makes text of tokens.
    pub text: Option<&'a Text>,
}

impl Judge<'_> {
    /// The rewards of all responses to all prompts, one after another.
    fn rewards(self, items: &[Item], drawn: &[Vec<Sample>]) -> Result<Vec<f64>> {
        let text = self.text.filter(|_| self.verifier.reads_text());
        let decoded =
            |one: &Sample| text.map_or_else(String::new, |text| text.decode_plain(&one.tokens));
        let ids: Vec<String> = (0..drawn.first().map_or(0, Vec::len))
            .map(|i| i.to_string())
            .collect();
        let texts: Vec<String> = drawn.iter().flatten().map(decoded).collect();
        let mut batch = Vec::with_capacity(texts.len());
        for (item, own) in items.iter().zip(drawn) {
            for (response_id, Sample { tokens, .. }) in ids.iter().zip(own) {
                let text = &texts[batch.len()];
                batch.push(Judged {
                    item,
                    response_id,
                    tokens,
                    text,
                });
            }
        }
        let judgements = self.verifier.judge(&batch)?;
        Ok(judgements.into_iter().map(|one| one.reward).collect())
    }
}

impl RlConfig {
    /// Checks every value's domain.
    ///
    /// # Errors
    /// Names the value.
    pub fn validate(&self, place: &str) -> Result<()> {
        let error = |message: &str| Err(Error::config(place, message));
        match self {
            Self { group: 0 | 1, .. } => {
                error("group must be at least 2: a response is compared with its group")
            }
            Self { group, .. } if *group > MOST_SAMPLES => {
                error(&format!("group must be at most {MOST_SAMPLES}"))
            }
            Self { updates: 0, .. } => error("updates must be at least 1"),
            Self {
                max_tokens: Some(0),
                ..
            } => error("max_tokens must be at least 1"),
            Self {
                verifier_timeout: Some(limit),
                ..
            } if Duration::try_from_secs_f64(*limit).is_err() || *limit == 0.0 => {
                error("verifier_timeout must be a number of seconds above 0")
            }
            Self { clip, .. } if !(*clip > 0.0 && *clip < 1.0) => error("clip must be in (0, 1)"),
            _ => Ok(()),
        }
    }

    /// The verifier that is named.
    ///
    /// # Errors
    /// If there is no such one.
    pub fn verifier(&self) -> Result<Verifier> {
        let verifier = Verifier::parse(&self.verifier)?;
        let limit = self
            .verifier_timeout
            .and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        Ok(match limit {
            Some(limit) => verifier.with_timeout(limit),
            None => verifier,
        })
    }

    /// Draws a group of responses to each prompt, up to the model's end tokens or as long as the
    /// data's, and judges them.
    ///
    /// # Errors
    /// If the model cannot take a prompt, or the verifier fails.
    pub(super) fn rollouts(
        &self,
        model: &Checkpoint,
        items: &[Item],
        judge: Judge,
        seed: u64,
        step: u64,
    ) -> Result<Vec<Rollout>> {
        let longest = items.iter().map(|item| item.response.len()).max();
        let ends = judge.text.map(|text| text.generation().end_tokens.clone());
        let options = Sampling {
            samples: self.group,
            max_tokens: self.max_tokens.or(longest).unwrap_or(1),
            end_tokens: ends.unwrap_or_default(),
            seed: seed.wrapping_add(0x726c),
            first_prompt: step * items.len() as u64,
            ..Sampling::default()
        };
        let prompts: Vec<&[u32]> = items.iter().map(|item| &item.prompt[..]).collect();
        let drawn = sample(model, &prompts, &options)?;
        let rewards = judge.rewards(items, &drawn)?;
        let groups = items.iter().zip(drawn).zip(rewards.chunks(self.group));
        Ok(groups
            .flat_map(|((item, drawn), rewards)| self.compared(item, drawn, rewards))
            .collect())
    }

    /// A prompt's responses, each with its advantage over the group.
    fn compared(&self, item: &Item, drawn: Vec<Sample>, rewards: &[f64]) -> Vec<Rollout> {
        let advantages = self.advantages(rewards);
        let rollout = |((sample, &reward), advantage): ((Sample, &f64), f64)| Rollout {
            pair: (item.prompt.clone(), sample.tokens),
            log_probs: sample.log_probs,
            reward,
            advantage,
        };
        drawn
            .into_iter()
            .zip(rewards)
            .zip(advantages)
            .map(rollout)
            .collect()
    }

    /// Rewards less their mean; for grpo over their standard deviation. A group of equal rewards
    /// teaches nothing.
    fn advantages(&self, rewards: &[f64]) -> Vec<f64> {
        let n = rewards.len() as f64;
        let mean = rewards.iter().sum::<f64>() / n;
        let deviation = (rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n).sqrt();
        let scale = match self.algorithm {
            Algorithm::Reinforce => 1.0,
            Algorithm::Grpo => 1.0 / (deviation + 1e-6),
        };
        rewards.iter().map(|r| (r - mean) * scale).collect()
    }

    /// The tokens' weights now that the model gives them these log-probabilities, in a batch of so
    /// many responses.
    pub(super) fn weigh(
        &self,
        rollout: &Rollout,
        log_probs: &[f32],
        responses: usize,
    ) -> WeightedTokens {
        let advantage = rollout.advantage;
        let mut scale = 1.0 / responses as f64;
        if self.algorithm == Algorithm::Grpo {
            scale /= log_probs.len() as f64;
        }
        let ratio = |(&now, &then): (&f32, &f32)| (f64::from(now) - f64::from(then)).exp();
        let weight = |ratio: f64| match self.algorithm {
            Algorithm::Reinforce => advantage,
            // The clipped side of min(r A, clip(r) A) is flat.
            Algorithm::Grpo if advantage > 0.0 && ratio > 1.0 + self.clip => 0.0,
            Algorithm::Grpo if advantage < 0.0 && ratio < 1.0 - self.clip => 0.0,
            Algorithm::Grpo => ratio * advantage,
        };
        let ratios = log_probs.iter().zip(&rollout.log_probs).map(ratio);
        WeightedTokens {
            value: -rollout.reward / responses as f64,
            weights: ratios.map(|ratio| scale * weight(ratio)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(reward: f64, advantage: f64) -> Rollout {
        Rollout {
            pair: (vec![1], vec![2, 3]),
            log_probs: vec![-1.0, -1.0],
            reward,
            advantage,
        }
    }

    #[test]
    fn advantages_sum_to_zero_and_equal_rewards_teach_nothing() {
        for algorithm in [Algorithm::Reinforce, Algorithm::Grpo] {
            let config = RlConfig {
                algorithm,
                ..RlConfig::default()
            };
            let advantages = config.advantages(&[1.0, 0.0, 0.0, 1.0]);
            assert!(advantages.iter().sum::<f64>().abs() < 1e-12);
            let size = if algorithm == Algorithm::Grpo {
                1.0
            } else {
                0.5
            };
            assert!((advantages[0] - size).abs() < 1e-5);
            assert_eq!(config.advantages(&[1.0, 1.0]), [0.0, 0.0]);
        }
    }

    #[test]
    fn clipping_stops_what_went_far_enough() {
        let config = RlConfig {
            algorithm: Algorithm::Grpo,
            ..RlConfig::default()
        };
        let weights = |advantage, log_probs: [f32; 2]| {
            config
                .weigh(&rollout(1.0, advantage), &log_probs, 2)
                .weights
        };
        assert_eq!(weights(1.0, [-1.0, -1.0]), [0.25, 0.25]);
        assert_eq!(weights(1.0, [-0.5, -1.0]), [0.0, 0.25]);
        let back = weights(1.0, [-2.0, -1.0]);
        assert!(back[0] > 0.0 && back[0] < 0.25);
        assert_eq!(weights(-1.0, [-2.0, -1.0]), [0.0, -0.25]);
        let plain = RlConfig::default().weigh(&rollout(0.0, -0.5), &[-0.5, -2.0], 4);
        assert_eq!((plain.value, plain.weights), (0.0, vec![-0.125, -0.125]));
    }
}
