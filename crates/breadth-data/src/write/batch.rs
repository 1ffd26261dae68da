//! Rows as a record batch in memory.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use super::columns::Row;

/// The rows with the columns of their table.
pub(crate) fn batch<R: Row>(rows: impl IntoIterator<Item = R>) -> RecordBatch {
    let mut builders = R::Builders::default();
    rows.into_iter().for_each(|row| row.append(&mut builders));
    let schema = Arc::new(Schema::new(R::fields()));
    RecordBatch::try_new(schema, R::take(&mut builders)).expect("rows fill the columns")
}
