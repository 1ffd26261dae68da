//! How far a long command is: a bar on a terminal's stderr, nothing elsewhere.

use breadth_lm::job::JobProgress;
use breadth_lm::train::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// A bar that counts steps or items, with tokens per second and the time left.
pub struct Bar {
    bar: ProgressBar,
    tokens: u64,
    started: bool,
}

impl Bar {
    /// A bar under a short label; hidden by `-q` and off a terminal.
    pub fn new(label: &str, output: &Output) -> Self {
        let bar = if output.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let template = "{prefix:<10} {bar:28} {pos}/{len} {msg} [{elapsed} < {eta}]";
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        bar.set_style(style);
        bar.set_prefix(label.to_owned());
        Self {
            bar,
            tokens: 0,
            started: false,
        }
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
        self.bar.set_message(self.rate());
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
