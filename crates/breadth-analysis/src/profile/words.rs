//! What a profile says, in sentences.

use super::document::{
    ForgivenPoint, Guarantee, Profile, ProfilePoint, ProfiledModel, TokenProfile,
};
use crate::number::{self, Mean};

impl Profile {
    /// What is to be known of the means, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        self.models
            .iter()
            .flat_map(ProfiledModel::remarks)
            .collect()
    }

    /// What Best-of-N of each model loses at most, for those of which something is certain.
    pub fn guarantees(&self) -> Vec<String> {
        let sentence = |one: &ProfiledModel| one.guarantee(&self.reference);
        self.models.iter().filter_map(sentence).collect()
    }

    /// What the answers were made of, where rows are answers.
    pub fn answers_say(&self) -> Option<String> {
        let answers = self.answers?;
        Some(format!(
            "Answers: sums over {} with at least {} of what {} writes on every prompt.",
            number::count(answers.responses, "response"),
            number::percent(answers.listed_min),
            self.reference
        ))
    }
}

impl ProfiledModel {
    fn remarks(&self) -> Vec<String> {
        let remark = |(what, mean): (&str, &Mean)| {
            let remark = mean.remark.as_ref()?;
            Some(format!("{what} of {}: {remark}.", self.model))
        };
        [("KL", &self.kl), ("Cross-entropy", &self.cross_entropy)]
            .into_iter()
            .filter_map(remark)
            .collect()
    }

    /// For the fewest samples of which anything is certain, and for the most.
    fn guarantee(&self, reference: &str) -> Option<String> {
        let loss = |one: &Guarantee| {
            format!(
                "{} with {} samples",
                number::percent(one.regret_high.0),
                one.n.0
            )
        };
        let (first, rest) = self.best_of_n.split_first()?;
        let losses: Vec<String> = [first].into_iter().chain(rest.last()).map(loss).collect();
        Some(format!(
            "Best-of-N of {} loses at most this much of any reward against {reference}: {} (Prop \
             D.6).",
            self.model,
            losses.join(", ")
        ))
    }

    /// At which level one forgiven token of each response makes most, in a sentence.
    pub fn most_forgiven(&self) -> Option<String> {
        let tokens = self.tokens.as_ref()?;
        let pairs = self.profile.iter().zip(&tokens.forgiven);
        let gain = |(all, rest): &(&ProfilePoint, &ForgivenPoint)| all.cov.0 - rest.cov.0;
        let (all, rest) = pairs.max_by(|a, b| gain(a).total_cmp(&gain(b)))?;
        Some(format!(
            "With the worst token of every response forgiven, Cov_{} falls from {} to {}.",
            number::level_in_words(all.n.0, all.log_n.0),
            number::percent(all.cov.0),
            number::percent(rest.cov.0)
        ))
    }
}

impl TokenProfile {
    /// How much of the loss the worst hundredth of the tokens holds, in a sentence.
    pub fn concentration(&self) -> Option<String> {
        let tokens: usize = self.bands.iter().map(|band| band.tokens).sum();
        Some(format!(
            "The worst {} of {} hold {} of all that it falls behind.",
            number::grouped(tokens.div_ceil(100)),
            number::count(tokens, "token"),
            number::percent(self.worst_hundredth?)
        ))
    }

    /// The token that cost most, in a sentence; none where the model falls behind nowhere.
    pub fn worst_token(&self) -> Option<String> {
        let worst = self.worst.first()?;
        (worst.log_q.0 < worst.log_p.0).then(|| {
            format!(
                "The worst: token {} of response `{}` to prompt `{}`, {:.3} nats against {:.3}.",
                worst.position, worst.response_id, worst.prompt_id, worst.log_q.0, worst.log_p.0,
            )
        })
    }
}
