//! Tables as Python has them: paths, or record batches that a data frame handed over.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::types::Float32Type;
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchIterator, StringArray,
};
use breadth_data::{LogOptions, Logs, ReadOptions, RunFolder, SampleTable, ScoreTable, TablePaths};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::errors::{Error, Result, named};
use crate::work::detached;

/// Rows in memory, or files that hold them.
#[pyclass(frozen, from_py_object, module = "breadth._native")]
#[derive(Clone)]
pub struct Table(Arc<Source>);

enum Source {
    Paths(Vec<PathBuf>),
    Batches(Vec<RecordBatch>),
}

#[pymethods]
impl Table {
    /// Files, folders, globs, or a run folder.
    #[staticmethod]
    fn of_paths(paths: Vec<PathBuf>) -> Self {
        Table(Arc::new(Source::Paths(paths)))
    }

    /// What an object with `__arrow_c_stream__` hands over.
    #[staticmethod]
    fn of_stream(py: Python<'_>, frame: &Bound<'_, PyAny>) -> PyResult<Self> {
        let capsule = frame.call_method0("__arrow_c_stream__")?;
        let capsule = capsule.cast::<PyCapsule>()?;
        let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
        // SAFETY: by the PyCapsule interface a capsule of this name holds a stream, which is moved
        // out of it and marked there as released.
        let reader = unsafe { ArrowArrayStreamReader::from_raw(pointer.cast().as_ptr()) };
        let refused = |error: arrow_schema::ArrowError| PyValueError::new_err(error.to_string());
        let reader = reader.map_err(refused)?;
        let batches = py.detach(move || reader.collect::<std::result::Result<Vec<_>, _>>());
        Ok(Table(Arc::new(Source::Batches(batches.map_err(refused)?))))
    }

    /// Columns by name: sequences of strings, numbers, or lists of numbers; `None` where one lacks.
    #[staticmethod]
    fn of_columns(columns: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut arrays = Vec::new();
        for (name, values) in columns.iter() {
            let name: String = name.extract()?;
            let array = array(&name, &values)?;
            arrays.push((name, array, true));
        }
        let batch = RecordBatch::try_from_iter_with_nullable(arrays);
        let batch = batch.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Table(Arc::new(Source::Batches(vec![batch]))))
    }

    /// Number of rows in memory.
    fn __len__(&self) -> PyResult<usize> {
        Ok(self.batches()?.iter().map(RecordBatch::num_rows).sum())
    }

    /// Names of the columns in memory.
    #[getter]
    fn column_names(&self) -> PyResult<Vec<String>> {
        let schema = self.batches()?.first().map(RecordBatch::schema);
        let fields = schema.iter().flat_map(|schema| schema.fields());
        Ok(fields.map(|field| field.name().clone()).collect())
    }

    fn __repr__(&self) -> String {
        match &*self.0 {
            Source::Paths(paths) => format!("Table({paths:?})"),
            Source::Batches(batches) => {
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                format!("Table({rows} rows)")
            }
        }
    }

    /// The rows in memory by the Arrow PyCapsule interface, which data frames read.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A consumer must do without its wish: the types are those of our tables.
        let _ = requested_schema;
        let batches = self.batches()?.to_vec();
        let schema = match batches.first() {
            Some(batch) => batch.schema(),
            None => Arc::new(arrow_schema::Schema::empty()),
        };
        let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), schema);
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

impl Table {
    fn of_batch(batch: RecordBatch) -> Self {
        Table(Arc::new(Source::Batches(vec![batch])))
    }

    fn batches(&self) -> PyResult<&[RecordBatch]> {
        match &*self.0 {
            Source::Batches(batches) => Ok(batches),
            Source::Paths(_) => Err(PyTypeError::new_err(
                "these rows are in files, not in memory",
            )),
        }
    }

    /// The run folder, if that is what was given.
    pub fn run_folder(&self) -> Option<RunFolder> {
        match &*self.0 {
            Source::Paths(paths) => match paths.as_slice() {
                [only] if RunFolder::is_one(only) => Some(RunFolder::new(only)),
                _ => None,
            },
            Source::Batches(_) => None,
        }
    }

    /// Score tables and sample tables apart, where files of both were named together.
    pub fn split(&self, options: &ReadOptions) -> (Option<Table>, Option<Table>) {
        let Source::Paths(paths) = &*self.0 else {
            return (Some(self.clone()), None);
        };
        // What cannot be told apart goes to the reader of scores, which says what is wrong.
        let Ok(found) = TablePaths::find(paths, options) else {
            return (Some(self.clone()), None);
        };
        let of = |paths: Vec<PathBuf>| (!paths.is_empty()).then(|| Table::of_paths(paths));
        (of(found.scores), of(found.samples))
    }

    pub fn scores(&self, options: &ReadOptions) -> Result<ScoreTable> {
        Ok(match &*self.0 {
            Source::Paths(paths) => ScoreTable::read(paths, options)?,
            Source::Batches(batches) => ScoreTable::from_batches(batches.clone(), options)?,
        })
    }

    pub fn samples(&self, options: &ReadOptions) -> Result<SampleTable> {
        Ok(match &*self.0 {
            Source::Paths(paths) => SampleTable::read(paths, options)?,
            Source::Batches(batches) => SampleTable::from_batches(batches.clone(), options)?,
        })
    }
}

/// A column of Python values as the first kind of array that takes them all.
fn array(name: &str, values: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let values: Vec<Bound<'_, PyAny>> = values.try_iter()?.collect::<PyResult<_>>()?;
    fn all<'py, T>(values: &[Bound<'py, PyAny>]) -> Option<Vec<Option<T>>>
    where
        T: for<'a> FromPyObject<'a, 'py>,
    {
        values.iter().map(|value| value.extract().ok()).collect()
    }
    if let Some(texts) = all::<String>(&values) {
        return Ok(Arc::new(StringArray::from(texts)));
    }
    if let Some(integers) = all::<i64>(&values) {
        return Ok(Arc::new(Int64Array::from(integers)));
    }
    if let Some(numbers) = all::<f64>(&values) {
        return Ok(Arc::new(Float64Array::from(numbers)));
    }
    if let Some(lists) = all::<Vec<f32>>(&values) {
        let lists = lists.into_iter();
        let lists = lists.map(|list| list.map(|list| list.into_iter().map(Some)));
        return Ok(Arc::new(
            ListArray::from_iter_primitive::<Float32Type, _, _>(lists),
        ));
    }
    Err(PyTypeError::new_err(format!(
        "column {name}: neither all strings, nor numbers, nor lists of numbers"
    )))
}

/// The rows of other tools' logs as a table, and what is to be known of them.
#[pyfunction]
#[pyo3(signature = (paths, *, models, reward, filter, intersect))]
pub fn read_logs(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    models: Vec<String>,
    reward: Option<String>,
    filter: Option<String>,
    intersect: bool,
) -> PyResult<(Table, Vec<String>)> {
    let options = ReadOptions {
        intersect,
        log: LogOptions {
            models,
            reward,
            filter,
            ..LogOptions::default()
        },
        ..ReadOptions::default()
    };
    detached(py, move || {
        let logs = Logs::read(&paths, None, &options)?;
        Ok((Table::of_batch(logs.to_batch()), said(&logs.remarks())))
    })
}

/// A score table, read and checked, as rows in memory.
#[pyfunction]
#[pyo3(signature = (table, *, intersect, tokens))]
pub fn score_table(
    py: Python<'_>,
    table: &Table,
    intersect: bool,
    tokens: bool,
) -> PyResult<(Table, Vec<String>)> {
    let (table, options) = (
        table.clone(),
        ReadOptions {
            intersect,
            tokens,
            token_logprobs: tokens,
            ..ReadOptions::default()
        },
    );
    detached(py, move || {
        let table = table.scores(&options)?;
        Ok((Table::of_batch(table.to_batch()), said(&table.remarks)))
    })
}

/// Refuses what no list of paths can be.
pub fn needed(table: Option<Table>, what: &str) -> Result<Table> {
    table.ok_or_else(|| Error::Value(format!("{what} are needed: give a table of them")))
}

fn said(remarks: &[String]) -> Vec<String> {
    remarks.iter().map(|remark| named(remark)).collect()
}
