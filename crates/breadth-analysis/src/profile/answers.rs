//! Final answers in place of responses, by exact sums.

use std::collections::BTreeMap;

use breadth_data::ScoreTable;
use breadth_stats::numerics::{log_sum_exp, sum};
use serde::Serialize;

use crate::error::{Error, Result, Setting};
use crate::scores::Scores;

/// How much of the reference the responses listed may lack, for a prompt, and by how much rounding
/// may exceed it.
const SLACK: f64 = 0.01;

/// What the answers were made of.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProfileAnswers {
    /// Responses listed.
    pub responses: usize,
    /// Answers to the prompts.
    pub answers: usize,
    /// The least share of the reference's probability that the responses listed for a prompt hold.
    pub listed_min: f64,
}

/// A table with a row for each answer of each prompt: `log q(ans|x)`, the sum over the responses
/// listed, with weight `p(ans|x)` (section 7.1).
///
/// Every prompt counts what its rows' weight says, whatever rounding took from what is listed of
/// it: prompts are the independent units. Refuses tables whose responses do not hold all that the
/// reference may write: what was drawn at random has no sums.
///
/// # Errors
/// No column `answer`, sums that are not 1, weights that differ within a prompt.
pub fn answer_scores(scores: &Scores, reference: &str) -> Result<(Scores, ProfileAnswers)> {
    let table = &scores.table;
    let truth = table.column(reference)?;
    let Some(answer) = &table.answer else {
        return Err(Setting::Answers.refused(
            "the score table lacks the final answer of every response, a column `answer`",
        ));
    };
    let mut members: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    let mut prompts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, (&prompt, &answer)) in table.prompt.iter().zip(answer).enumerate() {
        members.entry((prompt, answer)).or_default().push(row);
        prompts.entry(prompt).or_default().push(row);
    }
    let probability = |rows: &[usize]| sum(rows.iter().map(|&row| truth[row].exp()));
    let mut listed_of: BTreeMap<u32, f64> = BTreeMap::new();
    for (&prompt, rows) in &prompts {
        let listed = probability(rows);
        let name = &table.prompts[prompt as usize];
        if (listed - 1.0).abs() > SLACK {
            return Err(Error::Tables(format!(
                "prompt `{name}`: its responses have probability {listed:.4} in all under \
                 `{reference}`; exact sums need every response that it may write, once; of \
                 samples `select` compares the answers"
            )));
        }
        if let Some(weight) = &table.weight
            && rows.iter().any(|&row| weight[row] != weight[rows[0]])
        {
            return Err(Setting::Answers.refused(format!(
                "prompt `{name}`: with answers a weight is that of a prompt, the same in all its \
                 rows"
            )));
        }
        listed_of.insert(prompt, listed);
    }
    let summary = ProfileAnswers {
        responses: table.rows(),
        answers: members.len(),
        listed_min: listed_of.values().copied().fold(1.0, f64::min),
    };
    // An answer that the reference never gives has no share in anything.
    let cells: Vec<(u32, u32, Vec<usize>)> = members
        .into_iter()
        .map(|((prompt, answer), rows)| (prompt, answer, rows))
        .filter(|(.., rows)| probability(rows) > 0.0)
        .collect();
    let weight = |rows: &[usize]| table.weight.as_ref().map_or(1.0, |w| w[rows[0]]);
    let total = |column: &Vec<f64>| {
        cells
            .iter()
            .map(|cell| log_sum_exp(cell.2.iter().map(|&row| column[row])).min(0.0))
            .collect()
    };
    let answers = ScoreTable {
        models: table.models.clone(),
        sources: table.sources.clone(),
        source: cells.iter().map(|cell| table.source[cell.2[0]]).collect(),
        prompts: table.prompts.clone(),
        prompt: cells.iter().map(|cell| cell.0).collect(),
        responses: table.answers.clone(),
        response: cells.iter().map(|cell| cell.1).collect(),
        groups: table.groups.clone(),
        group: table
            .group
            .as_ref()
            .map(|group| cells.iter().map(|cell| group[cell.2[0]]).collect()),
        weight: Some(
            cells
                .iter()
                .map(|cell| weight(&cell.2) * probability(&cell.2) / listed_of[&cell.0])
                .collect(),
        ),
        logprob: table.logprob.iter().map(total).collect(),
        ..ScoreTable::default()
    };
    Ok((Scores::of(answers), summary))
}
