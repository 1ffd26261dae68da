//! Which checkpoint to take, on which evidence.

use super::document::{Evidence, State, Verdict, VerdictError};
use super::found::Found;

/// Decides which checkpoint to take.
///
/// - Graded samples of every candidate, at least k a prompt: Pass@k decides, compared in pairs over
///   prompts. `certain` where no other candidate can be better by more than one point, `likely`
///   where by at most ten, else `open`, also where no sample of any is right. With samples of some
///   candidates only it is at most `likely`, and `open` where the tournament or reach names one of
///   the others, neither excludes any, or scores have no say: a tenth of the prompts or more have
///   several right responses, or the verifier does not accept the held-out ones. With fewer than k
///   samples it is `likely` where no other candidate's Pass@k can be more than ten points above the
///   leader's, by the limits beyond the samples ([`breadth_stats::extrapolate_pass`]), else `open`.
/// - Held-out responses that are the only right ones: reach is Pass@k and decides in the same way.
/// - A reach_k of the best one that is within ten points of 1 for certain makes it `likely`: no
///   other can be better by more, for any verifier that accepts the held-out responses. Where
///   fewer samples of a candidate are right than its reach says, theirs does not, and reach decides
///   nothing. Where more are right, theirs accepts other responses, too: then neither the tournament
///   nor reach decides, or excludes a candidate without samples.
/// - Else the tournament and reach side by side. Both are needed: the tournament compares
///   candidates with one another and says nothing of a field in which none covers well; reach
///   counts the held-out responses alone. `likely` where they say the same, one of them excludes
///   some candidate, its reach is at least ten points and no other's can be more than ten points
///   above, and few prompts have several right responses (of which a verifier needs one: held-out
///   ones may all lose probability while another right one gains it), else `open`. They never make
///   a verdict `certain`: which other responses a verifier accepts is not in them.
///
/// Candidates that are the same model (equal log-probabilities of every row, some of them neither 0
/// nor -inf, or equal files) count as one; equal log-probabilities with samples that differ beyond
/// chance are a mistake in the scores, which then say nothing.
///
/// Errors: what the statistics refuse.
///
/// ```
/// use breadth_analysis::{Evidence, Sampled, State, decide};
/// use breadth_stats::{Design, PromptOutcome::Counts};
/// let outcomes = [vec![Counts { n: 16, c: 2 }; 100], vec![Counts { n: 16, c: 9 }; 100]];
/// let evidence = Evidence {
///     models: &["early", "late"],
///     k: 4.0,
///     confidence: 0.95,
///     same: &[],
///     scores: None,
///     samples: Some(Sampled { outcomes: &outcomes, design: Design::default(), places: None }),
/// };
/// let verdict = decide(&evidence)?;
/// assert_eq!((verdict.take.as_deref(), verdict.state), (Some("late"), State::Certain));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: Thm 6.3 bounds the tournament's winner by the best candidate, whose coverage may itself
/// be poor; Chen et al. (2025) for reach.
pub fn decide(evidence: &Evidence) -> Result<Verdict, VerdictError> {
    let found = Found::new(evidence)?;
    if let [only] = evidence.models {
        return Ok(found.verdict(
            evidence,
            Some(only),
            State::Certain,
            None,
            "it is the only candidate, nothing was compared".into(),
            None,
        ));
    }
    if found.distinct().len() == 1 {
        return Ok(found.by_sameness(evidence));
    }
    if let Some(samples) = &found.samples {
        return Ok(found.by_samples(evidence, samples));
    }
    let Some(scores) = &found.scores else {
        return Ok(found.verdict(
            evidence,
            None,
            State::Open,
            None,
            "there are neither scores nor samples".into(),
            None,
        ));
    };
    Ok(if scores.only_right && scores.impossible.is_none() {
        found.by_exact_reach(evidence, scores)
    } else {
        found.by_scores(evidence, scores)
    })
}
