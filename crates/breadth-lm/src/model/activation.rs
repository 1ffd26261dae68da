//! Activations.

/// What stands between the matrices of an MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`: `gelu_new`, `gelu_pytorch_tanh`.
    GeluTanh,
    /// `x/2 (1 + erf(x / sqrt 2))`: `gelu`.
    Gelu,
    /// `x / (1 + e^-x)`: `silu`, `swish`.
    Silu,
    /// `max(x, 0)`.
    Relu,
}
