//! How far a long command is: a bar on a terminal's stderr, nothing elsewhere.

use breadth_lm::decode::JobProgress;
use breadth_lm::train::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// A bar that counts steps or items, with tokens per second and the time left.
pub struct Bar {
    bar: ProgressBar,
    tokens: u64,
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
        Self { bar, tokens: 0 }
    }

    /// After a training step.
    pub fn step(&mut self, progress: Progress) {
        self.set(progress.step, progress.steps, progress.tokens);
        let rate = self.rate();
        self.bar
            .set_message(format!("loss {:.3} {rate}", progress.loss));
    }

    /// After a part of a job.
    pub fn part(&mut self, progress: JobProgress) {
        self.set(progress.done, progress.total, progress.tokens);
        self.bar.set_message(self.rate());
    }

    fn set(&mut self, done: u64, total: u64, tokens: u64) {
        if self.tokens == 0 {
            // A resumed run starts in the middle: its speed is that of what is still to do.
            self.bar.set_position(done);
            self.bar.reset_eta();
        }
        self.tokens += tokens;
        self.bar.set_length(total);
        self.bar.set_position(done);
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
