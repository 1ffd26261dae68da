//! Jobs on servers: what is finished is not asked for again, and the result is that of a run left
//! alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use breadth_data::{Outcome, Provenance, ReadOptions, SampleTable, ScoreTable};
use breadth_lm::Result;
use breadth_lm::decode::score;
use breadth_lm::generation::{Sampling, Stop};
use breadth_lm::job::{JobProgress, Model, SampleJob, ScoreJob};
use breadth_lm::model::{Checkpoint, Gpt2};
use breadth_lm::rng;
use breadth_lm::text::Item;
use breadth_lm::verifier::Verifier;

use super::fake::{Defect, Dialect, Fake, WEIGHTS, letters, log_probs, scores};
use super::{limits, open, pairs, sequences};

pub fn items(count: u64) -> Vec<Item> {
    let item = |(i, (prompt, response)): (usize, (Vec<u32>, Vec<u32>))| Item {
        prompt_id: i.to_string(),
        response_id: "0".into(),
        prompt,
        response,
        ..Item::default()
    };
    pairs(count).into_iter().enumerate().map(item).collect()
}

fn model(fake: &Fake) -> Model {
    Model::Server(Box::new(open(&[fake], limits())))
}

pub fn score_job(
    models: &[Model],
    items: &[Item],
    out: &Path,
    progress: &mut dyn FnMut(JobProgress),
) -> Result<()> {
    let job = ScoreJob {
        models,
        items,
        references: &[],
        out,
        token_log_probs: true,
        ttt: None,
        command: "score",
    };
    job.run(progress).map(drop)
}

fn sample_job(
    models: &[Model],
    items: &[Item],
    out: &Path,
    progress: &mut dyn FnMut(JobProgress),
) -> Result<()> {
    let job = SampleJob {
        models,
        items,
        sampling: Sampling {
            samples: 3,
            max_tokens: 4,
            end_tokens: vec![0],
            seed: 1,
            ..Sampling::default()
        },
        ttt: None,
        verifier: &Verifier::exact(),
        text: None,
        keep_text: false,
        out,
        command: "sample",
    };
    job.run(progress).map(drop)
}

#[test]
fn a_score_table_from_a_server_is_the_law() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let (fake, items) = (Fake::new(Dialect::Vllm, Defect::None), items(60));
    score_job(&[model(&fake)], &items, &out, &mut |_| {}).unwrap();
    let table = ScoreTable::read(std::slice::from_ref(&out), &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["toy"]);
    for (item, got) in items.iter().zip(&table.logprob[0]) {
        let tokens = [&item.prompt[..], &item.response].concat();
        let each = scores(&tokens, 1.0);
        let right: f64 = each[item.prompt.len()..].iter().map(|v| v.unwrap()).sum();
        assert_eq!(right, *got, "{item:?}");
    }
    let made = Provenance::read(&out).unwrap().unwrap();
    let origin = "server vllm 0.32.0, model toy, probe passed, cannot tell: infinity";
    assert_eq!(made.models, [("toy".to_owned(), origin.to_owned())]);
}

#[test]
fn a_job_stopped_anywhere_ends_in_the_same_bits_and_asks_for_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.parquet");
    // Three parts.
    let items = items(2100);
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    score_job(&[model(&fake)], &items, &whole, &mut |_| {}).unwrap();
    let expected = std::fs::read(&whole).unwrap();
    for stop in [3, 900, 1030, 2060] {
        let out = folder.path().join(format!("{stop}.parquet"));
        let fake = Fake::new(Dialect::Vllm, Defect::None);
        let models = [model(&fake)];
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            let mut watch = |p: JobProgress| assert!(p.done < stop, "stop here");
            score_job(&models, &items, &out, &mut watch).unwrap();
        }));
        assert!(stopped.is_err());
        let before = fake.requests();
        let mut resumed = 0;
        score_job(&models, &items, &out, &mut |p| {
            resumed += u64::from(p.resumed)
        })
        .unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), expected, "{stop}");
        // A finished part of 1024 is 342 requests of three sequences that are not made again.
        let finished = stop / 1024;
        assert_eq!(resumed, finished);
        let most = 700 - 342 * finished as usize + 60;
        assert!(
            fake.requests() - before < most,
            "{stop}: {}",
            fake.requests() - before
        );
    }
}

#[test]
fn sampling_from_a_server_resumes_too() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.parquet");
    let items = items(300);
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    sample_job(&[model(&fake)], &items, &whole, &mut |_| {}).unwrap();
    let expected = std::fs::read(&whole).unwrap();
    let table = SampleTable::read(&[whole], &ReadOptions::default()).unwrap();
    let outcomes = table.outcomes[0].iter();
    assert!(
        outcomes
            .clone()
            .all(|o| matches!(o, Some(Outcome::Rewards(r)) if r.len() == 3))
    );
    assert_eq!(outcomes.count(), 300);
    let out = folder.path().join("stopped.parquet");
    let models = [model(&fake)];
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        let mut watch = |p: JobProgress| assert!(p.done < 500, "stop here");
        sample_job(&models, &items, &out, &mut watch).unwrap();
    }));
    assert!(stopped.is_err());
    sample_job(&models, &items, &out, &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), expected);
}

/// A server that is started again with other weights under the same name.
#[test]
fn weights_that_change_under_one_name_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let models = [model(&fake)];
    type Job<'a> = &'a dyn Fn(&Path, &mut dyn FnMut(JobProgress)) -> Result<()>;
    let (scored, sampled) = (items(2100), items(1000));
    let score: Job = &|out, progress| score_job(&models, &scored, out, progress);
    let sample: Job = &|out, progress| sample_job(&models, &sampled, out, progress);
    for (name, job, stop) in [("score", score, 1100), ("sample", sample, 2050)] {
        let whole = folder.path().join(format!("{name}-whole.parquet"));
        job(&whole, &mut |_| {}).unwrap();
        let expected = std::fs::read(&whole).unwrap();
        let out = folder.path().join(format!("{name}.parquet"));
        let refused = |error: breadth_lm::Error| {
            let error = error.to_string();
            let said = "so its weights differ from those of the finished parts";
            assert!(
                error.contains(said) && error.contains("prompt_id "),
                "{error}"
            );
            assert!(!out.exists());
        };
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            let mut watch = |p: JobProgress| assert!(p.done < stop, "stop here");
            job(&out, &mut watch).unwrap();
        }));
        assert!(stopped.is_err());
        fake.set_weights(WEIGHTS + 1);
        refused(job(&out, &mut |p| assert!(p.resumed || p.tokens == 0)).unwrap_err());
        fake.set_weights(WEIGHTS);
        job(&out, &mut |_| {}).unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), expected, "{name}");
        // In the middle of a job; then neither weights can go on.
        std::fs::remove_file(&out).unwrap();
        let mut change = |p: JobProgress| fake.set_weights(WEIGHTS + u64::from(p.done >= stop));
        refused(job(&out, &mut change).unwrap_err());
        for own in [true, false] {
            fake.set_weights(WEIGHTS + u64::from(!own));
            refused(job(&out, &mut |_| {}).unwrap_err());
        }
        fake.set_weights(WEIGHTS);
        assert!(!out.exists());
    }
}

/// The likeliest response of at most four tokens, up to its end token or the string `stop`.
fn likeliest(prompt: &[u32], stop: &str) -> Vec<u32> {
    let mut context = prompt.to_vec();
    while context.len() < prompt.len() + 4 {
        let log_probs = log_probs(&context, 1.0);
        let best = (0..log_probs.len()).max_by(|&a, &b| log_probs[a].total_cmp(&log_probs[b]));
        context.push(best.unwrap() as u32);
        if context.ends_with(&[0]) || letters(&context[prompt.len()..]).contains(stop) {
            break;
        }
    }
    context.split_off(prompt.len())
}

#[test]
fn a_server_draws_as_a_job_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("samples.parquet");
    let fake = Fake::new(Dialect::Sglang, Defect::None);
    let mut items = items(30);
    let string = letters(&likeliest(&items[0].prompt, "no")[1..2]);
    let stop = Stop::new(vec![string.clone()], letters);
    for item in &mut items {
        item.response = likeliest(&item.prompt, &string);
    }
    assert!(items.iter().any(|item| item.response.len() < 4));
    let job = SampleJob {
        models: &[model(&fake)],
        items: &items,
        sampling: Sampling {
            samples: 5,
            max_tokens: 4,
            end_tokens: vec![0],
            stop: Some(stop),
            temperature: 0.0,
            seed: 1,
            ..Sampling::default()
        },
        ttt: None,
        verifier: &Verifier::exact(),
        text: None,
        keep_text: false,
        out: &out,
        command: "sample",
    };
    job.run(&mut |_| {}).unwrap();
    let table = SampleTable::read(&[out], &ReadOptions::default()).unwrap();
    let right = Some(Outcome::Rewards(vec![1.0; 5]));
    assert!(table.outcomes[0].iter().all(|o| *o == right), "{table:?}");
}

#[test]
fn a_server_that_fails_its_probe_leaves_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    for defect in [Defect::Shift(1), Defect::Tempered, Defect::EchoIgnored] {
        let fake = Fake::new(Dialect::Vllm, defect);
        let error = score_job(&[model(&fake)], &items(5), &out, &mut |_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains("does not pass `breadth probe`"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn test_time_training_needs_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let job = ScoreJob {
        models: &[model(&fake)],
        items: &items(5),
        references: &[],
        out: &folder.path().join("scores.parquet"),
        token_log_probs: false,
        ttt: Some(&"lr=0.1".parse().unwrap()),
        command: "score",
    };
    let error = job.run(&mut |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("model toy: is behind a server; test-time training"),
        "{error}"
    );
}

/// Checkpoints as small as they come.
pub fn checkpoints(folder: &Path, count: u64) -> Vec<(String, PathBuf)> {
    let config = Gpt2 {
        vocab_size: 16,
        max_position_embeddings: 24,
        hidden_size: 8,
        layers: 1,
        heads: 2,
        intermediate_size: 16,
        layer_norm_epsilon: 1e-5,
    }
    .config("test")
    .unwrap();
    let write = |i| {
        let checkpoint = Checkpoint::random(config.clone(), &mut rng::stream(i, "test/init", 0));
        let path = folder.join(format!("step-{i}"));
        checkpoint.write(&path, &[]).unwrap();
        (format!("step-{i}"), path)
    };
    (0..count).map(write).collect()
}

#[test]
fn folders_and_servers_stand_in_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let (fake, items) = (Fake::new(Dialect::Vllm, Defect::None), items(20));
    let found = checkpoints(folder.path(), 2);
    let mut models = Model::folders(&found);
    models.insert(1, model(&fake));
    score_job(&models, &items, &out, &mut |_| {}).unwrap();
    let table = ScoreTable::read(&[out], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["step-0", "toy", "step-1"]);
    let pairs = pairs(20);
    for (name, path) in &found {
        let own = score(&Checkpoint::read(path).unwrap(), &sequences(&pairs)).unwrap();
        let own: Vec<f64> = own
            .iter()
            .map(|l| l.iter().map(|&v| f64::from(v)).sum())
            .collect();
        assert_eq!(table.column(name).unwrap(), own);
    }
}

#[test]
fn finished_checkpoints_are_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let items = items(30);
    let found = checkpoints(folder.path(), 3);
    let models = Model::folders(&found);
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        let mut watch = |p: JobProgress| assert!(p.done < 60, "stop here");
        score_job(&models, &items, &out, &mut watch).unwrap();
    }));
    assert!(stopped.is_err());
    let (mut resumed, mut made) = (0, 0);
    score_job(&models, &items, &out, &mut |p| {
        // That a checkpoint's turn has come is said with no token.
        if p.resumed {
            resumed += 1
        } else if p.tokens > 0 {
            made += 1
        }
    })
    .unwrap();
    assert_eq!((resumed, made), (2, 1));
    // Other weights are another job: nothing is taken over.
    let other = checkpoints(folder.path(), 4).pop().unwrap();
    std::fs::copy(
        other.1.join("model.safetensors"),
        found[0].1.join("model.safetensors"),
    )
    .unwrap();
    score_job(&models, &items, &out, &mut |p| assert!(!p.resumed)).unwrap();
}
