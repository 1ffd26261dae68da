//! Record batches in memory, such as a data frame hands over, as chunks of rows.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

use super::waves::in_waves;
use super::work::Work;
use crate::error::{At, Error, Place, Result};
use crate::format::Piece;
use crate::io::chunk::{Chunk, Places};
use crate::io::convert::{Known, Unfit, convert};
use crate::schema::{ColumnType, Layout};

/// What stands in messages in the place of a file.
const NAME: &str = "the data frame";

/// Rows of a piece, unless a dictionary has more: each piece of its column looks at all of it.
const PIECE_ROWS: usize = 1 << 16;

/// Hands the rows of all batches, in order, to `take` chunk by chunk.
pub(crate) fn for_each_batch(
    batches: impl IntoIterator<Item = RecordBatch>,
    layout: &Layout,
    mut take: impl FnMut(Chunk) -> Result<()> + Send,
) -> Result<()> {
    let path: Arc<Path> = Path::new(NAME).into();
    let known: Arc<[Known]> = layout.columns.iter().map(|_| Known::default()).collect();
    let mut first = 1;
    let pieces = batches.into_iter().flat_map(|batch| {
        let size = piece_rows(&batch);
        // A batch without rows has columns to be looked at, too.
        let starts = (0..batch.num_rows().max(1)).step_by(size);
        let before = first;
        first += batch.num_rows() as u64;
        let (path, known) = (path.clone(), known.clone());
        starts.map(move |start| Slice {
            batch: batch.slice(start, size.min(batch.num_rows() - start)),
            path: path.clone(),
            known: known.clone(),
            first: before + start as u64,
        })
    });
    let mut pieces = pieces.map(|slice| Work::Piece(Box::new(slice)));
    let take = |chunk: Chunk| match chunk.rows {
        0 => Ok(()),
        _ => take(chunk),
    };
    match in_waves(|| Ok(pieces.next()), layout, take)? {
        0 => Err(Error::NoRows(NAME.into())),
        _ => layout.check_renamed(|| At {
            path: Path::new(NAME).into(),
            place: None,
        }),
    }
}

fn piece_rows(batch: &RecordBatch) -> usize {
    let dictionaries = batch
        .columns()
        .iter()
        .filter_map(AsArray::as_any_dictionary_opt);
    let largest = dictionaries.map(|column| column.values().len()).max();
    PIECE_ROWS.max(largest.unwrap_or(0))
}

/// Rows of a batch that are converted by themselves.
struct Slice {
    batch: RecordBatch,
    path: Arc<Path>,
    /// Texts of each column of the layout.
    known: Arc<[Known]>,
    first: u64,
}

impl Piece for Slice {
    fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn decode(self: Box<Self>, layout: &Layout) -> Result<Chunk> {
        chunk(&self, layout)
    }
}

fn chunk(slice: &Slice, layout: &Layout) -> Result<Chunk> {
    let (batch, path) = (&slice.batch, &slice.path);
    let schema = batch.schema();
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let at = || At {
        path: path.clone(),
        place: None,
    };
    layout.check(&names, at)?;
    let places = Places {
        path: path.clone(),
        first: Place::Row(slice.first),
        numbers: None,
    };
    let mut columns = Vec::with_capacity(layout.columns.len());
    for (wanted, known) in layout.columns.iter().zip(&slice.known[..]) {
        let found = layout.find(wanted.as_ref(), &names, at)?;
        let found = wanted
            .as_ref()
            .zip(found.map(|position| batch.column(position)));
        columns.push(match found {
            None => None,
            Some((wanted, array)) => match convert(array.clone(), wanted.holds, known) {
                Ok(array) => Some(array),
                Err(Unfit::Type) if wanted.holds == ColumnType::Group => None,
                Err(unfit) => return Err(unfit.error(&places, wanted, array.data_type())),
            },
        });
    }
    Ok(Chunk {
        rows: batch.num_rows(),
        columns,
        places,
    })
}
