//! What a page lacks, and the command that would add it.

use super::document::Report;
use crate::verdict::{sample_command, samples_wanted};

impl Report {
    /// What is left out because the tables do not hold it, with the command that would add it, one
    /// line each.
    ///
    /// Words in capitals are to be filled in.
    pub fn left_out(&self) -> Vec<String> {
        let lines = [
            self.without_scores(),
            self.without_reference(),
            self.without_samples(),
            self.beyond_samples(),
            self.without_tournament(),
            self.without_losses(),
        ];
        lines.into_iter().flatten().collect()
    }

    /// Nobody computed log-probabilities.
    fn without_scores(&self) -> Option<String> {
        self.evaluation.is_none().then(|| {
            "Cross-entropy, KL, coverage, reach and the tournament over responses need \
             log-probabilities of held-out responses: breadth score CHECKPOINTS --data \
             HELDOUT.jsonl -o scores.parquet"
                .into()
        })
    }

    fn without_reference(&self) -> Option<String> {
        (self.evaluation.is_some() && self.reference.is_none()).then(|| {
            "KL and coverage profiles need a model of the table that stands for the truth, such as \
             a teacher: breadth report TABLES --reference TEACHER"
                .into()
        })
    }

    fn without_samples(&self) -> Option<String> {
        if !self.known_ks().is_empty() {
            return None;
        }
        // Answers of a reference stand for the right ones: rewards are not asked for.
        if self.is_over_answers() {
            return Some(
                "Pass@k is that of rewards, not of a reference's answers: breadth report TABLES \
                 (without --reference)"
                    .into(),
            );
        }
        Some(format!(
            "Pass@k needs graded samples: {}",
            self.to_sample(self.k(), 0)
        ))
    }

    fn to_sample(&self, k: f64, have: u64) -> String {
        let names: Vec<String> = self.checkpoints.iter().map(|c| c.model.clone()).collect();
        sample_command(&names, samples_wanted(k, have))
    }

    /// A k was asked for that no checkpoint's samples reach.
    fn beyond_samples(&self) -> Option<String> {
        let known = self.known_ks();
        let graded = self.graded.filter(|_| !known.is_empty())?;
        let asked = self.checkpoints.first()?.pass.iter().map(|point| point.k);
        let beyond = asked.filter(|k| !known.contains(k)).max();
        let k = beyond.or((self.k() > graded.fewest as f64).then_some(self.k() as u64))?;
        let is_known = known.contains(&k);
        (!is_known).then(|| {
            format!(
                "{} needs {k} samples of every prompt, and some prompt has {}: {}",
                self.pass_name(k),
                graded.fewest,
                self.to_sample(k as f64, graded.fewest)
            )
        })
    }

    /// Samples alone, whose rewards are not 0 and 1.
    fn without_tournament(&self) -> Option<String> {
        self.selection.is_none().then(|| {
            "The tournament over answers needs rewards of 0 and 1: breadth report SAMPLES \
             --reward-map '>=1'"
                .into()
        })
    }

    /// The trainer's own validation losses, where checkpoints have a step by which to find them.
    fn without_losses(&self) -> Option<String> {
        let is_known = |of: &super::Checkpoint| of.eval_loss.is_some() || of.step.is_none();
        let is_own = !self.training_loss.is_empty();
        (!is_own && !self.checkpoints.iter().any(is_known)).then(|| {
            "The trainer's validation losses: breadth report TABLES --trainer-state RUN".into()
        })
    }
}
