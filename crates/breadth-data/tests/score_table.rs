//! The score table against a slow and obvious construction of it, through every format.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use breadth_data::{Provenance, ReadOptions, ScoreRow, ScoreTable, write_scores};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// The table by linear searches, as its documentation describes it.
fn oracle(rows: &[ScoreRow], intersect: bool) -> ScoreTable {
    let models = distinct(rows.iter().map(|row| row.model.as_str()));
    let keys = distinct(rows.iter().map(key));
    let find = |model: &str, at: (&str, &str, &str)| {
        rows.iter().find(|row| row.model == model && key(row) == at)
    };
    let everyone = |at: &(&str, &str, &str)| models.iter().all(|model| find(model, *at).is_some());
    let keys: Vec<_> = keys
        .into_iter()
        .filter(|at| !intersect || everyone(at))
        .collect();
    let (sources, source) = codes(keys.iter().map(|key| key.0));
    let (prompts, prompt) = codes(keys.iter().map(|key| key.1));
    let (responses, response) = codes(keys.iter().map(|key| key.2));
    let any = |at| rows.iter().find(|row| key(row) == at).unwrap();
    let grouped = rows.iter().any(|row| row.group.is_some());
    let group = keys.iter().filter_map(|key| any(*key).group.as_deref());
    let (groups, group) = codes(group);
    let weight = keys
        .iter()
        .map(|key| any(*key).weight.unwrap_or(1.0))
        .collect();
    let value = |model: &String, at| find(model, at).unwrap().logprob.min(0.0);
    ScoreTable {
        logprob: models
            .iter()
            .map(|model| {
                keys.iter()
                    .map(|key| value(&model.to_string(), *key))
                    .collect()
            })
            .collect(),
        models: models.into_iter().map(String::from).collect(),
        sources,
        source,
        prompts,
        prompt,
        responses,
        response,
        groups,
        group: grouped.then_some(group),
        weight: rows
            .iter()
            .any(|row| row.weight.is_some())
            .then_some(weight),
        ..ScoreTable::default()
    }
}

fn key(row: &ScoreRow) -> (&str, &str, &str) {
    (&row.source, &row.prompt_id, &row.response_id)
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut seen, item| {
        if !seen.contains(&item) {
            seen.push(item);
        }
        seen
    })
}

fn codes<'a>(items: impl Iterator<Item = &'a str> + Clone) -> (Vec<String>, Vec<u32>) {
    let names = distinct(items.clone());
    let code = |item| names.iter().position(|name| *name == item).unwrap() as u32;
    (
        names.iter().map(|name| name.to_string()).collect(),
        items.map(code).collect(),
    )
}

const IDS: [&str; 8] = [
    "0",
    "7",
    "-1",
    "data",
    "a b",
    "\"q\", x\n",
    "né",
    "step-000090",
];

fn log_prob() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -50.0..0.0f64,
        1 => Just(f64::NEG_INFINITY),
        1 => Just(0.0),
        1 => 0.0..1e-3f64,
    ]
}

/// Rows of a complete table, in random order; weights and groups belong to the response.
fn complete() -> impl Strategy<Value = Vec<ScoreRow>> {
    let ids = || select(&IDS[..]);
    let keys = prop::collection::hash_set((ids(), ids(), ids()), 1..12);
    let models = prop::collection::hash_set(ids(), 1..5);
    (keys, models, any::<bool>(), any::<bool>())
        .prop_flat_map(|(keys, models, weighted, grouped)| {
            let values =
                prop::collection::vec((log_prob(), 0.1..4.0f64), keys.len() * models.len());
            values.prop_map(move |values| {
                let pairs = models
                    .iter()
                    .flat_map(|model| keys.iter().map(move |key| (model, key)));
                let mut weights = HashMap::new();
                let rows = pairs
                    .zip(values)
                    .map(|((model, key), (logprob, weight))| ScoreRow {
                        source: key.0.into(),
                        prompt_id: key.1.into(),
                        response_id: key.2.into(),
                        model: model.to_string(),
                        logprob,
                        weight: weighted.then(|| *weights.entry(*key).or_insert(weight)),
                        group: grouped.then(|| key.1.chars().take(1).collect()),
                        ..ScoreRow::default()
                    });
                rows.collect::<Vec<_>>()
            })
        })
        .prop_shuffle()
}

fn write_json_lines(path: &Path, rows: &[ScoreRow]) {
    let mut file = std::fs::File::create(path).unwrap();
    for row in rows {
        let logprob = if row.logprob.is_finite() {
            json!(row.logprob)
        } else {
            json!("-inf")
        };
        let line = json!({
            "source": row.source, "prompt_id": row.prompt_id, "response_id": row.response_id,
            "model": row.model, "logprob": logprob, "group": row.group, "weight": row.weight,
        });
        writeln!(file, "{line}").unwrap();
    }
}

fn write_csv(path: &Path, rows: &[ScoreRow]) {
    let mut file = csv::Writer::from_path(path).unwrap();
    let header = [
        "logprob",
        "group",
        "weight",
        "model",
        "response_id",
        "prompt_id",
        "source",
    ];
    file.write_record(header).unwrap();
    for row in rows {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let (logprob, weight) = (number(Some(row.logprob)), number(row.weight));
        let group = row.group.as_deref().unwrap_or_default();
        let ids = [&row.model, &row.response_id, &row.prompt_id, &row.source].map(String::as_str);
        let fields = [&logprob, group, &weight].into_iter().chain(ids);
        file.write_record(fields).unwrap();
    }
    file.flush().unwrap();
}

/// The rows through each format: Parquet, JSON Lines, CSV.
fn through_files(rows: &[ScoreRow], options: &ReadOptions) -> Vec<ScoreTable> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_scores(&path("a.parquet"), rows, &Provenance::default()).unwrap();
    write_json_lines(&path("a.jsonl"), rows);
    write_csv(&path("a.csv"), rows);
    let read = |name| ScoreTable::read(&[path(name)], options).unwrap();
    ["a.parquet", "a.jsonl", "a.csv"].map(read).into()
}

/// A table as a set of facts, whatever the order of its rows.
fn facts(table: &ScoreTable) -> Vec<(String, [String; 3], u64, String, String)> {
    let mut facts = Vec::new();
    for (model, column) in table.models.iter().zip(&table.logprob) {
        for (row, value) in column.iter().enumerate() {
            let name = |names: &[String], codes: &[u32]| names[codes[row] as usize].clone();
            let key = [
                name(&table.sources, &table.source),
                name(&table.prompts, &table.prompt),
                name(&table.responses, &table.response),
            ];
            let group = table.group.as_ref().map(|codes| name(&table.groups, codes));
            let weight = table.weight.as_ref().map(|weights| weights[row]);
            let (group, weight) = (format!("{group:?}"), format!("{weight:?}"));
            facts.push((model.clone(), key, value.to_bits(), group, weight));
        }
    }
    facts.sort();
    facts
}

/// The expected table with its models in the order of another: steps are put in order.
fn in_order_of(table: &ScoreTable, mut expected: ScoreTable) -> ScoreTable {
    let place = |model: &String| expected.models.iter().position(|known| known == model);
    let order: Vec<usize> = table.models.iter().filter_map(place).collect();
    assert_eq!(order.len(), expected.models.len());
    expected.logprob = order
        .iter()
        .map(|&at| expected.logprob[at].clone())
        .collect();
    expected.models = table.models.clone();
    expected
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_format_gives_the_table_of_the_oracle(rows in complete()) {
        let expected = oracle(&rows, false);
        for table in through_files(&rows, &ReadOptions::default()) {
            prop_assert_eq!(&table, &in_order_of(&table, expected.clone()));
        }
    }

    #[test]
    fn the_order_of_rows_changes_only_the_order(rows in complete()) {
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| (row.model.clone(), key(row).1.to_string(), key(row).0.to_string()));
        let options = ReadOptions::default();
        let expected = facts(&oracle(&rows, false));
        for table in through_files(&sorted, &options) {
            prop_assert_eq!(facts(&table), expected.clone());
        }
    }

    #[test]
    fn rows_missing_for_a_model_are_refused_or_left_out(rows in complete(), drop in any::<prop::sample::Index>()) {
        let mut rows = rows;
        let dropped = rows.remove(drop.index(rows.len()));
        let left = |row: &ScoreRow| row.model == dropped.model;
        let lacks = rows.iter().any(left) && rows.iter().any(|row| key(row) == key(&dropped));
        prop_assume!(lacks);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_scores(&path, &rows, &Provenance::default()).unwrap();
        let refused = ScoreTable::read(std::slice::from_ref(&path), &ReadOptions::default());
        let message = refused.unwrap_err().to_string();
        prop_assert!(message.contains("lacks 1 of"), "{}", message);
        let options = ReadOptions { intersect: true, ..ReadOptions::default() };
        let table = ScoreTable::read(&[path], &options).unwrap();
        let expected = in_order_of(&table, oracle(&rows, true));
        prop_assert_eq!(table, expected);
    }

    #[test]
    fn one_source_is_what_the_rows_of_that_source_give(rows in complete()) {
        let source = rows[0].source.clone();
        let table = oracle(&rows, false).with_source(&source).unwrap();
        let own: Vec<ScoreRow> = rows.into_iter().filter(|row| row.source == source).collect();
        // The rows of a source need not meet the models in the order of the whole table.
        let expected = in_order_of(&table, oracle(&own, false));
        prop_assert_eq!(table, expected);
    }

    #[test]
    fn duplicates_are_found_wherever_they_stand(rows in complete(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let mut rows = rows;
        let copy = rows[from.index(rows.len())].clone();
        rows.insert(to.index(rows.len() + 1), copy.clone());
        let places: Vec<usize> = (1..).zip(&rows)
            .filter(|(_, row)| row.model == copy.model && key(row) == key(&copy))
            .map(|(place, _)| place)
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_scores(&path, &rows, &Provenance::default()).unwrap();
        let error = ScoreTable::read(std::slice::from_ref(&path), &ReadOptions::default()).unwrap_err();
        let name = path.display();
        let expected = format!("{name}, row {}: duplicate of {name}, row {}:", places[1], places[0]);
        prop_assert!(error.to_string().starts_with(&expected), "{}", error);
    }
}

/// A table of three models, written model by model.
fn large(responses: usize) -> Vec<ScoreRow> {
    let value = |model: usize, at: usize| -(((model * 7919 + at * 104_729) % 9973) as f64) / 7.0;
    let rows = (0..3).flat_map(|model| (0..responses).map(move |at| (model, at)));
    rows.map(|(model, at)| ScoreRow {
        source: "data".into(),
        prompt_id: format!("prompt {:05}", at / 2),
        response_id: (at % 2).to_string(),
        model: format!("model {model}"),
        logprob: value(model, at),
        ..ScoreRow::default()
    })
    .collect()
}

/// Enough rows for several blocks of text.
const SEVERAL_BLOCKS: usize = 8000;
/// Enough rows for several row groups and waves.
const SEVERAL_GROUPS: usize = 100_000;

#[test]
fn a_large_table_is_the_same_in_any_order_format_and_number_of_threads() {
    let mut rows = large(SEVERAL_BLOCKS);
    let options = ReadOptions::default();
    let tables = through_files(&rows, &options);
    let table = &tables[0];
    assert_eq!(
        (table.rows(), table.prompts.len()),
        (SEVERAL_BLOCKS, SEVERAL_BLOCKS / 2)
    );
    for (model, column) in table.logprob.iter().enumerate() {
        let given = rows[model * SEVERAL_BLOCKS..].iter().map(|row| row.logprob);
        assert!(
            column.iter().copied().eq(given.take(SEVERAL_BLOCKS)),
            "model {model}"
        );
    }
    let same = |tables: Vec<ScoreTable>| tables.iter().all(|other| other == table);
    assert!(same(tables.clone()));

    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert!(
        same(one.install(|| through_files(&rows, &options))),
        "one thread"
    );

    rows.sort_by_cached_key(|row| (row.prompt_id.clone(), row.response_id.clone()));
    assert!(same(through_files(&rows, &options)), "response by response");

    rows.sort_by_cached_key(|row| (row.logprob.to_bits(), row.prompt_id.clone()));
    let shuffled = through_files(&rows, &options);
    assert!(
        shuffled.iter().all(|other| facts(other) == facts(table)),
        "shuffled"
    );
}

#[test]
fn places_are_right_in_every_row_group_and_block() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, first: String, second: String| {
        let path = folder.path().join(name);
        let error = ScoreTable::read(std::slice::from_ref(&path), &ReadOptions::default());
        let name = path.display();
        let expected = format!("{name}, {second}: duplicate of {name}, {first}:");
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    };
    let with_copy = |responses: usize| {
        let mut rows = large(responses);
        rows.push(rows[2 * responses].clone());
        rows
    };
    let rows = with_copy(SEVERAL_GROUPS);
    write_scores(
        &folder.path().join("a.parquet"),
        &rows,
        &Provenance::default(),
    )
    .unwrap();
    check(
        "a.parquet",
        format!("row {}", 2 * SEVERAL_GROUPS + 1),
        format!("row {}", rows.len()),
    );
    let rows = with_copy(SEVERAL_BLOCKS);
    write_json_lines(&folder.path().join("a.jsonl"), &rows);
    check(
        "a.jsonl",
        format!("line {}", 2 * SEVERAL_BLOCKS + 1),
        format!("line {}", rows.len()),
    );
    write_csv(&folder.path().join("a.csv"), &rows);
    check(
        "a.csv",
        format!("line {}", 2 * SEVERAL_BLOCKS + 2),
        format!("line {}", rows.len() + 1),
    );
}

#[test]
fn one_row_is_a_table_and_log_probabilities_just_above_zero_become_zero() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, r#"{"model":1,"prompt_id":2,"logprob":0.001}"#).unwrap();
    let table = ScoreTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(table.logprob, [[0.0]]);
    assert_eq!(
        (&table.sources, &table.responses),
        (&vec!["data".into()], &vec!["0".into()])
    );
    assert_eq!(table.weight, None);
}

#[test]
fn weights_that_some_rows_leave_out_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let rows = "a,1,-1,\na,2,-1,3\nb,1,-1,\nb,2,-1,\n";
    std::fs::write(&path, format!("model,prompt_id,logprob,weight\n{rows}")).unwrap();
    let table = ScoreTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(table.weight, Some(vec![1.0, 3.0]));
}

#[test]
fn inputs_are_files_folders_globs_and_run_folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("many")).unwrap();
    let rows = large(10);
    let made = Provenance::default();
    for (at, model) in rows.chunks(10).enumerate() {
        write_scores(&path(&format!("many/{at}.parquet")), model, &made).unwrap();
    }
    std::fs::write(path("many/README.md"), "not a table").unwrap();
    std::fs::write(path("many/.breadth-tmp-x.parquet"), "PAR1 half of a table").unwrap();
    let files: Vec<PathBuf> = (0..3)
        .map(|at| path(&format!("many/{at}.parquet")))
        .collect();
    let read = |inputs: &[PathBuf]| ScoreTable::read(inputs, &ReadOptions::default()).unwrap();
    let table = read(&files);
    assert_eq!((table.models.len(), table.rows()), (3, 10));
    assert_eq!(read(&[path("many")]), table);
    assert_eq!(read(&[path("many/[0-9]*.parquet")]), table);
    assert_eq!(read(&[path("m*/?.parquet")]), table);
    std::fs::write(path("run.json"), "{}").unwrap();
    write_scores(&path("scores.parquet"), &rows[..5], &made).unwrap();
    assert_eq!(read(&[folder.path().into()]).rows(), 5);
}

/// What a data frame hands over, in other types and in two pieces, is what its file says.
#[test]
fn batches_are_read_as_the_file_of_the_same_rows() {
    use arrow_array::{Array, ArrayRef, Float32Array, LargeStringArray, RecordBatch};
    use std::sync::Arc;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scores.parquet");
    let logprob = |at: u64| -1.5 - at as f64 / 8.0;
    let rows: Vec<ScoreRow> = (0..12)
        .map(|at| ScoreRow {
            source: "data".into(),
            prompt_id: (at % 6 / 2).to_string(),
            response_id: (at % 2).to_string(),
            model: if at < 6 { "step-100" } else { "step-20" }.into(),
            logprob: logprob(at),
            group: Some("g".into()),
            ..ScoreRow::default()
        })
        .collect();
    write_scores(&path, &rows, &Provenance::default()).unwrap();
    let text = |of: fn(&ScoreRow) -> String| -> ArrayRef {
        Arc::new(LargeStringArray::from_iter_values(rows.iter().map(of)))
    };
    let values = rows.iter().map(|row| row.logprob as f32);
    let whole = RecordBatch::try_from_iter([
        ("model", text(|row| row.model.clone())),
        ("prompt_id", text(|row| row.prompt_id.clone())),
        ("response_id", text(|row| row.response_id.clone())),
        (
            "logprob",
            Arc::new(values.collect::<Float32Array>()) as ArrayRef,
        ),
        ("group", text(|row| row.group.clone().unwrap())),
    ])
    .unwrap();
    let options = ReadOptions::default();
    let file = ScoreTable::read(&[path], &options).unwrap();
    let pieces = [whole.slice(0, 5), whole.slice(5, 7)];
    let batches = ScoreTable::from_batches(pieces, &options).unwrap();
    assert_eq!(batches, file);
    assert_eq!(batches.models, ["step-20", "step-100"]);
    let again = ScoreTable::from_batches([file.to_batch()], &options).unwrap();
    assert_eq!(again, file);

    let refused = |batch: RecordBatch| {
        let error = ScoreTable::from_batches([batch], &options).unwrap_err();
        error.to_string()
    };
    let above =
        RecordBatch::try_from_iter(whole.schema().fields().iter().zip(whole.columns()).map(
            |(field, column)| {
                let column: ArrayRef = match field.name().as_str() {
                    "logprob" => Arc::new(Float32Array::from(vec![1.0; column.len()])),
                    _ => column.clone(),
                };
                (field.name().clone(), column)
            },
        ));
    assert!(refused(above.unwrap()).starts_with("the data frame, row 1, column `logprob`: "));
    assert!(refused(whole.project(&[0, 1]).unwrap()).starts_with("the data frame: "));
    let none = refused(whole.slice(0, 0));
    assert_eq!(none, "the data frame: no rows; a table needs at least one");
}

/// A frame of one long batch is read in pieces, a dictionary in pieces no shorter than it is.
#[test]
fn a_long_batch_is_its_pieces_and_errors_name_the_row() {
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    const PROMPTS: usize = 80_000;
    let row = |i: usize| (["a", "b"][i / PROMPTS], (i % PROMPTS).to_string());
    let ids = |as_dictionary: bool| -> [ArrayRef; 2] {
        let (models, prompts): (Vec<&str>, Vec<String>) = (0..2 * PROMPTS).map(row).unzip();
        if as_dictionary {
            let prompts = prompts.iter().map(String::as_str);
            [
                Arc::new(models.into_iter().collect::<DictionaryArray<Int32Type>>()),
                Arc::new(prompts.collect::<DictionaryArray<Int32Type>>()),
            ]
        } else {
            [
                Arc::new(StringArray::from(models)),
                Arc::new(StringArray::from(prompts)),
            ]
        }
    };
    let batch = |as_dictionary, wrong: Option<usize>| {
        let log_prob = |i| {
            if Some(i) == wrong {
                0.5
            } else {
                -1.0 - i as f64
            }
        };
        let log_probs: Float64Array = (0..2 * PROMPTS).map(log_prob).map(Some).collect();
        let [models, prompts] = ids(as_dictionary);
        let log_probs: ArrayRef = Arc::new(log_probs);
        let columns = [
            ("model", models),
            ("prompt_id", prompts),
            ("logprob", log_probs),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let read = |batches: Vec<RecordBatch>| {
        let table = ScoreTable::from_batches(batches, &ReadOptions::default());
        table.map_err(|error| error.to_string())
    };
    let whole = read(vec![batch(false, None)]).unwrap();
    assert_eq!(whole.logprob[1][PROMPTS - 1], -2.0 * PROMPTS as f64);
    assert_eq!(read(vec![batch(true, None)]).unwrap(), whole);
    let cut = batch(false, None);
    let pieces = vec![
        cut.slice(0, 70_001),
        cut.slice(70_001, 2 * PROMPTS - 70_001),
    ];
    assert_eq!(read(pieces).unwrap(), whole);
    // Of two wrong rows the first is named, whichever thread was faster.
    let wrong = batch(false, Some(150_000));
    let error = read(vec![wrong.clone(), wrong]).unwrap_err();
    assert!(
        error.contains("the data frame, row 150001, column `logprob`"),
        "{error}"
    );
}
