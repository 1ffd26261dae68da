//! Judging the texts of a sample table anew.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, bail};
use breadth_analysis::Regraded;
use breadth_data::{Outcome, SampleTable, SampleTexts, refuse_overwriting};
use breadth_lm::text::{Item, Reference, read_references};
use breadth_lm::verifier::{Judged, Judgement, Verifier};

use super::grades;
use crate::arguments;
use crate::output::Output;

/// What `pass` asks for a verifier.
#[derive(Debug, clap::Args)]
pub struct Regrade {
    /// Judge the column `text`, or the responses in a log, anew, instead of the rewards: text,
    /// number, boxed, regex:PATTERN or command:PROGRAM
    #[arg(long, value_name = "V", value_parser = arguments::VerifierName, hide_possible_values = true)]
    verifier: Option<String>,
    /// With --verifier: JSON Lines with prompt_id (or the same prompt) and `answer` (or the
    /// response); prompts without a line are compared with the right answer that the table or log
    /// has [column `gold`]; of several lines of a prompt, any is right
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "verifier")]
    data: Vec<PathBuf>,
    /// With --verifier: seconds that the program of command:PROGRAM may take for one response
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = arguments::seconds)]
    verifier_timeout: Duration,
    /// With --verifier: where the responses go with their new rewards: a sample table, for select
    /// and report (.parquet), or the scores of one log for Inspect's precomputed_scores (.jsonl)
    #[arg(short, long, value_name = "FILE", requires = "verifier")]
    output: Option<PathBuf>,
}

impl Regrade {
    /// Whether texts are to be read.
    pub fn is_asked_for(&self) -> bool {
        self.verifier.is_some()
    }

    /// Refuses an output that is one of the inputs or could not be written, before anything is
    /// read.
    pub fn check_output(&self, inputs: &[PathBuf]) -> Result<()> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        let verifier = self.verifier.as_deref().map(Verifier::parse).transpose()?;
        let grader = verifier
            .map(|verifier| verifier.files())
            .unwrap_or_default();
        refuse_overwriting(path, &[inputs, &self.data, &grader].concat())?;
        grades::refuse(path)
    }

    /// Says of texts that are missing how samples come to have them.
    pub fn explained(&self, error: Error) -> Error {
        match error.downcast_ref() {
            Some(breadth_data::Error::Value {
                at,
                column,
                problem,
            }) if *column == "text" && problem.starts_with("no value") => {
                anyhow!(
                    "{at}, column `text`: no value, and --verifier judges texts; breadth sample \
                     keeps them with --text: draw the samples again, or leave out --verifier if \
                     their rewards are the right ones"
                )
            }
            _ => error,
        }
    }

    /// Puts the verifier's rewards and answers in the place of the table's.
    ///
    /// Writes them where `-o` says.
    pub fn run(&self, table: &mut SampleTable, output: &Output) -> Result<Option<Regraded>> {
        let Some(name) = &self.verifier else {
            return Ok(None);
        };
        let verifier = Verifier::parse(name)?.with_timeout(self.verifier_timeout);
        if verifier.reads_tokens() {
            bail!(
                "--verifier {name} compares tokens, and the table has text; use text, number, \
                 boxed, regex or command"
            );
        }
        let texts = table
            .text
            .take()
            .ok_or_else(|| anyhow!("--verifier needs the texts of the responses: a column `text`, or a log that keeps them"))?;
        if let Some(path) = &self.output {
            grades::check(path, table, &texts)?;
        }
        let reference = if self.data.is_empty() {
            Reference::default()
        } else {
            read_references(&self.data)?
        };
        let (items, own_answers) = self.items(&table.prompts, &texts, &reference, &verifier)?;
        let mut answers = Answers::default();
        let (mut judged, mut changed, mut ungraded) = (0, 0, 0);
        for (model, outcomes) in table.outcomes.iter_mut().enumerate() {
            let judgements = verifier.judge(&batch(&texts, model, &items))?;
            judged += judgements.len() as u64;
            let [others, new] = answers.replace(outcomes, judgements);
            (changed, ungraded) = (changed + others, ungraded + new);
        }
        (table.answers, table.answer) = (answers.names, answers.codes);
        let failures = verifier.finish()?.map(arguments::failures);
        if let Some(path) = &self.output {
            output.remark(&grades::write(path, table, &texts)?);
        }
        Ok(Some(Regraded {
            verifier: name.clone(),
            judged,
            changed,
            ungraded,
            own_answers,
            several: reference.several() as u64,
            failures,
        }))
    }

    /// What each prompt's responses are compared with: the line of the data with its id, else that
    /// with its text, else the right answer in the table. And how many of the last there are.
    fn items<'a>(
        &self,
        prompts: &[String],
        texts: &SampleTexts,
        reference: &'a Reference,
        verifier: &Verifier,
    ) -> Result<(Vec<Cow<'a, Item>>, u64)> {
        let mut own = 0;
        let mut items = Vec::with_capacity(prompts.len());
        for (at, prompt) in prompts.iter().enumerate() {
            let (text, gold) = (&texts.prompts[at], &texts.gold[at]);
            let by_text = || reference.by_text(text.as_deref()?);
            let item = match reference.get(prompt).or_else(by_text) {
                Some(item) => Cow::Borrowed(item),
                None if gold.is_some() || (self.data.is_empty() && !verifier.compares()) => {
                    own += u64::from(gold.is_some());
                    Cow::Owned(Item {
                        prompt_id: prompt.clone(),
                        prompt_text: text.clone(),
                        answer: gold.clone(),
                        ..Item::default()
                    })
                }
                None if self.data.is_empty() => bail!(
                    "prompt {prompt}: the table has no right answer to it (column `gold`; a column \
                     `answer` is what each response answers); give the answers with --data FILE"
                ),
                None => bail!(
                    "--data has no line with prompt_id {prompt}, which the table has samples of; \
                     add it"
                ),
            };
            verifier.check(&item)?;
            items.push(item);
        }
        Ok((items, own))
    }
}

/// All responses of a model, prompt by prompt.
fn batch<'a>(texts: &'a SampleTexts, model: usize, items: &'a [Cow<Item>]) -> Vec<Judged<'a>> {
    let of_prompt = |(prompt, item): (usize, &'a Cow<Item>)| {
        let (text, response) = (&texts.text[model][prompt], &texts.response[model][prompt]);
        let item: &Item = item;
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
    /// Puts judgements in the place of a model's outcomes; how many rewards changed, and how many
    /// are new.
    fn replace(
        &mut self,
        outcomes: &mut [Option<Outcome>],
        judgements: Vec<Judgement>,
    ) -> [u64; 2] {
        let mut judgements = judgements.into_iter();
        let (mut changed, mut new) = (0, 0);
        let mut codes = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let Some(Outcome::Rewards(rewards)) = outcome else {
                codes.push(Vec::new());
                continue;
            };
            let mut own = Vec::with_capacity(rewards.len());
            for (reward, judgement) in rewards.iter_mut().zip(&mut judgements) {
                if reward.is_nan() {
                    new += 1
                } else {
                    changed += u64::from(*reward != judgement.reward)
                }
                *reward = judgement.reward;
                own.push(self.code(judgement.answer.unwrap_or_default()));
            }
            codes.push(own);
        }
        self.codes.push(codes);
        [changed, new]
    }

    fn code(&mut self, answer: String) -> u32 {
        let next = self.names.len() as u32;
        *self.positions.entry(answer).or_insert_with_key(|answer| {
            self.names.push(answer.clone());
            next
        })
    }
}
