//! Reach in words: which model reaches furthest, and what that rests on.

use breadth_data::listed;

use super::document::{ReachModel, ReachReport};
use crate::number;
use crate::verdict::FEWEST_PROMPTS;

/// Of more names than this the others are counted, not listed.
const MOST_NAMES: usize = 9;

impl ReachReport {
    /// Where in `best` the k of [`ReachReport::sentence`] stands: that of the budget if it was asked
    /// for, else the largest.
    pub fn headlined(&self) -> usize {
        let k = |at: usize| self.best[at].k.0;
        let budget = self.models.first().map(|one| one.prompts_at.budget.0);
        let is_budget = |at: &usize| Some(k(*at)) == budget;
        let largest = || (0..self.best.len()).max_by(|&a, &b| k(a).total_cmp(&k(b)));
        let mut all = 0..self.best.len();
        all.find(is_budget).or_else(largest).unwrap_or(0)
    }

    /// Which model reaches furthest at that k, and which others may.
    pub fn sentence(&self) -> String {
        let at = self.headlined();
        let Some(best) = self.best.get(at) else {
            return String::new();
        };
        let (model, k) = (&best.model, number::samples(best.k.0));
        let own = self.models.iter().find(|one| one.model == *model);
        let Some(reach) = own.map(|one| &one.reach[at]) else {
            return String::new();
        };
        let share = number::share_with_limits(reach.value.0, reach.low.0, reach.high.0);
        if self.models.len() == 1 {
            return format!("{model} reaches {share} at k = {k}.");
        }
        if reach.effective_prompts.0 < FEWEST_PROMPTS {
            return format!(
                "{model} has the most, {share} at k = {k}; too few prompts carry it to decide \
                 anything."
            );
        }
        let others = best.not_excluded.iter().filter(|name| *name != model);
        let others: Vec<&String> = others.collect();
        let sure = if others.is_empty() {
            String::new()
        } else {
            format!(" Not certain: so may {}.", listed(&others, MOST_NAMES))
        };
        format!("{model} reaches furthest: {share} at k = {k}.{sure}")
    }

    /// Where other models than that of [`ReachReport::sentence`] reach furthest.
    pub fn elsewhere(&self) -> Option<String> {
        let model = &self.best.get(self.headlined())?.model;
        let mut spans: Vec<(&str, Vec<String>)> = Vec::new();
        for best in self.best.iter().filter(|best| best.model != *model) {
            let k = number::samples(best.k.0);
            match spans.last_mut() {
                Some((name, ks)) if *name == best.model => ks.push(k),
                _ => spans.push((&best.model, vec![k])),
            }
        }
        let spans: Vec<String> = spans
            .iter()
            .map(|(name, ks)| format!("{name} at k = {}", ks.join(", ")))
            .collect();
        (!spans.is_empty()).then(|| format!("Others have more elsewhere: {}.", spans.join("; ")))
    }
}

/// What the numbers rest on, and which rows and models count once.
pub(super) fn notes(document: &ReachReport) -> Vec<String> {
    let same = document.same.iter().map(|names| {
        format!(
            "{} are the same model and count as one.",
            names.join(" and ")
        )
    });
    let (few, repeats) = (few(&document.models), repeats(document.repeated));
    few.into_iter().chain(repeats).chain(same).collect()
}

/// Which numbers few prompts carry.
fn few(models: &[ReachModel]) -> Option<String> {
    let of_model = |one: &ReachModel| {
        let few = one
            .reach
            .iter()
            .filter(|point| point.effective_prompts.0 < FEWEST_PROMPTS);
        let few: Vec<String> = few.map(|point| number::samples(point.k.0)).collect();
        match few.len() {
            0 => None,
            all if all == one.reach.len() => Some(one.model.clone()),
            _ => Some(format!("{} at k = {}", one.model, few.join(", "))),
        }
    };
    let named: Vec<String> = models.iter().filter_map(of_model).collect();
    (!named.is_empty()).then(|| {
        format!(
            "Rests on few prompts (effectively fewer than {FEWEST_PROMPTS}) and can decide \
             nothing: {}.",
            listed(&named, MOST_NAMES)
        )
    })
}

fn repeats(repeated: usize) -> Option<String> {
    let (verb, whose, count) = match repeated {
        0 => return None,
        1 => ("repeats", "its", "counts"),
        _ => ("repeat", "their", "count"),
    };
    Some(format!(
        "{} {verb} a response of {whose} prompt with equal log-probabilities under every model and \
         {count} once.",
        number::count(repeated, "row")
    ))
}
