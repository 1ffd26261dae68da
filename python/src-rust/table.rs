//! Tables as Python has them: paths, or record batches that a data frame handed over.

#![allow(unsafe_code, reason = "Arrow's streams are pointers of C")]

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchIterator,
    RecordBatchOptions, StringArray, StructArray,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Schema};
use breadth_data::{LogOptions, Logs, ReadOptions, RunFolder, SampleTable, ScoreTable, TablePaths};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyType};

use crate::errors::{Error, Result, named};
use crate::questions::checked_columns;
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
    /// Of what `__reduce__` gives: paths, or rows as a stream of Arrow's IPC.
    #[new]
    fn new(paths: Option<Vec<PathBuf>>, rows: Option<Vec<u8>>) -> PyResult<Self> {
        let Some(rows) = rows else {
            return Ok(Self::of_paths(paths.unwrap_or_default()));
        };
        let batches = StreamReader::try_new(&rows[..], None).and_then(Iterator::collect);
        Ok(Table(Arc::new(Source::Batches(batches.map_err(refused)?))))
    }

    /// What pickle keeps.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let state = match &*slf.get().0 {
            Source::Paths(paths) => (Some(paths.clone()), None),
            Source::Batches(batches) => {
                let rows = stream(batches).map_err(refused)?;
                (None, Some(PyBytes::new(slf.py(), &rows)))
            }
        };
        Ok((slf.get_type(), state))
    }

    /// Nothing changes a table: a copy is the table itself.
    fn __copy__(&self) -> Self {
        self.clone()
    }

    /// As `__copy__`.
    fn __deepcopy__(&self, memo: &Bound<'_, PyAny>) -> Self {
        let _ = memo;
        self.clone()
    }

    /// Files, folders, globs, or a run folder.
    #[staticmethod]
    fn of_paths(paths: Vec<PathBuf>) -> Self {
        Table(Arc::new(Source::Paths(paths)))
    }

    /// What objects with `__arrow_c_stream__` hand over: a frame, or pieces of one in turn.
    #[staticmethod]
    fn of_streams(py: Python<'_>, frames: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut batches = Vec::new();
        for frame in frames {
            let capsule = frame.call_method0("__arrow_c_stream__")?;
            let capsule = capsule.cast::<PyCapsule>()?;
            let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
            // SAFETY: by the PyCapsule interface a capsule of this name holds a stream, which is
            // moved out of it and marked there as released.
            let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) };
            let stream = Stream::of(stream).map_err(refused)?;
            check_names(&stream.schema)?;
            let read = py.detach(move || stream.collect::<std::result::Result<Vec<_>, _>>());
            batches.extend(read.map_err(refused)?);
        }
        Ok(Table(Arc::new(Source::Batches(batches))))
    }

    /// Columns by name: sequences of strings, numbers, or lists of numbers; `None` where one lacks.
    #[staticmethod]
    fn of_columns(columns: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut arrays: Vec<(String, ArrayRef, bool)> = Vec::new();
        for (name, values) in columns.iter() {
            let name: String = name.extract()?;
            let array = array(&name, &values)?;
            if let Some((first, known, _)) = arrays.first()
                && known.len() != array.len()
            {
                let (rows, others) = (array.len(), known.len());
                return Err(PyValueError::new_err(format!(
                    "column {name} has {rows} rows, column {first} has {others}: a table has the \
                     same number in every column"
                )));
            }
            arrays.push((name, array, true));
        }
        if arrays.is_empty() {
            return Err(PyValueError::new_err("the table has no columns"));
        }
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).map_err(refused)?;
        Ok(Table(Arc::new(Source::Batches(vec![batch]))))
    }

    /// The paths of rows in files.
    #[getter]
    fn paths(&self) -> Vec<std::ffi::OsString> {
        match &*self.0 {
            Source::Paths(paths) => paths.iter().map(|path| path.into()).collect(),
            Source::Batches(_) => Vec::new(),
        }
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

    /// A column of strings in memory; `None` where a row has no value.
    fn strings(&self, name: &str) -> PyResult<Vec<Option<String>>> {
        self.values(name, |array| {
            let strings = array.as_string_opt::<i32>()?;
            Some(strings.iter().map(|one| one.map(str::to_owned)).collect())
        })
    }

    /// A column of floating-point numbers in memory; `None` where a row has no value.
    fn numbers(&self, name: &str) -> PyResult<Vec<Option<f64>>> {
        self.values(name, |array| {
            let numbers = array.as_primitive_opt::<Float64Type>()?;
            Some(numbers.iter().collect())
        })
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

    /// One column of all batches.
    fn values<T>(&self, name: &str, of: impl Fn(&dyn Array) -> Option<Vec<T>>) -> PyResult<Vec<T>> {
        let mut all = Vec::new();
        for batch in self.batches()? {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
            let other = || PyTypeError::new_err(format!("column {name}: {}", column.data_type()));
            all.extend(of(column).ok_or_else(other)?);
        }
        Ok(all)
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
        let mut table = self.read_scores(options)?;
        if self.has_holes(options, |options| self.read_scores(options).is_err()) {
            table.remarks.push(kept(table.rows(), "rows"));
        }
        Ok(table)
    }

    pub fn samples(&self, options: &ReadOptions) -> Result<SampleTable> {
        let mut table = self.read_samples(options)?;
        if self.has_holes(options, |options| self.read_samples(options).is_err()) {
            table.remarks.push(kept(table.prompts.len(), "prompts"));
        }
        Ok(table)
    }

    /// Whether an intersection that could be read has left anything out.
    fn has_holes(&self, options: &ReadOptions, fails: impl Fn(&ReadOptions) -> bool) -> bool {
        // Standard input can be read but once.
        let is_stream = matches!(&*self.0, Source::Paths(paths)
            if paths.iter().any(|path| path.as_os_str() == "-"));
        let whole = ReadOptions {
            intersect: false,
            ..options.clone()
        };
        options.intersect && !is_stream && fails(&whole)
    }

    fn read_scores(&self, options: &ReadOptions) -> Result<ScoreTable> {
        Ok(match &*self.0 {
            Source::Paths(paths) => ScoreTable::read(paths, options)?,
            Source::Batches(batches) => ScoreTable::from_batches(batches.clone(), options)?,
        })
    }

    fn read_samples(&self, options: &ReadOptions) -> Result<SampleTable> {
        Ok(match &*self.0 {
            Source::Paths(paths) => SampleTable::read(paths, options)?,
            Source::Batches(batches) => SampleTable::from_batches(batches.clone(), options)?,
        })
    }
}

/// Batches that another library hands over. arrow-rs has a reader of such streams, which refuses
/// what Polars sends for columns of nothing but nulls: they have a buffer there, though an empty one.
struct Stream {
    raw: FFI_ArrowArrayStream,
    schema: Arc<Schema>,
}

impl Stream {
    fn of(mut raw: FFI_ArrowArrayStream) -> std::result::Result<Self, ArrowError> {
        let get_schema = raw
            .get_schema
            .ok_or_else(|| failed("it was read already"))?;
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: a stream that was not released fills in a schema, or says that it did not.
        if unsafe { get_schema(&raw mut raw, &raw mut schema) } != 0 {
            return Err(last_error(&mut raw));
        }
        let schema = Arc::new(Schema::try_from(&schema)?);
        Ok(Self { raw, schema })
    }

    fn read(&mut self) -> std::result::Result<Option<RecordBatch>, ArrowError> {
        let get_next = self
            .raw
            .get_next
            .ok_or_else(|| failed("it was read already"))?;
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: as in `of`.
        if unsafe { get_next(&raw mut self.raw, &raw mut array) } != 0 {
            return Err(last_error(&mut self.raw));
        }
        if array.is_released() {
            return Ok(None);
        }
        let data_type = DataType::Struct(self.schema.fields().clone());
        drop_buffers_of_nulls(&mut array, &data_type);
        // SAFETY: the arrays of a stream are structs of its schema.
        let rows = StructArray::from(unsafe { from_ffi_and_data_type(array, data_type) }?);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let (schema, columns) = (self.schema.clone(), rows.into_parts().1);
        RecordBatch::try_new_with_options(schema, columns, &options).map(Some)
    }
}

impl Iterator for Stream {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Leaves out what stands for the values of arrays that have none. Whoever made the arrays frees
/// their buffers by notes of its own.
fn drop_buffers_of_nulls(array: &mut FFI_ArrowArray, data_type: &DataType) {
    let child = |at: usize| {
        // SAFETY: by the C data interface there are so many pointers, each to an array that belongs
        // to this one, which is borrowed.
        let children = unsafe { std::slice::from_raw_parts(array.children, array.num_children()) };
        children.get(at).and_then(|child| unsafe { child.as_mut() })
    };
    match data_type {
        DataType::Null => array.n_buffers = 0,
        DataType::Struct(fields) if array.num_children() > 0 => {
            for (at, field) in fields.iter().enumerate() {
                if let Some(child) = child(at) {
                    drop_buffers_of_nulls(child, field.data_type());
                }
            }
        }
        DataType::List(item) | DataType::LargeList(item) if array.num_children() > 0 => {
            if let Some(child) = child(0) {
                drop_buffers_of_nulls(child, item.data_type());
            }
        }
        _ => {}
    }
}

fn last_error(stream: &mut FFI_ArrowArrayStream) -> ArrowError {
    let Some(get_last_error) = stream.get_last_error else {
        return failed("it says not why");
    };
    // SAFETY: the text, if there is one, lives until the stream is used again.
    let text = unsafe {
        get_last_error(stream)
            .as_ref()
            .map(|text| CStr::from_ptr(text))
    };
    failed(&text.map_or("it says not why".into(), CStr::to_string_lossy))
}

fn failed(why: &str) -> ArrowError {
    ArrowError::CDataInterface(format!("the data frame cannot be read ({why})"))
}

/// How to make a table again: its class, and the arguments for that.
type Reduced<'py> = (
    Bound<'py, PyType>,
    (Option<Vec<PathBuf>>, Option<Bound<'py, PyBytes>>),
);

fn kept(count: usize, what: &str) -> String {
    format!("intersect=True left out what some models lack; {what} kept: {count}")
}

fn refused(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Rows as a stream of Arrow's IPC.
fn stream(batches: &[RecordBatch]) -> std::result::Result<Vec<u8>, ArrowError> {
    let schema = batches.first().map(RecordBatch::schema);
    let schema = schema.unwrap_or_else(|| Arc::new(Schema::empty()));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// Refuses two columns of one name, of which one would be read.
fn check_names(schema: &Schema) -> PyResult<()> {
    let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    match (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        None => Ok(()),
        Some(at) => Err(PyValueError::new_err(format!(
            "the data frame has two columns named `{}`: rename or drop one",
            names[at]
        ))),
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
#[pyo3(signature = (paths, *, models, reward, reward_map, filter, intersect))]
pub fn read_logs(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    models: Vec<String>,
    reward: Option<String>,
    reward_map: Option<String>,
    filter: Option<String>,
    intersect: bool,
) -> PyResult<(Table, Vec<String>)> {
    detached(py, move || {
        let reward_map = reward_map.map(|map| map.parse()).transpose();
        let options = ReadOptions {
            intersect,
            log: LogOptions {
                models,
                reward,
                reward_map: reward_map
                    .map_err(|problem| Error::Value(format!("reward_map: {problem}")))?,
                filter,
                ..LogOptions::default()
            },
            ..ReadOptions::default()
        };
        let logs = Logs::read(&paths, None, &options)?;
        Ok((Table::of_batch(logs.to_batch()), said(&logs.remarks())))
    })
}

/// A score table, read and checked, as rows in memory.
#[pyfunction]
#[pyo3(signature = (table, *, columns, intersect, tokens))]
pub fn score_table(
    py: Python<'_>,
    table: &Table,
    columns: Vec<(String, String)>,
    intersect: bool,
    tokens: bool,
) -> PyResult<(Table, Vec<String>)> {
    let table = table.clone();
    detached(py, move || {
        let options = ReadOptions {
            intersect,
            columns: checked_columns(&columns)?,
            tokens,
            token_logprobs: tokens,
            ..ReadOptions::default()
        };
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
