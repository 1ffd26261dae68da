//! Named arrays: the one form in which parameters, gradients and optimiser moments are kept, saved
//! and compared.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};
use std::path::Path;

use safetensors::tensor::{SafeTensors, TensorView};

mod data;
pub(crate) mod stored;

pub use data::Data;

use crate::error::{Error, Result};
use crate::vectorized;

/// The numbers that arrays are made of: `f32` for decoders, `f64` for the theory's models.
pub trait Real:
    stored::Stored
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + bytemuck::Pod
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
{
    /// The nearest number of this type.
    fn of(value: f64) -> Self;

    /// As `f64`, exactly.
    fn to_f64(self) -> f64;

    /// Its square root.
    #[must_use]
    fn root(self) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> f32 {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn root(self) -> f32 {
        self.sqrt()
    }
}

impl Real for f64 {
    fn of(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn root(self) -> f64 {
        self.sqrt()
    }
}

/// A dense array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<T: Real = f32> {
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// Elements, `shape.iter().product()` of them.
    pub data: Data<T>,
}

impl<T: Real> Array<T> {
    /// An array; `data` must have as many elements as `shape` says.
    ///
    /// # Panics
    /// If it has not.
    #[must_use]
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<T>) -> Self {
        let (shape, data) = (shape.into(), Data::from(data));
        assert_eq!(
            shape.iter().product::<usize>(),
            data.len(),
            "array of shape {shape:?}"
        );
        Self { shape, data }
    }

    /// An array of one value.
    #[must_use]
    pub fn full(shape: impl Into<Vec<usize>>, value: T) -> Self {
        let shape = shape.into();
        let data = vec![value; shape.iter().product()].into();
        Self { shape, data }
    }

    /// Euclidean norm, summed in `f64`.
    #[must_use]
    pub fn norm(&self) -> f64 {
        squares(&self.data).sqrt()
    }
}

vectorized! {
    /// The sum of squares in `f64`, in eight interleaved parts: one sum would wait for each
    /// addition.
    pub(crate) fn squares<T: Real>(values: &[T]) -> f64 {
        let mut parts = [0.0; 8];
        let mut blocks = values.chunks_exact(8);
        for block in &mut blocks {
            for (part, v) in parts.iter_mut().zip(block) {
                *part += v.to_f64() * v.to_f64();
            }
        }
        let rest = blocks.remainder().iter().map(|v| v.to_f64() * v.to_f64());
        parts.into_iter().chain(rest).sum()
    }
}

/// Named arrays in the order of their names.
///
/// ```
/// use breadth_lm::tree::{Array, Tree};
/// let tree: Tree = [("w".to_string(), Array::new([2], vec![3.0, 4.0]))].into_iter().collect();
/// assert_eq!(tree.global_norm(), 5.0);
/// assert_eq!(tree.zeros_like()["w"].data, [0.0, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tree<T: Real = f32>(BTreeMap<String, Array<T>>);

impl<T: Real> Default for Tree<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Real> Tree<T> {
    /// The arrays with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array<T>)> {
        self.0.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// The arrays with their names, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Array<T>)> {
        self.0
            .iter_mut()
            .map(|(name, array)| (name.as_str(), array))
    }

    /// The array of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Array<T>> {
        self.0.get(name)
    }

    /// Adds or replaces an array.
    pub fn insert(&mut self, name: impl Into<String>, array: Array<T>) {
        self.0.insert(name.into(), array);
    }

    /// Number of arrays.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no array.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of elements of all arrays together.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.values().map(|a| a.data.len()).sum()
    }

    /// A tree of the same names and shapes, all zero.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        self.iter()
            .map(|(name, a)| (name.to_string(), Array::full(a.shape.clone(), T::default())))
            .collect()
    }

    /// Euclidean norm of all elements together, summed in `f64` in the order of names.
    #[must_use]
    pub fn global_norm(&self) -> f64 {
        self.0
            .values()
            .map(|a| squares(&a.data))
            .sum::<f64>()
            .sqrt()
    }

    /// The arrays whose names begin with `prefix`, without it.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        self.iter()
            .filter_map(|(name, a)| Some((name.strip_prefix(prefix)?.to_string(), a.clone())))
            .collect()
    }

    /// Adds all arrays of another tree under `prefix`.
    pub fn extend_with_prefix(&mut self, prefix: &str, other: Self) {
        for (name, array) in other.0 {
            self.0.insert(format!("{prefix}{name}"), array);
        }
    }

    /// The bytes of a safetensors file.
    ///
    /// # Errors
    /// If safetensors refuses a name.
    pub fn to_safetensors(&self, path: &Path) -> Result<Vec<u8>> {
        let views = self.iter().map(|(name, a)| {
            let bytes = as_bytes(&a.data);
            let view = TensorView::new(T::DTYPE, a.shape.clone(), bytes);
            (
                name,
                view.expect("an array has as many elements as its shape says"),
            )
        });
        let metadata = [("format".to_string(), "pt".to_string())].into();
        safetensors::serialize(views, Some(metadata))
            .map_err(|e| Error::checkpoint(path, format!("cannot be written: {e}")))
    }

    /// Reads the bytes of a safetensors file whose tensors are of this type or narrower: `f16`,
    /// `bf16`, `f32`, and `f64` into `f64`.
    ///
    /// # Errors
    /// If the file is truncated or holds another type.
    pub fn from_safetensors(bytes: &[u8], path: &Path) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| {
            let size = bytes.len();
            let message =
                format!("not a whole safetensors file ({size} bytes): {e}; copy it again");
            Error::checkpoint(path, message)
        })?;
        let mut tree = Self::default();
        for (name, view) in file.iter() {
            let data = T::read(view.dtype(), view.data()).ok_or_else(|| {
                let dtype = view.dtype();
                Error::checkpoint(
                    path,
                    format!("tensor {name} has type {dtype:?}; F32, F16 or BF16 is needed"),
                )
            })?;
            tree.insert(name, Array::new(view.shape(), data));
        }
        Ok(tree)
    }
}

/// Little-endian bytes.
#[cfg(target_endian = "little")]
pub(crate) fn as_bytes<T: Real>(data: &[T]) -> &[u8] {
    bytemuck::cast_slice(data)
}

impl<T: Real> std::ops::Index<&str> for Tree<T> {
    type Output = Array<T>;

    fn index(&self, name: &str) -> &Array<T> {
        &self.0[name]
    }
}

impl<T: Real> FromIterator<(String, Array<T>)> for Tree<T> {
    fn from_iter<I: IntoIterator<Item = (String, Array<T>)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let values = vec![1.5, -0.0, f32::MIN_POSITIVE, 3.25e7, f32::EPSILON, -7.0];
        [
            ("b".to_string(), Array::new([2, 3], values)),
            ("a".to_string(), Array::full([1], 2.0)),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn safetensors_keep_every_bit() {
        let tree = tree();
        let path = Path::new("memory");
        let bytes = tree.to_safetensors(path).unwrap();
        assert_eq!(Tree::from_safetensors(&bytes, path).unwrap(), tree);
        let wide: Tree<f64> = [("a".to_string(), Array::new([2], vec![0.1, -1e300]))]
            .into_iter()
            .collect();
        let bytes = wide.to_safetensors(path).unwrap();
        assert_eq!(Tree::from_safetensors(&bytes, path).unwrap(), wide);
        assert!(Tree::<f32>::from_safetensors(&bytes, path).is_err());
        let error = Tree::<f32>::from_safetensors(&bytes[..bytes.len() - 3], path).unwrap_err();
        assert!(
            error.to_string().contains("not a whole safetensors file"),
            "{error}"
        );
    }

    #[test]
    fn prefixes_join_and_part() {
        let mut joined = Tree::default();
        joined.extend_with_prefix("mu.", tree());
        assert_eq!(joined.len(), 2);
        assert_eq!(joined.with_prefix("mu."), tree());
        assert!(joined.with_prefix("nu.").is_empty());
        assert_eq!(joined.elements(), 7);
    }
}
