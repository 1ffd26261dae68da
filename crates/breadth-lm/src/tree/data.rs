//! Numbers that many may read and one may change: in memory, or mapped from a file.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use memmap2::Mmap;

/// The elements of an array.
///
/// Reading is reading a slice. Clones share the numbers until one of them is changed, which then
/// has its own; so a checkpoint may be cloned, and lent to a decoder, for nothing. Numbers mapped
/// from a file are read from there and never written back.
///
/// ```
/// use breadth_lm::tree::Data;
/// let ours: Data<f32> = vec![1.0, 2.0].into();
/// let mut theirs = ours.clone();
/// assert_eq!(ours.as_ptr(), theirs.as_ptr());
/// theirs[0] = 3.0;
/// assert_eq!((ours[0], theirs[0]), (1.0, 3.0));
/// ```
#[derive(Clone)]
pub struct Data<T>(Arc<Source<T>>);

enum Source<T> {
    Owned(Vec<T>),
    Mapped {
        map: Arc<Mmap>,
        /// Byte at which the numbers begin; a multiple of their alignment.
        start: usize,
        len: usize,
    },
}

impl<T: bytemuck::Pod> Data<T> {
    /// `len` numbers of a mapped file from byte `start` on; `None` where they do not lie on their
    /// alignment, or the file is shorter.
    pub(crate) fn mapped(map: &Arc<Mmap>, start: usize, len: usize) -> Option<Self> {
        let bytes = map.get(start..start.checked_add(len.checked_mul(size_of::<T>())?)?)?;
        bytemuck::try_cast_slice::<u8, T>(bytes).ok()?;
        let map = map.clone();
        Some(Self(Arc::new(Source::Mapped { map, start, len })))
    }

    fn slice(&self) -> &[T] {
        match &*self.0 {
            Source::Owned(numbers) => numbers,
            Source::Mapped { map, start, len } => {
                bytemuck::cast_slice(&map[*start..start + len * size_of::<T>()])
            }
        }
    }
}

impl<T: bytemuck::Pod> Deref for Data<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.slice()
    }
}

impl<T: bytemuck::Pod> DerefMut for Data<T> {
    /// The numbers, to be changed: copied first if they are shared or mapped.
    fn deref_mut(&mut self) -> &mut [T] {
        if !matches!(Arc::get_mut(&mut self.0), Some(Source::Owned(_))) {
            self.0 = Arc::new(Source::Owned(self.to_vec()));
        }
        match Arc::get_mut(&mut self.0) {
            Some(Source::Owned(numbers)) => numbers,
            _ => unreachable!("made so above"),
        }
    }
}

impl<T> From<Vec<T>> for Data<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(Arc::new(Source::Owned(numbers)))
    }
}

impl<T: bytemuck::Pod> AsRef<[u8]> for Data<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(self.slice())
    }
}

impl<'a, T: bytemuck::Pod> IntoIterator for &'a Data<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: bytemuck::Pod> IntoIterator for &'a mut Data<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: bytemuck::Pod + fmt::Debug> fmt::Debug for Data<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slice().fmt(f)
    }
}

impl<T: bytemuck::Pod + PartialEq> PartialEq for Data<T> {
    fn eq(&self, other: &Self) -> bool {
        self.slice() == other.slice()
    }
}

impl<T: bytemuck::Pod + PartialEq, const N: usize> PartialEq<[T; N]> for Data<T> {
    fn eq(&self, other: &[T; N]) -> bool {
        self.slice() == other
    }
}

impl<T: bytemuck::Pod + PartialEq> PartialEq<Vec<T>> for Data<T> {
    fn eq(&self, other: &Vec<T>) -> bool {
        self.slice() == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    #[allow(unsafe_code, reason = "a file may change while it is mapped")]
    fn mapped_numbers_are_read_and_never_written() {
        let mut file = tempfile::tempfile().unwrap();
        let numbers = [1.5f32, -2.0, 0.25, 8.0];
        file.write_all(&[7; 4]).unwrap();
        file.write_all(bytemuck::cast_slice(&numbers)).unwrap();
        // SAFETY: nobody else has the file.
        let map = Arc::new(unsafe { Mmap::map(&file) }.unwrap());
        let data = Data::<f32>::mapped(&map, 4, 4).unwrap();
        assert_eq!(data, numbers);
        let mut own = data.clone();
        own[1] = 3.0;
        assert_eq!((data[1], own[1]), (-2.0, 3.0));
        assert_eq!(
            Data::<f32>::mapped(&map, 8, 3).unwrap(),
            numbers[1..].to_vec()
        );
        assert!(Data::<f32>::mapped(&map, 8, 4).is_none(), "past the end");
        assert!(Data::<f32>::mapped(&map, 6, 1).is_none(), "between numbers");
        assert!(Data::<f32>::mapped(&map, 4, usize::MAX).is_none());
    }
}
