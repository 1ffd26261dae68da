//! The operations of a decoder on tensors: each function makes the output with a kernel, and says
//! with another how the gradient of the output becomes those of the inputs.
//!
//! An operation is added by writing one more function here; `tests` holds it to finite differences.

use std::ops::Range;
use std::sync::Arc;

use super::activation::Activation;
use super::kernels::{Heads, RotaryTable, Span, attention as attend, few_rows, rows};
use super::tensor::Tensor;
use crate::gemm::{Matrix, matmul, product};

/// Weight and bias of `x W + b`, or those of some of its outputs.
#[derive(Clone, Debug)]
pub struct Affine {
    /// (inputs, all outputs) or (all outputs, inputs).
    pub weight: Tensor,
    /// Whether the weight is (inputs, all outputs).
    pub inputs_first: bool,
    /// A number for each of all outputs.
    pub bias: Option<Tensor>,
    /// Which of all outputs.
    pub outputs: Range<usize>,
}

impl Affine {
    /// (inputs, outputs).
    fn matrix(&self) -> Matrix<'_> {
        let (first, count) = (self.outputs.start, self.outputs.len());
        let all = self.weight.matrix();
        if self.inputs_first {
            all.columns(first, count)
        } else {
            all.rows(first, count).t()
        }
    }

    fn is_whole(&self) -> bool {
        let all = if self.inputs_first {
            self.weight.cols()
        } else {
            self.weight.rows()
        };
        self.outputs.len() == all
    }

    fn bias(&self) -> Option<&[f32]> {
        let bias = self.bias.as_ref()?;
        Some(&bias.data()[self.outputs.clone()])
    }

    /// `x W + b` by the faster way for few rows, where it is known.
    fn few_rows(&self, x: &Tensor) -> Option<Vec<f32>> {
        if x.rows() > few_rows::MOST || self.inputs_first {
            return None;
        }
        few_rows::linear(few_rows::Product {
            x: x.data(),
            rows: x.rows(),
            weight: &self.weight.data()[self.outputs.start * x.cols()..],
            inputs: x.cols(),
            outputs: self.outputs.len(),
            bias: self.bias(),
        })
    }

    fn apply(&self, x: &Tensor) -> Vec<f32> {
        if let Some(out) = self.few_rows(x) {
            return out;
        }
        let Some(bias) = self.bias() else {
            return product(x.matrix(), self.matrix());
        };
        let mut out = Vec::with_capacity(x.rows() * bias.len());
        for _ in 0..x.rows() {
            out.extend_from_slice(bias);
        }
        matmul(&mut out, bias.len(), x.matrix(), self.matrix(), 1.0, true);
        out
    }
}

/// `x W + b`: (rows, inputs) to (rows, outputs).
pub fn linear(x: &Tensor, affine: &Affine) -> Tensor {
    let outputs = affine.outputs.len();
    let out = Tensor::new(affine.apply(x), x.rows(), outputs);
    let no_bias = None;
    let bias = affine.bias.as_ref().map_or(&no_bias, Tensor::node);
    let inputs = [x.node(), affine.weight.node(), bias];
    let (x, affine) = (x.clone(), affine.clone());
    out.made_from(inputs, move |grad, to| {
        let g = Matrix::new(&grad, x.rows(), outputs, outputs);
        to.add(x.node(), || product(g, affine.matrix().t()));
        let weight = &affine.weight;
        // The product that lies as the weight lies.
        let (a, b) = if affine.inputs_first {
            (x.matrix().t(), g)
        } else {
            (g.t(), x.matrix())
        };
        if affine.is_whole() {
            to.add(weight.node(), || product(a, b));
        } else if let Some(all) = to.of(weight.node(), weight.data().len()) {
            let first = affine.outputs.start;
            let from = if affine.inputs_first {
                first
            } else {
                first * weight.cols()
            };
            matmul(&mut all[from..], weight.cols(), a, b, 1.0, true);
        }
        if let Some(bias) = &affine.bias
            && let Some(all) = to.of(bias.node(), bias.data().len())
        {
            rows::add_column_sums(&mut all[affine.outputs.clone()], &grad);
        }
    })
}

/// `gain * (x - mean) / sqrt(var + epsilon) + bias` of every row, with the biased variance.
pub fn layer_norm(x: &Tensor, gain: &Tensor, bias: &Tensor, epsilon: f32) -> Tensor {
    let out = rows::layer_norm(x.data(), gain.data(), bias.data(), epsilon);
    let inputs = [x.node(), gain.node(), bias.node()];
    let (from, gain, bias) = (x.clone(), gain.clone(), bias.node().clone());
    like(x, out).made_from(inputs, move |grad, to| {
        let [dx, dgain, dbias] =
            rows::layer_norm_backward(from.data(), gain.data(), epsilon, &grad);
        to.add(from.node(), || dx);
        to.add(gain.node(), || dgain);
        to.add(&bias, || dbias);
    })
}

/// `(gain + offset) * x / sqrt(mean(x^2) + epsilon)` over each run of as many numbers as `gain`
/// has, which divides the width of `x`: one gain can serve every head.
pub fn rms_norm(x: &Tensor, gain: &Tensor, offset: f32, epsilon: f32) -> Tensor {
    let out = rows::rms_norm(x.data(), gain.data(), offset, epsilon);
    let inputs = [x.node(), gain.node()];
    let (from, gain) = (x.clone(), gain.clone());
    like(x, out).made_from(inputs, move |grad, to| {
        let [dx, dgain] = rows::rms_norm_backward(from.data(), gain.data(), offset, epsilon, &grad);
        to.add(from.node(), || dx);
        to.add(gain.node(), || dgain);
    })
}

/// `activation(x)` of every number.
pub fn activate(x: &Tensor, activation: Activation) -> Tensor {
    let out = rows::activate(x.data(), activation);
    let from = x.clone();
    like(x, out).made_from([x.node()], move |grad, to| {
        to.add(from.node(), || {
            rows::activate_backward(from.data(), &grad, activation)
        });
    })
}

/// `activation(gate) * up`, number by number.
pub fn gated(gate: &Tensor, up: &Tensor, activation: Activation) -> Tensor {
    let out = rows::gated(gate.data(), up.data(), activation);
    let inputs = [gate.node(), up.node()];
    let (of_gate, of_up) = (gate.clone(), up.clone());
    like(gate, out).made_from(inputs, move |grad, to| {
        let [dgate, dup] = rows::gated_backward(of_gate.data(), of_up.data(), &grad, activation);
        to.add(of_gate.node(), || dgate);
        to.add(of_up.node(), || dup);
    })
}

/// Rotary positions: in every head of row `r`, the pair `(x_i, x_(i + half))` turns by the angle
/// `i` of row `positions[r]` of `angles`. `x` (rows, heads * `head_dim`).
pub fn rotate(
    x: &Tensor,
    angles: Arc<RotaryTable>,
    positions: Arc<[u32]>,
    head_dim: usize,
) -> Tensor {
    let out = rows::rotate(x.data(), &angles, &positions, head_dim, 1.0);
    let from = x.node().clone();
    like(x, out).made_from([x.node()], move |grad, to| {
        to.add(&from, || {
            rows::rotate(&grad, &angles, &positions, head_dim, -1.0)
        });
    })
}

/// Causal multi-head attention over packed sequences.
///
/// `query` (queries, query heads * head width), `key` and `value` (keys, key-value heads * head
/// width) to the shape of `query`. Heads are consecutive blocks of columns.
pub fn attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    spans: Arc<[Span]>,
    heads: Heads,
) -> Tensor {
    let out = attend::attention(query.matrix(), key.matrix(), value.matrix(), &spans, heads);
    let inputs = [query.node(), key.node(), value.node()];
    let from = [query.clone(), key.clone(), value.clone()];
    like(query, out).made_from(inputs, move |grad, to| {
        let [q, k, v] = from.each_ref().map(Tensor::matrix);
        let parts = attend::attention_backward(q, k, v, &spans, heads, &grad);
        for (input, part) in from.iter().zip(parts) {
            to.add(input.node(), || part);
        }
    })
}

/// The rows `index` of `x`: of a table, the embeddings of tokens.
pub fn select(x: &Tensor, index: Arc<[u32]>) -> Tensor {
    let (count, width) = (x.rows(), x.cols());
    let out = Tensor::new(rows::gather(x.data(), width, &index), index.len(), width);
    let from = x.node().clone();
    out.made_from([x.node()], move |grad, to| {
        to.add(&from, || rows::scatter_add(count, width, &index, &grad));
    })
}

/// `a + b`.
pub fn add(a: &Tensor, b: Tensor) -> Tensor {
    let (of_a, of_b) = (a.node().clone(), b.node().clone());
    let mut out = b.into_data();
    for (sum, a) in out.iter_mut().zip(a.data()) {
        *sum += a;
    }
    let inputs = [&of_a.clone(), &of_b.clone()];
    Tensor::new(out, a.rows(), a.cols()).made_from(inputs, move |grad, to| {
        to.add(&of_a, || grad.clone());
        to.add(&of_b, || grad);
    })
}

/// `by * x`.
pub fn scale(x: Tensor, by: f32) -> Tensor {
    let (rows, cols, from) = (x.rows(), x.cols(), x.node().clone());
    let mut out = x.into_data();
    out.iter_mut().for_each(|v| *v *= by);
    Tensor::new(out, rows, cols).made_from([&from.clone()], move |mut grad, to| {
        grad.iter_mut().for_each(|g| *g *= by);
        to.add(&from, || grad);
    })
}

/// `cap tanh(x / cap)` of every number, to the last bits.
pub fn cap_softly(x: Tensor, cap: f32) -> Tensor {
    let (rows, cols, from) = (x.rows(), x.cols(), x.node().clone());
    let mut out = x.into_data();
    out.iter_mut().for_each(|v| *v = (*v / cap).tanh() * cap);
    let capped = out.clone();
    Tensor::new(out, rows, cols).made_from([&from.clone()], move |mut grad, to| {
        attend::cap_backward(&mut grad, &capped, cap);
        to.add(&from, || grad);
    })
}

/// `log softmax(logits)[target]` per row, in nats: (rows, vocabulary) to (rows, 1).
pub fn token_log_probs(logits: &Tensor, targets: Arc<[u32]>) -> Tensor {
    let out = rows::token_log_probs(logits.data(), &targets);
    let from = logits.clone();
    Tensor::new(out, targets.len(), 1).made_from([logits.node()], move |grad, to| {
        to.add(from.node(), || {
            rows::token_log_probs_backward(from.data(), &targets, &grad)
        });
    })
}

/// `log softmax(logits)` per row, in nats.
pub fn log_softmax(logits: Tensor) -> Tensor {
    let (rows, cols, from) = (logits.rows(), logits.cols(), logits.node().clone());
    let mut out = logits.into_data();
    rows::log_softmax(&mut out, cols);
    let log_q = out.clone();
    Tensor::new(out, rows, cols).made_from([&from.clone()], move |mut grad, to| {
        rows::log_softmax_backward(&mut grad, &log_q, cols);
        to.add(&from, || grad);
    })
}

/// A tensor of the shape of `x`.
fn like(x: &Tensor, data: Vec<f32>) -> Tensor {
    Tensor::new(data, x.rows(), x.cols())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed numbers between -1 and 1.
    fn numbers(rows: usize, cols: usize, seed: usize) -> Tensor {
        let number = |i: usize| ((i * 37 + seed * 101 + i * i * 13) % 199) as f32 / 99.5 - 1.0;
        Tensor::new((0..rows * cols).map(number).collect::<Vec<_>>(), rows, cols)
    }

    /// Every input's gradient of a weighted sum of the outputs is that of central differences.
    fn check<const N: usize>(
        name: &str,
        inputs: [Tensor; N],
        operation: impl Fn([&Tensor; N]) -> Tensor,
    ) {
        let tracked = inputs.clone().map(Tensor::tracked);
        let out = operation(tracked.each_ref());
        let weights = numbers(1, out.data().len(), 9).data().to_vec();
        let sum = |inputs: [&Tensor; N]| -> f64 {
            let out = operation(inputs);
            assert!(out.node().is_none(), "{name} keeps something for nobody");
            let terms = out.data().iter().zip(&weights);
            terms.map(|(&o, &w)| f64::from(o) * f64::from(w)).sum()
        };
        let mut gradients = out.backward(weights.clone());
        for (which, input) in tracked.iter().enumerate() {
            let gradient = gradients.take(input).expect("every input matters");
            assert_eq!(gradient.len(), input.data().len());
            for (at, &exact) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut data = inputs[which].data().to_vec();
                    data[at] += by;
                    let moved = Tensor::new(data, input.rows(), input.cols());
                    let mut all = inputs.each_ref();
                    all[which] = &moved;
                    sum(all)
                };
                let difference = (moved(4e-3) - moved(-4e-3)) / 8e-3;
                let gap = (difference - f64::from(exact)).abs();
                assert!(
                    gap < 3e-3 * (1.0 + difference.abs()),
                    "{name} {which} {at}: {exact} {difference}"
                );
            }
        }
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        for inputs_first in [true, false] {
            for outputs in [0..5, 1..4] {
                let weight = if inputs_first {
                    numbers(4, 5, 2)
                } else {
                    numbers(5, 4, 2)
                };
                check(
                    "linear",
                    [numbers(3, 4, 1), weight, numbers(5, 1, 3)],
                    |[x, w, b]| {
                        let affine = Affine {
                            weight: w.clone(),
                            inputs_first,
                            bias: Some(b.clone()),
                            outputs: outputs.clone(),
                        };
                        linear(x, &affine)
                    },
                );
            }
        }
        let (x, y) = (numbers(4, 6, 1), numbers(4, 6, 2));
        check(
            "layer_norm",
            [x.clone(), numbers(6, 1, 3), numbers(6, 1, 4)],
            |[x, gain, bias]| layer_norm(x, gain, bias, 1e-5),
        );
        check("rms_norm", [x.clone(), numbers(3, 1, 3)], |[x, gain]| {
            rms_norm(x, gain, 1.0, 1e-5)
        });
        for kind in [Activation::GeluTanh, Activation::Gelu, Activation::Silu] {
            check("activate", [x.clone()], |[x]| activate(x, kind));
            check("gated", [x.clone(), y.clone()], |[x, y]| gated(x, y, kind));
        }
        let angles = Arc::new(RotaryTable {
            half: 1,
            positions: 2,
            cos: vec![0.6, 0.8],
            sin: vec![0.8, -0.6],
        });
        check("rotate", [x.clone()], |[x]| {
            rotate(x, angles.clone(), [0, 1, 1, 0].into(), 3)
        });
        check("select", [x.clone()], |[x]| select(x, [3, 0, 3].into()));
        check("add", [x.clone(), y.clone()], |[x, y]| add(x, y.clone()));
        check("twice", [x.clone()], |[x]| {
            add(&add(x, x.clone()), x.clone())
        });
        check("scale", [x.clone()], |[x]| scale(x.clone(), -2.5));
        check("cap_softly", [x.clone()], |[x]| cap_softly(x.clone(), 0.7));
        check("token_log_probs", [x.clone()], |[x]| {
            token_log_probs(x, [5, 0, 2, 2].into())
        });
        check("log_softmax", [x.clone()], |[x]| log_softmax(x.clone()));
        let (spans, heads) = two_sequences();
        check(
            "attention",
            [x, numbers(5, 2, 5), numbers(5, 2, 6)],
            |[q, k, v]| attention(q, k, v, spans.clone(), heads),
        );
    }

    /// Two sequences that share a key, with two heads of the query and a window.
    fn two_sequences() -> (Arc<[Span]>, Heads) {
        let own = |query_start, query_len, key_start| Span {
            query_start,
            query_len,
            key_start,
            prefix_start: 0,
            prefix_len: 1,
            first_position: 1,
        };
        let heads = Heads {
            query: 3,
            key_value: 1,
            width: 2,
            scale: 0.8,
            window: Some(2),
            softcap: Some(1.5),
        };
        (vec![own(0, 3, 1), own(3, 1, 4)].into(), heads)
    }

    #[test]
    fn what_an_output_does_not_depend_on_has_no_gradient() {
        let (x, other) = (numbers(2, 3, 1).tracked(), numbers(2, 3, 2).tracked());
        let mut gradients = scale(x.clone(), 2.0).backward(vec![1.0; 6]);
        assert_eq!(gradients.take(&x), Some(vec![2.0; 6]));
        assert_eq!(gradients.take(&other), None);
        assert_eq!(gradients.take(&numbers(2, 3, 1)), None);
    }
}
