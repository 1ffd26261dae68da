//! Tables as other programs write them: what is read nevertheless, and what is said of the rest.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int64Array,
    ListArray, NullArray, RecordBatch, StringArray, types::Int64Type,
};
use arrow_schema::{Field, Schema};
use breadth_data::{Outcome, ReadOptions, SampleTable, ScoreTable};
use insta::assert_snapshot;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

/// A folder for one test, whose path is left out of messages.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn message(&self, error: impl std::fmt::Display) -> String {
        let folder = format!("{}/", self.0.path().display());
        error.to_string().replace(&folder, "")
    }

    fn scores(&self, path: PathBuf, options: &ReadOptions) -> Result<ScoreTable, String> {
        ScoreTable::read(&[path], options).map_err(|error| self.message(error))
    }

    fn samples(&self, path: PathBuf, options: &ReadOptions) -> Result<SampleTable, String> {
        SampleTable::read(&[path], options).map_err(|error| self.message(error))
    }
}

fn scores(name: &str, content: impl AsRef<[u8]>) -> Result<ScoreTable, String> {
    let folder = Folder::new();
    let path = folder.file(name, content);
    folder.scores(path, &ReadOptions::default())
}

fn samples(name: &str, content: impl AsRef<[u8]>) -> Result<SampleTable, String> {
    let folder = Folder::new();
    let path = folder.file(name, content);
    folder.samples(path, &ReadOptions::default())
}

fn batch(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// What a batch gives as a frame, which must be what it gives as a Parquet file.
fn of_batch<T: std::fmt::Debug>(
    batch: &RecordBatch,
    of_frame: impl Fn(RecordBatch) -> Result<T, String>,
    of_file: impl Fn(&Folder, PathBuf) -> Result<T, String>,
) -> Result<T, String> {
    let folder = Folder::new();
    let path = folder.file("s.parquet", "");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None);
    writer.as_mut().unwrap().write(batch).unwrap();
    writer.unwrap().close().unwrap();
    let name = |result: Result<T, String>| {
        result.map_err(|message| message.replace("s.parquet", "the data frame"))
    };
    let (frame, file) = (of_frame(batch.clone()), name(of_file(&folder, path)));
    // Rewards that nobody gave are NaN, which is not equal to itself.
    assert_eq!(format!("{frame:?}"), format!("{file:?}"));
    frame
}

fn scores_of(batch: &RecordBatch) -> Result<ScoreTable, String> {
    let options = ReadOptions::default();
    of_batch(
        batch,
        |batch| ScoreTable::from_batches([batch], &options).map_err(|e| e.to_string()),
        |folder, path| folder.scores(path, &options),
    )
}

fn samples_of(batch: &RecordBatch, options: &ReadOptions) -> Result<SampleTable, String> {
    of_batch(
        batch,
        |batch| SampleTable::from_batches([batch], options).map_err(|e| e.to_string()),
        |folder, path| folder.samples(path, options),
    )
}

fn renamed(here: &str, there: &str) -> ReadOptions {
    ReadOptions {
        columns: vec![(here.into(), there.into())],
        ..ReadOptions::default()
    }
}

/// Writers of shards leave row groups without rows.
#[test]
fn row_groups_without_rows() {
    let schema = "message m { required binary model (UTF8); required binary prompt_id (UTF8); \
                  required double logprob; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let folder = Folder::new();
    let write = |name: &str, groups: &[Vec<f64>]| {
        let path = folder.file(name, "");
        let properties = Arc::new(WriterProperties::default());
        let file = File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema.clone(), properties).unwrap();
        let mut prompt = 0;
        for values in groups {
            let mut group = writer.next_row_group().unwrap();
            let ids: Vec<_> = (0..values.len())
                .map(|_| {
                    prompt += 1;
                    parquet::data_type::ByteArray::from(format!("p{prompt}").as_str())
                })
                .collect();
            let models: Vec<_> = ids.iter().map(|_| "m".into()).collect();
            for texts in [models, ids] {
                let mut column = group.next_column().unwrap().unwrap();
                column
                    .typed::<parquet::data_type::ByteArrayType>()
                    .write_batch(&texts, None, None)
                    .unwrap();
                column.close().unwrap();
            }
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<parquet::data_type::DoubleType>()
                .write_batch(values, None, None)
                .unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        folder.scores(path, &ReadOptions::default())
    };
    let groups = [vec![], vec![-1.0, -2.0], vec![], vec![], vec![-3.0], vec![]];
    let table = write("some.parquet", &groups).unwrap();
    assert_eq!(table.logprob, [[-1.0, -2.0, -3.0]]);
    let below = write("bad.parquet", &[vec![-1.0], vec![], vec![f64::NAN]]).unwrap_err();
    assert!(
        below.starts_with("bad.parquet, row 2, column `logprob`"),
        "{below}"
    );
    let none = write("none.parquet", &[vec![]]).unwrap_err();
    assert_snapshot!(none, @"none.parquet: no rows; a table needs at least one");
}

/// A candidate must not vanish from a folder without a word.
#[cfg(unix)]
#[test]
fn files_of_a_folder_that_hold_nothing() {
    let folder = Folder::new();
    folder.file("step-1.csv", "model,prompt_id,logprob\na,1,-1\n");
    folder.file("step-2.jsonl", "");
    let all = folder.0.path().to_path_buf();
    let table = folder.scores(all.clone(), &ReadOptions::default()).unwrap();
    assert_eq!(
        folder.message(table.remarks.join("\n")),
        "without rows: step-2.jsonl"
    );
    std::os::unix::fs::symlink("nowhere", all.join("step-3.jsonl")).unwrap();
    let error = folder.scores(all, &ReadOptions::default()).unwrap_err();
    assert!(
        error.starts_with("step-3.jsonl: cannot be read (No such file"),
        "{error}"
    );
}

#[test]
fn two_columns_of_one_name() {
    let (id, value) = (texts(&["m"]), numbers(&[-1.0]));
    let field = |name: &str, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
    let schema = Schema::new(vec![
        field("model", &id),
        field("prompt_id", &id),
        field("logprob", &value),
        field("logprob", &value),
    ]);
    let columns = vec![id.clone(), id, value.clone(), value];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let refused = scores_of(&batch).unwrap_err();
    assert_snapshot!(refused, @"the data frame: two columns are named `logprob`; rename or drop one of them");
}

/// pandas keeps whole numbers so where some are missing, and JSON may.
#[test]
fn ids_that_are_whole_numbers_of_floating_point() {
    let lines = r#"{"model": "m", "prompt_id": 7.0, "response_id": 1e2, "logprob": -1}"#;
    let of_lines = scores("s.jsonl", lines).unwrap();
    let decimals = Decimal128Array::from(vec![100]).with_precision_and_scale(10, 0);
    let table = |ids: ArrayRef, responses: ArrayRef| {
        scores_of(&batch([
            ("model", texts(&["m"])),
            ("prompt_id", ids),
            ("response_id", responses),
            ("logprob", numbers(&[-1.0])),
        ]))
    };
    let of_floats = table(numbers(&[7.0]), Arc::new(decimals.unwrap())).unwrap();
    assert_eq!(
        (&of_lines.prompts[..], &of_lines.responses[..]),
        (&["7".into()][..], &["100".into()][..])
    );
    assert_eq!(of_lines, of_floats);
    let most = (1_u64 << 53) as f64;
    let largest = table(numbers(&[most]), numbers(&[-0.0])).unwrap();
    assert_eq!(
        (&largest.prompts[0][..], &largest.responses[0][..]),
        ("9007199254740992", "0")
    );
    let beyond = table(numbers(&[most + 2.0]), texts(&["0"])).unwrap_err();
    assert_snapshot!(beyond, @"the data frame, row 1, column `prompt_id`: found 9007199254740994.0 (no whole number up to 2^53; write ids as text) where strings or integers belong");
    let missing = table(numbers(&[f64::NAN]), texts(&["0"])).unwrap_err();
    assert_snapshot!(missing, @"the data frame, row 1, column `prompt_id`: no value; fill it in or remove the row");
}

/// Whatever stands in a column `group`, or in one that is read as text.
#[test]
fn numbers_and_truth_values_as_texts() {
    let groups = |group: ArrayRef| {
        let rows = ["p1", "p2"];
        let table = scores_of(&batch([
            ("model", texts(&["m", "m"])),
            ("prompt_id", texts(&rows)),
            ("logprob", numbers(&[-1.0, -2.0])),
            ("group", group),
        ]));
        table.unwrap().groups
    };
    assert_eq!(groups(numbers(&[0.5, 2.0])), ["0.5", "2"]);
    assert_eq!(
        groups(Arc::new(Float32Array::from(vec![0.1, 0.25]))),
        ["0.1", "0.25"]
    );
    assert_eq!(
        groups(Arc::new(BooleanArray::from(vec![true, false]))),
        ["true", "false"]
    );
    assert_eq!(groups(numbers(&[f64::NAN, f64::NAN])), [""; 0]);
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None]);
    assert_eq!(groups(Arc::new(list)), [""; 0]);
    let lines = |group: &str| {
        let line = |prompt| {
            format!(r#"{{"model":"m","prompt_id":{prompt},"logprob":-1,"group":{group}}}"#)
        };
        scores("s.jsonl", format!("{}\n{}\n", line(1), line(2)))
            .unwrap()
            .groups
    };
    assert_eq!(
        (lines("0.5"), lines("true")),
        (vec!["0.5".into()], vec!["true".into()])
    );
    assert_eq!((lines("[1]"), lines("{}")), (vec![], vec![]));
}

#[test]
fn answers_and_texts_that_are_numbers() {
    let options = ReadOptions {
        texts: true,
        answers: true,
        ..ReadOptions::default()
    };
    let batch = batch([
        ("model", texts(&["m", "m"])),
        (
            "prompt_id",
            Arc::new(Int64Array::from(vec![1, 1])) as ArrayRef,
        ),
        ("response_id", numbers(&[0.0, 1.0])),
        ("text", numbers(&[3.5, 7.0])),
        ("answer", numbers(&[3.5, f64::NAN])),
        ("gold", numbers(&[3.5, 3.5])),
    ]);
    let of_frame = samples_of(&batch, &options).unwrap();
    let folder = Folder::new();
    let lines = "{\"model\":\"m\",\"prompt_id\":1,\"response_id\":0,\"text\":3.5,\"answer\":3.5,\"gold\":3.5}\n\
                 {\"model\":\"m\",\"prompt_id\":1,\"response_id\":1,\"text\":7.0,\"gold\":3.5}\n";
    let of_lines = folder
        .samples(folder.file("s.jsonl", lines), &options)
        .unwrap();
    assert_eq!(
        (&of_frame.answer, &of_frame.text),
        (&of_lines.answer, &of_lines.text)
    );
    let text = of_lines.text.unwrap();
    assert_eq!(
        (text.texts, text.gold),
        (vec!["3.5".into(), "7".into()], vec![Some("3.5".into())])
    );
    assert_eq!(of_lines.answers, ["3.5", ""]);
}

/// JSON has no other way to write an infinity, and data frames made of it keep the text.
#[test]
fn numbers_that_are_written_as_texts() {
    let read = |values: ArrayRef| {
        scores_of(&batch([
            ("model", texts(&["m", "m", "m"])),
            ("prompt_id", texts(&["1", "2", "3"])),
            ("logprob", values),
            ("weight", Arc::new(NullArray::new(3)) as ArrayRef),
            ("note", Arc::new(NullArray::new(3)) as ArrayRef),
        ]))
    };
    let table = read(texts(&["-inf", " -1.5", "-2"])).unwrap();
    assert_eq!(table.logprob, [[f64::NEG_INFINITY, -1.5, -2.0]]);
    assert_snapshot!(read(texts(&["-1", "-2", "low"])).unwrap_err(), @r#"the data frame, row 3, column `logprob`: found "low" where numbers belong"#);
    assert_snapshot!(read(texts(&["-1", "nan", "-2"])).unwrap_err(), @"the data frame, row 2, column `logprob`: NaN is not a log-probability; score this response again or remove it");
    assert_snapshot!(read(texts(&["-1", "", "-2"])).unwrap_err(), @"the data frame, row 2, column `logprob`: no value; fill it in or remove the row");
    let categories: arrow_array::DictionaryArray<arrow_array::types::Int8Type> =
        vec!["-1", "-inf", "-1"].into_iter().collect();
    let table = read(Arc::new(categories)).unwrap();
    assert_eq!(table.logprob, [[-1.0, f64::NEG_INFINITY, -1.0]]);
}

/// A slip in the name there must not read the column here.
#[test]
fn a_column_that_no_file_has() {
    let folder = Folder::new();
    let csv = "model,prompt_id,logprob\nm,1,-1\n";
    let path = folder.file("s.csv", csv);
    let typo = renamed("logprob", "nope");
    assert_snapshot!(folder.scores(path, &typo).unwrap_err(), @"s.csv: no column `nope`, which `ReadOptions::columns` takes for `logprob`");
    let batch = batch([
        ("model", texts(&["m"])),
        ("prompt_id", texts(&["1"])),
        ("logprob", numbers(&[-1.0])),
    ]);
    let refused = ScoreTable::from_batches([batch], &typo)
        .unwrap_err()
        .to_string();
    assert_snapshot!(refused, @"the data frame: no column `nope`, which `ReadOptions::columns` takes for `logprob`");
    let line = r#"{"model":"m","prompt_id":1,"response_id":0,"reward":1}"#;
    let path = folder.file("s.jsonl", line);
    let refused = folder
        .samples(path.clone(), &renamed("reward", "scoer"))
        .unwrap_err();
    assert_snapshot!(refused, @"s.jsonl: no column `scoer`, which `ReadOptions::columns` takes for `reward`");
    // Score tables given beside these may be those that have it.
    assert!(
        folder
            .samples(path, &renamed("prompt_id", "question"))
            .is_ok()
    );
}

/// Other programs keep the name of a data set there.
#[test]
fn sources_that_are_none_of_ours() {
    let of_data = ReadOptions {
        source: Some("data".into()),
        ..ReadOptions::default()
    };
    let folder = Folder::new();
    let foreign = "model,prompt_id,logprob,source\na,1,-1,gsm8k\na,2,-2,math\n";
    let table = folder
        .scores(folder.file("s.csv", foreign), &of_data)
        .unwrap();
    assert_eq!(
        (table.logprob, table.of_other_sources),
        (vec![vec![-1.0, -2.0]], 0)
    );
    assert_snapshot!(table.remarks.join("\n"), @"the column `source` has neither `data` nor a model (`gsm8k`, `math`): it is not taken for who wrote the responses, and all rows for the data");
    let of_model = foreign.replace("math", "a");
    let refused = folder
        .scores(folder.file("m.csv", of_model), &of_data)
        .unwrap_err();
    assert_snapshot!(refused, @"no rows with source `data` in the table; its sources are `gsm8k`, `a`");
}

#[test]
fn lines_of_windows_are_counted() {
    let rows = |end: &str| ["model,prompt_id,logprob", "A,1,-1", "B,1,x", ""].join(end);
    let unix = scores("s.csv", rows("\n")).unwrap_err();
    assert_snapshot!(unix, @r#"s.csv, line 3, column `logprob`: found "x" where numbers belong"#);
    assert_eq!(scores("s.csv", rows("\r\n")).unwrap_err(), unix);
    let short = rows("\r\n").replace(",x", "");
    assert!(
        scores("s.csv", short)
            .unwrap_err()
            .starts_with("s.csv, line 3: 2 fields")
    );
}

#[test]
fn tabs_and_semicolons_separate_fields() {
    let csv = "model,prompt_id,logprob,note\nm,1,-1.5,x\nm,2,-2,\"x y\"\n";
    let table = scores("s.csv", csv).unwrap();
    for separator in ["\t", ";"] {
        let other = csv.replace(',', separator);
        assert_eq!(
            scores("s.csv", other.replace("x y", &format!("x{separator}y"))).unwrap(),
            table
        );
        assert_eq!(scores("s.csv", other.replace(['"'], "")).unwrap(), table);
    }
    let decimal_commas = csv.replace(',', ";").replace('.', ",");
    assert_snapshot!(scores("s.csv", decimal_commas).unwrap_err(), @r#"s.csv, line 2, column `logprob`: found "-1,5" where numbers belong; a number has a decimal point and no comma: save the file with decimal points"#);
    let more = csv.replace(',', "\t").replace("-1.5\t", "-1.5\t\t");
    assert_snapshot!(scores("s.tsv", more).unwrap_err(), @"s.tsv, line 2: 5 fields where the header has 4; quote fields that contain a tab");
    let file = Folder::new();
    let path = file.file("samples.tsv", "model\tprompt_id\tn\tc\nm\t1\t8\t3\n");
    let found = breadth_data::TablePaths::find(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(found.samples.len(), 1);
    let folder = file.0.path().to_path_buf();
    assert_eq!(
        SampleTable::read(&[folder], &ReadOptions::default())
            .unwrap()
            .models,
        ["m"]
    );
}

#[test]
fn texts_of_other_shapes() {
    let utf_16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            "model,prompt_id,logprob\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    assert_snapshot!(scores("s.csv", utf_16).unwrap_err(), @"s.csv: not readable as a table (by its first bytes); it is UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)");
    assert_snapshot!(scores("s.json", "{\n \"model\": \"m\"\n}\n").unwrap_err(), @"s.json, line 1: one JSON document over several lines; write one object per line (jq -c . puts a document on one)");
    let folder = Folder::new();
    let path = folder.file("model=ck-1/data.csv", "prompt_id,logprob\n1,-1\n");
    let refused = folder.scores(path, &ReadOptions::default()).unwrap_err();
    assert_snapshot!(refused, @"model=ck-1/data.csv: no column `model`; the folder `model=ck-1` says what it holds, but names of folders are not read: write the table with this column in its files, or give the data frame that pandas or Polars reads of the whole folder to the Python package");
}

#[test]
fn grades_that_contradict_each_other() {
    let line = |grades: &str| {
        let line = format!(r#"{{"model":"m","prompt_id":1,"response_id":0,{grades}}}"#);
        samples("s.jsonl", line)
    };
    let two = r#""correct":true,"passed":false"#;
    assert_snapshot!(line(two).unwrap_err(), @"s.jsonl, line 1, column `correct`: 1, but `passed` of this row is 0; say which is the reward: `ReadOptions::columns` takes reward=correct or reward=passed");
    assert_snapshot!(line(r#""reward":0,"passed":true"#).unwrap_err(), @"s.jsonl, line 1, column `reward`: 0, but `passed` of this row is 1; say which is the reward: `ReadOptions::columns` takes reward=reward or reward=passed");
    for grades in [
        r#""reward":0.7,"passed":false"#,
        r#""reward":1,"passed":true,"correct":1"#,
    ] {
        assert!(line(grades).is_ok(), "{grades}");
    }
    let folder = Folder::new();
    let csv = "model,prompt_id,response_id,correct,passed\nm,1,0,True,False\n";
    for (name, text) in [
        ("s.csv", csv.to_owned()),
        (
            "s.jsonl",
            format!(r#"{{"model":"m","prompt_id":1,"response_id":0,{two}}}"#),
        ),
    ] {
        let path = folder.file(name, text);
        for (chosen, reward) in [("correct", 1.0), ("passed", 0.0)] {
            let table = folder
                .samples(path.clone(), &renamed("reward", chosen))
                .unwrap();
            assert_eq!(
                table.outcomes[0][0],
                Some(Outcome::Rewards(vec![reward])),
                "{name} {chosen}"
            );
        }
    }
}

#[test]
fn rewards_off_by_rounding() {
    let csv = |reward: &str| format!("model,prompt_id,response_id,reward\nm,1,0,{reward}\n");
    for (given, reward) in [("1.0000000001", 1.0), ("-1e-17", 0.0), ("1.0", 1.0)] {
        let table = samples("s.csv", csv(given)).unwrap();
        assert_eq!(table.outcomes[0][0], Some(Outcome::Rewards(vec![reward])));
    }
    assert!(samples("s.csv", csv("1.00001")).is_err());
}
