//! What a statement whose proof gives the step size is about: its objective, and its number of
//! steps.

use super::objective::{Objective, ObjectiveName, Targets, Unit};
use crate::error::{Error, Result};
use crate::optim::Proof;

/// Refuses a proof in a run (its objective, none with `[rl]`; its steps and batch size) that its
/// statement does not speak of: the step size would be one of another method.
///
/// # Errors
/// Names the statement, its own objective, and what the file has.
pub(super) fn check(
    proof: &Proof,
    objective: Option<&Objective>,
    (steps, batch_size): (u64, usize),
    place: &str,
) -> Result<()> {
    let statement = proof.statement();
    let error = |message: String| {
        let message = format!("[optimizer] proof: {statement} {message}");
        Err(Error::config(place, message))
    };
    let own = own(proof);
    let Some(objective) = objective else {
        return error(format!("is about [objective] {own}; the file has [rl]"));
    };
    if !is_own(proof, objective) {
        let found = described(objective);
        return error(format!("is about [objective] {own}; the file has {found}"));
    }
    if matches!(proof, Proof::TokenLevel { .. }) && batch_size != 1 {
        return error(format!(
            "counts every sequence as a step, and [train] has batch_size = {batch_size}; set \
             batch_size = 1 and steps = {}",
            steps.saturating_mul(batch_size as u64)
        ));
    }
    match proof.said_steps() {
        Some(said) if said != steps => error(format!(
            "has steps = {said} (T), and [train] steps = {steps}; remove steps from the proof, or \
             make them equal"
        )),
        _ => Ok(()),
    }
}

/// The objective of a statement, as a file writes it.
fn own(proof: &Proof) -> String {
    match proof {
        Proof::SequenceSgd { .. } | Proof::NormalizedSgd { .. } => {
            "name = \"cross_entropy\", per = \"sequence\"".into()
        }
        Proof::TokenLevel { .. } => "name = \"token_level\"".into(),
        Proof::TruncatedDistillation { n, .. } => {
            format!("name = \"distill\", targets = \"tokens\", truncate = {n}")
        }
    }
}

fn is_own(proof: &Proof, objective: &Objective) -> bool {
    match proof {
        Proof::SequenceSgd { .. } | Proof::NormalizedSgd { .. } => {
            objective.name == ObjectiveName::CrossEntropy && objective.per == Some(Unit::Sequence)
        }
        Proof::TokenLevel { .. } => objective.name == ObjectiveName::TokenLevel,
        Proof::TruncatedDistillation { n, .. } => {
            objective.name == ObjectiveName::Distill
                && objective.targets == Some(Targets::Tokens)
                && objective.truncate == Some(*n)
        }
    }
}

/// What of an objective decides whose own it is, as a file writes it, with the defaults written
/// out.
fn described(objective: &Objective) -> String {
    let word = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
    let name = word(serde_json::to_value(objective.name));
    let per = word(serde_json::to_value(objective.per.unwrap_or(Unit::Token)));
    let targets = objective.targets.unwrap_or(Targets::Distributions);
    let targets = word(serde_json::to_value(targets));
    let truncate = match objective.truncate {
        Some(n) => format!("truncate = {n}"),
        None => "no truncate".into(),
    };
    match objective.name {
        ObjectiveName::CrossEntropy => format!("name = {name}, per = {per}"),
        ObjectiveName::Distill => format!("name = {name}, targets = {targets}, {truncate}"),
        _ => format!("name = {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::TrainConfig;

    fn parse(optimizer: &str, rest: &str, batch_size: u64) -> Result<TrainConfig> {
        let text = format!(
            r#"
[task]
mixture = {{ g1 = 1.0 }}
[task.graph-search]
middle_layers = 3
width = 2
names = 16
edge_order = "slot"
family = {{ figure = "1", branching = 2, label = "drawn" }}
[model]
layers = 1
width = 8
heads = 2
[train]
steps = 100
batch_size = {batch_size}
[optimizer]
{optimizer}
{rest}
"#
        );
        TrainConfig::parse(&text, "train.toml")
    }

    const PROP_5_1: &str =
        "name = 'sgd'\nproof = { statement = 'prop-5.1', horizon = 4, bound = 1 }";
    const THM_5_1: &str = "name = 'normalized_sgd'\nproof = { statement = 'thm-5.1', bound = 1, variance = 1, n = 4 }";
    const THM_6_1: &str =
        "name = 'sgd'\nproof = { statement = 'thm-6.1', bound = 1, variance = 1 }";
    const THM_6_2: &str =
        "name = 'sgd'\nproof = { statement = 'thm-6.2', bound = 1, variance = 1, n = 4 }";
    const SEQUENCE: &str = "[objective]\nper = 'sequence'";
    const TOKEN_LEVEL: &str = "[objective]\nname = 'token_level'";
    const DISTILL: &str =
        "[objective]\nname = 'distill'\nteacher = 'x'\ntargets = 'tokens'\ntruncate = 4";

    #[test]
    fn a_statement_takes_its_own_objective_and_no_other() {
        let statements = [PROP_5_1, THM_5_1, THM_6_1, THM_6_2];
        let objectives = [SEQUENCE, SEQUENCE, TOKEN_LEVEL, DISTILL];
        for (optimizer, own) in statements.iter().zip(objectives) {
            for objective in [SEQUENCE, TOKEN_LEVEL, DISTILL, "", "[rl]"] {
                let parsed = parse(optimizer, objective, 1);
                assert_eq!(parsed.is_ok(), objective == own, "{optimizer}: {objective}");
            }
        }
    }

    #[test]
    fn refusals_name_the_statements_own_objective() {
        let error = |optimizer, rest| parse(optimizer, rest, 8).unwrap_err().to_string();
        insta::assert_snapshot!(error(PROP_5_1, ""), @r#"train.toml: [optimizer] proof: prop-5.1 is about [objective] name = "cross_entropy", per = "sequence"; the file has name = "cross_entropy", per = "token""#);
        insta::assert_snapshot!(error(PROP_5_1, "[objective]\nname = 'coverage'\nn = 4"), @r#"train.toml: [optimizer] proof: prop-5.1 is about [objective] name = "cross_entropy", per = "sequence"; the file has name = "coverage""#);
        insta::assert_snapshot!(error(THM_5_1, DISTILL), @r#"train.toml: [optimizer] proof: thm-5.1 is about [objective] name = "cross_entropy", per = "sequence"; the file has name = "distill", targets = "tokens", truncate = 4"#);
        insta::assert_snapshot!(error(THM_5_1, "[rl]"), @r#"train.toml: [optimizer] proof: thm-5.1 is about [objective] name = "cross_entropy", per = "sequence"; the file has [rl]"#);
        insta::assert_snapshot!(error(THM_6_1, SEQUENCE), @r#"train.toml: [optimizer] proof: thm-6.1 is about [objective] name = "token_level"; the file has name = "cross_entropy", per = "sequence""#);
        insta::assert_snapshot!(error(THM_6_2, ""), @r#"train.toml: [optimizer] proof: thm-6.2 is about [objective] name = "distill", targets = "tokens", truncate = 4; the file has name = "cross_entropy", per = "token""#);
        insta::assert_snapshot!(error(THM_6_2, "[objective]\nname = 'distill'\nteacher = 'x'"), @r#"train.toml: [optimizer] proof: thm-6.2 is about [objective] name = "distill", targets = "tokens", truncate = 4; the file has name = "distill", targets = "laws", no truncate"#);
        insta::assert_snapshot!(error(THM_6_2, &DISTILL.replace("truncate = 4", "truncate = 8")), @r#"train.toml: [optimizer] proof: thm-6.2 is about [objective] name = "distill", targets = "tokens", truncate = 4; the file has name = "distill", targets = "tokens", truncate = 8"#);
    }

    #[test]
    fn the_number_of_steps_is_the_runs() {
        let said =
            |optimizer: &str, steps: u64| optimizer.replace(" }", &format!(", steps = {steps} }}"));
        for (optimizer, objective) in [(PROP_5_1, SEQUENCE), (THM_6_2, DISTILL)] {
            let same = parse(&said(optimizer, 100), objective, 8).unwrap();
            let silent = parse(optimizer, objective, 8).unwrap();
            let rate = |config: TrainConfig| config.optimizer.schedule(100).at(0);
            assert_eq!(rate(same), rate(silent));
        }
        let error = |optimizer: &str, rest| parse(optimizer, rest, 8).unwrap_err().to_string();
        insta::assert_snapshot!(error(&said(THM_5_1, 1000), SEQUENCE), @"train.toml: [optimizer] proof: thm-5.1 has steps = 1000 (T), and [train] steps = 100; remove steps from the proof, or make them equal");
        insta::assert_snapshot!(error(THM_6_1, TOKEN_LEVEL), @"train.toml: [optimizer] proof: thm-6.1 counts every sequence as a step, and [train] has batch_size = 8; set batch_size = 1 and steps = 800");
        assert!(parse(&said(THM_6_1, 100), TOKEN_LEVEL, 1).is_ok());
    }
}
