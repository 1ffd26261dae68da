//! Loss and gradient of a batch.

use rayon::prelude::*;

use super::batch::WeightedTokens;
use crate::generation::Sequence;
use crate::model::distillation::{DistillTarget, kl};
use crate::model::operations::log_softmax;
use crate::model::{Batch, Checkpoint, Decoder};
use crate::optim;
use crate::train::teacher_distribution::{TeacherDistribution, fill_tail_from_student};
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

/// What a teacher's distribution says of a batch, beside the gradient.
pub(super) struct Distilled {
    /// Per sequence: the sum of its tokens' KLs to the student, `sum_h a_h`.
    pub kls: Vec<f64>,
    /// Per sequence: `log p(y|x)` of the teacher less `log q(y|x)` of the student.
    pub log_ratios: Vec<f64>,
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
) -> (f64, Tree, Distilled) {
    let size = sequences.len().div_ceil(shards);
    let scale = 1.0 / sequences.len() as f64;
    let shard = |(part, sequences): (usize, &[Sequence])| {
        // Rows may be shared where both models turn them alike.
        let config = match teacher {
            TeacherDistribution::Checkpoint(teacher) if teacher.config.long_from().is_some() => {
                &teacher.config
            }
            _ => &checkpoint.config,
        };
        let batch = Batch::pack(config, sequences.iter().copied());
        let student = Decoder::tracking(checkpoint, &|_| true);
        let log_q = log_softmax(student.logits(&batch));
        let q = log_q.data();
        let vocab = checkpoint.config.vocab_size;
        let p = match teacher {
            TeacherDistribution::Checkpoint(teacher) => {
                let teacher = Decoder::new(teacher);
                log_softmax(teacher.logits(&batch)).data().to_vec()
            }
            TeacherDistribution::TopK(told) => {
                let told = told[part * size..].iter().take(sequences.len()).flatten();
                let rows = told.zip(q.chunks_exact(vocab));
                rows.flat_map(|(step, q)| fill_tail_from_student(step, q))
                    .collect()
            }
        };
        let mut seen = Distilled {
            kls: Vec::new(),
            log_ratios: Vec::new(),
        };
        let (mut value, mut targets) = (0.0, Vec::with_capacity(p.len()));
        let mut rows = p.chunks_exact(vocab).zip(q.chunks_exact(vocab));
        for sequence in sequences {
            let distributions: Vec<(&[f32], &[f32])> =
                rows.by_ref().take(sequence.response.len()).collect();
            let kls: Vec<f64> = distributions.iter().map(|&(p, q)| kl(p, q)).collect();
            let alpha = target.token_weights(&kls);
            let mut log_ratio = 0.0;
            for (((&(p, q), &token), &a), &kl) in distributions
                .iter()
                .zip(sequence.response)
                .zip(&alpha)
                .zip(&kls)
            {
                let token = token as usize;
                log_ratio += f64::from(p[token]) - f64::from(q[token]);
                let by = scale * a;
                value += by
                    * if target.distributions {
                        kl
                    } else {
                        -f64::from(q[token])
                    };
                targets.extend(p.iter().enumerate().map(|(v, &log_p)| {
                    let target = if target.distributions {
                        f64::from(log_p).exp()
                    } else {
                        f64::from(u8::from(v == token))
                    };
                    (-by * target) as f32
                }));
            }
            seen.kls.push(kls.iter().sum());
            seen.log_ratios.push(log_ratio);
        }
        let gradients = log_q.backward(targets);
        ((value, student.gradients(gradients)), seen)
    };
    let shards = sequences.par_chunks(size).enumerate().map(shard);
    let parts: Vec<((f64, Tree), Distilled)> = shards.collect();
    let (parts, seen): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let (value, gradient) = sum(parts);
    let seen = Distilled {
        kls: seen
            .iter()
            .flat_map(|one| one.kls.iter().copied())
            .collect(),
        log_ratios: seen
            .iter()
            .flat_map(|one| one.log_ratios.iter().copied())
            .collect(),
    };
    (value, gradient, seen)
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
            let (loss, gradient, seen) = value(&student);
            let gap = gap(&student, &gradient, |moved| value(moved).0);
            assert!(gap < 5e-3, "{distributions}: {gap}");
            if distributions {
                assert!((loss - seen.kls.iter().sum::<f64>() / 3.0).abs() < 1e-9);
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
                let (other, ..) = distilled_gradient(&student, &whole, &sequences, shards, target);
                assert!((other - loss).abs() < 1e-12);
            }
        }
        let itself = DistillTarget {
            distributions: true,
            budget: Some(1.0),
        };
        let same = TeacherDistribution::Checkpoint(&student);
        let (loss, gradient, _) = distilled_gradient(&student, &same, &sequences, 2, itself);
        assert!(loss.abs() < 1e-9 && gradient.global_norm() < 1e-5);
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
        assert!((all.0 - whole.0).abs() < 1e-5, "{} {}", all.0, whole.0);
        let mut before = 0.0;
        for top in [1, 2, 3] {
            let distributions = TeacherDistribution::TopK(told(&teacher, &sequences, top));
            let (loss, gradient, seen) = value(&student, &distributions, 1);
            // Coarser distributions are closer, and the log-ratios of the responses are exact at
            // any coarseness.
            assert!(
                before <= loss && loss <= whole.0 + 1e-6,
                "{before} {loss} {}",
                whole.0
            );
            before = loss;
            for (a, b) in seen.log_ratios.iter().zip(&whole.2.log_ratios) {
                assert!((a - b).abs() < 1e-5);
            }
            let gap = gap(&student, &gradient, |moved| {
                value(moved, &distributions, 1).0
            });
            assert!(gap < 5e-3, "{top}: {gap}");
            for shards in [2, 3] {
                assert!((value(&student, &distributions, shards).0 - loss).abs() < 1e-12);
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
            distilled_gradient(&student, &teacher, &sequences, 1, target).0
        };
        let whole = distilled_gradient(
            &student,
            &teacher,
            &sequences,
            1,
            DistillTarget {
                distributions: true,
                budget: None,
            },
        );
        let stop = 0.5 * whole.2.kls.iter().copied().fold(0.0, f64::max);
        let stopped = whole.2.kls.iter().map(|kl| kl.min(stop)).sum::<f64>() / 3.0;
        // sum_h alpha_h a_h = min(A, sum_h a_h)
        assert!((value(Some(stop)) - stopped).abs() < 1e-9);
        assert!(value(Some(stop)) < whole.0);
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
