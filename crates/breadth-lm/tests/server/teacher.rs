//! Distillation from a model behind a server.

use std::path::Path;

use breadth_data::{Metrics, RunFolder};
use breadth_lm::Result;
use breadth_lm::decode::score;
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::train::{Source, TrainConfig, train};

use super::fake::{Defect, Dialect, Fake, VOCAB, log_probs};

const CONFIG: &str = r#"
[task]
mixture = { g1 = 1.0 }
[task.graph-search]
middle_layers = 2
width = 2
names = 13
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 16
heads = 2
[optimizer]
learning_rate = 1e-2
[train]
steps = 4
batch_size = 6
log_every = 1
checkpoint_every = 2
[objective]
name = "distill"
"#;

fn config(fake: &Fake, more: &str) -> TrainConfig {
    let teacher = format!("teacher = \"openai:{}/toy\"\n", fake.url);
    TrainConfig::parse(&format!("{CONFIG}{teacher}{more}"), "test.toml").unwrap()
}

fn run(config: &TrainConfig, out: &Path) -> Result<()> {
    train(config, out, "train", &mut |_| {})
}

fn column(out: &Path, name: &str) -> Vec<f64> {
    let metrics = Metrics::read(&out.join("metrics.parquet")).unwrap();
    let found = metrics.columns.into_iter().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("no column {name}")).1
}

/// `KL(p||q)` of the two distributions after a context, all tokens but the `top` likeliest of `p`
/// and `own` taken as one.
fn coarse_kl(student: &Checkpoint, context: &[u32], own: u32, top: usize) -> f64 {
    let p = log_probs(context, 1.0);
    let tokens: Vec<u32> = (0..VOCAB).collect();
    let ends: Vec<Sequence> = tokens
        .chunks(1)
        .map(|response| Sequence {
            prompt: context,
            response,
        })
        .collect();
    let q = score(student, &ends).unwrap();
    let mut order = tokens.clone();
    order.sort_by(|&a, &b| p[b as usize].total_cmp(&p[a as usize]));
    let named = |t: u32| t == own || order[..top].contains(&t);
    let (mut kl, mut rest) = (0.0, (0.0, 0.0));
    for t in tokens {
        let (p, q) = (p[t as usize].exp(), f64::from(q[t as usize][0]).exp());
        match named(t) {
            true if p > 0.0 => kl += p * (p / q).ln(),
            true => {}
            false => rest = (rest.0 + p, rest.1 + q),
        }
    }
    if rest.0 > 0.0 {
        kl + rest.0 * (rest.0 / rest.1).ln()
    } else {
        kl
    }
}

#[test]
fn what_is_minimised_is_the_kl_of_the_laws_that_were_told() {
    let folder = tempfile::tempdir().unwrap();
    for (at, dialect) in [Dialect::Vllm, Dialect::Echo, Dialect::Sglang]
        .into_iter()
        .enumerate()
    {
        for top in [1, 4, VOCAB as usize] {
            let fake = Fake::new(dialect, Defect::None);
            let more = format!("responses = \"data\"\ntop = {top}\n");
            let config = config(&fake, &more);
            let out = folder.path().join(format!("{at}-{top}"));
            run(&config, &out).unwrap();
            let student = Checkpoint::read(&RunFolder::new(&out).checkpoint(0)).unwrap();
            let batch = Source::new(&config).unwrap().batch(0, 0, 6);
            let mut right = 0.0;
            for (prompt, response) in &batch {
                let mut context = prompt.clone();
                for &token in response {
                    right += coarse_kl(&student, &context, token, top) / 6.0;
                    context.push(token);
                }
            }
            let (kl, loss) = (column(&out, "teacher_kl")[0], column(&out, "loss")[0]);
            assert!(
                (kl - right).abs() < 1e-4 * right,
                "{dialect:?} {top}: {kl} {right}"
            );
            assert!((loss - kl).abs() < 1e-9);
        }
    }
}

/// `sum_h alpha_h value_h` over the batch's sequences, by the KLs `a_h` of distributions told as
/// far as `top`; the weights as Eq 25 writes them.
fn truncated_loss(student: &Checkpoint, batch: &[(Vec<u32>, Vec<u32>)], n: f64, top: usize) -> f64 {
    let mut loss = 0.0;
    for (prompt, response) in batch {
        let sequence = Sequence { prompt, response };
        let own = score(student, &[sequence]).unwrap().remove(0);
        let (mut context, mut before) = (prompt.clone(), 0.0);
        for (&token, log_q) in response.iter().zip(own) {
            let a = coarse_kl(student, &context, token, top);
            let left: f64 = (n.ln() - before).max(0.0);
            loss -= (left / a).min(1.0) * f64::from(log_q) / batch.len() as f64;
            before += a;
            context.push(token);
        }
    }
    loss
}

#[test]
fn tokens_as_targets_are_truncated_by_the_kl_of_laws_and_not_of_one_token() {
    let folder = tempfile::tempdir().unwrap();
    let of_top = |top: Option<usize>| {
        let fake = Fake::new(Dialect::Vllm, Defect::None);
        let given = top.map_or(String::new(), |top| format!("top = {top}\n"));
        let more = format!("targets = \"tokens\"\nresponses = \"data\"\ntruncate = 2\n{given}");
        let config = config(&fake, &more);
        let out = folder.path().join(format!("{top:?}"));
        run(&config, &out).unwrap();
        let student = Checkpoint::read(&RunFolder::new(&out).checkpoint(0)).unwrap();
        let batch = Source::new(&config).unwrap().batch(0, 0, 6);
        let right = truncated_loss(&student, &batch, 2.0, top.unwrap_or(VOCAB as usize));
        let loss = column(&out, "loss")[0];
        assert!(
            (loss - right).abs() < 1e-4 * right,
            "{top:?}: {loss} {right}"
        );
        loss
    };
    // Twenty tokens are all that the toy has: its distributions are whole unless the file asks for
    // less.
    let (whole, part) = (of_top(None), of_top(Some(1)));
    assert!(part - whole > 1e-3 * whole, "{part} {whole}");
}

#[test]
fn coverage_by_the_teachers_own_responses_is_exact_and_a_stopped_run_resumes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [("laws", "top = 3\n"), ("tokens", "targets = \"tokens\"\n")] {
        let fake = Fake::new(Dialect::Vllm, Defect::None);
        let config = config(&fake, more);
        let whole = folder.path().join(format!("{name}-whole"));
        run(&config, &whole).unwrap();
        let stopped = folder.path().join(format!("{name}-stopped"));
        let fell = std::panic::catch_unwind(|| {
            train(&config, &stopped, "train", &mut |p| assert!(p.step < 3))
        });
        assert!(fell.is_err());
        run(&config, &stopped).unwrap();
        for file in [
            "checkpoints/step-000004/model.safetensors",
            "metrics.parquet",
        ] {
            let bytes = |out: &Path| std::fs::read(out.join(file)).unwrap();
            assert!(bytes(&whole) == bytes(&stopped), "{name}: {file}");
        }
        // A fresh student spreads its mass over 16 tokens at each of 4 places; the teacher is far
        // from it.
        let shares = ["cov_2", "cov_4", "cov_16"].map(|column_name| column(&whole, column_name));
        assert!(shares[0].iter().zip(&shares[1]).all(|(a, b)| a >= b));
        assert!(shares[1].iter().zip(&shares[2]).all(|(a, b)| a >= b));
        assert!(shares[0][0] > 0.5, "{shares:?}");
    }
}

#[test]
fn a_teacher_that_cannot_be_trusted_or_understood_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for defect in [Defect::Shift(1), Defect::Tempered, Defect::StartToken] {
        let fake = Fake::new(Dialect::Vllm, defect);
        let error = run(&config(&fake, ""), &out).unwrap_err().to_string();
        assert!(error.contains(&fake.url), "{error}");
        assert!(!out.exists());
    }
    // A student of fewer tokens than the teacher's.
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let mut small = config(&fake, "");
    let task = small.task.as_mut().unwrap();
    task.graph_search.as_mut().unwrap().names = 12;
    let error = run(&small, &out).unwrap_err().to_string();
    assert!(
        error.contains("names token") && error.contains("the student's vocabulary is 15"),
        "{error}"
    );
}
