//! Test-time training: the model takes a gradient step on every token that it emits (Eq 22-23).

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use super::choose::exponentials;
use super::score::batches;
use crate::error::{Error, Result};
use crate::gemm::{Matrix, matmul};
use crate::generation::Sequence;
use crate::model::config::Family;
use crate::model::kernels::math;
use crate::model::operations::token_log_probs;
use crate::model::{Batch, Checkpoint, Config, Decoder, block_prefix};
use crate::optim::apply_updates;
use crate::rng;
use crate::tree::{Array, Tree};
use crate::vectorized;

/// Test-time training: one gradient step on every token, `theta_0 = theta`, `y_h ~
/// q_{theta_(h-1)}`, `theta_h = theta_(h-1) + lr * grad log q_{theta_(h-1)}(y_h | x, y_<h)`; the
/// next response starts from theta again. The checkpoint itself never changes.
///
/// ```
/// use breadth_lm::decode::{ParameterSet, Ttt};
/// let ttt: Ttt = "lr=0.1,set=low-rank:4".parse()?;
/// assert_eq!((ttt.learning_rate, ttt.set), (0.1, ParameterSet::LowRank(4)));
/// assert_eq!("lr=0.1".parse::<Ttt>()?.set, ParameterSet::Head);
/// # Ok::<(), breadth_lm::Error>(())
/// ```
///
/// Source: Eq 22-23, Thm 6.1.
#[derive(Clone, Debug, PartialEq)]
pub struct Ttt {
    /// Step size.
    pub learning_rate: f64,
    /// Which parameters are trained.
    pub set: ParameterSet,
}

/// The parameters that test-time training updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterSet {
    /// The head alone, as a matrix of its own where it is tied to the token table. One forward pass
    /// as without training; the moved head is never written out.
    Head,
    /// The last block.
    LastBlock,
    /// Everything; a tied table moves as one.
    All,
    /// The matrices of all blocks, each within a random subspace of this many dimensions of its
    /// inputs: `W + A' B` with A fixed and B trained from 0.
    LowRank(usize),
}

impl Ttt {
    /// Checks that the model supports this kind of test-time training.
    ///
    /// # Errors
    /// If the head alone is to move and its logits are softly capped, which its closed form does
    /// not cover; if a rank is larger than a full one; if the model turns long sequences by other angles, which a step on a token would
    /// need to foresee.
    pub fn check(&self, config: &Config) -> Result<()> {
        match (self.set, config.logit_softcap) {
            (ParameterSet::Head, Some(_)) => Err(Error::config(
                "ttt",
                "set=head does not know softly capped logits; take set=last-block or set=all",
            )),
            (ParameterSet::Head, None) => Ok(()),
            (ParameterSet::LowRank(rank), _)
                if rank > config.hidden_size.max(config.intermediate_size) =>
            {
                let message = format!(
                    "set=low-rank:{rank} is more than the sides of the model's matrices; take \
                     fewer, or set=all"
                );
                Err(Error::config("ttt", message))
            }
            _ if config.long_from().is_some() => Err(Error::config(
                "ttt",
                "a model with LongRoPE can move its head alone: set=head",
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ParameterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterSet::Head => f.write_str("head"),
            ParameterSet::LastBlock => f.write_str("last-block"),
            ParameterSet::All => f.write_str("all"),
            ParameterSet::LowRank(rank) => write!(f, "low-rank:{rank}"),
        }
    }
}

impl fmt::Display for Ttt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lr={},set={}", self.learning_rate, self.set)
    }
}

impl FromStr for Ttt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = |message: String| Error::config("ttt", message);
        let (mut learning_rate, mut set) = (None, ParameterSet::Head);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("lr", value)) => {
                    let value: Option<f64> = value.parse().ok();
                    learning_rate = value.filter(|lr| lr.is_finite() && *lr >= 0.0);
                }
                Some(("set", value)) => set = parse_set(value).map_err(error)?,
                _ => {
                    return Err(error(format!(
                        "`{part}` is not lr=NUMBER or set=head, last-block, all or low-rank:R"
                    )));
                }
            }
        }
        let learning_rate = learning_rate
            .ok_or_else(|| error(format!("`{text}` needs a step size of at least 0: lr=0.1")))?;
        Ok(Ttt { learning_rate, set })
    }
}

fn parse_set(text: &str) -> std::result::Result<ParameterSet, String> {
    let rank = |text: &str| text.parse().ok().filter(|&rank| rank > 0);
    match (text, text.strip_prefix("low-rank:").map(rank)) {
        ("head", _) => Ok(ParameterSet::Head),
        ("last-block", _) => Ok(ParameterSet::LastBlock),
        ("all", _) => Ok(ParameterSet::All),
        (_, Some(Some(rank))) => Ok(ParameterSet::LowRank(rank)),
        _ => Err(format!(
            "set={text} is not head, last-block, all or low-rank:R"
        )),
    }
}

/// `log q(y_h | x, y_<h)` of every response token, in nats, under the model that is trained along
/// the given tokens: one list per sequence. Sequences are independent of one another and run in
/// parallel.
///
/// ```
/// use breadth_lm::decode::{Ttt, score_ttt};
/// use breadth_lm::generation::Sequence;
/// use breadth_lm::model::{Checkpoint, Gpt2};
/// use breadth_lm::rng;
///
/// let sizes = Gpt2 {
///     vocab_size: 4, max_position_embeddings: 8, hidden_size: 4, layers: 1, heads: 1,
///     intermediate_size: 4, layer_norm_epsilon: 1e-5,
/// };
/// let mut model = Checkpoint::random(sizes.config("example")?, &mut rng::stream(0, "doc/init", 0));
/// // Uniform over its 4 tokens; what its head sees is of length 1 and everywhere the same.
/// for (name, weight) in model.weights.iter_mut() {
///     weight.data.fill(if name.ends_with("ln_f.bias") { 0.5 } else { 0.0 });
/// }
/// let ttt: Ttt = "lr=2".parse()?;
/// let sequences = [&[3, 3], &[3, 0]].map(|response| Sequence { prompt: &[1], response });
/// let scored = score_ttt(&model, &sequences, &ttt)?;
/// // The step on the first token adds 2 (1 - 1/4) to its logit and -2/4 to the others'.
/// let total = 1.0 + 3.0 * (-2_f32).exp();
/// for (scored, second) in scored.iter().zip([-total.ln(), -2.0 - total.ln()]) {
///     assert!((scored[0] + 4_f32.ln()).abs() < 1e-6);
///     assert!((scored[1] - second).abs() < 1e-6);
/// }
/// # Ok::<(), breadth_lm::Error>(())
/// ```
///
/// # Errors
/// If a sequence is empty, too long, or has a token outside the vocabulary.
pub fn score_ttt(
    checkpoint: &Checkpoint,
    sequences: &[Sequence],
    ttt: &Ttt,
) -> Result<Vec<Vec<f32>>> {
    for (i, sequence) in sequences.iter().enumerate() {
        checkpoint
            .config
            .check_sequence(sequence, &format!("sequence {}", i + 1))?;
    }
    ttt.check(&checkpoint.config)?;
    if ttt.set != ParameterSet::Head {
        let of_sequence = |sequence: &Sequence| TttModel::new(checkpoint, ttt).score(sequence);
        return Ok(sequences.par_iter().map(of_sequence).collect());
    }
    let decoder = Decoder::new(checkpoint);
    let scored: Vec<Vec<(usize, Vec<f32>)>> = batches(sequences)
        .into_par_iter()
        .map(|places| score_heads(&decoder, sequences, places, ttt.learning_rate))
        .collect();
    let mut lists = vec![Vec::new(); sequences.len()];
    for (at, list) in scored.into_iter().flatten() {
        lists[at] = list;
    }
    Ok(lists)
}

/// Steps of the set on every token of a sequence: the log-probabilities of [`score_ttt`] and the
/// checkpoint at the end, from which the next sequence may continue (Eq 21).
pub(crate) fn score_and_update(
    checkpoint: &Checkpoint,
    sequence: &Sequence,
    ttt: &Ttt,
) -> (Vec<f32>, Checkpoint) {
    let mut moved = TttModel::new(checkpoint, ttt);
    (moved.score(sequence), moved.checkpoint)
}

/// The sequences at `places`, whose prompts go through the model once: what the head sees does not
/// move.
fn score_heads(
    decoder: &Decoder,
    all: &[Sequence],
    places: Vec<usize>,
    learning_rate: f64,
) -> Vec<(usize, Vec<f32>)> {
    let batch = Batch::pack(decoder.config(), places.iter().map(|&at| all[at]));
    let hidden = decoder.hidden(&batch, |_| ());
    let logits = decoder.head(&hidden);
    let config = decoder.config();
    let mut rows = hidden
        .data()
        .chunks_exact(config.hidden_size)
        .zip(logits.data().chunks_exact(config.vocab_size));
    let score = |at: usize| {
        let mut head = TttHead::new(learning_rate);
        let rows = rows.by_ref().take(all[at].response.len());
        let steps = rows.zip(all[at].response);
        let list = steps.map(|((hidden, logits), &y)| head.step(hidden, logits, |_| y).1);
        (at, list.collect())
    };
    places.into_iter().map(score).collect()
}

/// An output head under test-time training: `W + lr sum_j (e_{y_j} - q_j) x_j'`, kept as the inputs
/// `x_j` and the errors of the tokens so far.
#[derive(Clone, Debug)]
pub(super) struct TttHead {
    learning_rate: f32,
    seen: Vec<Vec<f32>>,
    errors: Vec<Vec<f32>>,
}

impl TttHead {
    pub(super) fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: learning_rate as f32,
            seen: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Chooses a token from the logits of the trained head and takes the step on it. `logits`:
    /// those of the untrained head. Returns the token and its log-probability.
    pub(super) fn step(
        &mut self,
        hidden: &[f32],
        logits: &[f32],
        choose: impl FnOnce(&[f32]) -> u32,
    ) -> (u32, f32) {
        let mut logits = logits.to_vec();
        add_head_updates(
            &mut logits,
            hidden,
            &self.seen,
            &self.errors,
            self.learning_rate,
        );
        let token = choose(&logits);
        let at = token as usize;
        let (mut error, shift, total) = exponentials(&logits);
        error.iter_mut().for_each(|e| *e /= -total);
        error[at] += 1.0;
        self.seen.push(hidden.to_vec());
        self.errors.push(error);
        (token, logits[at] - shift - total.ln())
    }
}

/// Logits that are worked on at a time, so that they stay in the nearest cache while all errors
/// pass by.
const TILE: usize = 1024;

vectorized! {
    /// Adds `rate * <x_j, hidden> * error_j` for every token j seen.
    fn add_head_updates(logits: &mut [f32], hidden: &[f32], seen: &[Vec<f32>], errors: &[Vec<f32>], rate: f32) {
        let by: Vec<f32> = seen.iter().map(|x| rate * math::dot(x, hidden)).collect();
        for (tile, logits) in logits.chunks_mut(TILE).enumerate() {
            for (by, error) in by.iter().zip(errors) {
                let error = &error[tile * TILE..][..logits.len()];
                for (logit, &e) in logits.iter_mut().zip(error) {
                    *logit = by.mul_add(e, *logit);
                }
            }
        }
    }
}

/// A checkpoint under test-time training of any other set than the head.
pub(super) struct TttModel<'a> {
    checkpoint: Checkpoint,
    ttt: &'a Ttt,
}

impl<'a> TttModel<'a> {
    pub(super) fn new(checkpoint: &Checkpoint, ttt: &'a Ttt) -> Self {
        Self {
            checkpoint: checkpoint.clone(),
            ttt,
        }
    }

    fn score(&mut self, sequence: &Sequence) -> Vec<f32> {
        let step = |at: usize| {
            let context = [sequence.prompt, &sequence.response[..at]].concat();
            self.step(&context, |_| sequence.response[at]).1
        };
        (0..sequence.response.len()).map(step).collect()
    }

    /// Chooses a token from the logits after `context` and takes the step on it. Returns the token
    /// and its log-probability before the step.
    pub(super) fn step(
        &mut self,
        context: &[u32],
        choose: impl FnOnce(&[f32]) -> u32,
    ) -> (u32, f32) {
        let set = self.ttt.set;
        let is_tracked = |name: &str| is_trained(set, &self.checkpoint, name);
        let decoder = Decoder::tracking(&self.checkpoint, &is_tracked);
        let batch = Batch::pack_apart([Sequence {
            prompt: context,
            response: &[0],
        }]);
        let logits = decoder.logits(&batch);
        let token = choose(logits.data());
        let chosen = token_log_probs(&logits, [token].into());
        let log_prob = chosen.data()[0];
        drop(logits);
        let mut gradient = decoder.gradients(chosen.backward(vec![1.0]));
        if let ParameterSet::LowRank(rank) = set {
            let inputs_first = self.checkpoint.config.family == Family::Gpt2;
            gradient
                .iter_mut()
                .for_each(|(name, g)| project(name, g, rank, inputs_first));
        }
        let rate = self.ttt.learning_rate as f32;
        for (_, array) in gradient.iter_mut() {
            array.data.iter_mut().for_each(|g| *g *= rate);
        }
        self.apply(&gradient);
        (token, log_prob)
    }

    fn apply(&mut self, updates: &Tree) {
        let moved: Vec<(String, Array)> = updates
            .iter()
            .map(|(name, _)| (name.to_owned(), self.checkpoint.weights[name].clone()))
            .collect();
        let mut moved: Tree = moved.into_iter().collect();
        apply_updates(&mut moved, updates);
        self.checkpoint.weights.extend_with_prefix("", moved);
    }
}

/// Whether a parameter belongs to a set.
fn is_trained(set: ParameterSet, checkpoint: &Checkpoint, name: &str) -> bool {
    let config = &checkpoint.config;
    let of_block = |layer| name.starts_with(&block_prefix(config.family, layer));
    match set {
        ParameterSet::Head => false,
        ParameterSet::LastBlock => of_block(config.layers.saturating_sub(1)),
        ParameterSet::All => true,
        ParameterSet::LowRank(_) => {
            (0..config.layers).any(of_block) && checkpoint.weights[name].shape.len() == 2
        }
    }
}

/// `G <- A' A G` for a gradient (inputs, outputs), or `G <- G A' A` for one (outputs, inputs); A
/// (rank, inputs) of independent entries `+-1/sqrt(rank)`, signs of the weight's own random stream:
/// what the gradient of B moves in `W + A' B`.
///
/// Source of the projection: Achlioptas 2003.
fn project(name: &str, gradient: &mut Array, rank: usize, inputs_first: bool) {
    let [rows, columns] = gradient.shape[..] else {
        return;
    };
    let (inputs, outputs) = if inputs_first {
        (rows, columns)
    } else {
        (columns, rows)
    };
    let mut stream = rng::stream(0, &format!("ttt/{name}"), 0);
    let size = 1.0 / (rank as f32).sqrt();
    let entry = |_| {
        if rng::uniform(&mut stream) < 0.5 {
            size
        } else {
            -size
        }
    };
    let a: Vec<f32> = (0..rank * inputs).map(entry).collect();
    let a = Matrix::new(&a, rank, inputs, inputs);
    let g = Matrix::new(&gradient.data, rows, columns, columns);
    let mut inner = vec![0.0; rank * outputs];
    let mut moved = vec![0.0; gradient.data.len()];
    if inputs_first {
        matmul(&mut inner, outputs, a, g, 1.0, false);
        let inner = Matrix::new(&inner, rank, outputs, outputs);
        matmul(&mut moved, columns, a.t(), inner, 1.0, false);
    } else {
        matmul(&mut inner, rank, g, a.t(), 1.0, false);
        let inner = Matrix::new(&inner, outputs, rank, rank);
        matmul(&mut moved, columns, inner, a, 1.0, false);
    }
    gradient.data = moved.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projected_gradient_is_a_prime_a_g() {
        let (inputs, outputs, rank) = (5, 3, 2);
        let data: Vec<f32> = (0..inputs * outputs)
            .map(|i| (i * 7 % 11) as f32 - 5.0)
            .collect();
        // The rows of A' A, read off by projecting unit vectors.
        let column = |i: usize| {
            let mut unit = Array::full([inputs, 1], 0.0);
            unit.data[i] = 1.0;
            project("w", &mut unit, rank, true);
            unit.data.to_vec()
        };
        let square: Vec<Vec<f32>> = (0..inputs).map(column).collect();
        let mut gradient = Array::new([inputs, outputs], data.clone());
        project("w", &mut gradient, rank, true);
        let transposed = |data: &[f32], rows: usize, columns: usize| -> Vec<f32> {
            let at = |i: usize| data[i % rows * columns + i / rows];
            (0..rows * columns).map(at).collect()
        };
        let mut other = Array::new([outputs, inputs], transposed(&data, inputs, outputs));
        project("w", &mut other, rank, false);
        for (a, b) in transposed(&gradient.data, inputs, outputs)
            .iter()
            .zip(&other.data)
        {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
        let m = |i: usize, j: usize| f64::from(square[i][j]);
        let g = |i: usize, j: usize| f64::from(data[i * outputs + j]);
        for i in 0..inputs {
            for j in 0..inputs {
                assert!((m(i, j) - m(j, i)).abs() < 1e-6);
            }
            for j in 0..outputs {
                let exact: f64 = (0..inputs).map(|k| m(i, k) * g(k, j)).sum();
                assert!((f64::from(gradient.data[i * outputs + j]) - exact).abs() < 1e-4);
            }
        }
        // Of rank 2: every 3 x 3 determinant vanishes.
        let determinant = m(0, 0) * (m(1, 1) * m(2, 2) - m(1, 2) * m(2, 1))
            - m(0, 1) * (m(1, 0) * m(2, 2) - m(1, 2) * m(2, 0))
            + m(0, 2) * (m(1, 0) * m(2, 1) - m(1, 1) * m(2, 0));
        assert!(determinant.abs() < 1e-4, "{determinant}");
    }
}
