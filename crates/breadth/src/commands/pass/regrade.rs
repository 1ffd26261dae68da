//! Judging the texts of a sample table anew.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use breadth_data::{Outcome, SampleTable, SampleTexts};
use breadth_lm::decode::verifier::{Judged, Judgement, Tally, Verifier};
use breadth_lm::text::{Item, Reference, read_references};
use serde::Serialize;

use crate::cli;

/// What `pass` asks for a verifier.
#[derive(Debug, clap::Args)]
pub struct Regrade {
    /// Judge the column `text` anew, instead of the rewards in the table: text, number, boxed, regex:PATTERN or command:PROGRAM
    #[arg(long, value_name = "V", requires = "data")]
    verifier: Option<String>,
    /// With --verifier: JSON Lines with prompt_id and `answer` (or the response) of every prompt; of several lines of a prompt, any is right
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "verifier")]
    data: Vec<PathBuf>,
    /// With --verifier: seconds that the program of command:PROGRAM may take for one response
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = cli::seconds)]
    verifier_timeout: Duration,
}

/// What the verifier changed.
#[derive(Serialize)]
pub struct Regraded {
    pub verifier: String,
    /// Responses judged.
    pub judged: u64,
    /// Rewards that are others than in the table.
    pub changed: u64,
    /// Prompts of the data with several right answers, any of which counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub several: usize,
    /// How often the verifier's program failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Tally>,
}

impl Regrade {
    /// Whether texts are to be read.
    pub fn is_asked_for(&self) -> bool {
        self.verifier.is_some()
    }

    /// Puts the verifier's rewards and answers in the place of the table's.
    pub fn run(&self, table: &mut SampleTable) -> Result<Option<Regraded>> {
        let Some(name) = &self.verifier else {
            return Ok(None);
        };
        let verifier = Verifier::parse(name)?.with_timeout(self.verifier_timeout);
        if verifier.reads_tokens() {
            bail!(
                "--verifier {name} compares tokens, and the table has text; use text, number, boxed, regex or command"
            );
        }
        let texts = table
            .text
            .take()
            .ok_or_else(|| anyhow!("--verifier needs a column `text`"))?;
        let reference = read_references(&self.data)?;
        let items = items(&table.prompts, &reference, &verifier)?;
        let mut answers = Answers::default();
        let (mut judged, mut changed) = (0, 0);
        for (model, outcomes) in table.outcomes.iter_mut().enumerate() {
            let judgements = verifier.judge(&batch(&texts, model, &items))?;
            judged += judgements.len() as u64;
            changed += answers.replace(outcomes, judgements);
        }
        (table.answers, table.answer) = (answers.names, answers.codes);
        let failures = verifier.finish()?;
        Ok(Some(Regraded {
            verifier: name.clone(),
            judged,
            changed,
            several: reference.several(),
            failures,
        }))
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Every prompt's line of the data.
fn items<'a>(
    prompts: &[String],
    reference: &'a Reference,
    verifier: &Verifier,
) -> Result<Vec<&'a Item>> {
    let item = |prompt: &String| {
        let item = reference.get(prompt).ok_or_else(|| {
            anyhow!(
                "--data has no line with prompt_id {prompt}, which the table has samples of; add it"
            )
        })?;
        verifier.check(item)?;
        Ok(item)
    };
    prompts.iter().map(item).collect()
}

/// All responses of a model, prompt by prompt.
fn batch<'a>(texts: &'a SampleTexts, model: usize, items: &[&'a Item]) -> Vec<Judged<'a>> {
    let of_prompt = |(prompt, item): (usize, &&'a Item)| {
        let (text, response) = (&texts.text[model][prompt], &texts.response[model][prompt]);
        let item = *item;
        text.iter()
            .zip(response)
            .map(move |(&text, &response)| Judged {
                item,
                response_id: &texts.responses[response as usize],
                tokens: &[],
                text: &texts.texts[text as usize],
            })
    };
    items.iter().enumerate().flat_map(of_prompt).collect()
}

/// Answers by model, prompt and sample, as positions in a list of the different ones.
#[derive(Default)]
struct Answers {
    names: Vec<String>,
    positions: std::collections::HashMap<String, u32>,
    codes: Vec<Vec<Vec<u32>>>,
}

impl Answers {
    /// Puts judgements in the place of a model's outcomes; how many rewards changed.
    fn replace(&mut self, outcomes: &mut [Option<Outcome>], judgements: Vec<Judgement>) -> u64 {
        let mut judgements = judgements.into_iter();
        let mut changed = 0;
        let mut codes = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let Some(Outcome::Rewards(rewards)) = outcome else {
                codes.push(Vec::new());
                continue;
            };
            let mut own = Vec::with_capacity(rewards.len());
            for (reward, judgement) in rewards.iter_mut().zip(&mut judgements) {
                changed += u64::from(*reward != judgement.reward);
                *reward = judgement.reward;
                own.push(self.code(judgement.answer.unwrap_or_default()));
            }
            codes.push(own);
        }
        self.codes.push(codes);
        changed
    }

    fn code(&mut self, answer: String) -> u32 {
        let next = self.names.len() as u32;
        *self.positions.entry(answer).or_insert_with_key(|answer| {
            self.names.push(answer.clone());
            next
        })
    }
}
