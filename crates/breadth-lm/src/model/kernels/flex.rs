//! [`Kernels`] on burn's CPU backend: tensors unpacked to slices, results packed again.

use std::borrow::Cow;
use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::{Heads, KernelGradients, Kernels, RotaryTable, Span, attention, few_rows, rows};
use crate::gemm::{Matrix, matmul, product};
use crate::model::activation::Activation;

fn pack(data: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(data, shape.into()))
}

/// A tensor as a slice that starts at its first element, with the distance between rows and between
/// columns.
struct View {
    tensor: FlexTensor,
    rows: usize,
    cols: usize,
    strides: [usize; 2],
}

impl View {
    /// A two-dimensional tensor as it lies; copied only if a stride is negative.
    fn of(tensor: FlexTensor) -> Self {
        let forward = tensor.layout().strides().iter().all(|&s| s >= 0);
        let tensor = if forward {
            tensor
        } else {
            tensor.to_contiguous()
        };
        let dims = tensor.layout().shape();
        let (rows, cols) = (dims[0], dims[1]);
        let strides = tensor.layout().strides();
        let strides = [strides[0] as usize, strides[1] as usize];
        Self {
            tensor,
            rows,
            cols,
            strides,
        }
    }

    /// As [`View::of`], with the elements of a row next to one another.
    fn with_rows(tensor: FlexTensor) -> Self {
        let view = Self::of(tensor);
        if view.strides[1] == 1 || view.cols <= 1 {
            return view;
        }
        Self::of(view.tensor.to_contiguous())
    }

    fn data(&self) -> &[f32] {
        &self.tensor.storage::<f32>()[self.tensor.layout().start_offset()..]
    }

    fn matrix(&self) -> Matrix<'_> {
        let [row_stride, col_stride] = self.strides;
        Matrix::strided(self.data(), self.rows, self.cols, row_stride, col_stride)
    }
}

/// All elements in row-major order, copied only if they do not lie so.
fn flat(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    match tensor.as_slice::<f32>() {
        Some(slice) => Cow::Borrowed(slice),
        None => {
            let dense = tensor.to_contiguous();
            Cow::Owned(dense.as_slice::<f32>().expect("contiguous").to_vec())
        }
    }
}

fn dims(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

impl View {
    fn rows_of(&self) -> attention::HeadRows<'_> {
        attention::HeadRows {
            data: self.data(),
            stride: self.strides[0],
            count: self.rows,
        }
    }
}

/// The product, where there are few rows and the weight is stored (out, in).
fn few_rows(x: &View, weight: &View, bias: &[f32]) -> Option<Vec<f32>> {
    let by_rows = x.strides[1] == 1 && weight.strides[0] == 1;
    if x.rows > few_rows::MOST || !by_rows {
        return None;
    }
    few_rows::linear(few_rows::Product {
        x: x.data(),
        x_stride: x.strides[0],
        rows: x.rows,
        weight: weight.data(),
        weight_stride: weight.strides[1],
        inputs: x.cols,
        bias,
    })
}

impl Kernels for Flex {
    fn linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (x, weight, bias) = (View::of(x), View::of(weight), flat(&bias));
        if let Some(out) = few_rows(&x, &weight, &bias) {
            return pack(out, [x.rows, weight.cols]);
        }
        let width = weight.cols;
        if bias.iter().all(|&b| b == 0.0) {
            return pack(product(x.matrix(), weight.matrix()), [x.rows, width]);
        }
        let mut out = Vec::with_capacity(x.rows * width);
        for _ in 0..x.rows {
            out.extend_from_slice(&bias);
        }
        matmul(&mut out, width, x.matrix(), weight.matrix(), 1.0, true);
        pack(out, [x.rows, width])
    }

    fn layer_norm(x: FlexTensor, gain: FlexTensor, bias: FlexTensor, epsilon: f32) -> FlexTensor {
        let out = rows::layer_norm(&flat(&x), &flat(&gain), &flat(&bias), epsilon);
        pack(out, dims(&x))
    }

    fn rms_norm(x: FlexTensor, gain: FlexTensor, offset: f32, epsilon: f32) -> FlexTensor {
        let out = rows::rms_norm(&flat(&x), &flat(&gain), offset, epsilon);
        pack(out, dims(&x))
    }

    fn activate(x: FlexTensor, activation: Activation) -> FlexTensor {
        pack(rows::activate(&flat(&x), activation), dims(&x))
    }

    fn gated(gate: FlexTensor, up: FlexTensor, activation: Activation) -> FlexTensor {
        let out = rows::gated(&flat(&gate), &flat(&up), activation);
        pack(out, dims(&gate))
    }

    fn rotate(
        x: FlexTensor,
        angles: Arc<RotaryTable>,
        positions: Arc<[u32]>,
        head_dim: usize,
    ) -> FlexTensor {
        let out = rows::rotate(&flat(&x), &angles, &positions, head_dim, 1.0);
        pack(out, dims(&x))
    }

    fn attention(
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        spans: Arc<[Span]>,
        heads: Heads,
    ) -> FlexTensor {
        let [query, key, value] = [query, key, value].map(View::with_rows);
        let out = attention::attention(
            query.rows_of(),
            key.rows_of(),
            value.rows_of(),
            &spans,
            heads,
        );
        pack(out, [query.rows, query.cols])
    }

    fn embed(
        tokens_table: FlexTensor,
        positions_table: FlexTensor,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
    ) -> FlexTensor {
        let width = dims(&tokens_table)[1];
        let (table, places) = (flat(&tokens_table), flat(&positions_table));
        let out = rows::embed(&table, &places, width, &tokens, &positions);
        pack(out, [tokens.len(), width])
    }

    fn token_log_probs(logits: FlexTensor, targets: Arc<[u32]>) -> FlexTensor {
        pack(
            rows::token_log_probs(&flat(&logits), &targets),
            [targets.len()],
        )
    }
}

impl KernelGradients for Flex {
    fn linear_backward(x: FlexTensor, weight: FlexTensor, grad: FlexTensor) -> [FlexTensor; 3] {
        let (x, weight, grad) = (View::of(x), View::of(weight), View::with_rows(grad));
        let (inputs, outputs) = (weight.rows, weight.cols);
        let mut dx = vec![0.0; x.rows * inputs];
        matmul(
            &mut dx,
            inputs,
            grad.matrix(),
            weight.matrix().t(),
            1.0,
            false,
        );
        let mut dweight = vec![0.0; inputs * outputs];
        matmul(
            &mut dweight,
            outputs,
            x.matrix().t(),
            grad.matrix(),
            1.0,
            false,
        );
        let dbias = rows::column_sums(&flat(&grad.tensor), outputs);
        [
            pack(dx, [x.rows, inputs]),
            pack(dweight, [inputs, outputs]),
            pack(dbias, [outputs]),
        ]
    }

    fn layer_norm_backward(
        x: FlexTensor,
        gain: FlexTensor,
        epsilon: f32,
        grad: FlexTensor,
    ) -> [FlexTensor; 3] {
        let [dx, dgain, dbias] =
            rows::layer_norm_backward(&flat(&x), &flat(&gain), epsilon, &flat(&grad));
        [
            pack(dx, dims(&x)),
            pack(dgain, dims(&gain)),
            pack(dbias, dims(&gain)),
        ]
    }

    fn rms_norm_backward(
        x: FlexTensor,
        gain: FlexTensor,
        offset: f32,
        epsilon: f32,
        grad: FlexTensor,
    ) -> [FlexTensor; 2] {
        let [dx, dgain] =
            rows::rms_norm_backward(&flat(&x), &flat(&gain), offset, epsilon, &flat(&grad));
        [pack(dx, dims(&x)), pack(dgain, dims(&gain))]
    }

    fn activate_backward(x: FlexTensor, activation: Activation, grad: FlexTensor) -> FlexTensor {
        let dx = rows::activate_backward(&flat(&x), &flat(&grad), activation);
        pack(dx, dims(&x))
    }

    fn gated_backward(
        gate: FlexTensor,
        up: FlexTensor,
        activation: Activation,
        grad: FlexTensor,
    ) -> [FlexTensor; 2] {
        rows::gated_backward(&flat(&gate), &flat(&up), &flat(&grad), activation)
            .map(|out| pack(out, dims(&gate)))
    }

    fn rotate_backward(
        grad: FlexTensor,
        angles: &RotaryTable,
        positions: &[u32],
        head_dim: usize,
    ) -> FlexTensor {
        let dx = rows::rotate(&flat(&grad), angles, positions, head_dim, -1.0);
        pack(dx, dims(&grad))
    }

    fn attention_backward(
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        spans: &[Span],
        heads: Heads,
        grad: FlexTensor,
    ) -> [FlexTensor; 3] {
        let [query, key, value] = [query, key, value].map(View::with_rows);
        let [dquery, dkey, dvalue] = attention::attention_backward(
            query.rows_of(),
            key.rows_of(),
            value.rows_of(),
            spans,
            heads,
            &flat(&grad),
        );
        [
            pack(dquery, [query.rows, query.cols]),
            pack(dkey, [key.rows, key.cols]),
            pack(dvalue, [value.rows, value.cols]),
        ]
    }

    fn embed_backward(
        table_rows: [usize; 2],
        tokens: &[u32],
        positions: &[u32],
        grad: FlexTensor,
    ) -> [FlexTensor; 2] {
        let width = dims(&grad)[1];
        let grad = flat(&grad);
        [(table_rows[0], tokens), (table_rows[1], positions)].map(|(count, index)| {
            pack(
                rows::scatter_add(count, width, index, &grad),
                [count, width],
            )
        })
    }

    fn token_log_probs_backward(
        logits: FlexTensor,
        targets: &[u32],
        grad: FlexTensor,
    ) -> FlexTensor {
        let out = rows::token_log_probs_backward(&flat(&logits), targets, &flat(&grad));
        pack(out, dims(&logits))
    }
}
