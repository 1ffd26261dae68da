//! From inputs to chunks of rows, whatever the format.
//!
//! Inputs become [`Work`], cheap to make and expensive to decode: a row group of a Parquet file, a
//! block of lines. Work is decoded in parallel, and while the next wave is decoded the current one
//! is handed to the table that is being built, in the order of the input. Other tools' logs come
//! first, as they are read together.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::work::{Inputs, Said, Work};
use crate::error::{At, Error, Result};
use crate::io::chunk::Chunk;
use crate::options::ReadOptions;
use crate::schema::Layout;

/// A wave is small enough to keep two of them in memory, and large enough to keep the threads busy.
const WAVE_ROWS: usize = 1 << 18;

/// Reads every row of `inputs`, in order, and hands it to `take` chunk by chunk. Returns what
/// they say beside their rows.
pub(crate) fn for_each_chunk(
    inputs: &[PathBuf],
    layout: &Layout,
    options: &ReadOptions,
    take: impl FnMut(Chunk) -> Result<()> + Send,
) -> Result<Said> {
    let mut inputs = Inputs::open(inputs, layout, options)?;
    match in_waves(|| inputs.next(layout), layout, take)? {
        0 => Err(Error::NoRows(inputs.names())),
        _ => {
            let named = || At {
                path: Path::new(&inputs.names()).into(),
                place: None,
            };
            layout.check_renamed(named)?;
            Ok(inputs.said())
        }
    }
}

/// Decodes work in parallel and hands it to `take` in order; the rows of it.
pub(super) fn in_waves(
    mut next: impl FnMut() -> Result<Option<Work>>,
    layout: &Layout,
    mut take: impl FnMut(Chunk) -> Result<()> + Send,
) -> Result<usize> {
    let mut decoded: Vec<Chunk> = Vec::new();
    let mut rows = 0;
    loop {
        let wave = next_wave(&mut next)?;
        if wave.is_empty() && decoded.is_empty() {
            return Ok(rows);
        }
        let (next, taken) = rayon::join(
            || decode(wave, layout),
            || decoded.into_iter().try_for_each(&mut take),
        );
        taken?;
        decoded = next?;
        // Lines that are blank are no rows.
        decoded.retain(|chunk| chunk.rows > 0);
        rows += decoded.iter().map(|chunk| chunk.rows).sum::<usize>();
    }
}

fn next_wave(next: &mut impl FnMut() -> Result<Option<Work>>) -> Result<Vec<Work>> {
    let mut wave = Vec::new();
    let mut rows = 0;
    while rows < WAVE_ROWS {
        let Some(work) = next()? else {
            break;
        };
        rows += work.rows();
        wave.push(work);
    }
    Ok(wave)
}

fn decode(wave: Vec<Work>, layout: &Layout) -> Result<Vec<Chunk>> {
    // An explicit collection before `?`: which error is reported must not depend on threads.
    let chunks: Vec<Result<Chunk>> = wave
        .into_par_iter()
        .map(|work| work.decode(layout))
        .collect();
    chunks.into_iter().collect()
}
