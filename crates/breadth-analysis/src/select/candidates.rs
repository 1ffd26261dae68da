//! Candidates with all the evidence about them, and the questions that can be asked of it.

use breadth_data::{SampleTable, ScoreTable, different_weights};
use breadth_stats::{
    Design, OnPolicy, PromptOutcome, Tournament, answer_tournament, cross_entropy_difference,
    lowest_cross_entropy, offset_tournament, pass_at_k_estimate, tournament,
};
use rayon::prelude::*;

use super::answers::{self, Answers};
use super::document::{SampledPass, Selection};
use super::landscape::{Stop, levels};
use super::options::{SelectOptions, SelectionRule};
use super::{ranked, words};
use crate::error::{Error, Result, Setting};
use crate::samples::Samples;
use crate::scores::{Scores, are_known_same, first_same};
use crate::verdict::{Evidence, Sampled, Scored, Verdict, decide, is_partial};

/// The candidates with their scores.
pub struct Candidates {
    pub(super) scores: Scores,
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

/// A selection with the comparisons behind it.
pub(crate) struct Compared {
    pub(crate) selection: Selection,
    /// (models, models) at `[rival * m + candidate]`, in the order of [`Candidates::names`].
    pub(crate) rival_shares: Vec<f64>,
}

impl Candidates {
    /// All models of the scores but the one that is left out (a teacher, the exact distribution).
    ///
    /// # Errors
    /// A name that the table lacks, and no other model.
    pub fn of_scores(scores: Scores, left_out: Option<&str>) -> Result<Self> {
        Ok(Candidates {
            candidates: scores.models_without(left_out)?,
            scores,
            sampled: Vec::new(),
            graded: None,
            only_right: false,
            answers: None,
        })
    }

    /// All models of the samples, compared by how often each gives the right answers, or those of
    /// the samples of `reference`.
    ///
    /// # Errors
    /// Rewards other than 0 and 1 without a reference, a reference without samples or answers,
    /// holes.
    pub fn of_answers(samples: &SampleTable, reference: Option<&str>) -> Result<Self> {
        let (table, answers) = answers::of_samples(samples, reference)?;
        Ok(Candidates {
            candidates: (0..table.models.len()).collect(),
            scores: Scores::of(table),
            sampled: Vec::new(),
            graded: None,
            only_right: false,
            answers: Some(answers),
        })
    }

    /// Data rows, and rows sampled from every candidate (the offset rule needs both).
    ///
    /// # Errors
    /// A model without rows of its own.
    pub fn of_scores_and_own_samples(all: &ScoreTable) -> Result<Self> {
        let sampled = |model: &String| {
            all.with_source(model).map(Scores::of).map_err(|error| {
                Error::from(error).at(format!(
                    "the offset rule needs responses sampled from `{model}`: rows with its name as \
                     `source`, scored by every model"
                ))
            })
        };
        let sampled = all
            .models
            .iter()
            .map(sampled)
            .collect::<Result<Vec<Scores>>>()?;
        let scores = Scores::of(all.with_source("data")?);
        Ok(Candidates {
            candidates: scores.models_without(None)?,
            scores,
            sampled,
            graded: None,
            only_right: false,
            answers: None,
        })
    }

    /// With graded samples beside the scores, where there are some. Their prompts count what the
    /// scores' weights say, unless they have weights of their own.
    pub fn with_samples(self, graded: Option<Samples>) -> Self {
        let scores = &self.scores.table;
        let graded = graded.map(|graded| graded.weighted_by_prompt(scores));
        Candidates { graded, ..self }
    }

    /// Whether the held-out responses are known to be the only right ones: their probabilities then
    /// are success rates.
    pub fn with_only_right(self, only_right: bool) -> Self {
        Candidates { only_right, ..self }
    }

    /// Data rows and the models' own samples, weighted so that groups count what they count in the
    /// population.
    ///
    /// # Errors
    /// Weights of groups that the tables lack.
    pub fn weighted(mut self, group_weights: &[(String, f64)]) -> Result<Self> {
        self.scores = self.scores.weighted(group_weights)?;
        let models = &self.scores.table.models;
        let of_model = |(scores, model): (Scores, &String)| {
            scores.weighted(group_weights).map_err(|error| {
                error.at(format!(
                    "the rows sampled from `{model}` must hold the groups of the data rows"
                ))
            })
        };
        let sampled = self.sampled.into_iter().zip(models);
        self.sampled = sampled.map(of_model).collect::<Result<_>>()?;
        Ok(self)
    }

    fn offset(
        &self,
        fought: Tournament,
        columns: &[&[f64]],
        choice: SelectOptions,
    ) -> Result<Tournament> {
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

    /// The fixed model that candidates are compared with, where that is the rule.
    fn against(&self, choice: SelectOptions) -> Option<&str> {
        self.left_out()
            .filter(|_| choice.rule == SelectionRule::Against)
    }

    /// The log-probabilities of the fixed model: the one that is no candidate.
    fn base(&self) -> Option<&[f64]> {
        let at = (0..self.scores.table.models.len()).find(|at| !self.candidates.contains(at))?;
        Some(&self.scores.table.logprob[at])
    }

    pub(crate) fn columns(&self) -> Vec<&[f64]> {
        let column = |&at: &usize| &self.scores.table.logprob[at][..];
        self.candidates.iter().map(column).collect()
    }

    /// Rows that are compared.
    pub fn rows(&self) -> usize {
        self.scores.table.rows()
    }

    /// Their names, in the order of the table.
    pub fn names(&self) -> Vec<&str> {
        let name = |&at: &usize| self.scores.table.models[at].as_str();
        self.candidates.iter().map(name).collect()
    }

    /// The scores that are compared; none where it is answers.
    pub(crate) fn log_probabilities(&self) -> Option<&Scores> {
        self.answers.is_none().then_some(&self.scores)
    }

    /// Whether the held-out responses are known to be the only right ones.
    pub(crate) fn are_only_right(&self) -> bool {
        self.only_right
    }

    /// The model that is no candidate, if one was left out.
    pub(crate) fn left_out(&self) -> Option<&str> {
        let models = &self.scores.table.models;
        let at = (0..models.len()).find(|at| !self.candidates.contains(at))?;
        Some(&models[at])
    }

    /// The tournament along log N.
    ///
    /// # Errors
    /// What the statistics refuse.
    pub fn landscape(&self, choice: SelectOptions) -> Result<Vec<Stop>> {
        let levels = levels(&self.columns(), choice.level);
        let fought = levels.into_iter().map(|level| {
            let tournament = self.fight(SelectOptions { level, ..choice })?;
            Ok(Stop::new(&tournament, &self.names()))
        });
        fought.collect()
    }

    /// The tournament, over responses or over answers.
    fn fight(&self, choice: SelectOptions) -> Result<Tournament> {
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

    /// The verdict over all evidence; none where answers of a reference stand for the data, whose
    /// rewards are not known.
    fn verdict(
        &self,
        fought: &Tournament,
        columns: &[&[f64]],
        names: &[&str],
        choice: SelectOptions,
    ) -> Result<Option<Verdict>> {
        let outcomes = self.outcomes(names);
        if self.answers.is_some() && outcomes.is_none() {
            return Ok(None);
        }
        let design = self.sample_design();
        let places = self
            .graded
            .as_ref()
            .and_then(|graded| graded.places(&self.scores.table.prompts));
        let evidence = Evidence {
            models: names,
            k: 2.0 * choice.level.n(),
            confidence: choice.confidence,
            same: &self.same(names),
            scores: self.answers.is_none().then(|| Scored {
                tournament: fought,
                columns,
                design: self.scores.design(),
                only_right: self.only_right,
            }),
            samples: outcomes.as_ref().map(|outcomes| Sampled {
                outcomes,
                design,
                places: places.as_deref(),
            }),
        };
        let mut verdict = decide(&evidence)?;
        if let Some(graded) = &self.graded {
            let asked = &self.scores.table.prompts;
            verdict.warnings.extend(graded.strange(names, asked)?);
        }
        let of_samples = self.graded.iter().flat_map(Samples::known_models);
        let known = self.scores.table.known_models.iter().chain(of_samples);
        verdict.warnings.extend(different_weights(known));
        Ok(Some(verdict))
    }

    /// For each candidate the first one whose files are the same, as tables know.
    fn same(&self, names: &[&str]) -> Vec<usize> {
        let of_samples = self.graded.as_ref().map(|graded| graded.same(names));
        first_same(names.len(), |a, b| {
            are_known_same(&self.scores.table.same, names[a], names[b])
                || of_samples
                    .as_ref()
                    .is_some_and(|first| first[a] == first[b])
        })
    }

    /// Graded outcomes of each candidate.
    pub(crate) fn outcomes(&self, names: &[&str]) -> Option<Vec<Vec<PromptOutcome>>> {
        match (&self.answers, &self.graded) {
            (Some(answers), _) => answers.right_counts(),
            (None, Some(graded)) => Some(graded.of(names)),
            (None, None) => None,
        }
    }

    /// How the prompts of graded samples were drawn.
    pub(crate) fn sample_design(&self) -> Design<'_> {
        match &self.graded {
            Some(graded) => graded.design(),
            None => Design {
                clusters: None,
                ..self.scores.design()
            },
        }
    }

    /// Pass@k of each candidate with samples, k being as many as all have at most.
    fn passes(&self, names: &[&str], choice: SelectOptions) -> Result<Vec<Option<SampledPass>>> {
        let outcomes = self.outcomes(names).unwrap_or_default();
        let samples = outcomes.iter().flatten().map(PromptOutcome::samples);
        let wanted = (2.0 * choice.level.n()).round();
        let k = samples.min().unwrap_or(0).min(wanted as u64);
        let is_best_of = outcomes.iter().flatten().any(is_partial);
        let of_model = |outcomes: &Vec<PromptOutcome>| -> Result<Option<SampledPass>> {
            if outcomes.is_empty() || k == 0 {
                return Ok(None);
            }
            let estimate =
                pass_at_k_estimate(outcomes, &self.sample_design(), k, choice.confidence)?;
            Ok(Some(SampledPass {
                k,
                interval: estimate.into(),
                is_best_of,
            }))
        };
        outcomes.iter().map(of_model).collect()
    }

    /// The whole answer.
    ///
    /// # Errors
    /// What the statistics refuse, and samples of none of the candidates.
    pub fn selection(&self, choice: SelectOptions) -> Result<Selection> {
        Ok(self.compared(choice)?.selection)
    }

    /// The whole answer with the comparisons behind it.
    pub(crate) fn compared(&self, choice: SelectOptions) -> Result<Compared> {
        let (columns, names) = (self.columns(), self.names());
        let design = self.scores.design();
        let fought = self.fight(choice)?;
        let covering = names[fought.winner];
        let verdict = self.verdict(&fought, &columns, &names, choice)?;
        let result = match choice.rule {
            SelectionRule::Tournament => fought,
            SelectionRule::Reach => ranked::by_reach(fought, &columns, &design, choice)?,
            SelectionRule::Against => {
                let base = self
                    .base()
                    .ok_or_else(|| Setting::Against.refused("name the fixed model"))?;
                ranked::by_coverage_against(fought, base, &columns, &design, choice)?
            }
            SelectionRule::Offset => self.offset(fought, &columns, choice)?,
            SelectionRule::CrossEntropy => {
                lowest_cross_entropy(fought, &columns, &design, choice.confidence)?
            }
        };
        let mut document = Selection::new(choice, &self.scores, &names, &result);
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
        document.against = self.against(choice).map(str::to_owned);
        document.sampled_rows = (choice.rule == SelectionRule::Offset)
            .then(|| self.sampled.iter().map(|s| s.table.rows()).sum());
        document.answers = self.answers.as_ref().map(|answers| answers.summary.clone());
        document.verdict = verdict;
        document.notes = words::notes(&document, choice.level, covering);
        Ok(Compared {
            selection: document,
            rival_shares: result.rival_shares,
        })
    }
}
