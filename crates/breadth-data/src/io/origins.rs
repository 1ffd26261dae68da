//! Where the rows read so far stand, for messages about two of them.

use super::chunk::{Chunk, Places};
use crate::error::{At, Error, Result};
use crate::limit;

/// The ordinal of a row that was not read.
pub(crate) const ABSENT: u32 = u32::MAX;

/// Rows are numbered over all inputs in the order of reading; a number of four bytes is all that
/// is kept for each, and turned into a file and a row only for a message.
#[derive(Default)]
pub(crate) struct Origins {
    chunks: Vec<(u32, Places)>,
    rows: usize,
}

/// The bytes of a row of text, at least: nobody writes shorter ones.
const LEAST_ROW: u64 = 16;

impl Origins {
    /// Notes the rows of a chunk; returns the ordinal of the first.
    pub(crate) fn push(&mut self, chunk: &Chunk) -> Result<u32> {
        let first = self.rows;
        self.rows += chunk.rows;
        if self.rows >= ABSENT as usize {
            return Err(Error::Syntax {
                at: chunk.places.at(0),
                problem: "more than 4 billion rows; split the table by source or prompt".into(),
            });
        }
        self.chunks.push((first as u32, chunk.places.clone()));
        Ok(first as u32)
    }

    /// Refuses a table of models by rows, all of which are held, of which the rows so far give next
    /// to nothing.
    pub(crate) fn check_cells(
        &self,
        chunk: &Chunk,
        (models, rows, what): (usize, usize, &str),
    ) -> Result<()> {
        let At { path, .. } = chunk.places.at(0);
        if models.saturating_mul(models) > limit::cells(0, 0) / 2 {
            let what = format!("{models} models, of which each is compared with every other");
            return Err(limit::over(&path, None, what));
        }
        let cells = models.saturating_mul(rows);
        if cells <= limit::cells(self.rows, 0) {
            return Ok(());
        }
        let bytes = match std::fs::metadata(&path) {
            Ok(data) if data.is_file() => data.len(),
            // What came through a pipe so far.
            _ => LEAST_ROW * self.rows as u64,
        };
        if cells <= limit::cells(self.rows, bytes) {
            return Ok(());
        }
        let given = self.rows;
        Err(limit::over(
            &path,
            None,
            format!("{models} models by {rows} {what}, of which {given} are given"),
        ))
    }

    pub(crate) fn at(&self, ordinal: u32) -> At {
        let after = self.chunks.partition_point(|(first, _)| *first <= ordinal);
        let (first, places) = &self.chunks[after - 1];
        places.at((ordinal - first) as usize)
    }
}
