//! Training runs in a folder: each is found again by what it depends on, and goes on where it was
//! stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use breadth_data::RunFolder;
use breadth_data::atomic::NewFolders;
use breadth_lm::Result;
use breadth_lm::train::{Progress, TrainConfig, train_while};

/// The hash of the sources that a training run depends on, and of the versions of all dependencies.
const TRAINER: &str = env!("BREADTH_LAB_TRAINER");
/// The time between two remarks on a run.
const REMARK_EVERY: Duration = Duration::from_secs(30);

/// A folder of training runs.
#[derive(Clone)]
pub struct Runs {
    folder: PathBuf,
    deadline: Option<Instant>,
    remark: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A finished training run.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its folder.
    pub folder: PathBuf,
    /// Steps between its checkpoints, and in all.
    every: u64,
    steps: u64,
    key: String,
}

impl Runs {
    /// The runs in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Runs {
        Runs {
            folder: folder.into(),
            deadline: None,
            remark: Arc::new(|_| ()),
        }
    }

    /// No step of training begins after this moment.
    #[must_use]
    pub fn until(mut self, deadline: Option<Instant>) -> Runs {
        self.deadline = deadline;
        self
    }

    /// Says how far the training is.
    #[must_use]
    pub fn remarking(mut self, remark: impl Fn(&str) + Send + Sync + 'static) -> Runs {
        self.remark = Arc::new(remark);
        self
    }

    /// The finished run of a configuration, trained now as far as it was not; `None` if the time
    /// was up before.
    ///
    /// `name`: of the run, for its folder and the remarks; `after`: the run whose last checkpoint
    /// it starts from.
    ///
    /// # Errors
    ///
    /// If the configuration is impossible, or the file system refuses.
    pub fn trained(
        &self,
        name: &str,
        mut config: TrainConfig,
        after: Option<&Trained>,
    ) -> Result<Option<Trained>> {
        let key = key(&config, after);
        let trained = Trained {
            folder: self.folder.join(format!("{name}-{}", &key[..12])),
            every: config.train.checkpoint_every,
            steps: config.train.steps,
            key,
        };
        if is_finished(&trained.folder) {
            return Ok(Some(trained));
        }
        if self.is_late() {
            return Ok(None);
        }
        if let Some(after) = after {
            config.init = after.checkpoints().pop().map(|(_, folder)| folder);
            config.model = None;
        }
        let _made =
            NewFolders::make(&self.folder).map_err(|source| breadth_data::Error::Write {
                path: self.folder.clone(),
                source,
            })?;
        let mut last = None;
        let mut go_on = |seen: Progress| {
            if last.is_none_or(|last: Instant| last.elapsed() > REMARK_EVERY) {
                last = Some(Instant::now());
                let Progress {
                    step, steps, loss, ..
                } = seen;
                (self.remark)(&format!(
                    "{name}: step {step} of {steps}, loss {loss:.3} nats a token"
                ));
            }
            !self.is_late()
        };
        let is_done = train_while(&config, &trained.folder, "lab", &mut go_on)?;
        Ok(is_done.then_some(trained))
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }
}

impl Trained {
    /// Every checkpoint with its step, the start first.
    pub fn checkpoints(&self) -> Vec<(u64, PathBuf)> {
        let last = (!self.steps.is_multiple_of(self.every)).then_some(self.steps);
        let steps = (0..=self.steps / self.every).map(|i| i * self.every);
        let run = RunFolder::new(&self.folder);
        let of_step = |step| (step, run.checkpoint(step));
        steps.chain(last).map(of_step).collect()
    }
}

/// What a run depends on: its configuration, the run that it starts from, and the trainer.
fn key(config: &TrainConfig, after: Option<&Trained>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(TRAINER.as_bytes());
    hasher.update(after.map_or("", |after| &after.key).as_bytes());
    hasher.update(&[0]); // so that nothing can be moved from one to the next
    hasher.update(&serde_json::to_vec(config).expect("plain data"));
    hasher.finalize().to_hex().to_string()
}

fn is_finished(folder: &Path) -> bool {
    RunFolder::is_one(folder)
        && RunFolder::new(folder)
            .manifest()
            .is_ok_and(|run| run.status == "finished")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const CONFIG: &str = r#"
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 8
heads = 2
[train]
steps = 5
batch_size = 2
checkpoint_every = 2
"#;

    fn config(seed: u64) -> TrainConfig {
        TrainConfig::parse(CONFIG, "test.toml")
            .unwrap()
            .with_seed(seed)
    }

    /// Runs that remember what they said.
    fn heard(folder: &Path) -> (Runs, Arc<Mutex<Vec<String>>>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let keep = said.clone();
        let remark = move |text: &str| keep.lock().unwrap().push(text.to_owned());
        (Runs::new(folder).remarking(remark), said)
    }

    #[test]
    fn a_finished_run_is_found_again_and_another_one_is_not_it() {
        let dir = tempfile::tempdir().unwrap();
        let (runs, said) = heard(&dir.path().join("deep").join("er"));
        let first = runs.trained("a", config(0), None).unwrap().unwrap();
        let steps: Vec<u64> = first.checkpoints().iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [0, 2, 4, 5]);
        assert!(
            first
                .checkpoints()
                .iter()
                .all(|(_, folder)| folder.is_dir())
        );
        assert_eq!(said.lock().unwrap().len(), 1);
        assert!(said.lock().unwrap()[0].starts_with("a: step 1 of 5, loss "));
        let again = runs.trained("a", config(0), None).unwrap().unwrap();
        assert_eq!(
            (&again.folder, said.lock().unwrap().len()),
            (&first.folder, 1)
        );
        let others = [
            runs.trained("a", config(1), None),
            runs.trained("a", config(0), Some(&first)),
        ];
        for other in others {
            assert_ne!(other.unwrap().unwrap().folder, first.folder);
        }
    }

    #[test]
    fn a_run_after_another_starts_from_its_last_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        let first = runs.trained("a", config(0), None).unwrap().unwrap();
        let second = runs.trained("b", config(7), Some(&first)).unwrap().unwrap();
        let weights =
            |(_, folder): &(u64, PathBuf)| std::fs::read(folder.join("model.safetensors")).unwrap();
        assert_eq!(
            weights(&first.checkpoints()[3]),
            weights(&second.checkpoints()[0])
        );
    }

    /// After the deadline no training begins; before it one step is made at least, and kept.
    #[test]
    fn what_is_late_goes_on_with_the_next_call() {
        let dir = tempfile::tempdir().unwrap();
        let late = Runs::new(dir.path()).until(Some(Instant::now()));
        assert!(late.trained("a", config(0), None).unwrap().is_none());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let soon = || Some(Instant::now() + Duration::from_millis(1));
        let mut calls = 0;
        let trained = loop {
            calls += 1;
            assert!(calls < 1000, "no step is made");
            let runs = Runs::new(dir.path()).until(soon());
            if let Some(trained) = runs.trained("a", config(0), None).unwrap() {
                break trained;
            }
        };
        let other = tempfile::tempdir().unwrap();
        let whole = Runs::new(other.path()).trained("a", config(0), None);
        let bytes = |run: &Trained| {
            std::fs::read(run.checkpoints()[3].1.join("model.safetensors")).unwrap()
        };
        assert!(bytes(&trained) == bytes(&whole.unwrap().unwrap()));
        assert!(
            late.trained("a", config(0), None).unwrap().is_some(),
            "it is finished"
        );
    }
}
