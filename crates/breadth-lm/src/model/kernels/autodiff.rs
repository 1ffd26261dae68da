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

use super::{KernelGradients, Kernels, Span};

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
struct Gelu;

impl<B: KernelGradients> Backward<B, 1> for Gelu {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let x = ops.state.clone();
        register::<B, _, 1>(&ops, grads, [B::gelu_backward_fused(x, grad)]);
    }
}

#[derive(Debug)]
struct Attention;

impl<B: KernelGradients> Backward<B, 2> for Attention {
    type State = (FloatTensor<B>, FloatTensor<B>, Arc<[Span]>, usize);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (query, key_value, spans, heads) = ops.state.clone();
        let values = B::attention_backward(query, key_value, &spans, heads, grad);
        register::<B, _, 2>(&ops, grads, values);
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

    fn gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let prep = Backward::<B, 1>::prepare::<C>(Gelu, [x.node()]);
        let x = x.into_primitive();
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x.clone(), <B as Kernels>::gelu(x)),
            OpsKind::UnTracked(prep) => prep.finish(<B as Kernels>::gelu(x)),
        }
    }

    fn attention(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        spans: Arc<[Span]>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let prep = Backward::<B, 2>::prepare::<C>(Attention, [query.node(), key_value.node()]);
        let (query, key_value) = (query.into_primitive(), key_value.into_primitive());
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (query.clone(), key_value.clone(), spans.clone(), heads);
                prep.finish(
                    state,
                    <B as Kernels>::attention(query, key_value, spans, heads),
                )
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::attention(query, key_value, spans, heads))
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
