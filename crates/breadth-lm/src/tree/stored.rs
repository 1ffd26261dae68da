//! How numbers stand in a safetensors file.

use safetensors::tensor::Dtype;

/// A type of numbers in files; no other crate implements it.
pub trait Stored: Sized {
    /// Its name in a file.
    const DTYPE: Dtype;

    /// Reads little-endian numbers; `None` for a type that does not fit into this one.
    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<Self>>;
}

impl Stored for f32 {
    const DTYPE: Dtype = Dtype::F32;

    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
        decode(dtype, bytes)
    }
}

impl Stored for f64 {
    const DTYPE: Dtype = Dtype::F64;

    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f64>> {
        let number = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("chunks of eight"));
        match dtype {
            Dtype::F64 => Some(bytes.chunks_exact(8).map(number).collect()),
            other => Some(decode(other, bytes)?.into_iter().map(f64::from).collect()),
        }
    }
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let halves = || {
        bytes
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
    };
    match dtype {
        Dtype::F32 => Some(
            bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        ),
        Dtype::F16 => Some(halves().map(|b| half::f16::from_bits(b).to_f32()).collect()),
        Dtype::BF16 => Some(
            halves()
                .map(|b| half::bf16::from_bits(b).to_f32())
                .collect(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_widened() {
        let bytes = half::bf16::from_f32(1.5).to_bits().to_le_bytes();
        assert_eq!(decode(Dtype::BF16, &bytes), Some(vec![1.5]));
        let bytes = half::f16::from_f32(-0.25).to_bits().to_le_bytes();
        assert_eq!(decode(Dtype::F16, &bytes), Some(vec![-0.25]));
        assert_eq!(decode(Dtype::I64, &[0; 8]), None);
    }
}
