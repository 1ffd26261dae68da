//! Scores of samples of the data distribution, with their sampling design.

use breadth_data::ScoreTable;
use breadth_stats::{Design, MeanEstimate, OnPolicy, stratified_weights};

use crate::error::{Error, Result, Setting};
use crate::number::{Mean, count};

/// Scores of samples of the data distribution, with what the intervals need to know of how they
/// were sampled.
pub struct Scores {
    /// The aligned rows.
    pub table: ScoreTable,
    /// Prompts among the rows.
    pub prompts: usize,
    /// The prompt of every row, if some prompt has several rows: these are then dependent.
    clusters: Option<Vec<u32>>,
    /// The group of every row, where groups have known weights.
    strata: Option<Vec<u32>>,
}

/// For each of `models` models the first one that is the same.
pub(crate) fn first_same(models: usize, is_same: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut first: Vec<usize> = Vec::with_capacity(models);
    for at in 0..models {
        let other = (0..at).find(|&other| is_same(other, at));
        first.push(other.map_or(at, |other| first[other]));
    }
    first
}

/// The models that are not the same as an earlier one, by what [`first_same`] says.
pub(crate) fn distinct(first_same: &[usize]) -> Vec<usize> {
    let own = first_same.iter().enumerate();
    own.filter(|&(at, &first)| at == first)
        .map(|(at, _)| at)
        .collect()
}

/// The models that are the same as others, group by group.
pub(crate) fn groups_of_same(first_same: &[usize]) -> Vec<Vec<usize>> {
    let group = |own: usize| -> Vec<usize> {
        let members = 0..first_same.len();
        members.filter(|&at| first_same[at] == own).collect()
    };
    let groups = distinct(first_same).into_iter().map(group);
    groups.filter(|group| group.len() > 1).collect()
}

/// Whether two names stand for one model, by what files know of them.
pub(crate) fn are_known_same(groups: &[Vec<String>], a: &str, b: &str) -> bool {
    let has = |group: &Vec<String>, name: &str| group.iter().any(|known| known == name);
    groups.iter().any(|group| has(group, a) && has(group, b))
}

impl Scores {
    /// With prompts as clusters.
    pub fn of(table: ScoreTable) -> Self {
        // Those that rows have: a table may name more, and rows of one prompt must not pass for independent ones.
        let mut has_rows = vec![false; table.prompts.len()];
        for &prompt in &table.prompt {
            has_rows[prompt as usize] = true;
        }
        let prompts = has_rows.into_iter().filter(|&has| has).count();
        let clusters = (prompts < table.rows()).then(|| table.prompt.clone());
        Scores {
            table,
            prompts,
            clusters,
            strata: None,
        }
    }

    /// With rows weighted so that groups count what they count in the population; as they are where
    /// nothing is known of that.
    pub fn weighted(mut self, group_weights: &[(String, f64)]) -> Result<Self> {
        if group_weights.is_empty() {
            return Ok(self);
        }
        let population = population(&self.table.groups, group_weights)?;
        let strata = self.table.group.clone().unwrap_or_default();
        self.check_one_group_each(&strata)?;
        let weights = stratified_weights(&strata, &population, self.table.weight.as_deref())?;
        self.table.weight = Some(weights);
        self.strata = Some(strata);
        Ok(self)
    }

    /// Checks that the rows of a prompt are of one group.
    fn check_one_group_each(&self, groups: &[u32]) -> Result<()> {
        let table = &self.table;
        let mut of_prompt = vec![None; table.prompts.len()];
        for (&prompt, &group) in table.prompt.iter().zip(groups) {
            let known = *of_prompt[prompt as usize].get_or_insert(group);
            if known != group {
                let [known, group] = [known, group].map(|at| &table.groups[at as usize]);
                return Err(Setting::GroupWeights.refused(format!(
                    "prompt `{}` has rows of the groups `{known}` and `{group}` (column `group`); \
                     all rows of a prompt belong to one",
                    table.prompts[prompt as usize]
                )));
            }
        }
        Ok(())
    }

    /// The sampling design of the rows: weights, prompts as clusters, groups of known weight as
    /// strata.
    pub fn design(&self) -> Design<'_> {
        Design {
            weights: self.table.weight.as_deref(),
            clusters: self.clusters.as_deref(),
            strata: self.strata.as_deref(),
        }
    }

    /// A mean over these rows with what is to be said of it.
    pub fn mean(&self, mean: &MeanEstimate) -> Mean {
        let reason = mean.no_limits.as_ref().map(|reason| {
            let prompt = reason
                .row()
                .map(|row| format!("prompt `{}`", self.key(row).0));
            reason.in_words(&prompt.unwrap_or_default())
        });
        Mean {
            interval: mean.estimate().into(),
            no_limits: mean.no_limits.is_some(),
            remark: reason,
        }
    }

    /// The rows as samples of a model, prompts counting the same but for their weights and groups.
    pub fn on_policy(&self) -> OnPolicy<'_> {
        OnPolicy {
            columns: self.table.logprob.iter().map(Vec::as_slice).collect(),
            prompts: self.clusters.as_deref(),
            weights: self.table.weight.as_deref(),
            strata: self.strata.as_deref(),
        }
    }

    /// Indices of the models without `left_out`, in order of first appearance.
    pub fn models_without(&self, left_out: Option<&str>) -> Result<Vec<usize>> {
        if let Some(name) = left_out {
            self.table.column(name)?;
        }
        let models = self.table.models.iter().enumerate();
        let kept: Vec<usize> = models
            .filter(|(_, name)| Some(name.as_str()) != left_out)
            .map(|(at, _)| at)
            .collect();
        if kept.is_empty() {
            return Err(Error::Tables(format!(
                "the table holds no model beside the reference `{}`; add their scores",
                left_out.unwrap_or_default()
            )));
        }
        Ok(kept)
    }

    /// The prompt and the response of a row.
    pub fn key(&self, row: usize) -> (&str, &str) {
        let table = &self.table;
        (
            &table.prompts[table.prompt[row] as usize],
            &table.responses[table.response[row] as usize],
        )
    }

    /// `2,000 rows, 500 prompts`.
    pub fn size(&self) -> String {
        format!(
            "{}, {}",
            count(self.table.rows(), "row"),
            count(self.prompts, "prompt")
        )
    }
}

/// The weight of each of the table's groups, in their order.
pub(crate) fn population(groups: &[String], weights: &[(String, f64)]) -> Result<Vec<f64>> {
    if groups.is_empty() {
        return Err(Setting::GroupWeights.refused("the table lacks the column `group`"));
    }
    if let Some((name, _)) = weights.iter().find(|(name, _)| !groups.contains(name)) {
        return Err(Setting::GroupWeights.refused(format!(
            "no row has the group `{name}`; the groups are {}",
            groups.join(", ")
        )));
    }
    let weight = |group: &String| {
        let mut named = weights.iter().filter(|(name, _)| name == group);
        match (named.next(), named.next()) {
            (Some((_, weight)), None) => breadth_data::weight(*weight)
                .map_err(|why| Setting::GroupWeights.refused(format!("group `{group}`: {why}"))),
            (None, _) => Err(Setting::GroupWeights
                .refused(format!("group `{group}` is left out; give its weight too"))),
            _ => Err(Setting::GroupWeights.refused(format!("`{group}` is named twice"))),
        }
    };
    groups.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_without_rows_do_not_make_rows_independent() {
        let scores = Scores::of(ScoreTable {
            prompts: vec!["a".into(), "b".into(), "c".into()],
            prompt: vec![0, 0, 1],
            ..ScoreTable::default()
        });
        assert_eq!(scores.prompts, 2);
        assert_eq!(scores.design().clusters, Some(&[0, 0, 1][..]));
    }
}
