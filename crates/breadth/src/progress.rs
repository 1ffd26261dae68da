//! How far a long command is: a bar on a terminal's stderr, nothing elsewhere.

use std::collections::HashSet;

use breadth_lm::job::JobProgress;
use breadth_lm::train::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{Output, printable};

/// A bar that counts steps or items, with tokens per second and the time left.
pub struct Bar {
    bar: ProgressBar,
    tokens: u64,
    started: bool,
    /// What the job's models are called beside the bar.
    models: Vec<String>,
}

impl Bar {
    /// A bar under a short label; hidden by `-q` and off a terminal.
    pub fn new(label: &str, output: &Output) -> Self {
        let bar = if output.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        // What comes last is cut where the terminal ends.
        let template = "{prefix:<7} {bar:16} {pos}/{len} [{elapsed} < {eta}] {wide_msg}";
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        bar.set_style(style);
        bar.set_prefix(label.to_owned());
        Self {
            bar,
            tokens: 0,
            started: false,
            models: Vec::new(),
        }
    }

    /// The same bar, which names the model at work.
    pub fn of_models(mut self, names: &[String]) -> Self {
        self.models = short_names(names);
        self
    }

    /// After a training step.
    pub fn step(&mut self, progress: Progress) {
        // A resumed run starts in the middle: its speed is that of what is still to do.
        let resumed = !self.started;
        self.set(progress.step, progress.steps, progress.tokens, resumed);
        let rate = self.rate();
        self.bar
            .set_message(format!("loss {:.3} {rate}", progress.loss));
    }

    /// After a part of a job, or some of its items. What an earlier run did counts as done, and not
    /// for the speed.
    pub fn part(&mut self, progress: JobProgress) {
        let tokens = if progress.resumed { 0 } else { progress.tokens };
        self.set(progress.done, progress.total, tokens, progress.resumed);
        let model = self.models.get(progress.model);
        let model = model.map_or(String::new(), |name| format!("{name} "));
        self.bar.set_message(format!("{model}{}", self.rate()));
    }

    fn set(&mut self, done: u64, total: u64, tokens: u64, resumed: bool) {
        self.started = true;
        self.tokens += tokens;
        self.bar.set_length(total);
        self.bar.set_position(done);
        if resumed {
            self.bar.reset_eta();
        }
    }

    fn rate(&self) -> String {
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
        format!("{:.0} tokens/s", self.tokens as f64 / seconds)
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Longer names end in dots.
const LONGEST: usize = 24;

/// The last part of each path, where that tells them apart; none of a single model.
fn short_names(names: &[String]) -> Vec<String> {
    if names.len() < 2 {
        return Vec::new();
    }
    let last = |name: &String| name.rsplit('/').next().unwrap_or(name).to_owned();
    let parts: Vec<String> = names.iter().map(last).collect();
    let distinct: HashSet<&String> = parts.iter().collect();
    let shown = if distinct.len() == names.len() {
        parts
    } else {
        names.to_vec()
    };
    let cut = |name: String| match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &name[..end]),
        None => name,
    };
    let shown = shown.into_iter().map(cut);
    shown.map(|name| printable(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::short_names;

    #[test]
    fn models_are_named_by_what_tells_them_apart() {
        let names = |names: &[&str]| {
            short_names(
                &names
                    .iter()
                    .map(|name| name.to_string())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names(&["run/checkpoint-10"]), [""; 0]);
        assert_eq!(
            names(&["run/checkpoint-10", "run/checkpoint-20"]),
            ["checkpoint-10", "checkpoint-20"]
        );
        assert_eq!(names(&["a/last", "b/last"]), ["a/last", "b/last"]);
        assert_eq!(
            names(&["a", "a-name-that-is-longer-than-a-bar"]),
            ["a", "a-name-that-is-longer-th.."]
        );
    }
}
