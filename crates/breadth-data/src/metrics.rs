//! The metrics of a run: one row for each logged step.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use arrow_schema::{DataType, Field};

use crate::error::{Error, Result};
use crate::io::convert::numbers;
use crate::io::parquet::{open_metadata, read_batches};
use crate::provenance::{Provenance, check_version};
use crate::write::TableWriter;

/// Named columns of equal length; the first is `step`, a whole number.
///
/// NaN means that a quantity was not measured at a step; the file has a null there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The columns with their names.
    pub columns: Vec<(String, Vec<f64>)>,
}

impl Metrics {
    /// The values of a column, one for each logged step.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        let mut columns = self.columns.iter();
        columns
            .find(|(known, _)| known == name)
            .map(|(_, values)| &values[..])
    }

    /// Reads `metrics.parquet`; columns that do not hold numbers are left out.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Corrupt`] if the file is not readable as Parquet,
    /// [`Error::Metrics`] if its first column is not `step`.
    pub fn read(path: &Path) -> Result<Self> {
        check_version(path, &open_metadata(path)?)?;
        let mut metrics = Self::default();
        for batch in &read_batches(path)? {
            for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                metrics.append(field.name(), array);
            }
        }
        match metrics.problem() {
            Some(problem) => Err(failed(path, problem)),
            None => Ok(metrics),
        }
    }

    fn append(&mut self, name: &str, array: &ArrayRef) {
        let Some(array) = numbers(array) else {
            return;
        };
        let values = array.iter().map(|value| value.unwrap_or(f64::NAN));
        match self.columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, column)) => column.extend(values),
            None => self.columns.push((name.into(), values.collect())),
        }
    }

    /// Writes `metrics.parquet`; the file appears whole, or not at all.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("metrics.parquet");
    /// use breadth_data::{Metrics, Provenance};
    /// let metrics = Metrics {
    ///     columns: vec![("step".into(), vec![1.0, 2.0]), ("loss".into(), vec![0.5, 0.25])],
    /// };
    /// metrics.write(&path, &Provenance::default())?;
    /// assert_eq!(Metrics::read(&path)?.column("loss"), Some(&[0.5, 0.25][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Metrics`] for columns of unequal length, two of one name, or a first column that is
    /// not `step`; [`Error::Write`] if the file cannot be written.
    pub fn write(&self, path: &Path, provenance: &Provenance) -> Result<()> {
        if let Some(problem) = self.problem() {
            return Err(failed(path, problem));
        }
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| &name[..]).collect();
        let field = |(at, name): (usize, &&str)| match at {
            0 => Field::new(*name, DataType::Int64, false),
            _ => Field::new(*name, DataType::Float64, true),
        };
        let fields = names.iter().enumerate().map(field).collect();
        let mut table = TableWriter::create(path, "metrics", fields, &names[1..], provenance)?;
        table.write(self.arrays())?;
        table.finish()
    }

    fn arrays(&self) -> Vec<ArrayRef> {
        let (step, rest) = self.columns.split_first().expect("checked by `problem`");
        let step: Int64Array = step.1.iter().map(|&step| Some(step as i64)).collect();
        let measured = |&value: &f64| (!value.is_nan()).then_some(value);
        let rest = rest.iter().map(|(_, values)| {
            Arc::new(values.iter().map(measured).collect::<Float64Array>()) as ArrayRef
        });
        std::iter::once(Arc::new(step) as ArrayRef)
            .chain(rest)
            .collect()
    }

    fn problem(&self) -> Option<String> {
        let Some((first, steps)) = self.columns.first() else {
            return Some("no column; the first must be `step`".into());
        };
        if first != "step" {
            return Some(format!("the first column is `{first}`; it must be `step`"));
        }
        if let Some(step) = steps.iter().find(|step| step.fract() != 0.0) {
            return Some(format!("step {step} is not a whole number"));
        }
        let mut seen = HashSet::new();
        if let Some((name, _)) = self.columns.iter().find(|(name, _)| !seen.insert(name)) {
            return Some(format!(
                "two columns are named `{name}`; rename one of them"
            ));
        }
        let rows = steps.len();
        let odd = self
            .columns
            .iter()
            .find(|(_, values)| values.len() != rows)?;
        let (name, values) = odd;
        Some(format!(
            "column `{name}` has {} rows, but `step` has {rows}",
            values.len()
        ))
    }
}

fn failed(path: &Path, problem: String) -> Error {
    Error::Metrics {
        path: PathBuf::from(path),
        problem,
    }
}
