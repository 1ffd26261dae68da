//! A table of named columns, whatever they are: what a program measured.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float64Array, StringArray};
use arrow_schema::{DataType, Field};

use crate::error::{Error, Result};
use crate::io::convert::numbers;
use crate::io::parquet::{open_metadata, read_batches};
use crate::provenance::{Provenance, check_version};
use crate::write::TableWriter;

/// Named columns of equal length. `None` is a null of the file; NaN is a number like others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// The columns with their names.
    pub columns: Vec<(String, Values)>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Words.
    Words(Vec<Option<String>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Numbers(values) => values.len(),
            Values::Words(values) => values.len(),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Values::Numbers(_) => DataType::Float64,
            Values::Words(_) => DataType::Utf8,
        }
    }

    fn array(&self) -> ArrayRef {
        match self {
            Values::Numbers(values) => Arc::new(Float64Array::from_iter(values.iter().copied())),
            Values::Words(values) => Arc::new(StringArray::from_iter(values.iter())),
        }
    }
}

impl Records {
    /// The numbers of a column; `None` if there is no such column or it holds words.
    pub fn numbers(&self, name: &str) -> Option<&[Option<f64>]> {
        match self.column(name)? {
            Values::Numbers(values) => Some(values),
            Values::Words(_) => None,
        }
    }

    /// The words of a column; `None` if there is no such column or it holds numbers.
    pub fn words(&self, name: &str) -> Option<&[Option<String>]> {
        match self.column(name)? {
            Values::Words(values) => Some(values),
            Values::Numbers(_) => None,
        }
    }

    fn column(&self, name: &str) -> Option<&Values> {
        let found = self.columns.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values)
    }

    /// Reads a Parquet file; columns that hold neither numbers nor words are left out.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Corrupt`] if the file is not readable as Parquet,
    /// [`Error::NewerSchema`] if a later version of breadth wrote it.
    pub fn read(path: &Path) -> Result<Records> {
        check_version(path, &open_metadata(path)?)?;
        let mut records = Records::default();
        for batch in &read_batches(path)? {
            for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                records.append(field.name(), array);
            }
        }
        Ok(records)
    }

    fn append(&mut self, name: &str, array: &ArrayRef) {
        let values = match (numbers(array), array.data_type()) {
            (Some(array), _) => Values::Numbers(array.iter().collect()),
            (None, DataType::Utf8View) => {
                let words = array.as_string_view().iter();
                Values::Words(words.map(|word| word.map(str::to_owned)).collect())
            }
            _ => return,
        };
        let known = self.columns.iter_mut().find(|(known, _)| known == name);
        match (known, values) {
            (Some((_, Values::Numbers(all))), Values::Numbers(more)) => all.extend(more),
            (Some((_, Values::Words(all))), Values::Words(more)) => all.extend(more),
            (_, values) => self.columns.push((name.to_owned(), values)),
        }
    }

    /// Writes a Parquet file of the table `table`; it appears whole, or not at all.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("d1.parquet");
    /// use breadth_data::{Provenance, Records, Values};
    /// let records = Records {
    ///     columns: vec![
    ///         ("check".into(), Values::Words(vec![Some("ratio".into()), None])),
    ///         ("n".into(), Values::Numbers(vec![None, Some(f64::INFINITY)])),
    ///     ],
    /// };
    /// records.write(&path, "lab", &Provenance::default())?;
    /// assert_eq!(Records::read(&path)?, records);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Metrics`] for columns of unequal length or two of one name, [`Error::Write`] if the
    /// file cannot be written.
    pub fn write(&self, path: &Path, table: &str, provenance: &Provenance) -> Result<()> {
        if let Some(problem) = self.problem() {
            let path = PathBuf::from(path);
            return Err(Error::Metrics { path, problem });
        }
        let columns = self.columns.iter();
        let fields = columns.map(|(name, values)| Field::new(name, values.data_type(), true));
        let mut writer = TableWriter::create(path, table, fields.collect(), &[], provenance)?;
        writer.write(
            self.columns
                .iter()
                .map(|(_, values)| values.array())
                .collect(),
        )?;
        writer.finish()
    }

    fn problem(&self) -> Option<String> {
        let mut seen = HashSet::new();
        if let Some((name, _)) = self.columns.iter().find(|(name, _)| !seen.insert(name)) {
            return Some(format!(
                "two columns are named `{name}`; rename one of them"
            ));
        }
        let (first, values) = self.columns.first()?;
        let rows = values.len();
        let (name, values) = self.columns.iter().find(|(_, other)| other.len() != rows)?;
        Some(format!(
            "column `{name}` has {} rows, but `{first}` has {rows}",
            values.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64]) -> Values {
        Values::Numbers(values.iter().copied().map(Some).collect())
    }

    #[test]
    fn columns_that_do_not_fit_together_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let message = |columns: Vec<(&str, Values)>| {
            let columns = columns
                .into_iter()
                .map(|(name, values)| (name.into(), values));
            let records = Records {
                columns: columns.collect(),
            };
            let error = records
                .write(&path, "lab", &Provenance::default())
                .unwrap_err();
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        };
        insta::assert_snapshot!(
            message(vec![("a", numbers(&[1.0])), ("b", numbers(&[]))]),
            @"FILE: column `b` has 0 rows, but `a` has 1"
        );
        insta::assert_snapshot!(
            message(vec![("a", numbers(&[1.0])), ("a", numbers(&[2.0]))]),
            @"FILE: two columns are named `a`; rename one of them"
        );
        assert!(!path.exists());
    }

    #[test]
    fn nothing_and_nan_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let nan = Records {
            columns: vec![("x".into(), Values::Numbers(vec![Some(f64::NAN), None]))],
        };
        nan.write(&path, "lab", &Provenance::default()).unwrap();
        let read = Records::read(&path).unwrap();
        let x = read.numbers("x").unwrap();
        assert!(x[0].unwrap().is_nan() && x[1].is_none());
        assert!(read.words("x").is_none() && read.numbers("y").is_none());
        let none = Records {
            columns: vec![("x".into(), numbers(&[]))],
        };
        none.write(&path, "lab", &Provenance::default()).unwrap();
        assert_eq!(
            Records::read(&path)
                .unwrap()
                .columns
                .iter()
                .map(|c| c.1.len())
                .sum::<usize>(),
            0
        );
    }
}
