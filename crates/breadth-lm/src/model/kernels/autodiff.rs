//! Registers the gradients of [`super::Kernels`] with burn's autodiff.

use std::sync::Arc;

use burn::backend::TensorMetadata;
use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

use super::{Heads, KernelGradients, Kernels, RotaryTable, Span};
use crate::model::activation::Activation;

/// Gives each tracked parent its gradient.
fn register<B: KernelGradients, S, const N: usize>(
    ops: &Ops<S, N>,
    grads: &mut Gradients,
    values: [FloatTensor<B>; N],
) {
    for (parent, value) in ops.parents.iter().zip(values) {
        if let Some(node) = parent {
            grads.register::<B>(node.id, value);
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: KernelGradients> Backward<B, 3> for Linear {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight) = ops.state.clone();
        register::<B, _, 3>(&ops, grads, B::linear_backward(x, weight, grad));
    }
}

#[derive(Debug)]
struct LayerNorm;

impl<B: KernelGradients> Backward<B, 3> for LayerNorm {
    type State = (FloatTensor<B>, FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, gain, epsilon) = ops.state.clone();
        let values = B::layer_norm_backward(x, gain, epsilon, grad);
        register::<B, _, 3>(&ops, grads, values);
    }
}

#[derive(Debug)]
struct RmsNorm;

impl<B: KernelGradients> Backward<B, 2> for RmsNorm {
    type State = (FloatTensor<B>, FloatTensor<B>, f32, f32);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, gain, offset, epsilon) = ops.state.clone();
        let values = B::rms_norm_backward(x, gain, offset, epsilon, grad);
        register::<B, _, 2>(&ops, grads, values);
    }
}

#[derive(Debug)]
struct Activate;

impl<B: KernelGradients> Backward<B, 1> for Activate {
    type State = (FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, activation) = ops.state.clone();
        register::<B, _, 1>(&ops, grads, [B::activate_backward(x, activation, grad)]);
    }
}

#[derive(Debug)]
struct Gated;

impl<B: KernelGradients> Backward<B, 2> for Gated {
    type State = (FloatTensor<B>, FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (gate, up, activation) = ops.state.clone();
        let values = B::gated_backward(gate, up, activation, grad);
        register::<B, _, 2>(&ops, grads, values);
    }
}

#[derive(Debug)]
struct Rotate;

impl<B: KernelGradients> Backward<B, 1> for Rotate {
    type State = (Arc<RotaryTable>, Arc<[u32]>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (angles, positions, head_dim) = ops.state.clone();
        let value = B::rotate_backward(grad, &angles, &positions, head_dim);
        register::<B, _, 1>(&ops, grads, [value]);
    }
}

#[derive(Debug)]
struct Attention;

impl<B: KernelGradients> Backward<B, 3> for Attention {
    type State = ([FloatTensor<B>; 3], Arc<[Span]>, Heads);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([query, key, value], spans, heads) = ops.state.clone();
        let values = B::attention_backward(query, key, value, &spans, heads, grad);
        register::<B, _, 3>(&ops, grads, values);
    }
}

#[derive(Debug)]
struct Embed;

impl<B: KernelGradients> Backward<B, 2> for Embed {
    type State = ([usize; 2], Arc<[u32]>, Arc<[u32]>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (rows, tokens, positions) = ops.state.clone();
        let values = B::embed_backward(rows, &tokens, &positions, grad);
        register::<B, _, 2>(&ops, grads, values);
    }
}

#[derive(Debug)]
struct TokenLogProbs;

impl<B: KernelGradients> Backward<B, 1> for TokenLogProbs {
    type State = (FloatTensor<B>, Arc<[u32]>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (logits, targets) = ops.state.clone();
        let value = B::token_log_probs_backward(logits, &targets, grad);
        register::<B, _, 1>(&ops, grads, [value]);
    }
}

impl<B: KernelGradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 3>::prepare::<C>(Linear, [x.node(), weight.node(), bias.node()]);
        let (x, weight, bias) = (
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
        );
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (x.clone(), weight.clone());
                prep.finish(state, <B as Kernels>::linear(x, weight, bias))
            }
            OpsKind::UnTracked(prep) => prep.finish(<B as Kernels>::linear(x, weight, bias)),
        }
    }

    fn layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 3>::prepare::<C>(LayerNorm, [x.node(), gain.node(), bias.node()]);
        let (x, gain, bias) = (
            x.into_primitive(),
            gain.into_primitive(),
            bias.into_primitive(),
        );
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (x.clone(), gain.clone(), epsilon);
                prep.finish(state, <B as Kernels>::layer_norm(x, gain, bias, epsilon))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::layer_norm(x, gain, bias, epsilon))
            }
        }
    }

    fn rms_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        offset: f32,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 2>::prepare::<C>(RmsNorm, [x.node(), gain.node()]);
        let (x, gain) = (x.into_primitive(), gain.into_primitive());
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (x.clone(), gain.clone(), offset, epsilon);
                prep.finish(state, <B as Kernels>::rms_norm(x, gain, offset, epsilon))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::rms_norm(x, gain, offset, epsilon))
            }
        }
    }

    fn activate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let prep = Backward::<B, 1>::prepare::<C>(Activate, [x.node()]);
        let x = x.into_primitive();
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(
                (x.clone(), activation),
                <B as Kernels>::activate(x, activation),
            ),
            OpsKind::UnTracked(prep) => prep.finish(<B as Kernels>::activate(x, activation)),
        }
    }

    fn gated(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 2>::prepare::<C>(Gated, [gate.node(), up.node()]);
        let (gate, up) = (gate.into_primitive(), up.into_primitive());
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (gate.clone(), up.clone(), activation);
                prep.finish(state, <B as Kernels>::gated(gate, up, activation))
            }
            OpsKind::UnTracked(prep) => prep.finish(<B as Kernels>::gated(gate, up, activation)),
        }
    }

    fn rotate(
        x: FloatTensor<Self>,
        angles: Arc<RotaryTable>,
        positions: Arc<[u32]>,
        head_dim: usize,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 1>::prepare::<C>(Rotate, [x.node()]);
        let x = x.into_primitive();
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (angles.clone(), positions.clone(), head_dim);
                prep.finish(
                    state,
                    <B as Kernels>::rotate(x, angles, positions, head_dim),
                )
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::rotate(x, angles, positions, head_dim))
            }
        }
    }

    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        spans: Arc<[Span]>,
        heads: Heads,
    ) -> FloatTensor<Self> {
        let nodes = [query.node(), key.node(), value.node()];
        let prep = Backward::<B, 3>::prepare::<C>(Attention, nodes);
        let [query, key, value] = [query, key, value].map(|x| x.into_primitive());
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (
                    [query.clone(), key.clone(), value.clone()],
                    spans.clone(),
                    heads,
                );
                prep.finish(
                    state,
                    <B as Kernels>::attention(query, key, value, spans, heads),
                )
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::attention(query, key, value, spans, heads))
            }
        }
    }

    fn embed(
        tokens_table: FloatTensor<Self>,
        positions_table: FloatTensor<Self>,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
    ) -> FloatTensor<Self> {
        let nodes = [tokens_table.node(), positions_table.node()];
        let prep = Backward::<B, 2>::prepare::<C>(Embed, nodes);
        let (table, places) = (
            tokens_table.into_primitive(),
            positions_table.into_primitive(),
        );
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let rows = [table.shape()[0], places.shape()[0]];
                let state = (rows, tokens.clone(), positions.clone());
                prep.finish(
                    state,
                    <B as Kernels>::embed(table, places, tokens, positions),
                )
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::embed(table, places, tokens, positions))
            }
        }
    }

    fn token_log_probs(logits: FloatTensor<Self>, targets: Arc<[u32]>) -> FloatTensor<Self> {
        let prep = Backward::<B, 1>::prepare::<C>(TokenLogProbs, [logits.node()]);
        let logits = logits.into_primitive();
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (logits.clone(), targets.clone());
                prep.finish(state, <B as Kernels>::token_log_probs(logits, targets))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::token_log_probs(logits, targets))
            }
        }
    }
}
