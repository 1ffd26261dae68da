//! From what is compared and measured to the document.

use std::collections::{HashMap, HashSet};

use breadth_data::checkpoint_step;
use breadth_stats::{CorrectResponses, Error as Statistics, Estimate};
use rayon::prelude::*;

use super::document::{Checkpoint, Choices, Report, Rows, Standing};
use super::evaluation::{Evaluation, Measured};
use super::options::ReportOptions;
use super::passes::{self, Passes, graded};
use crate::error::Result;
use crate::samples::Drawn;
use crate::scores::Scores;
use crate::select::{Candidates, Compared, SelectOptions, SelectionRule};
use crate::verdict::wanted;

/// What a report is about.
pub(super) struct Subject<'a> {
    /// The candidates, in the order of the table.
    pub(super) names: Vec<String>,
    /// What plays the tournament.
    pub(super) compared: Option<&'a Candidates>,
    /// What cross-entropy, KL, coverage and the exact Pass@k are measured on.
    pub(super) evaluated: Option<&'a Scores>,
    /// Whether the tournament has rows of its own.
    pub(super) has_own_rows: bool,
    /// Among the models that were evaluated.
    pub(super) reference: Option<&'a str>,
    /// Whether each scored response is the only correct one.
    pub(super) single_correct_response: bool,
    /// The graded samples of a candidate.
    pub(super) drawn: &'a (dyn Fn(&str) -> Result<Option<Drawn>> + Sync),
}

/// What is known of the candidates before they are measured.
struct Known<'a> {
    /// The training step of every candidate, if all names tell one.
    steps: Option<Vec<u64>>,
    drawn: Vec<Option<Drawn>>,
    passes: Passes,
    reach: HashMap<String, Estimate>,
    evaluation: Option<Evaluation<'a>>,
    confidence: f64,
}

impl<'a> Subject<'a> {
    /// The tournament is played once, for the selection and for the pairs.
    pub(super) fn report(mut self, options: &ReportOptions) -> Result<Report> {
        let compared = self.compared.map(|candidates| {
            candidates.compared(SelectOptions {
                rule: SelectionRule::Tournament,
                level: options.level,
                a: None,
                confidence: options.confidence,
            })
        });
        let compared = compared.transpose()?;
        let steps = drawing_order(&mut self.names);
        let known = self.known(steps, options)?;
        let all = (0..self.names.len()).into_par_iter();
        let all = all.map(|at| self.checkpoint(at, &known));
        let checkpoints = all.collect::<Vec<_>>().into_iter().collect::<Result<_>>()?;
        let mut report = self.document(checkpoints, &known, options)?;
        if let (Some(candidates), Some(compared)) = (self.compared, compared) {
            self.place(&mut report, candidates, compared);
        }
        Ok(report)
    }

    fn known(&self, steps: Option<Vec<u64>>, options: &ReportOptions) -> Result<Known<'a>> {
        let drawn = self.names.iter().map(|name| (self.drawn)(name));
        let drawn = drawn.collect::<Result<Vec<_>>>()?;
        let passes = Passes::new(options, &drawn, self.single_correct_response);
        let evaluation = self
            .evaluated
            .map(|scores| Evaluation::new(scores, self.reference, &self.names, &passes, options));
        Ok(Known {
            steps,
            reach: self.reach(options)?,
            evaluation: evaluation.transpose()?,
            drawn,
            passes,
            confidence: options.confidence,
        })
    }

    /// All that is known of one candidate but its place in the tournament.
    fn checkpoint(&self, at: usize, known: &Known) -> Result<Checkpoint> {
        let name = &self.names[at];
        let log_q = self.evaluated.map(|scores| scores.table.column(name));
        let log_q = log_q.transpose()?;
        let exact = self.evaluated.zip(log_q);
        let exact = exact.filter(|_| self.single_correct_response);
        let drawn = known.drawn[at].as_ref();
        let point = |&k: &u64| passes::point(k, exact, drawn, known.confidence);
        let measured = match (&known.evaluation, log_q) {
            (Some(evaluation), Some(log_q)) => evaluation.measure(log_q)?,
            _ => Measured::default(),
        };
        let step = known.steps.as_ref().map(|steps| steps[at]);
        Ok(Checkpoint {
            kl: measured.kl,
            cross_entropy: measured.cross_entropy,
            coverage: measured.coverage,
            profile: measured.profile,
            pass: known.passes.ks.iter().map(point).collect::<Result<_>>()?,
            pass_curve: known
                .passes
                .curve
                .iter()
                .map(point)
                .collect::<Result<_>>()?,
            reach: known.reach.get(name).copied(),
            ..Checkpoint::bare(name.clone(), step)
        })
    }

    /// The document before the tournament's word.
    fn document(
        &self,
        checkpoints: Vec<Checkpoint>,
        known: &Known,
        options: &ReportOptions,
    ) -> Result<Report> {
        let title = || "Which checkpoint to take".into();
        let method = known.evaluation.as_ref();
        let method = method.map(|evaluation| evaluation.method(&self.names));
        let compared = self.compared.and_then(Candidates::log_probabilities);
        Ok(Report {
            title: options.title.clone().unwrap_or_else(title),
            confidence: options.confidence,
            level: options.level,
            reference: self.reference.map(String::from),
            choices: Choices {
                winner: None,
                lowest_loss: lowest_loss(&checkpoints),
            },
            selection: None,
            by_rewards: None,
            matrix: Vec::new(),
            method: method.transpose()?.unwrap_or_default(),
            checkpoints,
            evaluation: self.evaluated.map(rows),
            selection_rows: compared.map(rows),
            graded: graded(&known.drawn),
            training_loss: Vec::new(),
            provenance: Vec::new(),
        })
    }

    /// Reach at k = 2N of every candidate on the rows of the tournament; empty where the
    /// probabilities of a prompt's responses add up to more than 1.
    fn reach(&self, options: &ReportOptions) -> Result<HashMap<String, Estimate>> {
        let nothing = HashMap::new();
        let Some(candidates) = self.compared else {
            return Ok(nothing);
        };
        let Some(scores) = candidates.log_probabilities() else {
            return Ok(nothing);
        };
        let right = match CorrectResponses::new(&candidates.columns(), &scores.design()) {
            Err(Statistics::ProbabilitiesAboveOne { .. }) => return Ok(nothing),
            right => right?,
        };
        let k = wanted(2.0 * options.level.n());
        let of_model = |(at, name): (usize, &str)| {
            let reach = right.reach(at, k, options.confidence)?;
            let (value, low, high) = (reach.value, reach.low, reach.high);
            Ok((name.to_owned(), Estimate { value, low, high }))
        };
        let all = candidates.names().into_par_iter().enumerate().map(of_model);
        all.collect::<Vec<Result<_>>>().into_iter().collect()
    }

    /// What the tournament says, in drawing order.
    fn place(&self, report: &mut Report, candidates: &Candidates, compared: Compared) {
        let Compared {
            selection,
            rival_shares,
        } = compared;
        let position = |names: &[&str]| -> HashMap<String, usize> {
            let positions = names.iter().enumerate();
            positions
                .map(|(at, name)| ((*name).to_owned(), at))
                .collect()
        };
        let in_table = position(&candidates.names());
        let drawn: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let drawn = position(&drawn);
        let order: Vec<usize> = self.names.iter().map(|name| in_table[name]).collect();
        let m = order.len();
        let pairs = order
            .iter()
            .flat_map(|rival| order.iter().map(move |q| rival * m + q));
        report.matrix = pairs.map(|cell| rival_shares[cell]).collect();
        for model in &selection.models {
            let checkpoint = &mut report.checkpoints[drawn[&model.model]];
            checkpoint.standing = Some(Standing::new(model, &selection));
        }
        report.choices.winner = drawn.get(&selection.winner).copied();
        // On the same rows it is the same checkpoint, whichever way ties go.
        if !self.has_own_rows && self.evaluated.is_some() {
            report.choices.lowest_loss = drawn.get(&selection.cross_entropy_winner).copied();
        }
        report.selection = Some(selection);
    }
}

/// Puts names in drawing order, by training step if all names tell one; the steps.
pub(super) fn drawing_order(names: &mut [String]) -> Option<Vec<u64>> {
    let of_name = |name: &String| Some((name.clone(), checkpoint_step(name)?));
    let steps: HashMap<String, u64> = names.iter().map(of_name).collect::<Option<_>>()?;
    let distinct: HashSet<&u64> = steps.values().collect();
    if distinct.len() < names.len() {
        return None;
    }
    names.sort_by_key(|name| steps[name]);
    Some(names.iter().map(|name| steps[name]).collect())
}

/// The first checkpoint with the lowest cross-entropy.
pub(super) fn lowest_loss(checkpoints: &[Checkpoint]) -> Option<usize> {
    let loss = |at: &usize| checkpoints[*at].cross_entropy.map(|loss| loss.value);
    let known = (0..checkpoints.len()).filter(|at| loss(at).is_some());
    known.min_by(|a, b| loss(a).unwrap_or(0.0).total_cmp(&loss(b).unwrap_or(0.0)))
}

fn rows(scores: &Scores) -> Rows {
    Rows {
        rows: scores.table.rows(),
        prompts: scores.prompts,
    }
}
