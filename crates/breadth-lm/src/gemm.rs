//! Single-threaded matrix products on strided slices.

#![allow(unsafe_code, reason = "the library takes pointers and strides")]

/// A read-only matrix inside a slice: element `(i, j)` is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix whose rows are `row_stride` apart.
    ///
    /// # Panics
    /// If the last element lies outside `data`.
    pub fn new(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        Self::strided(data, rows, cols, row_stride, 1)
    }

    /// A matrix with any strides.
    ///
    /// # Panics
    /// If the last element lies outside `data`.
    pub fn strided(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Self {
        if rows > 0 && cols > 0 {
            let last = offset(rows - 1, row_stride, cols - 1, col_stride);
            assert!(
                last.is_some_and(|last| last < data.len()),
                "matrix of {rows} x {cols} ends outside its slice"
            );
        }
        Self {
            data,
            rows,
            cols,
            row_stride,
            col_stride,
        }
    }

    /// Number of rows.
    pub fn height(self) -> usize {
        self.rows
    }

    /// `count` rows from `first` on.
    pub fn rows(self, first: usize, count: usize) -> Self {
        let end = first.checked_add(count);
        assert!(
            end.is_some_and(|end| end <= self.rows),
            "rows outside the matrix"
        );
        Self {
            data: &self.data[(first * self.row_stride).min(self.data.len())..],
            rows: count,
            ..self
        }
    }

    /// `count` columns from `first` on.
    pub fn columns(self, first: usize, count: usize) -> Self {
        self.t().rows(first, count).t()
    }

    /// The transpose, without moving anything.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// `row * row_stride + col * col_stride`, where that is a number.
fn offset(row: usize, row_stride: usize, col: usize, col_stride: usize) -> Option<usize> {
    row.checked_mul(row_stride)?
        .checked_add(col.checked_mul(col_stride)?)
}

/// `out = alpha * a b`, or `out += alpha * a b` if `accumulate`; rows of `out` are `out_stride`
/// apart.
///
/// # Panics
/// If the shapes do not fit.
pub fn matmul(
    out: &mut [f32],
    out_stride: usize,
    a: Matrix,
    b: Matrix,
    alpha: f32,
    accumulate: bool,
) {
    assert_eq!(a.cols, b.rows, "matmul: inner dimensions differ");
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    let last = offset(a.rows - 1, out_stride, b.cols - 1, 1);
    assert!(
        last.is_some_and(|last| last < out.len()),
        "matmul: output too small"
    );
    // SAFETY: the line above shows that every element of the output lies in its slice, which is
    // borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe { multiply(out.as_mut_ptr(), out_stride, a, b, alpha, accumulate) };
}

/// As [`matmul`], with the output as a place in memory; what is there is read only if `accumulate`.
///
/// # Safety
/// `out` must be valid for writes (and reads, if `accumulate`) of `a.rows` rows of `b.cols`
/// elements that are `out_stride` apart, and overlap neither matrix.
unsafe fn multiply(
    out: *mut f32,
    out_stride: usize,
    a: Matrix,
    b: Matrix,
    alpha: f32,
    accumulate: bool,
) {
    // The library prefers columns that lie without gaps: those of the transpose, `b' a'`.
    let (a, b, row, col) = if out_stride > 1 {
        (b.t(), a.t(), 1, out_stride)
    } else {
        (a, b, out_stride, 1)
    };
    // SAFETY: `Matrix` proves that every element of `a` and `b` lies in its slice; the caller
    // answers for the output.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            a.rows,
            b.cols,
            a.cols,
            out,
            col as isize,
            row as isize,
            accumulate,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            alpha,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
}

/// `a b`, row-major without gaps. The output is written once and never read.
///
/// # Panics
/// If the inner dimensions differ.
pub fn product(a: Matrix, b: Matrix) -> Vec<f32> {
    let count = a.rows.checked_mul(b.cols).expect("product: too large");
    if count == 0 || a.cols == 0 {
        return vec![0.0; count];
    }
    assert_eq!(a.cols, b.rows, "product: inner dimensions differ");
    let mut out = Vec::with_capacity(count);
    // SAFETY: there is room for all `count` elements, and new memory overlaps nothing.
    unsafe { multiply(out.as_mut_ptr(), b.cols, a, b, 1.0, false) };
    // SAFETY: all of the `count` elements, for which there is room, were written: the inner
    // dimension is not 0.
    unsafe { out.set_len(count) };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_written_whole() {
        let numbers: Vec<f32> = (0..70 * 70).map(|i| (i % 7) as f32 - 3.0).collect();
        for (rows, inner, cols) in [
            (70, 70, 70),
            (1, 3, 5),
            (5, 1, 1),
            (3, 0, 2),
            (0, 2, 4),
            (4, 2, 0),
        ] {
            let a = Matrix::new(&numbers, rows, inner, inner.max(1));
            let b = Matrix::new(&numbers, inner, cols, cols.max(1));
            let mut wanted = vec![0.0; rows * cols];
            for (at, wanted) in wanted.iter_mut().enumerate() {
                let (i, j) = (at / cols, at % cols);
                let term = |k: usize| numbers[i * inner + k] * numbers[k * cols + j];
                *wanted = (0..inner).map(term).sum();
            }
            assert_eq!(product(a, b), wanted, "{rows} {inner} {cols}");
        }
    }

    #[test]
    fn products_of_strided_and_transposed_matrices() {
        let a: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..12).map(|i| (i % 5) as f32 - 2.0).collect();
        // columns 1..3 of a (3 x 4) times the transpose of the first two columns of b (4 x 3,
        // stride 3)
        let left = Matrix::new(&a[1..], 3, 2, 4);
        let right = Matrix::new(&b, 4, 2, 3).t();
        let mut out = vec![1.0; 3 * 5];
        matmul(&mut out, 5, left, right, 2.0, true);
        for i in 0..3 {
            for j in 0..4 {
                let exact: f32 = (0..2).map(|k| a[i * 4 + 1 + k] * b[j * 3 + k]).sum();
                assert_eq!(out[i * 5 + j], 1.0 + 2.0 * exact);
            }
            assert_eq!(out[i * 5 + 4], 1.0, "the gap between rows is untouched");
        }
    }
}
