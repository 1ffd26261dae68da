//! Tables as nobody should write them, among many that are in order.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const MODELS: [&str; 4] = ["a", "b", "c", "d"];

/// Log-probabilities at the edges of what is allowed: equal ones, exact powers apart, tiny, huge
/// and infinite ones.
fn log_prob() -> impl Strategy<Value = Value> {
    let edges = vec![
        json!(0),
        json!(-0.0),
        json!(-1e-300),
        json!(0.25_f64.ln()),
        json!(-10.0 * 2_f64.ln()),
        json!(-745.2),
        json!(-1e30),
        json!(-1e25),
        json!("-inf"),
        json!(1e-4),
    ];
    prop_oneof![6 => select(edges), 6 => (-60.0..0.0).prop_map(|v: f64| json!(v))]
}

/// A cell that no column takes, or that only some do.
fn odd_cell() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!("nan"),
        json!(0.5),
        json!(-1),
        json!(1e300),
        json!(-1e308),
        json!("x"),
        json!(true),
        json!([1]),
        json!(18446744073709551615_u64),
    ])
}

/// A score table of up to four models and a dozen responses. In one of eight one cell is odd, in
/// some a row is left out or doubled.
pub fn scores() -> impl Strategy<Value = String> {
    let columns = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let shape = (1..5usize, 1..5usize, 1..4usize, columns, any::<bool>());
    let body = shape.prop_flat_map(|(models, prompts, responses, columns, sampled)| {
        let count = models * prompts * responses;
        let cell = (log_prob(), 0.01..50.0, select(vec!["easy", "hard"]));
        vec(cell, count).prop_map(move |cells| {
            let row = |at: usize| {
                let (log_prob, ..) = &cells[at];
                let response = at / models;
                let mut row = json!({
                    "model": MODELS[at % models],
                    "prompt_id": response / responses,
                    "response_id": response % responses,
                    "logprob": log_prob,
                });
                // What belongs to the response or the prompt is the same for every model: taken
                // from the first.
                let (_, weight, _) = &cells[response * models];
                let (.., group) = &cells[response / responses * responses * models];
                if sampled {
                    // The first prompts are of the data, the others of one model after another.
                    let source = (response / responses).checked_sub(1);
                    row["source"] = json!(source.map_or("data", |source| MODELS[source]));
                }
                if columns.0 {
                    row["weight"] = json!(weight);
                }
                if columns.1 {
                    row["group"] = json!(group);
                }
                if columns.2 {
                    row["tokens"] = json!(1 + response % 3);
                }
                if columns.3 {
                    row["token_logprobs"] = json!([log_prob]);
                    row["tokens"] = json!(1);
                }
                if columns.4 {
                    // All that a prompt may be answered with: the exact sums of `--answers` need
                    // probabilities that sum to 1.
                    row["answer"] = json!(response % 2);
                    row["logprob"] = json!(-(responses as f64).ln());
                    row["token_logprobs"] = json!(null);
                }
                row
            };
            (0..cells.len()).map(row).collect::<Vec<Value>>()
        })
    });
    spoiled(
        body,
        &[
            "answer",
            "model",
            "prompt_id",
            "response_id",
            "logprob",
            "weight",
            "group",
            "tokens",
            "source",
        ],
    )
}

/// A sample table of rewards, of booleans or of counts.
pub fn samples() -> impl Strategy<Value = String> {
    let shape = (1..4usize, 1..5usize, 1..5usize, 0..3usize);
    let body = shape.prop_flat_map(|(models, prompts, samples, kind)| {
        let count = models * prompts * samples;
        vec((0.0..1.0, 0..3u64, any::<bool>()), count).prop_map(move |cells| {
            let row = |at: usize| {
                let (reward, whole, correct) = cells[at];
                let rest = at / models;
                let mut row = json!({"model": MODELS[at % models], "prompt_id": rest / samples});
                match kind {
                    0 => {
                        row["reward"] = [json!(reward), json!(0), json!(1)][whole as usize].clone()
                    }
                    1 => row["correct"] = json!(correct),
                    _ => {
                        (row["prompt_id"], row["n"], row["c"]) =
                            (json!(rest), json!(whole + 1), json!(whole))
                    }
                }
                if kind < 2 {
                    row["response_id"] = json!(rest % samples);
                    row["answer"] = [json!("x"), json!(7), json!(null)][whole as usize].clone();
                }
                row
            };
            (0..cells.len()).map(row).collect::<Vec<Value>>()
        })
    });
    spoiled(
        body,
        &[
            "model",
            "prompt_id",
            "response_id",
            "reward",
            "correct",
            "n",
            "c",
            "answer",
        ],
    )
}

/// The rows as JSON Lines; now and then with an odd cell, a row missing, or a row twice.
fn spoiled(
    body: impl Strategy<Value = Vec<Value>>,
    columns: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let harm = prop_oneof![6 => Just(0), 2 => Just(1), 1 => Just(2), 1 => Just(3)];
    (
        body,
        harm,
        any::<prop::sample::Index>(),
        select(columns),
        odd_cell(),
    )
        .prop_map(|(mut rows, harm, at, column, cell)| {
            let at = at.index(rows.len());
            match harm {
                1 => rows[at][column] = cell,
                2 => drop(rows.remove(at)),
                3 => rows.push(rows[at].clone()),
                _ => (),
            }
            rows.iter().map(|row| format!("{row}\n")).collect()
        })
}
