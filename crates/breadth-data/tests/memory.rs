//! Memory follows the input: files of at most 2 MB that would come to gigabytes are refused with one
//! message, or read within a part of one.
//!
//! The allocator of these tests counts. What C code takes (zstd) is not seen; it is limited by its
//! own window.

#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::builder::{Float32Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use breadth_data::{Metrics, Provenance, ReadOptions, SampleTable, ScoreTable, TablePaths};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use tempfile::TempDir;

/// The bytes that are taken now, and the most that were.
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grow(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most that reading may take, in bytes.
const MOST: usize = 1 << 30;
/// The longest that an input is.
const LARGEST: usize = 2 << 20;

/// One test at a time, as they measure the process.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Input {
    folder: TempDir,
    path: PathBuf,
}

impl Input {
    fn new(name: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() <= LARGEST, "{name} has {} bytes", bytes.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    /// What a reader says, and that it takes no more than it may.
    #[track_caller]
    fn measure<T>(
        &self,
        read: impl FnOnce(&[PathBuf]) -> breadth_data::Result<T>,
    ) -> Option<String> {
        let before = NOW.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let outcome = read(std::slice::from_ref(&self.path));
        let taken = PEAK.load(Ordering::Relaxed).saturating_sub(before);
        let error = outcome.err().map(|error| self.message(&error));
        let name = self.path.file_name().unwrap().to_string_lossy();
        println!("{name}: {} MB, {error:?}", taken >> 20);
        assert!(taken < MOST, "{} MB, {error:?}", taken >> 20);
        error
    }

    fn message(&self, error: &breadth_data::Error) -> String {
        let folder = format!("{}/", self.folder.path().display());
        let message = error.to_string().replace(&folder, "");
        assert!(message.len() < 600, "{message}");
        message
    }

    /// Reads both kinds of tables; what each says.
    #[track_caller]
    fn read(&self) -> [Option<String>; 2] {
        let options = ReadOptions {
            intersect: true,
            tokens: true,
            token_logprobs: true,
            texts: true,
            answers: true,
            ..ReadOptions::default()
        };
        let scores = self.measure(|inputs| ScoreTable::read(inputs, &options));
        let samples = self.measure(|inputs| SampleTable::read(inputs, &options));
        self.measure(|inputs| TablePaths::find(inputs, &options));
        [scores, samples]
    }

    /// As [`read`](Self::read), of what is refused by a limit.
    #[track_caller]
    fn refused(&self, what: &str) {
        let said = self.read();
        let is_limit = |message: &&String| message.contains("BREADTH_MAX_RECORD_BYTES");
        let limit = said.iter().flatten().find(is_limit);
        let limit = limit.unwrap_or_else(|| panic!("{said:?}"));
        assert!(limit.contains(what), "{limit}");
    }
}

#[track_caller]
fn check(name: &str, bytes: &[u8], what: &str) {
    Input::new(name, bytes).refused(what);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// Texts that are packed one by one and stand behind one another.
fn packed(texts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    texts.flat_map(|text| gzip(&text)).collect()
}

fn zeros(count: usize) -> String {
    let all = "0,".repeat(count);
    all.trim_end_matches(',').to_owned()
}

#[test]
fn lines_that_do_not_end() {
    let _turn = turn();
    let spaces = vec![b' '; 16 << 20];
    let mut text = gzip(b"{\"model\":\"");
    text.extend(gzip(&spaces).repeat(100));
    check("line.jsonl.gz", &text, "a line of more than 33554432 bytes");
    let mut text = zstd::encode_all(&b"model,prompt_id,logprob\na,\""[..], 3).unwrap();
    text.extend(zstd::encode_all(&spaces[..], 3).unwrap().repeat(100));
    check(
        "field.csv.zst",
        &text,
        "a record of more than 33554432 bytes",
    );
    let mut text = gzip(b"model,prompt_id,logprob");
    text.extend(gzip(&vec![b','; 16 << 20]).repeat(100));
    check("fields.csv.gz", &text, "fields before line");
}

#[test]
fn lists_of_zeros() {
    let _turn = turn();
    let line = |at: usize| {
        let list = zeros(1 << 18);
        format!(
            "{{\"model\":\"a\",\"prompt_id\":{at},\"logprob\":0,\"tokens\":262144,\"token_logprobs\":[{list}]}}\n"
        )
    };
    let text = packed((0..400).map(|at| line(at).into_bytes()));
    check("lists.jsonl.gz", &text, "compressed ones");
    let line = |at: usize| format!("a,{at},0,262144,\"[{}]\"\n", zeros(1 << 18));
    let header = b"model,prompt_id,logprob,tokens,token_logprobs\n".to_vec();
    let lines = (0..400).map(|at| line(at).into_bytes());
    let text = packed(std::iter::once(header).chain(lines));
    check("lists.csv.gz", &text, "compressed ones");
}

#[test]
fn records_of_many_empty_fields() {
    let _turn = turn();
    let names: String = (0..80_000).map(|at| format!(",c{at}")).collect();
    let mut text = gzip(format!("model,prompt_id,logprob{names}\n").as_bytes());
    let commas = ",".repeat(100_000);
    let lines: String = (0..40).map(|at| format!("a,{at},-1{commas}\n")).collect();
    text.extend(gzip(lines.as_bytes()).repeat(100));
    Input::new("wide.csv.gz", &text).read();
}

/// Each row names a prompt that no other does, and one of many models.
#[test]
fn models_by_prompts() {
    let _turn = turn();
    let scores: String = (0..120_000)
        .map(|at| format!("{},{at},-1\n", at % 2500))
        .collect();
    let text = format!("model,prompt_id,logprob\n{scores}");
    check("scores.csv", text.as_bytes(), "responses, of which");
    let samples: String = (0..80_000)
        .map(|at| format!("{},{at},0,0.5,t,a\n", at % 2500))
        .collect();
    let text = format!("model,prompt_id,response_id,reward,text,answer\n{samples}");
    check("samples.csv", text.as_bytes(), "prompts, of which");
}

#[test]
fn logs_of_far_more_rows_than_bytes() {
    let _turn = turn();
    let counts: String = (0..60_000)
        .map(|at| format!("{{\"id\":{at},\"n\":1000000,\"c\":0}}\n"))
        .collect();
    check(
        "counts.jsonl",
        counts.as_bytes(),
        "rows that take more than",
    );
    let lines = "{\"input\":\"q\",\"output\":\"a\",\"score\":1}\n".repeat(400_000);
    let text = gzip(lines.as_bytes()).repeat(40);
    check("20.jsonl.gz", &text, "");
}

/// A log of lm-evaluation-harness whose lines unpack to 1000 times their length: what is kept of them
/// before they are rows counts too.
#[test]
fn lines_that_are_kept() {
    let _turn = turn();
    let line =
        r#"{"doc_id":0,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[-1,0]]],"acc":1}"#;
    let lines = format!("{line}\n").repeat(250_000);
    let text = gzip(lines.as_bytes()).repeat(16);
    check("samples_t_1.jsonl.gz", &text, "rows that take more than");
}

/// The same examples before every question.
#[test]
fn a_log_that_packs_well() {
    let _turn = turn();
    let examples = "Question: what is 2+2? Answer: 4. ".repeat(60);
    let line =
        |at: usize| format!("{{\"input\":\"{examples}{at}\",\"output\":\"a\",\"score\":1}}\n");
    let text: String = (0..70_000).map(line).collect();
    assert!(text.len() > 4 * (32 << 20));
    let packed = zstd::encode_all(text.as_bytes(), 9).unwrap();
    assert!(text.len() > 64 * packed.len());
    let input = Input::new("20.jsonl.zst", &packed);
    let read = |inputs: &[PathBuf]| SampleTable::read(inputs, &ReadOptions::default());
    assert_eq!(input.measure(read), None);
}

/// A member with a list of zeros, one of spaces, and a thousand that each stay below the limit.
#[test]
fn archives() {
    let _turn = turn();
    let header = r#"{"status":"success","eval":{"task":"t","model":"m"}}"#;
    let archive = |samples: &[(String, Vec<u8>)]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("header.json", options).unwrap();
        zip.write_all(header.as_bytes()).unwrap();
        for (name, text) in samples {
            zip.start_file(name.as_str(), options).unwrap();
            zip.write_all(text).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let sample = |value: &str| format!("{{\"id\":1,\"scores\":{{\"s\":{{\"value\":{value}}}}}}}");
    let name = |at: usize| format!("samples/{at}_epoch_1.json");
    let list = sample(&format!("[{}]", zeros(20 << 20)));
    let one = archive(&[(name(1), list.into_bytes())]);
    check("zeros.eval", &one, "a member of more than 33554432 bytes");
    let list = sample(&format!("[{}]", zeros(12 << 20)));
    check(
        "values.eval",
        &archive(&[(name(1), list.into_bytes())]),
        "its values take more than",
    );
    let spaces = sample(&format!("{}1", " ".repeat(1 << 26)));
    let one = archive(&[(name(1), spaces.into_bytes())]);
    check("spaces.eval", &one, "a member of more than 33554432 bytes");
    let text = |at: usize| {
        let said = "a".repeat(8 << 20);
        format!(
            "{{\"id\":{at},\"epoch\":1,\"input\":\"{said}\",\"scores\":{{\"s\":{{\"value\":1}}}}}}"
        )
    };
    let many: Vec<_> = (0..30)
        .map(|at| (name(at), text(at).into_bytes()))
        .collect();
    check("many.eval", &archive(&many), "more than");
}

fn parquet(columns: Vec<(&str, ArrayRef)>, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let properties = properties.build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn plain() -> WriterPropertiesBuilder {
    let zstd = parquet::basic::Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(1 << 30));
    groups
        .set_compression(zstd)
        .set_dictionary_page_size_limit(1 << 26)
}

/// A column of one text that is written once, in the place of each of the columns.
#[test]
fn a_long_text_named_many_times() {
    let _turn = turn();
    const ROWS: usize = 1 << 16;
    let mut texts = StringDictionaryBuilder::<Int32Type>::new();
    let text = "a".repeat(24_000);
    (0..ROWS).for_each(|_| texts.append_value(&text));
    let texts: ArrayRef = Arc::new(texts.finish());
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0; ROWS]));
    let of = |names: [&'static str; 4], columns: [&ArrayRef; 4]| {
        let columns = names
            .into_iter()
            .zip(columns.into_iter().cloned())
            .collect();
        parquet(columns, plain())
    };
    let names = ["model", "prompt_id", "logprob", "group"];
    let said = Input::new("model.parquet", &of(names, [&texts, &ids, &zeros, &texts])).read();
    assert_eq!(said[0], None, "many rows of a long name are a table");
    let said = Input::new("number.parquet", &of(names, [&ids, &ids, &texts, &zeros])).read();
    assert!(
        said[0]
            .as_deref()
            .unwrap()
            .ends_with("where numbers belong"),
        "{said:?}"
    );
    let names = ["prompt", "completion", "step", "reward"];
    Input::new("trl.parquet", &of(names, [&texts, &texts, &ids, &zeros])).refused("");
    let names = ["step", "text", "loss", "other"];
    let input = Input::new(
        "metrics.parquet",
        &of(names, [&ids, &texts, &zeros, &texts]),
    );
    assert_eq!(input.measure(|inputs| Metrics::read(&inputs[0])), None);
    assert_eq!(input.measure(|inputs| Provenance::read(&inputs[0])), None);
}

/// Texts that are written as what is new after the one before.
#[test]
fn texts_that_begin_alike() {
    let _turn = turn();
    const ROWS: usize = 1000;
    let long = "a".repeat(100_000);
    let texts = StringArray::from_iter_values(std::iter::repeat_n(&long, ROWS));
    let ids = Int64Array::from_iter_values(0..ROWS as i64);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(texts)),
        ("prompt_id", Arc::new(ids)),
        ("logprob", Arc::new(Float64Array::from(vec![0.0; ROWS]))),
    ];
    let properties = plain()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false)
        .set_column_encoding("model".into(), Encoding::DELTA_BYTE_ARRAY);
    check(
        "alike.parquet",
        &parquet(columns, properties),
        "of column `model` out of",
    );
}

/// The file with a footer that says each column unpacks to 1000 bytes.
fn understated(file: &[u8]) -> Vec<u8> {
    let bytes = Bytes::copy_from_slice(file);
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&bytes)
        .unwrap();
    let mut builder = metadata.into_builder();
    for group in builder.take_row_groups() {
        let mut group = group.into_builder();
        for column in group.take_columns() {
            let column = column.into_builder().set_total_uncompressed_size(1000);
            group = group.add_column_metadata(column.build().unwrap());
        }
        builder = builder.add_row_group(group.build().unwrap());
    }
    let (_, length) = file[..file.len() - 4].split_last_chunk::<4>().unwrap();
    let footer = u32::from_le_bytes(*length) as usize + 8;
    let mut out = file[..file.len() - footer].to_vec();
    ParquetMetaDataWriter::new(&mut out, &builder.build())
        .finish()
        .unwrap();
    out
}

/// One text of 64 MB, about which the footer, or the page's head too, says less.
#[test]
fn pages_of_which_less_is_said() {
    let _turn = turn();
    let long = "a".repeat(1 << 26);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(StringArray::from(vec![long.as_str()]))),
        ("prompt_id", Arc::new(Int64Array::from(vec![1]))),
        ("logprob", Arc::new(Float64Array::from(vec![0.0]))),
    ];
    let zstd = parquet::basic::Compression::ZSTD(ZstdLevel::default());
    let gzip = parquet::basic::Compression::GZIP(GzipLevel::default());
    for codec in [zstd, gzip] {
        let properties = plain().set_compression(codec).set_dictionary_enabled(false);
        let file = understated(&parquet(columns.clone(), properties));
        Input::new("footer.parquet", &file).refused("67108868 bytes or more of column `model`");
        // The size as Thrift writes it, of a page with 4 bytes before its text, and 1000 as long.
        let (said, less) = ([0x88, 0x80, 0x80, 0x40], [0xd0, 0x8f, 0x80, 0x00]);
        let at = file.windows(4).position(|bytes| bytes == said).unwrap();
        let mut file = file;
        file[at..at + 4].copy_from_slice(&less);
        let said = Input::new("head.parquet", &file).read();
        let damaged = said[0].as_deref().unwrap();
        assert!(damaged.contains("not readable as Parquet"), "{damaged}");
    }
}

/// As many rows as the reader takes, of which only the numbers of prompts and responses differ, and
/// those by one each.
#[test]
fn rows_that_take_no_room() {
    let _turn = turn();
    const ROWS: usize = 1_650_000;
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let one = |text: &str| -> ArrayRef {
        let mut texts = StringDictionaryBuilder::<Int32Type>::new();
        (0..ROWS).for_each(|_| texts.append_value(text));
        Arc::new(texts.finish())
    };
    let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0; ROWS]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", one("m")),
        ("prompt_id", numbers.clone()),
        ("response_id", numbers),
        ("source", one("s")),
        ("group", one("g")),
        ("answer", one("a")),
        ("logprob", zeros.clone()),
        ("weight", Arc::new(Float64Array::from(vec![1.0; ROWS]))),
        ("tokens", Arc::new(Float64Array::from(vec![1.0; ROWS]))),
        ("reward", zeros),
        ("text", one("t")),
        ("prompt", one("q")),
        ("gold", one("g")),
    ];
    let mut properties = plain().set_writer_version(WriterVersion::PARQUET_2_0);
    for name in ["prompt_id", "response_id"] {
        properties = properties
            .set_column_dictionary_enabled(name.into(), false)
            .set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
    }
    let scores = Input::new(
        "scores.parquet",
        &parquet(columns.clone(), properties.clone()),
    );
    assert_eq!(scores.read()[0], None, "they are a table");
    let columns = columns
        .into_iter()
        .filter(|(name, _)| !["logprob", "source"].contains(name));
    let samples = Input::new("samples.parquet", &parquet(columns.collect(), properties));
    assert_eq!(samples.read()[1], None, "they are a table");
}

/// The file with bytes before its footer that belong to no column, which make it long and nothing
/// else.
fn padded(file: &[u8]) -> Vec<u8> {
    let (_, length) = file[..file.len() - 4].split_last_chunk::<4>().unwrap();
    let footer = file.len() - u32::from_le_bytes(*length) as usize - 8;
    let room = vec![0; LARGEST - file.len()];
    [&file[..footer], &room, &file[footer..]].concat()
}

/// More rows than a table of 2 MB may have, and models of which each gives every 64th prompt.
#[test]
fn rows_in_a_file_with_room_to_spare() {
    let _turn = turn();
    let table = |rows: i64, models: i64| {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; rows as usize]));
        let model = Int64Array::from_iter_values((0..rows).map(|row| row % models));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("model", Arc::new(model)),
            ("prompt_id", numbers.clone()),
            ("response_id", numbers),
            ("reward", zeros.clone()),
            ("text", zeros.clone()),
            ("answer", zeros),
        ];
        let numbers = ["prompt_id", "response_id"].into_iter();
        let properties = plain().set_writer_version(WriterVersion::PARQUET_2_0);
        let properties = numbers.fold(properties, |properties, name| {
            properties
                .set_column_dictionary_enabled(name.into(), false)
                .set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED)
        });
        padded(&parquet(columns, properties))
    };
    let many = table(4 << 20, 1);
    check(
        "many.parquet",
        &many,
        "4194304 rows in a file of 2097152 bytes",
    );
    check(
        "turns.parquet",
        &table(2 << 20, 64),
        "64 models by 2097152 prompts",
    );
}

#[test]
fn items_that_take_no_room() {
    let _turn = turn();
    let mut lists = ListBuilder::new(Float32Builder::new());
    (0..1 << 22).for_each(|_| lists.values().append_value(0.0));
    lists.append(true);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(StringArray::from(vec!["a"]))),
        ("prompt_id", Arc::new(Int64Array::from(vec![1]))),
        ("logprob", Arc::new(Float64Array::from(vec![0.0]))),
        ("token_logprobs", Arc::new(lists.finish())),
    ];
    check(
        "items.parquet",
        &parquet(columns, plain()),
        "4194304 items in the lists",
    );
}
