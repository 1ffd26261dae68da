//! `breadth select`: which checkpoint should I take?

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use breadth_analysis::{Evidence, Sampled, Scored, State, Verdict, decide};
use breadth_data::{ReadOptions, RunFolder, ScoreTable, TablePaths};
use breadth_stats::{
    Design, Level, OnPolicy, PromptOutcome, Standing, Tournament, answer_tournament,
    cross_entropy_difference, lowest_cross_entropy, offset_parameter, offset_tournament,
    pass_estimate, tournament,
};
use clap::ValueEnum;
use rayon::prelude::*;
use serde::Serialize;

use crate::cli;
use crate::failure::Unsure;
use crate::input::{self, LevelChoice, LogChoice, Scores, Tables};
use crate::losses::LossChoice;
use crate::output::{Output, printable_names};
use answers::Answers;
use document::{Document, Pass};
use samples::Samples;

mod against;
mod answers;
mod document;
mod landscape;
mod race;
mod reach;
mod samples;
mod text;

const EXAMPLES: &str = "\
Examples:
  # the checkpoint for Best-of-16 or Pass@16 (the tournament at N = 8)
  breadth select scores.parquet --best-of 16

  # with graded samples of the checkpoints: they decide; a script stops (status 3) unless that is certain
  breadth select scores.parquet samples.parquet --best-of 16 --require certain

  # graded samples alone, such as evaluation logs
  breadth select validation/ --best-of 16

  # a folder of tables, the teacher's own scores left out, only the name of what to take (null where nothing is)
  breadth select scores/ --reference teacher --json | jq -r .verdict.take

  # what a run left behind
  breadth select runs/demo

  # the offset rule: beside the data rows it needs rows whose source is each model, scored by all of them
  breadth select scores.parquet --rule offset --best-of 64

  # how few forward passes would have been enough
  breadth select scores.parquet --best-of 16 --race

  # long responses: what Best-of-N needs is the answer, so compare how often each model gives the right one
  breadth select samples.parquet --answers --best-of 64

  # long responses differ by many nats: see where the choice separates, then take such an N, here e^30
  breadth select scores.parquet --landscape
  breadth select scores.parquet --log-n 30

The verdict weighs all evidence. Graded samples, at least K a prompt, decide by Pass@K. Without them the tournament and reach \
have to say the same, or reach has to be so near 100% that no other candidate can be much better; else nothing is taken, and the command that would decide is shown.

Which N or K? For Best-of-K and Pass@K that K; for reinforcement learning with groups of G responses K = G. Without a \
verifier: scores alone. With a verifier: 16 samples a prompt of the few candidates that the scores leave open.

The words:
  tournament    for each checkpoint the share of responses to which some rival assigns at least N times the probability
  reach_k       how often k samples contain the held-out response itself: Pass@k is at least this
  certain       at 95% confidence no other candidate is better by more than one point of Pass@k
  likely, open  another may be better by up to ten points; by more
  may be best   what the data cannot exclude, by the rule that is named
  coverage      the share of the data that a checkpoint under-weights by N or more; its limits hold whatever the data are
  void          limits of 0 to 100%: they say nothing, and the tournament compares candidates that may all be poor
  cross-entropy the validation loss, in nats per response

The tournament asks of every model: on which share of the data responses does some rival give at least N times its \
probability? The model with the smallest worst case wins; ties go to the lower cross-entropy. No reference is needed: \
log-probabilities of a few hundred held-out responses under every checkpoint are enough.";

/// Select the checkpoint that covers the data best: the tournament over all models
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    #[command(flatten)]
    level: LevelChoice,
    /// How to choose, in place of the verdict over all evidence [default: the verdict, beside the tournament]
    #[arg(long, value_enum)]
    rule: Option<Rule>,
    /// Exit with status 3 if the verdict is less than this
    #[arg(long, value_enum, value_name = "STATE", conflicts_with = "race")]
    require: Option<Require>,
    /// The a of `--rule offset`, in [0, 1]: some model is assumed within a factor N^a of the truth [default: the largest with N^(1-2a) >= 8]
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    a: Option<f64>,
    /// Also show the tournament's choice along log N: where it separates, where it ties, where it changes
    #[arg(long)]
    landscape: bool,
    /// Score batch by batch and leave models as soon as they cannot win: says how many scores were needed
    #[arg(long, conflicts_with = "landscape")]
    race: bool,
    /// Compare final answers instead of responses, from samples: how often each model gives the right answer, or with --reference the answers of that model's samples
    #[arg(long, conflicts_with = "race")]
    answers: bool,
    /// Seed of the order of rows in a race
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// A model that is no candidate: the teacher, or the exact law; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// Rank by coverage against this fixed model: the share of responses to which it gives N times the probability. As no other checkpoint enters, it can stand in a series (metric_for_best_model). The model is no candidate then
    #[arg(long, value_name = "BASE", conflicts_with_all = ["rule", "race", "answers", "reference"])]
    against: Option<String>,
    #[command(flatten)]
    losses: LossChoice,
    /// Confidence of the intervals and of the set that is not excluded
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// How to choose among the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    /// The smallest share of responses that some rival gives N times the probability (Eq 28-29)
    #[default]
    Tournament,
    /// The tournament less 2 N^a times what a rival gains on the model's own samples (Eq 32)
    Offset,
    /// The largest reach_k: how often k samples contain the held-out response itself (k = 2N)
    Reach,
    /// The lowest cross-entropy, which is the lowest validation loss: to compare with
    CrossEntropy,
    /// The smallest coverage profile against a fixed model: `--against`.
    #[value(skip)]
    Against,
}

/// The least that a verdict may be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Require {
    Certain,
    Likely,
}

impl From<Require> for State {
    fn from(require: Require) -> State {
        match require {
            Require::Certain => State::Certain,
            Require::Likely => State::Likely,
        }
    }
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let rule = match arguments.against {
        Some(_) => Rule::Against,
        None => arguments.rule.unwrap_or_default(),
    };
    let choice = Choice {
        rule,
        is_named: arguments.rule.is_some() || arguments.against.is_some(),
        level: arguments.level.level()?,
        a: arguments.a,
        confidence: arguments.confidence,
    };
    if choice.a.is_some() && choice.rule != Rule::Offset {
        bail!("--a belongs to --rule offset; add that, or leave out --a");
    }
    if arguments.answers && choice.rule == Rule::Offset {
        bail!(
            "--answers has no offset rule: it needs no samples beside those it reads; leave out --rule"
        );
    }
    if arguments.answers && choice.rule == Rule::Reach {
        bail!("--answers has no reach: samples are judged by their rewards; leave out --rule");
    }
    if arguments.answers && choice.rule == Rule::CrossEntropy {
        bail!(
            "--answers has no cross-entropy rule: samples put no limits on log-probabilities, and an answer that was never given may have any; leave out --rule"
        );
    }
    let reference = arguments
        .against
        .as_deref()
        .or(arguments.reference.as_deref());
    // Samples alone are compared by their answers: there is nothing else in them.
    let is_plain = choice.rule == Rule::Tournament && !arguments.race;
    let of_answers = arguments.answers || (is_plain && arguments.tables.are_samples());
    let mut field = match of_answers {
        true => Field::of_answers(&arguments.tables, reference, output)?,
        false => Field::read(&arguments.tables, reference, choice.rule, output)?,
    };
    field = field.weighted(&arguments.tables.group_weights)?;
    if arguments.race {
        if arguments.losses.is_asked() {
            bail!("--race has no room for losses; leave out --trainer-state");
        }
        let document = race::document(&field, choice, arguments.seed)?;
        return output.result(&document, |style| {
            race::render(&document, &field.scores.size(), style)
        });
    }
    let mut document = field.document(choice)?;
    if let Some(losses) = arguments.losses.read(field.names())? {
        document.add_losses(&losses, &field.names());
    }
    if arguments.landscape {
        document.landscape = field.landscape(choice)?;
    }
    output.result(&document, |style| {
        text::render(&document, &field.scores.size(), choice, style)
    })?;
    match (arguments.require.map(State::from), &document.verdict) {
        (Some(least), Some(verdict)) if verdict.state < least => Err(Unsure(format!(
            "the verdict is {}, and --require asks for {}",
            verdict.state.name(),
            least.name()
        ))
        .into()),
        (Some(_), None) => bail!("--require needs a verdict, and answers of a reference give none"),
        _ => Ok(()),
    }
}

/// What `select --json` prints for a run folder at level `n`.
pub fn document_of_run(
    folder: &Path,
    n: f64,
    confidence: f64,
    output: &Output,
) -> Result<serde_json::Value> {
    let tables = Tables {
        paths: vec![folder.to_owned()],
        intersect: false,
        group_weights: Vec::new(),
        logs: LogChoice::default(),
    };
    let choice = Choice {
        rule: Rule::Tournament,
        is_named: false,
        level: input::level_from_n(n)?,
        a: None,
        confidence,
    };
    let field = Field::read(&tables, None, Rule::Tournament, output)?;
    Ok(serde_json::to_value(field.document(choice)?)?)
}

/// Ranks models by their values, the better first; ties go to the lower cross-entropy.
fn rank(result: &mut Tournament, better: impl Fn(&Standing, &Standing) -> Ordering) {
    let place = |a: &usize, b: &usize| {
        let (a, b) = (&result.standings[*a], &result.standings[*b]);
        better(a, b).then(a.cross_entropy.total_cmp(&b.cross_entropy))
    };
    let mut ranking: Vec<usize> = (0..result.standings.len()).collect();
    ranking.sort_by(place);
    let best = result.standings[ranking[0]].value;
    let is_best = |&model: &usize| result.standings[model].value == best;
    result.tied = (0..result.standings.len()).filter(is_best).collect();
    for (at, &model) in ranking.iter().enumerate() {
        result.standings[model].rank = at + 1;
    }
    result.winner = ranking[0];
    result.ranking = ranking;
}

/// How to choose and how sure to be.
#[derive(Clone, Copy)]
struct Choice {
    rule: Rule,
    /// Whether the user named it.
    is_named: bool,
    level: Level,
    /// What the user gave.
    a: Option<f64>,
    confidence: f64,
}

impl Choice {
    /// The a of the offset rule.
    fn offset(&self) -> f64 {
        self.a.unwrap_or_else(|| offset_parameter(self.level))
    }
}

/// The candidates with their scores.
struct Field {
    scores: Scores,
    /// Indices of the candidates among the models of the table.
    candidates: Vec<usize>,
    /// For the offset rule: rows sampled from each candidate.
    sampled: Vec<Scores>,
    /// Graded samples of the candidates.
    graded: Option<Samples>,
    /// Whether the held-out responses are the only right ones.
    only_right: bool,
    /// What the scores were made of, where they are those of answers.
    answers: Option<Answers>,
}

impl Field {
    /// A run keeps fresh samples for the tournament in a table of their own, and names its reference.
    fn read(tables: &Tables, reference: Option<&str>, rule: Rule, output: &Output) -> Result<Self> {
        let run = tables.run_folder();
        let manifest = run.as_ref().map(RunFolder::manifest).transpose()?;
        let only_right = manifest
            .as_ref()
            .is_some_and(|manifest| manifest.single_correct_response);
        let fresh = run
            .as_ref()
            .map(RunFolder::selection)
            .filter(|path| path.is_file());
        let split = match run {
            Some(_) => TablePaths::default(),
            None => tables.split(),
        };
        let paths = match fresh {
            Some(path) => vec![path],
            // A rule of log-probabilities on samples alone is refused by the reader of scores, which says what takes them.
            None if split.scores.is_empty() => tables.paths.clone(),
            None => split.scores,
        };
        let of_run = manifest.and_then(|manifest| manifest.reference);
        if rule == Rule::Offset {
            let reference = reference.or(of_run.as_deref());
            return Field::with_samples(&paths, reference, &tables.options(), output);
        }
        let scores = Scores::read(&paths, &tables.options(), output)?;
        // A reference asked for by name must be there; that of a run need not compete in its table.
        let is_there = |name: &String| scores.table.models.contains(name);
        let left_out = reference
            .map(str::to_owned)
            .or_else(|| of_run.filter(is_there));
        let candidates = scores.models_without(left_out.as_deref())?;
        let graded = match &run {
            Some(run) => Samples::of_run(run, tables, output)?,
            None => Samples::read(&split.samples, tables, output)?,
        };
        Ok(Field {
            scores,
            candidates,
            sampled: Vec::new(),
            graded,
            only_right,
            answers: None,
        })
    }

    /// The scores are how often each model gives the data's answers.
    fn of_answers(tables: &Tables, reference: Option<&str>, output: &Output) -> Result<Self> {
        let (table, answers) = answers::read(&tables.paths, &tables.options(), reference, output)?;
        Ok(Field {
            candidates: (0..table.models.len()).collect(),
            scores: Scores::of(table),
            sampled: Vec::new(),
            graded: None,
            only_right: false,
            answers: Some(answers),
        })
    }

    /// Data rows, and rows sampled from every candidate.
    fn with_samples(
        paths: &[PathBuf],
        reference: Option<&str>,
        options: &ReadOptions,
        output: &Output,
    ) -> Result<Self> {
        let options = ReadOptions {
            without: reference.map(str::to_owned),
            ..options.clone()
        };
        let mut all = ScoreTable::read(paths, &options)?;
        printable_names(&mut all.models);
        output.remarks(&all.remarks);
        let sampled = |model: &String| {
            all.with_source(model).map(Scores::of).with_context(|| {
                format!(
                    "the offset rule needs responses sampled from `{model}`: rows with its name as `source`, scored by every model"
                )
            })
        };
        let sampled = all
            .models
            .iter()
            .map(sampled)
            .collect::<Result<Vec<Scores>>>()?;
        let scores = Scores::of(all.with_source("data")?);
        let candidates = scores.models_without(None)?;
        Ok(Field {
            scores,
            candidates,
            sampled,
            graded: None,
            only_right: false,
            answers: None,
        })
    }

    /// Data rows and the models' own samples, weighted so that groups count what they count in the population.
    fn weighted(mut self, group_weights: &[(String, f64)]) -> Result<Self> {
        self.scores = self.scores.weighted(group_weights)?;
        let models = &self.scores.table.models;
        let of_model = |(scores, model): (Scores, &String)| {
            scores.weighted(group_weights).with_context(|| {
                format!("the rows sampled from `{model}` must hold the groups of the data rows")
            })
        };
        let sampled = self.sampled.into_iter().zip(models);
        self.sampled = sampled.map(of_model).collect::<Result<_>>()?;
        Ok(self)
    }

    fn offset(&self, fought: Tournament, columns: &[&[f64]], choice: Choice) -> Result<Tournament> {
        let samples: Vec<OnPolicy> = self.sampled.iter().map(Scores::on_policy).collect();
        let (design, a) = (self.scores.design(), choice.offset());
        Ok(offset_tournament(
            fought,
            columns,
            &design,
            &samples,
            a,
            choice.confidence,
        )?)
    }

    /// Its name, where it is asked for.
    fn against(&self, choice: Choice) -> Option<&str> {
        let models = &self.scores.table.models;
        let at = (0..models.len()).find(|at| !self.candidates.contains(at))?;
        (choice.rule == Rule::Against).then(|| models[at].as_str())
    }

    /// The model of `--against`: the one that is no candidate.
    fn base(&self) -> Option<&[f64]> {
        let at = (0..self.scores.table.models.len()).find(|at| !self.candidates.contains(at))?;
        Some(&self.scores.table.logprob[at])
    }

    fn columns(&self) -> Vec<&[f64]> {
        let column = |&at: &usize| &self.scores.table.logprob[at][..];
        self.candidates.iter().map(column).collect()
    }

    fn names(&self) -> Vec<&str> {
        let name = |&at: &usize| self.scores.table.models[at].as_str();
        self.candidates.iter().map(name).collect()
    }

    fn landscape(&self, choice: Choice) -> Result<Vec<landscape::Stop<'_>>> {
        let levels = landscape::levels(&self.columns(), choice.level);
        let fought = levels.into_iter().map(|level| {
            let tournament = self.fight(Choice { level, ..choice })?;
            Ok(landscape::Stop::new(&tournament, &self.names()))
        });
        fought.collect()
    }

    /// The tournament, over responses or over answers.
    fn fight(&self, choice: Choice) -> Result<Tournament> {
        let design = self.scores.design();
        let Some(answers) = &self.answers else {
            let columns = self.columns();
            return Ok(tournament(
                &columns,
                &design,
                choice.level,
                choice.confidence,
            )?);
        };
        let counts = |&at: &usize| &answers.counts[at][..];
        let counts: Vec<&[PromptOutcome]> = self.candidates.iter().map(counts).collect();
        Ok(answer_tournament(
            &counts,
            answers.summary.law(),
            &design,
            choice.level,
            choice.confidence,
        )?)
    }

    /// The verdict over all evidence; none where answers of a reference stand for the data, whose rewards are not known.
    fn verdict(
        &self,
        fought: &Tournament,
        columns: &[&[f64]],
        names: &[&str],
        choice: Choice,
    ) -> Result<Option<Verdict>> {
        let outcomes = self.outcomes(names);
        if self.answers.is_some() && outcomes.is_none() {
            return Ok(None);
        }
        let design = self.sample_design();
        let evidence = Evidence {
            models: names,
            k: 2.0 * choice.level.n(),
            confidence: choice.confidence,
            scores: self.answers.is_none().then(|| Scored {
                tournament: fought,
                columns,
                design: self.scores.design(),
                only_right: self.only_right,
            }),
            samples: outcomes
                .as_ref()
                .map(|outcomes| Sampled { outcomes, design }),
        };
        let mut verdict = decide(&evidence)?;
        if let Some(graded) = &self.graded {
            let asked = &self.scores.table.prompts;
            verdict.warnings.extend(graded.strange(names, asked)?);
        }
        Ok(Some(verdict))
    }

    /// Graded outcomes of each candidate.
    fn outcomes(&self, names: &[&str]) -> Option<Vec<Vec<PromptOutcome>>> {
        match (&self.answers, &self.graded) {
            (Some(answers), _) => answers.right_counts(),
            (None, Some(graded)) => Some(graded.of(names)),
            (None, None) => None,
        }
    }

    /// How the prompts of graded samples were drawn.
    fn sample_design(&self) -> Design<'_> {
        match &self.graded {
            Some(graded) => graded.design(),
            None => Design {
                clusters: None,
                ..self.scores.design()
            },
        }
    }

    /// Pass@k of each candidate with samples, k being as many as all have at most.
    fn passes(&self, names: &[&str], choice: Choice) -> Result<Vec<Option<Pass>>> {
        let outcomes = self.outcomes(names).unwrap_or_default();
        let samples = outcomes.iter().flatten().map(PromptOutcome::samples);
        let wanted = (2.0 * choice.level.n()).round();
        let k = samples.min().unwrap_or(0).min(wanted as u64);
        let of_model = |outcomes: &Vec<PromptOutcome>| -> Result<Option<Pass>> {
            if outcomes.is_empty() || k == 0 {
                return Ok(None);
            }
            let estimate = pass_estimate(outcomes, &self.sample_design(), k, choice.confidence)?;
            Ok(Some(Pass {
                k,
                interval: estimate.into(),
            }))
        };
        outcomes.iter().map(of_model).collect()
    }

    fn document(&self, choice: Choice) -> Result<Document<'_>> {
        let (columns, names) = (self.columns(), self.names());
        let design = self.scores.design();
        let fought = self.fight(choice)?;
        let covering = names[fought.winner];
        let verdict = self.verdict(&fought, &columns, &names, choice)?;
        let result = match choice.rule {
            Rule::Tournament => fought,
            Rule::Reach => reach::ranked(fought, &columns, &design, choice)?,
            Rule::Against => {
                let base = self.base().context("--against names no model")?;
                against::ranked(fought, base, &columns, &design, choice)?
            }
            Rule::Offset => self.offset(fought, &columns, choice)?,
            Rule::CrossEntropy => {
                lowest_cross_entropy(fought, &columns, &design, choice.confidence)?
            }
        };
        let mut document = Document::new(choice, &self.scores, &names, &result);
        // Samples put no limits on log-probabilities of answers.
        if self.answers.is_none() {
            let difference = |&at: &usize| {
                let (own, best) = (columns[at], columns[result.winner]);
                cross_entropy_difference(own, best, &design, choice.confidence)
            };
            let differences = result.ranking.par_iter().map(difference);
            let differences = differences.collect::<Result<Vec<_>, _>>()?;
            for (model, difference) in document.models.iter_mut().zip(differences) {
                let difference = || difference.map(|difference| self.scores.mean(&difference));
                model.cross_entropy_above_winner = difference();
                model.difference_to_winner = difference();
            }
        }
        let passes = self.passes(&names, choice)?;
        for (model, &at) in document.models.iter_mut().zip(&result.ranking) {
            model.pass = passes.get(at).cloned().flatten();
        }
        document.against = self.against(choice);
        document.sampled_rows = (choice.rule == Rule::Offset)
            .then(|| self.sampled.iter().map(|s| s.table.rows()).sum());
        document.answers = self.answers.as_ref().map(|answers| answers.summary.clone());
        document.verdict = verdict;
        document.notes = text::notes(&document, choice.level, covering);
        Ok(document)
    }
}
