//! Record batches in memory, such as a data frame hands over, as chunks of rows.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::error::{At, Error, Place, Result};
use crate::io::chunk::{Chunk, Places};
use crate::io::convert::convert;
use crate::schema::Layout;

/// What stands in messages in the place of a file.
const NAME: &str = "the data frame";

/// Hands the rows of all batches, in order, to `take` chunk by chunk.
pub(crate) fn for_each_batch(
    batches: impl IntoIterator<Item = RecordBatch>,
    layout: &Layout,
    mut take: impl FnMut(Chunk) -> Result<()>,
) -> Result<()> {
    let path: Arc<Path> = Path::new(NAME).into();
    let mut rows = 0;
    for batch in batches {
        let chunk = chunk(&batch, layout, path.clone(), rows + 1)?;
        if chunk.rows > 0 {
            take(chunk)?;
        }
        rows += batch.num_rows() as u64;
    }
    match rows {
        0 => Err(Error::NoRows(NAME.into())),
        _ => Ok(()),
    }
}

fn chunk(batch: &RecordBatch, layout: &Layout, path: Arc<Path>, first: u64) -> Result<Chunk> {
    let schema = batch.schema();
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    layout.check(&names, || At {
        path: path.clone(),
        place: None,
    })?;
    let mut columns = Vec::with_capacity(layout.columns.len());
    for wanted in &layout.columns {
        let found = wanted.and_then(|wanted| Some((wanted, batch.column_by_name(wanted.name)?)));
        columns.push(match found {
            None => None,
            Some((wanted, array)) => match convert(array.clone(), wanted.holds) {
                Some(array) => Some(array),
                None => {
                    return Err(Error::ColumnType {
                        path: path.to_path_buf(),
                        column: wanted.name.into(),
                        found: array.data_type().to_string(),
                        wanted: wanted.holds.wanted(),
                    });
                }
            },
        });
    }
    Ok(Chunk {
        rows: batch.num_rows(),
        columns,
        places: Places {
            path,
            first: Place::Row(first),
            numbers: None,
        },
    })
}
