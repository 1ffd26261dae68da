//! How many rows and samples does a question need?

use std::collections::BTreeMap;

use breadth_stats::{
    Design, Level, certifications, prompts_to_certify, prompts_to_separate, samples_to_see,
    separations,
};
use serde::Serialize;

use crate::error::{Result, Setting};
use crate::number::{self, Number};
use crate::scores::Scores;

/// The answer to "how many rows and samples does the question need?".
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Version of this document.
    pub schema: u32,
    /// `plan`.
    pub command: &'static str,
    /// Of the answers.
    pub confidence: f64,
    /// The chance that the rows asked for are enough.
    pub power: f64,
    /// The level of a pilot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<Number>,
    #[serde(skip)]
    level: Option<Level>,
    /// What the plan rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pilot: Option<Pilot>,
    /// One for each goal.
    pub plans: Vec<PlannedGoal>,
    #[serde(skip)]
    chance: Chance,
}

/// What is known of the chance that the rows asked for are enough.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Chance {
    /// Exactly what was asked for.
    Exact,
    /// About that.
    About,
    /// Heavy weights decide.
    Unknown,
}

/// The pilot that a plan rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Pilot {
    /// Its rows.
    pub rows: usize,
    /// Prompts among them.
    pub prompts: usize,
    /// What its tournament takes.
    pub winner: String,
}

/// One question and what it needs; no need where no number of rows is enough.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "goal", rename_all = "kebab-case")]
pub enum PlannedGoal {
    /// An upper limit of Cov_N of e or less.
    Certify {
        /// Of this model of the pilot.
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// The coverage that is expected.
        coverage: Number,
        /// What is to be certified.
        e: Number,
        /// What it takes.
        need: Option<Need>,
    },
    /// Two checkpoints told apart.
    Separate {
        /// The one that is behind.
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// The winner.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Share of the rows on which the worse is left behind by N.
        ahead: Number,
        /// Share on which the better is.
        behind: Number,
        /// What it takes.
        need: Option<Need>,
    },
    /// An answer of probability 1/n seen.
    See {
        /// The n.
        n: Number,
        /// Samples per prompt.
        samples: u64,
    },
}

/// Rows, and the prompts that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Rows.
    pub rows: u64,
    /// Prompts.
    pub prompts: u64,
}

/// How the rows of a plan are drawn, where there is no pilot to say so.
#[derive(Clone, Copy, Debug)]
pub struct RowDesign {
    per_prompt: u64,
    correlation: f64,
}

/// Answers rarer than one in so many are seen by nobody.
const MOST_SEEN: f64 = 1e15;

impl RowDesign {
    /// More responses to a prompt than anybody draws; times the most rows of a plan still a number.
    pub const MOST_PER_PROMPT: u64 = 1_000_000;

    /// `per_prompt`: responses to a prompt, at least 1; `correlation`: how much their outcomes
    /// correlate, 0 to 1.
    ///
    /// # Errors
    /// Other numbers, and more than a million responses to a prompt.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_analysis::{Plan, RowDesign};
    /// let mut plan = Plan::new(0.95, 0.9);
    /// plan.certify(0.0, 0.1, RowDesign::new(1, 0.0)?)?;
    /// assert_eq!(
    ///     plan.sentences(),
    ///     ["To certify Cov_N <= 10.0% where it is 0%: 36 rows."]
    /// );
    /// assert!(RowDesign::new(0, 0.0).is_err());
    /// # Ok::<(), breadth_analysis::Error>(())
    /// ```
    pub fn new(per_prompt: u64, correlation: f64) -> Result<Self> {
        if !(1..=Self::MOST_PER_PROMPT).contains(&per_prompt) {
            return Err(Setting::PerPrompt.refused(format!(
                "{per_prompt} is no number from 1 to {}",
                Self::MOST_PER_PROMPT
            )));
        }
        if !(0.0..=1.0).contains(&correlation) {
            return Err(
                Setting::Correlation.refused(format!("{correlation} is no number from 0 to 1"))
            );
        }
        Ok(RowDesign {
            per_prompt,
            correlation,
        })
    }

    /// So many prompts, and their rows.
    fn need(&self, prompts: u64) -> Need {
        Need {
            rows: prompts.saturating_mul(self.per_prompt),
            prompts,
        }
    }
}

impl Plan {
    /// A plan without goals.
    pub fn new(confidence: f64, power: f64) -> Self {
        Plan {
            schema: 1,
            command: "plan",
            confidence,
            power,
            n: None,
            level: None,
            pilot: None,
            plans: Vec::new(),
            chance: Chance::Exact,
        }
    }

    /// Adds: `Cov_N <= e` certified, where it is `coverage`.
    ///
    /// # Errors
    /// Numbers that are no shares.
    pub fn certify(&mut self, coverage: f64, e: f64, design: RowDesign) -> Result<()> {
        let RowDesign {
            per_prompt,
            correlation,
        } = design;
        let (confidence, power) = (self.confidence, self.power);
        let prompts = prompts_to_certify(coverage, e, per_prompt, correlation, confidence, power)?;
        self.is_about(per_prompt > 1);
        self.plans.push(PlannedGoal::Certify {
            model: None,
            coverage: Number(coverage),
            e: Number(e),
            need: prompts.map(|prompts| design.need(prompts)),
        });
        Ok(())
    }

    /// Adds: two of several models told apart, where the worse is left behind by N on a share
    /// `ahead` of the rows and the better on `behind`; the larger share is the worse one's,
    /// whichever comes first.
    ///
    /// # Errors
    /// Numbers that are no shares, fewer than two models.
    pub fn separate(
        &mut self,
        (ahead, behind): (f64, f64),
        models: usize,
        design: RowDesign,
    ) -> Result<()> {
        let (ahead, behind) = if behind > ahead {
            (behind, ahead)
        } else {
            (ahead, behind)
        };
        let RowDesign {
            per_prompt,
            correlation,
        } = design;
        let (confidence, power) = (self.confidence, self.power);
        let prompts = prompts_to_separate(
            ahead,
            behind,
            models,
            per_prompt,
            correlation,
            confidence,
            power,
        )?;
        self.plans.push(PlannedGoal::Separate {
            model: None,
            from: None,
            ahead: Number(ahead),
            behind: Number(behind),
            need: prompts.map(|prompts| design.need(prompts)),
        });
        Ok(())
    }

    /// Adds: an answer of probability 1/n seen in the samples of a prompt.
    ///
    /// # Errors
    /// n below 1 or above 1e15.
    ///
    /// # Examples
    ///
    /// ```
    /// // 1 - (15/16)^k >= 0.9 from k = 36 on.
    /// let mut plan = breadth_analysis::Plan::new(0.95, 0.9);
    /// plan.see(16.0)?;
    /// let said = "To see an answer of probability 1/16: 36 samples per prompt.";
    /// assert_eq!(plan.sentences(), [said]);
    /// # Ok::<(), breadth_analysis::Error>(())
    /// ```
    pub fn see(&mut self, n: f64) -> Result<()> {
        if !(1.0..=MOST_SEEN).contains(&n) {
            // So that a number of hundreds of digits stays short.
            let given = if n > MOST_SEEN {
                format!("{n:e}")
            } else {
                n.to_string()
            };
            return Err(Setting::See.refused(format!(
                "{given} is no number from 1 to {MOST_SEEN:e}, the N of 1/N"
            )));
        }
        let samples = samples_to_see(1.0 / n, self.power)?;
        self.plans.push(PlannedGoal::See {
            n: Number(n),
            samples,
        });
        Ok(())
    }

    /// Adds what a pilot says: rows that separate its winner from the others at N, and, with
    /// `certify`, rows that certify that share for every model against the reference.
    ///
    /// # Errors
    /// A reference that the pilot lacks, a share to certify without a reference, and whatever the
    /// statistics refuse.
    pub fn of_pilot(
        &mut self,
        scores: &Scores,
        level: Level,
        reference: Option<&str>,
        certify: Option<f64>,
    ) -> Result<()> {
        let table = &scores.table;
        let candidates = scores.models_without(reference)?;
        let name = |at: usize| table.models[candidates[at]].clone();
        let columns: Vec<&[f64]> = candidates
            .iter()
            .map(|&at| &table.logprob[at][..])
            .collect();
        let (design, confidence, power) = (scores.design(), self.confidence, self.power);
        let (outcome, separations) = separations(&columns, &design, level, confidence, power)?;
        for one in &separations {
            self.plans.push(PlannedGoal::Separate {
                model: Some(name(one.model)),
                from: Some(name(outcome.winner)),
                ahead: Number(one.ahead),
                behind: Number(one.behind),
                need: one.rows.map(|rows| like_pilot(scores, rows)),
            });
        }
        self.chance = if has_heavy_weights(&design, table.rows()) {
            Chance::Unknown
        } else {
            Chance::About
        };
        (self.n, self.level) = (Some(Number(level.n())), Some(level));
        self.pilot = Some(Pilot {
            rows: table.rows(),
            prompts: scores.prompts,
            winner: name(outcome.winner),
        });
        let Some(e) = certify else {
            return Ok(());
        };
        let reference = reference.ok_or_else(|| {
            Setting::Certify
                .refused("a coverage is one against a reference: name that of the pilot")
        })?;
        let truth = table.column(reference)?;
        let planned = certifications(truth, &columns, &design, level, e, confidence, power)
            .map_err(|error| Setting::Certify.refused(error.to_string()))?;
        for (at, one) in planned.iter().enumerate() {
            self.plans.push(PlannedGoal::Certify {
                model: Some(name(at)),
                coverage: Number(one.coverage),
                e: Number(e),
                need: one.rows.map(|rows| like_pilot(scores, rows)),
            });
        }
        Ok(())
    }

    fn is_about(&mut self, is_about: bool) {
        if is_about && self.chance == Chance::Exact {
            self.chance = Chance::About;
        }
    }

    /// How often the rows asked for are enough, and what that rests on.
    pub fn chance_says(&self) -> String {
        let (confidence, power) = (
            number::confidence(self.confidence),
            number::confidence(self.power),
        );
        let of = match &self.pilot {
            Some(_) => " by the pilot, which is itself uncertain",
            None => "",
        };
        match self.chance {
            Chance::Exact => format!(
                "{confidence} confidence, reached with a chance of {power} if the shares are as \
                 stated{of}."
            ),
            Chance::About => format!(
                "{confidence} confidence, reached with a chance of about {power} if the shares are \
                 as stated{of}."
            ),
            Chance::Unknown => format!(
                "{confidence} confidence; how likely it is to be reached is not known, since it \
                 hangs on how heavy the heaviest weights of further rows are."
            ),
        }
    }

    /// The pilot in a sentence, and one for each goal.
    pub fn sentences(&self) -> Vec<String> {
        let n = self.level.map_or("N".to_owned(), number::level);
        let pilot = self.pilot.iter().map(|pilot| {
            format!(
                "The pilot: {}, {}; at N = {n} its tournament takes {}.",
                number::count(pilot.rows, "row"),
                number::count(pilot.prompts, "prompt"),
                pilot.winner
            )
        });
        let goals = self.plans.iter().map(|goal| goal.sentence(&n));
        pilot.chain(goals).collect()
    }
}

/// Whether in some stratum the heaviest prompt weighs more than three times the average, and so few
/// others weigh as much that further ones may be heavier yet.
fn has_heavy_weights(design: &Design, rows: usize) -> bool {
    const HEAVY: f64 = 3.0;
    const KNOWN: usize = 10;
    const ALIKE: f64 = 1.0 - 1e-9;
    let mut prompts: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    for row in 0..rows {
        let stratum = design.strata.map_or(0, |strata| strata[row]);
        let prompt = design.clusters.map_or(row as u32, |prompts| prompts[row]);
        *prompts.entry((stratum, prompt)).or_default() += design.weights.map_or(1.0, |w| w[row]);
    }
    let mut strata: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for ((stratum, _), weight) in prompts {
        strata.entry(stratum).or_default().push(weight);
    }
    strata.values().any(|weights| {
        let most = weights.iter().copied().fold(0.0, f64::max);
        let as_heavy = weights.iter().filter(|&&weight| weight >= ALIKE * most);
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        most > HEAVY * mean && as_heavy.count() < KNOWN
    })
}

/// So many rows at least, of whole prompts with as many to each as the pilot has.
fn like_pilot(scores: &Scores, rows: u64) -> Need {
    let per_prompt = scores.table.rows() as f64 / scores.prompts as f64;
    let prompts = (rows as f64 / per_prompt).ceil();
    Need {
        rows: (prompts * per_prompt).ceil() as u64,
        prompts: prompts as u64,
    }
}

impl PlannedGoal {
    fn sentence(&self, n: &str) -> String {
        match self {
            PlannedGoal::Certify {
                model,
                coverage,
                e,
                need,
            } => {
                let of = model
                    .as_ref()
                    .map_or(String::new(), |model| format!(" of {model}"));
                let now = number::percent(coverage.0);
                match need {
                    Some(need) => format!(
                        "To certify Cov_{n}{of} <= {} where it is {now}: {}.",
                        number::percent(e.0),
                        need.words()
                    ),
                    None => format!(
                        "Cov_{n}{of} <= {} cannot be certified where it is {now}.",
                        number::percent(e.0)
                    ),
                }
            }
            PlannedGoal::Separate {
                model,
                from,
                ahead,
                behind,
                need,
            } => {
                let who = match (model, from) {
                    (Some(model), Some(from)) => format!("{from} from {model}"),
                    _ => "two checkpoints".to_owned(),
                };
                let shares = format!(
                    "left behind by {n} on {} of the responses against {}",
                    number::percent(ahead.0),
                    number::percent(behind.0)
                );
                match need {
                    Some(need) => format!("To separate {who}, {shares}: {}.", need.words()),
                    None => format!("No number of rows separates {who}, {shares}."),
                }
            }
            PlannedGoal::See { n, samples } => format!(
                "To see an answer of probability 1/{}: {} per prompt.",
                number::trimmed(n.0),
                number::count(*samples as usize, "sample")
            ),
        }
    }
}

impl Need {
    /// `2,000 rows of 500 prompts`.
    fn words(self) -> String {
        let rows = number::count(self.rows as usize, "row");
        if self.rows == self.prompts {
            return rows;
        }
        format!(
            "{rows} of {}",
            number::count(self.prompts as usize, "prompt")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_heavy(weights: &[f64], prompts: Option<&[u32]>) -> bool {
        let design = Design {
            weights: Some(weights),
            clusters: prompts,
            ..Design::default()
        };
        has_heavy_weights(&design, weights.len())
    }

    /// Five times the others is heavy, unless ten prompts show that it goes no further.
    #[test]
    fn heavy_prompts_are_heavy_where_few_weigh_as_much() {
        let weights = |heavy: usize| [vec![1.0; 100 - heavy], vec![5.0; heavy]].concat();
        assert!(!is_heavy(&weights(0), None));
        assert!(is_heavy(&weights(1), None));
        assert!(is_heavy(&weights(9), None));
        assert!(!is_heavy(&weights(10), None));
        // A prompt of several rows weighs what they do together.
        let prompts: Vec<u32> = (0..100).map(|row: u32| row.min(90)).collect();
        assert!(is_heavy(&weights(0), Some(&prompts)));
    }
}
