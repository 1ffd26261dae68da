//! Loss and gradient of a batch.

use rayon::prelude::*;

use super::batch::WeightedTokens;
use super::teacher_distribution::TeacherDistribution;
use crate::generation::Sequence;
use crate::model::distillation::{DistillTarget, kl};
use crate::model::operations::log_softmax;
use crate::model::{Batch, Checkpoint, Decoder};
use crate::optim;
use crate::tree::Tree;

/// Mean over all response tokens of `-log q`, in nats, and its gradient.
///
/// The batch is split into `shards` runs of sequences, one thread each; sums are taken in the order
/// of shards, so the number of threads does not change a bit of the result.
///
/// # Panics
/// If there is no sequence.
#[must_use]
pub fn value_and_gradient(
    checkpoint: &Checkpoint,
    sequences: &[Sequence],
    shards: usize,
) -> (f64, Tree) {
    let targets: usize = sequences.iter().map(|s| s.response.len()).sum();
    let weight = 1.0 / targets as f64;
    weighted_gradient(checkpoint, sequences, shards, &|_, log_probs| {
        WeightedTokens {
            value: -weight * log_probs.iter().map(|&v| f64::from(v)).sum::<f64>(),
            weights: vec![weight; log_probs.len()],
        }
    })
}

/// The sum of the parts of the loss, and the gradient `- sum_h w_h grad log q(y_h | x, y_<h)`;
/// `weigh` sees the place of a sequence and the log-probabilities of its tokens.
///
/// # Panics
/// If there is no sequence.
pub(super) fn weighted_gradient(
    checkpoint: &Checkpoint,
    sequences: &[Sequence],
    shards: usize,
    weigh: &(dyn Fn(usize, &[f32]) -> WeightedTokens + Sync),
) -> (f64, Tree) {
    let size = sequences.len().div_ceil(shards);
    let shard = |(part, sequences): (usize, &[Sequence])| {
        let decoder = Decoder::tracking(checkpoint, &|_| true);
        let batch = Batch::pack(&checkpoint.config, sequences.iter().copied());
        let log_probs = decoder.log_probs(&batch);
        let mut rest = log_probs.data();
        let (mut value, mut weights) = (0.0, Vec::with_capacity(rest.len()));
        for (i, sequence) in sequences.iter().enumerate() {
            let (own, tail) = rest.split_at(sequence.response.len());
            rest = tail;
            let weighed = weigh(part * size + i, own);
            value += weighed.value;
            weights.extend(weighed.weights.iter().map(|&w| -w as f32));
        }
        (value, decoder.gradients(log_probs.backward(weights)))
    };
    let parts: Vec<(f64, Tree)> = sequences.par_chunks(size).enumerate().map(shard).collect();
    sum(parts)
}

/// What a distillation gives on a batch.
pub(super) struct Distilled {
    pub loss: f64,
    pub gradient: Tree,
    /// Per sequence: the sum of its tokens' KLs to the student, `sum_h a_h`.
    pub kls: Vec<f64>,
    /// Per sequence: `log p(y|x)` of the teacher less `log q(y|x)` of the student.
    pub log_ratios: Vec<f64>,
}

impl Distilled {
    /// With the next shard's.
    fn merged(mut self, next: Self) -> Self {
        self.loss += next.loss;
        optim::apply_updates(&mut self.gradient, &next.gradient);
        self.kls.extend(next.kls);
        self.log_ratios.extend(next.log_ratios);
        self
    }
}

/// Distillation: the mean over sequences of `sum_h alpha_h KL(p(.|x,y_<h) || q(.|x,y_<h))`, or of
/// `- sum_h alpha_h log q(y_h | x, y_<h)` (Eq 24), with its gradient, alpha held fixed.
///
/// # Panics
/// If there is no sequence.
pub(super) fn distilled_gradient(
    checkpoint: &Checkpoint,
    teacher: &TeacherDistribution,
    sequences: &[Sequence],
    shards: usize,
    target: DistillTarget,
) -> Distilled {
    let size = sequences.len().div_ceil(shards);
    let scale = 1.0 / sequences.len() as f64;
    let shard = |(part, sequences): (usize, &[Sequence])| {
        let config = teacher.shared_config(&checkpoint.config);
        let batch = Batch::pack(config, sequences.iter().copied());
        let student = Decoder::tracking(checkpoint, &|_| true);
        let log_q = log_softmax(student.logits(&batch));
        let rows_q = log_q.data().chunks_exact(checkpoint.config.vocab_size);
        let first = part * size;
        let log_p = teacher.log_probs(&batch, first..first + sequences.len(), rows_q.clone());
        let rows_p = log_p.chunks_exact(checkpoint.config.vocab_size);
        let mut rows = rows_p.zip(rows_q);
        let mut sums = DistilledSums {
            slopes: Vec::with_capacity(log_p.len()),
            ..DistilledSums::default()
        };
        for sequence in sequences {
            let tokens = sequence.response.iter().zip(rows.by_ref());
            let tokens: Vec<NextToken> = tokens.map(NextToken::new).collect();
            sums.add_response(&tokens, target, scale);
        }
        Distilled {
            loss: sums.loss,
            gradient: student.gradients(log_q.backward(sums.slopes)),
            kls: sums.kls,
            log_ratios: sums.log_ratios,
        }
    };
    let parts: Vec<Distilled> = sequences.par_chunks(size).enumerate().map(shard).collect();
    parts
        .into_iter()
        .reduce(Distilled::merged)
        .expect("a batch has at least one sequence")
}

/// A response's token, and in its place the distributions of teacher and student: log-probabilities
/// by token.
struct NextToken<'a> {
    token: usize,
    log_p: &'a [f32],
    log_q: &'a [f32],
}

impl<'a> NextToken<'a> {
    fn new((&token, (log_p, log_q)): (&u32, (&'a [f32], &'a [f32]))) -> Self {
        Self {
            token: token as usize,
            log_p,
            log_q,
        }
    }

    fn log_ratio(&self) -> f64 {
        f64::from(self.log_p[self.token]) - f64::from(self.log_q[self.token])
    }

    /// The probability of each token towards which the student is pulled.
    fn targets(&self, distributions: bool) -> impl Iterator<Item = f64> {
        let of_token = move |(token, &log_p): (usize, &f32)| {
            if distributions {
                f64::from(log_p).exp()
            } else {
                f64::from(u8::from(token == self.token))
            }
        };
        self.log_p.iter().enumerate().map(of_token)
    }
}

/// A shard's sums over its responses, one after another.
#[derive(Default)]
struct DistilledSums {
    loss: f64,
    /// The loss's derivatives by every `log q` of every place.
    slopes: Vec<f32>,
    kls: Vec<f64>,
    log_ratios: Vec<f64>,
}

impl DistilledSums {
    /// `scale`: what a response counts.
    fn add_response(&mut self, tokens: &[NextToken], target: DistillTarget, scale: f64) {
        let kls: Vec<f64> = tokens.iter().map(|t| kl(t.log_p, t.log_q)).collect();
        let alpha = target.token_weights(&kls);
        for ((token, &alpha), &kl) in tokens.iter().zip(&alpha).zip(&kls) {
            let by = scale * alpha;
            self.loss += by
                * if target.distributions {
                    kl
                } else {
                    -f64::from(token.log_q[token.token])
                };
            let targets = token.targets(target.distributions);
            self.slopes
                .extend(targets.map(|target| (-by * target) as f32));
        }
        self.kls.push(kls.iter().sum());
        let log_ratio = tokens.iter().fold(0.0, |sum, t| sum + t.log_ratio());
        self.log_ratios.push(log_ratio);
    }
}

/// Sums in the order of the shards.
fn sum(parts: Vec<(f64, Tree)>) -> (f64, Tree) {
    parts
        .into_iter()
        .reduce(|(loss, mut gradient), (more, other)| {
            optim::apply_updates(&mut gradient, &other);
            (loss + more, gradient)
        })
        .expect("a batch has at least one sequence")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::score;
    use crate::model::Gpt2;
    use crate::rng;
    use crate::server::TokenLogProb;
    use crate::train::{Algorithm, Objective, RlConfig};
    use crate::tree::Array;

    /// What a loss may differ by where a batch is cut into other shards. On x86-64 a row of a
    /// product does not depend on the rows beside it; elsewhere single precision may round it
    /// otherwise.
    const BY_SHARDS: f64 = if cfg!(target_arch = "x86_64") {
        1e-12
    } else {
        1e-6
    };

    fn model(seed: u64) -> Checkpoint {
        let config = Gpt2 {
            vocab_size: 5,
            max_position_embeddings: 12,
            hidden_size: 8,
            layers: 1,
            heads: 2,
            intermediate_size: 12,
            layer_norm_epsilon: 1e-5,
        }
        .config("test")
        .unwrap();
        let mut checkpoint = Checkpoint::random(config, &mut rng::stream(seed, "test/init", 0));
        let wider = |(_, array): (&str, &mut Array)| array.data.iter_mut().for_each(|v| *v *= 6.0);
        checkpoint.weights.iter_mut().for_each(wider);
        checkpoint
    }

    const DATA: [(&[u32], &[u32]); 3] = [
        (&[1, 2], &[3, 0, 4]),
        (&[0], &[2]),
        (&[4, 4, 1], &[1, 1, 3, 2]),
    ];

    fn data() -> Vec<Sequence<'static>> {
        DATA.iter()
            .map(|&(prompt, response)| Sequence { prompt, response })
            .collect()
    }

    /// The largest gap between a gradient and central differences of the loss, at some entries of
    /// every array, over the gradient's norm.
    fn gap(model: &Checkpoint, gradient: &Tree, loss: impl Fn(&Checkpoint) -> f64) -> f64 {
        let mut worst = 0.0_f64;
        for (name, array) in gradient.iter() {
            for at in (0..array.data.len()).step_by(array.data.len().div_ceil(7)) {
                let moved = |by: f32| {
                    let mut moved = model.clone();
                    let (_, array) = moved.weights.iter_mut().find(|(n, _)| *n == name).unwrap();
                    array.data[at] += by;
                    loss(&moved)
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                worst = worst.max((difference - f64::from(array.data[at])).abs());
            }
        }
        worst / gradient.global_norm()
    }

    #[test]
    fn objectives_have_the_gradients_of_their_values() {
        let (model, sequences) = (model(1), data());
        for text in [
            "",
            "per = 'sequence'",
            "name = 'coverage'\nn = 3",
            "name = 'coverage'\nn = 200",
            "name = 'confidence_limited'\nlimit = 1.0",
        ] {
            let objective: Objective = toml::from_str(text).unwrap();
            let weigh = |_: usize, own: &[f32]| objective.weigh(own, 3, 8);
            let (value, gradient) = weighted_gradient(&model, &sequences, 2, &weigh);
            let loss = |model: &Checkpoint| -> f64 {
                let lists = score(model, &sequences).unwrap();
                lists.iter().map(|own| weigh(0, own).value).sum()
            };
            assert!((loss(&model) - value).abs() < 1e-6, "{text}");
            let gap = gap(&model, &gradient, loss);
            assert!(gap < 5e-3, "{text}: {gap}");
        }
    }

    #[test]
    fn distillation_has_the_gradient_of_its_value() {
        let (student, teacher, sequences) = (model(1), model(2), data());
        let whole = TeacherDistribution::Checkpoint(&teacher);
        for distributions in [true, false] {
            let target = DistillTarget {
                distributions,
                budget: None,
            };
            let value =
                |student: &Checkpoint| distilled_gradient(student, &whole, &sequences, 1, target);
            let seen = value(&student);
            let gap = gap(&student, &seen.gradient, |moved| value(moved).loss);
            assert!(gap < 5e-3, "{distributions}: {gap}");
            if distributions {
                assert!((seen.loss - seen.kls.iter().sum::<f64>() / 3.0).abs() < 1e-9);
            }
            let both = [
                score(&teacher, &sequences).unwrap(),
                score(&student, &sequences).unwrap(),
            ];
            for (at, ratio) in seen.log_ratios.iter().enumerate() {
                let sum = |model: usize| both[model][at].iter().map(|&v| f64::from(v)).sum::<f64>();
                assert!((ratio - (sum(0) - sum(1))).abs() < 1e-5);
            }
            for shards in [2, 3] {
                let other = distilled_gradient(&student, &whole, &sequences, shards, target);
                assert!((other.loss - seen.loss).abs() < BY_SHARDS);
            }
        }
        let itself = DistillTarget {
            distributions: true,
            budget: Some(1.0),
        };
        let same = TeacherDistribution::Checkpoint(&student);
        let still = distilled_gradient(&student, &same, &sequences, 2, itself);
        assert!(still.loss.abs() < 1e-9 && still.gradient.global_norm() < 1e-5);
    }

    /// What a server would tell of a checkpoint's distributions: each response token, and the `top`
    /// likeliest in its place.
    fn told(teacher: &Checkpoint, sequences: &[Sequence], top: usize) -> Vec<Vec<TokenLogProb>> {
        let batch = Batch::pack_apart(sequences.iter().copied());
        let rows = log_softmax(Decoder::new(teacher).logits(&batch));
        let mut rows = rows.data().chunks_exact(teacher.config.vocab_size);
        let step = |token: u32, row: &[f32]| {
            let mut order: Vec<(u32, f64)> = (0..).zip(row.iter().map(|&v| f64::from(v))).collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            order.truncate(top);
            TokenLogProb {
                token,
                log_prob: f64::from(row[token as usize]),
                top: order,
            }
        };
        let of_sequence = |s: &Sequence| {
            let tokens = s.response.iter();
            tokens.map(|&t| step(t, rows.next().unwrap())).collect()
        };
        sequences.iter().map(of_sequence).collect()
    }

    #[test]
    fn a_law_told_in_part_has_the_gradient_of_the_coarse_law() {
        let (student, teacher, sequences) = (model(1), model(2), data());
        let target = DistillTarget {
            distributions: true,
            budget: None,
        };
        let value = |student: &Checkpoint, distributions: &TeacherDistribution, shards| {
            distilled_gradient(student, distributions, &sequences, shards, target)
        };
        let whole = value(&student, &TeacherDistribution::Checkpoint(&teacher), 1);
        let all = value(
            &student,
            &TeacherDistribution::TopK(told(&teacher, &sequences, 5)),
            2,
        );
        assert!(
            (all.loss - whole.loss).abs() < 1e-5,
            "{} {}",
            all.loss,
            whole.loss
        );
        let mut before = 0.0;
        for top in [1, 2, 3] {
            let distributions = TeacherDistribution::TopK(told(&teacher, &sequences, top));
            let seen = value(&student, &distributions, 1);
            let loss = seen.loss;
            // Coarser distributions are closer, and the log-ratios of the responses are exact at
            // any coarseness.
            assert!(
                before <= loss && loss <= whole.loss + 1e-6,
                "{before} {loss} {}",
                whole.loss
            );
            before = loss;
            for (a, b) in seen.log_ratios.iter().zip(&whole.log_ratios) {
                assert!((a - b).abs() < 1e-5);
            }
            let gap = gap(&student, &seen.gradient, |moved| {
                value(moved, &distributions, 1).loss
            });
            assert!(gap < 5e-3, "{top}: {gap}");
            for shards in [2, 3] {
                assert!((value(&student, &distributions, shards).loss - loss).abs() < BY_SHARDS);
            }
        }
    }

    #[test]
    fn a_budget_cuts_off_the_tokens_after_it() {
        let (student, teacher, sequences) = (model(1), model(2), data());
        let teacher = TeacherDistribution::Checkpoint(&teacher);
        let value = |budget| {
            let target = DistillTarget {
                distributions: true,
                budget,
            };
            distilled_gradient(&student, &teacher, &sequences, 1, target)
        };
        let whole = value(None);
        let stop = 0.5 * whole.kls.iter().copied().fold(0.0, f64::max);
        let stopped = whole.kls.iter().map(|kl| kl.min(stop)).sum::<f64>() / 3.0;
        // sum_h alpha_h a_h = min(A, sum_h a_h)
        assert!((value(Some(stop)).loss - stopped).abs() < 1e-9);
        assert!(value(Some(stop)).loss < whole.loss);
    }

    #[test]
    fn reinforcement_has_the_score_functions_gradient() {
        let (model, sequences) = (model(1), data());
        let advantages = [0.7, -0.2, 0.4];
        for algorithm in [Algorithm::Reinforce, Algorithm::Grpo] {
            let rl = RlConfig {
                algorithm,
                ..RlConfig::default()
            };
            let then = score(&model, &sequences).unwrap();
            let rollout = |at: usize| super::super::rl::Rollout {
                pair: (Vec::new(), Vec::new()),
                log_probs: then[at].clone(),
                reward: 0.0,
                advantage: advantages[at],
            };
            let (_, gradient) = weighted_gradient(&model, &sequences, 2, &|at, own| {
                rl.weigh(&rollout(at), own, 3)
            });
            let loss = |model: &Checkpoint| -> f64 {
                let lists = score(model, &sequences).unwrap();
                let of_sequence = |(at, own): (usize, &Vec<f32>)| {
                    let sum = own.iter().map(|&v| f64::from(v)).sum::<f64>();
                    let length = if algorithm == Algorithm::Grpo {
                        own.len() as f64
                    } else {
                        1.0
                    };
                    -advantages[at] * sum / length / 3.0
                };
                lists.iter().enumerate().map(of_sequence).sum()
            };
            let gap = gap(&model, &gradient, loss);
            assert!(gap < 5e-3, "{algorithm:?}: {gap}");
        }
    }
}
