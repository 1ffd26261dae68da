//! The tournament over final answers, from samples.

use breadth_data::{Outcome, SampleTable, ScoreTable};
use breadth_stats::{DataAnswers, PromptOutcome, answer_log_prob};
use serde::Serialize;

use crate::error::{Error, Result, Setting};

/// How often each model gave the answers of the data.
pub(super) struct Answers {
    /// `[model][row]`, rows as in the table made of them.
    pub(super) counts: Vec<Vec<PromptOutcome>>,
    pub(super) summary: AnswersSummary,
}

/// Whose answers, seen through how many samples.
#[derive(Clone, Debug, Serialize)]
pub struct AnswersSummary {
    /// `correct`, or the model whose samples' answers stand for the data.
    pub of: String,
    /// The fewest samples of a model for a prompt.
    pub samples_min: u64,
    /// What the certified limits bound coverage with.
    pub certified: Certified,
    /// Whether limits and the set that is not excluded include that rates are seen through samples.
    pub sampling_noise: bool,
}

/// What the certified limits of a model say of its coverage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certified {
    /// Both limits hold: the data give the right answer for certain.
    Bracket,
    /// Only the upper limit says something: how likely the data's answers are is not known.
    UpperBound,
}

impl Answers {
    /// How often each model was right, where that is what was counted.
    pub(super) fn right_counts(&self) -> Option<Vec<Vec<PromptOutcome>>> {
        (self.summary.certified == Certified::Bracket).then(|| self.counts.clone())
    }
}

impl AnswersSummary {
    /// Which answers are the data's.
    pub(super) fn law(&self) -> DataAnswers {
        match self.certified {
            Certified::Bracket => DataAnswers::Correct,
            Certified::UpperBound => DataAnswers::Drawn,
        }
    }
}

/// The samples as a score table: a row for each answer of the data, `log (c + 1/2)/(n + 1)` for the
/// c of n samples of a model that gave it.
///
/// The data's answers are the right ones, one row per prompt, or those of the samples of
/// `reference`.
pub(super) fn of_samples(
    samples: &SampleTable,
    reference: Option<&str>,
) -> Result<(ScoreTable, Answers)> {
    let counted = match reference {
        Some(name) => of_reference(samples, name)?,
        None => of_rewards(samples)?,
    };
    let least = counted.counts.iter().flatten().map(PromptOutcome::samples);
    let summary = AnswersSummary {
        of: reference.unwrap_or("correct").to_owned(),
        samples_min: least.min().unwrap_or(0),
        certified: match reference {
            Some(_) => Certified::UpperBound,
            None => Certified::Bracket,
        },
        sampling_noise: true,
    };
    let table = counted.table(samples);
    Ok((
        table,
        Answers {
            counts: counted.counts,
            summary,
        },
    ))
}

/// What each candidate's samples say of each answer of the data.
struct Counted {
    models: Vec<String>,
    counts: Vec<Vec<PromptOutcome>>,
    /// The prompt of each row.
    prompt: Vec<u32>,
    /// Which of its prompt's answers a row is.
    response: Vec<u32>,
}

/// One row per prompt: how often the answer was right.
fn of_rewards(samples: &SampleTable) -> Result<Counted> {
    let counts = |(model, outcomes): (&String, &Vec<Option<Outcome>>)| {
        let of_prompt = |(prompt, outcome): (&String, &Option<Outcome>)| match outcome {
            Some(Outcome::Counts { n, c }) => Ok(PromptOutcome::Counts { n: *n, c: *c }),
            Some(Outcome::Rewards(rewards)) if rewards.iter().all(|&r| r == 0.0 || r == 1.0) => {
                let c = rewards.iter().filter(|&&r| r == 1.0).count() as u64;
                let n = rewards.len() as u64;
                Ok(PromptOutcome::Counts { n, c })
            }
            Some(Outcome::Rewards(_)) => Err(Error::Tables(format!(
                "model `{model}`, prompt `{prompt}`: the tournament over answers asks which \
                 samples are right, and needs rewards of 0 and 1 (or a reference and a column \
                 `answer`); by rewards between them `report` decides and `pass` compares (Best-of-k)"
            ))),
            None => Err(Error::Tables(format!(
                "model `{model}` has no sample for prompt `{prompt}`"
            ))),
        };
        samples
            .prompts
            .iter()
            .zip(outcomes)
            .map(of_prompt)
            .collect()
    };
    let models = samples.models.iter().zip(&samples.outcomes);
    let prompts = samples.prompts.len() as u32;
    Ok(Counted {
        models: samples.models.clone(),
        counts: models.map(counts).collect::<Result<_>>()?,
        prompt: (0..prompts).collect(),
        response: vec![0; prompts as usize],
    })
}

/// One row for each sample of the reference: how often its answer was given.
fn of_reference(samples: &SampleTable, reference: &str) -> Result<Counted> {
    let Some(at) = samples.models.iter().position(|name| name == reference) else {
        return Err(Error::Tables(format!(
            "no samples of `{reference}`; the models are {}",
            samples.models.join(", ")
        )));
    };
    if samples.answer.is_empty() {
        return Err(Setting::Answers
            .refused("with a reference answers are compared: every file needs a column `answer`"));
    }
    let (mut prompt, mut response) = (Vec::new(), Vec::new());
    for (of, answers) in samples.answer[at].iter().enumerate() {
        prompt.extend(std::iter::repeat_n(of as u32, answers.len()));
        response.extend(0..answers.len() as u32);
    }
    let others: Vec<usize> = (0..samples.models.len())
        .filter(|&model| model != at)
        .collect();
    if others.is_empty() {
        return Err(Error::Tables(format!(
            "the table holds no model beside the reference `{reference}`; add their samples"
        )));
    }
    let counts = |&model: &usize| {
        let of_row = |(&of, &response): (&u32, &u32)| {
            let wanted = samples.answer[at][of as usize][response as usize];
            let given = &samples.answer[model][of as usize];
            PromptOutcome::Counts {
                n: given.len() as u64,
                c: given.iter().filter(|&&answer| answer == wanted).count() as u64,
            }
        };
        prompt.iter().zip(&response).map(of_row).collect::<Vec<_>>()
    };
    let counts: Vec<Vec<PromptOutcome>> = others.iter().map(counts).collect();
    if counts.iter().flatten().any(|one| one.samples() == 0) {
        return Err(Setting::Answers.refused("every model needs samples with answers, not counts"));
    }
    Ok(Counted {
        models: others
            .iter()
            .map(|&model| samples.models[model].clone())
            .collect(),
        counts,
        prompt,
        response,
    })
}

impl Counted {
    fn table(&self, samples: &SampleTable) -> ScoreTable {
        let rate = |outcome: &PromptOutcome| match outcome {
            PromptOutcome::Counts { n, c } => answer_log_prob(*c, *n),
            PromptOutcome::Rewards(_) => f64::NEG_INFINITY,
        };
        let of_row = |&prompt: &u32| samples.group[prompt as usize];
        let names = self
            .response
            .iter()
            .copied()
            .max()
            .map_or(0, |last| last + 1);
        ScoreTable {
            models: self.models.clone(),
            sources: vec!["data".to_owned()],
            source: vec![0; self.prompt.len()],
            prompts: samples.prompts.clone(),
            prompt: self.prompt.clone(),
            responses: (0..names).map(|response| response.to_string()).collect(),
            response: self.response.clone(),
            groups: samples.groups.clone(),
            same: samples.same.clone(),
            known_models: samples.known_models.clone(),
            group: self.prompt.iter().map(of_row).collect(),
            logprob: self
                .counts
                .iter()
                .map(|counts| counts.iter().map(rate).collect())
                .collect(),
            ..ScoreTable::default()
        }
    }
}
