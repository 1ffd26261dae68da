//! Graded samples, as evidence beside scores or alone.

use std::collections::HashMap;

use breadth_data::{KnownModel, Outcome, SampleTable, ScoreTable, listed};
use breadth_stats::{Design, Error as Statistics, Estimate, PromptOutcome, stratified_weights};

use crate::error::{Error, Result, Setting};
use crate::number;
use crate::scores::{are_known_same, first_same, population};

/// Of more names than this the others are counted, not listed.
const MOST_NAMES: usize = 4;

/// Graded samples with what their prompts count.
pub struct Samples {
    table: SampleTable,
    weights: Option<Vec<f64>>,
    strata: Option<Vec<u32>>,
    /// Whether their prompts are others than those of the scores, as in a run folder.
    has_own_prompts: bool,
    /// What their weights have to do with those of the scores.
    remark: Option<&'static str>,
}

impl Samples {
    /// Every prompt counts the same, unless groups are given weights.
    ///
    /// # Errors
    /// Weights of groups that the table lacks.
    pub fn new(table: SampleTable, group_weights: &[(String, f64)]) -> Result<Self> {
        let strata = Groups::of(&table, group_weights)?;
        let (weights, strata) = strata.map_or((None, None), |g| (Some(g.weights), Some(g.strata)));
        Ok(Samples {
            table,
            weights,
            strata,
            has_own_prompts: false,
            remark: None,
        })
    }

    /// Prompts count what the scores of the same run say, and need not be those of the scores.
    ///
    /// # Errors
    /// Samples from a group or prompt of unknown weight.
    pub fn weighted_as(mut self, scores: Option<&ScoreTable>) -> Result<Self> {
        self.has_own_prompts = true;
        if let Some(scores) = scores.filter(|_| self.weights.is_none()) {
            let first = self.table.models.first().cloned().unwrap_or_default();
            let drawn = Drawn::new(&self.table, &first, scores)?;
            self.weights = drawn.and_then(|drawn| drawn.weights);
        }
        Ok(self)
    }

    /// Prompts count what the scores beside them say, where those are weighted and have all of them.
    pub(crate) fn weighted_by_prompt(mut self, scores: &ScoreTable) -> Self {
        if self.weights.is_some() || self.has_own_prompts || scores.weight.is_none() {
            return self;
        }
        let of_prompt = prompt_weights(scores);
        let prompts = self.table.prompts.iter();
        let weights: Option<Vec<f64>> = prompts
            .map(|prompt| of_prompt.get(prompt.as_str()).copied())
            .collect();
        self.remark = Some(match &weights {
            Some(_) => "The prompts of the samples count what the scores' column `weight` says.",
            None => {
                "The scores are weighted and the samples are not, as the scores lack some of their \
                 prompts: every sampled prompt counts the same."
            }
        });
        self.weights = weights;
        self
    }

    /// Whether some rewards lie between 0 and 1: Pass@k then is Best-of-k, the mean best reward.
    pub fn has_partial_rewards(&self) -> bool {
        self.table
            .outcomes
            .iter()
            .flatten()
            .flatten()
            .any(is_partial)
    }

    /// The models, in order of first appearance.
    pub(crate) fn models(&self) -> &[String] {
        &self.table.models
    }

    /// The models whose content the samples' files know.
    pub(crate) fn known_models(&self) -> &[KnownModel] {
        &self.table.known_models
    }

    /// The outcomes of each candidate; empty for one without samples.
    pub(crate) fn of(&self, names: &[&str]) -> Vec<Vec<PromptOutcome>> {
        let of_model = |at: Option<usize>| {
            at.map_or(Vec::new(), |at| {
                let outcomes = self.table.outcomes[at].iter().flatten();
                outcomes.map(outcome).collect()
            })
        };
        self.matched(names).into_iter().map(of_model).collect()
    }

    /// The samples' model of each candidate: the one of its name, else the only one whose path ends
    /// as its own does, as names depend on the folder that a command was given.
    fn matched(&self, names: &[&str]) -> Vec<Option<usize>> {
        let models = &self.table.models;
        let is_exact = |at: usize| names.contains(&models[at].as_str());
        let of_name = |name: &&str| {
            if let Some(at) = models.iter().position(|model| model == name) {
                return Some(at);
            }
            let mut near = (0..models.len()).filter(|&at| same_end(&models[at], name));
            let at = near.next().filter(|_| near.next().is_none())?;
            let others = names.iter().filter(|name| same_end(&models[at], name));
            (!is_exact(at) && others.count() == 1).then_some(at)
        };
        names.iter().map(of_name).collect()
    }

    /// For each candidate the first one whose files are the same, as the samples' files know.
    pub(crate) fn same(&self, names: &[&str]) -> Vec<usize> {
        let matched = self.matched(names);
        first_same(names.len(), |a, b| match (matched[a], matched[b]) {
            (Some(a), Some(b)) => {
                let models = &self.table.models;
                are_known_same(&self.table.same, &models[a], &models[b])
            }
            _ => false,
        })
    }

    /// What speaks against these samples being of the same models and prompts as the scores.
    ///
    /// # Errors
    /// Samples of none of the candidates.
    pub(crate) fn strange(&self, names: &[&str], prompts: &[String]) -> Result<Vec<String>> {
        let models = &self.table.models;
        let matched = self.matched(names);
        let (known, others): (Vec<usize>, Vec<usize>) =
            (0..models.len()).partition(|&at| matched.contains(&Some(at)));
        let (known, others) = (self.named(&known), self.named(&others));
        let Some(first) = known.first() else {
            return Err(Error::Tables(format!(
                "none of the models of the samples ({}) is among those of the scores ({}); rename \
                 one or the other, or give the samples alone",
                listed(models, MOST_NAMES),
                listed(names, MOST_NAMES)
            )));
        };
        let mut strange: Vec<String> = self.remark.iter().map(|&text| text.into()).collect();
        let renamed = names.iter().zip(&matched).find_map(|(name, at)| {
            let model = &models[(*at)?];
            (model != name).then_some((model, name))
        });
        if let Some((model, name)) = renamed {
            strange.push(format!(
                "Names of samples and scores that end alike are taken as the same models \
                 ({model} and {name}, say)."
            ));
        }
        if let [only] = known[..]
            && names.len() > 1
        {
            strange.push(format!(
                "Of the candidates only {only} has samples, so they decide nothing."
            ));
        }
        if !others.is_empty() {
            strange.push(format!(
                "Samples of models without scores are not used: {}.",
                listed(&others, MOST_NAMES)
            ));
        }
        let places = self.places(prompts);
        if places.is_some_and(|places| places.iter().all(Option::is_none)) {
            strange.push(format!(
                "None of the {} of the samples is among those of the scores (prompt `{}` of \
                 {first}, say): are they of the same data?",
                number::count(self.table.prompts.len(), "prompt"),
                self.table.prompts.first().map_or("", String::as_str)
            ));
        }
        Ok(strange)
    }

    /// The place of each prompt among these; `None` for samples that have prompts of their own.
    pub(crate) fn places(&self, prompts: &[String]) -> Option<Vec<Option<usize>>> {
        if self.has_own_prompts {
            return None;
        }
        let places = prompts.iter().zip(0..);
        let places: HashMap<&String, usize> = places.collect();
        let own = self.table.prompts.iter();
        Some(own.map(|prompt| places.get(prompt).copied()).collect())
    }

    fn named(&self, models: &[usize]) -> Vec<&str> {
        models
            .iter()
            .map(|&at| &self.table.models[at][..])
            .collect()
    }

    /// How the prompts were sampled.
    pub(crate) fn design(&self) -> Design<'_> {
        Design {
            weights: self.weights.as_deref(),
            strata: self.strata.as_deref(),
            clusters: None,
        }
    }
}

/// Whether one of two paths is the end of the other, from a separator on.
fn same_end(a: &str, b: &str) -> bool {
    let (long, short) = if a.len() > b.len() { (a, b) } else { (b, a) };
    long.strip_suffix(short)
        .is_some_and(|start| start.ends_with('/'))
}

/// The group of every prompt, and weights under which groups count what they count in the
/// population.
pub(crate) struct Groups {
    pub(crate) weights: Vec<f64>,
    pub(crate) strata: Vec<u32>,
}

impl Groups {
    /// `None` where groups have no weights.
    pub(crate) fn of(table: &SampleTable, group_weights: &[(String, f64)]) -> Result<Option<Self>> {
        if group_weights.is_empty() {
            return Ok(None);
        }
        let population = population(&table.groups, group_weights)?;
        if let Some(prompt) = table.group.iter().position(Option::is_none) {
            return Err(Setting::GroupWeights.refused(format!(
                "prompt `{}` of the samples has no group; give it one or remove its rows",
                table.prompts[prompt]
            )));
        }
        let strata: Vec<u32> = table.group.iter().flatten().copied().collect();
        let weights = stratified_weights(&strata, &population, None)?;
        Ok(Some(Groups { weights, strata }))
    }
}

pub(crate) fn is_partial(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Counts { .. } => false,
        Outcome::Rewards(rewards) => rewards.iter().any(|&reward| reward != 0.0 && reward != 1.0),
    }
}

/// An error of the statistics about the samples of one prompt; they count from 0, people from 1.
pub(crate) fn of_samples(error: Statistics) -> Error {
    match error {
        Statistics::Prompt { source, .. } => of_samples(*source),
        Statistics::NotBinary { index, value } => Error::Tables(format!(
            "sample {}, column `reward`: {value} is neither 0 nor 1, and only such rewards have \
             success rates",
            index + 1
        )),
        error => error.into(),
    }
}

/// As the statistics take it.
pub(crate) fn outcome(outcome: &Outcome) -> PromptOutcome {
    match outcome {
        Outcome::Counts { n, c } => PromptOutcome::Counts { n: *n, c: *c },
        Outcome::Rewards(rewards) => PromptOutcome::Rewards(rewards.clone()),
    }
}

/// The drawn responses of one model, with how their prompts were sampled.
pub(crate) struct Drawn {
    pub(crate) prompts: Vec<PromptOutcome>,
    pub(crate) weights: Option<Vec<f64>>,
    strata: Option<Vec<u32>>,
}

impl Drawn {
    /// Responses whose prompts have this design.
    pub(crate) fn with(prompts: Vec<PromptOutcome>, design: &Design) -> Self {
        Self {
            prompts,
            weights: design.weights.map(<[f64]>::to_vec),
            strata: design.strata.map(<[u32]>::to_vec),
        }
    }

    /// The fewest samples of a prompt.
    pub(crate) fn fewest(&self) -> u64 {
        let samples = self.prompts.iter().map(PromptOutcome::samples);
        samples.min().unwrap_or(0)
    }

    /// `None` if nothing was drawn from this model.
    pub(crate) fn new(
        samples: &SampleTable,
        name: &str,
        scores: &ScoreTable,
    ) -> Result<Option<Self>> {
        let Some(model) = samples.models.iter().position(|model| model == name) else {
            return Ok(None);
        };
        let outcomes = &samples.outcomes[model];
        let drawn: Vec<usize> = (0..outcomes.len())
            .filter(|&i| outcomes[i].is_some())
            .collect();
        if drawn.is_empty() {
            return Ok(None);
        }
        let prompts = drawn
            .iter()
            .filter_map(|&i| outcomes[i].as_ref().map(outcome))
            .collect();
        Ok(Some(Self {
            prompts,
            weights: weights(samples, name, &drawn, scores)?,
            strata: None,
        }))
    }

    /// `None` where some prompt has fewer than `k` samples.
    pub(crate) fn pass(&self, k: u64, confidence: f64) -> Result<Option<Estimate>> {
        if self.fewest() < k {
            return Ok(None);
        }
        let design = Design {
            weights: self.weights.as_deref(),
            strata: self.strata.as_deref(),
            clusters: None,
        };
        Ok(Some(breadth_stats::pass_at_k_estimate(
            &self.prompts,
            &design,
            k,
            confidence,
        )?))
    }
}

/// Weights under which the sampled prompts stand for the mixture that was scored: by group where
/// both tables have groups, by prompt where only the scores are weighted, else none.
fn weights(
    samples: &SampleTable,
    model: &str,
    drawn: &[usize],
    scores: &ScoreTable,
) -> Result<Option<Vec<f64>>> {
    let groups: Option<Vec<&str>> = drawn
        .iter()
        .map(|&i| samples.group[i].map(|group| samples.groups[group as usize].as_str()))
        .collect();
    match (&scores.group, groups) {
        (Some(codes), Some(groups)) => {
            let totals = group_totals(scores, codes);
            group_weights(model, &groups, &totals).map(Some)
        }
        _ if scores.weight.is_some() => {
            let of_prompt = prompt_weights(scores);
            let weight = |&i: &usize| {
                let prompt = samples.prompts[i].as_str();
                let what = || format!("prompt `{prompt}`");
                of_prompt
                    .get(prompt)
                    .copied()
                    .ok_or_else(|| unknown(&what()))
            };
            drawn
                .iter()
                .map(weight)
                .collect::<Result<Vec<_>>>()
                .map(Some)
        }
        _ => Ok(None),
    }
}

/// What each scored prompt weighs: the mean weight of its rows, as in reach. How many responses to
/// it were held out says nothing of how often it is asked.
fn prompt_weights(scores: &ScoreTable) -> HashMap<&str, f64> {
    let names = scores.prompts.iter().map(String::as_str);
    names.zip(mean_weights(scores)).collect()
}

/// The mean weight of the rows of each prompt.
fn mean_weights(scores: &ScoreTable) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); scores.prompts.len()];
    for (row, &prompt) in scores.prompt.iter().enumerate() {
        let (total, rows) = &mut sums[prompt as usize];
        *total += scores.weight.as_ref().map_or(1.0, |weight| weight[row]);
        *rows += 1.0;
    }
    sums.iter().map(|(total, rows)| total / rows).collect()
}

/// What the prompts of each group weigh together; a prompt with rows in several groups counts in
/// each by its share of rows.
fn group_totals<'a>(scores: &'a ScoreTable, codes: &[u32]) -> HashMap<&'a str, f64> {
    let mut rows = vec![0.0; scores.prompts.len()];
    for &prompt in &scores.prompt {
        rows[prompt as usize] += 1.0;
    }
    let weights = mean_weights(scores);
    let mut totals = HashMap::new();
    for (&prompt, &group) in scores.prompt.iter().zip(codes) {
        let prompt = prompt as usize;
        let name = scores.groups[group as usize].as_str();
        *totals.entry(name).or_insert(0.0) += weights[prompt] / rows[prompt];
    }
    totals
}

/// Each prompt's share of its group's total.
fn group_weights(model: &str, groups: &[&str], totals: &HashMap<&str, f64>) -> Result<Vec<f64>> {
    let mut prompts: HashMap<&str, f64> = HashMap::new();
    for &group in groups {
        *prompts.entry(group).or_insert(0.0) += 1.0;
    }
    let mut unsampled: Vec<&str> = totals
        .keys()
        .copied()
        .filter(|group| !prompts.contains_key(group))
        .collect();
    unsampled.sort_unstable();
    if let Some(group) = unsampled.first() {
        return Err(Error::Tables(format!(
            "group `{group}` has weight in the scores but no samples of model `{model}`: sample \
             every group, or Pass@k would speak of another mixture"
        )));
    }
    let weight = |group: &&str| match totals.get(group) {
        Some(total) => Ok(total / prompts[group]),
        None => Err(unknown(&format!("group `{group}`"))),
    };
    groups.iter().map(weight).collect()
}

/// A prompt or group was sampled whose weight the scores do not tell.
fn unknown(what: &str) -> Error {
    Error::Tables(format!(
        "the samples have {what}, which the scores lack: its weight is unknown, so draw samples \
         for the prompts and groups that were scored"
    ))
}
