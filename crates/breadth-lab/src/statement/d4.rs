//! From the Hellinger distance to coverage (Lemma D.4).

use breadth_stats::bound;

use crate::check::Check;
use crate::law::hellinger_squared;
use crate::statement::coverage_bound::{Bound, CoverageBound};
use crate::statement::{Run, Size, Statement};

pub(super) const STATEMENT: Statement = Statement {
    id: "d4",
    paper: "Lemma D.4",
    title: "from the Hellinger distance to coverage",
    claim: "Cov_N <= 2N / (sqrt N - 1)^2 * H2 for N > 1.",
    correction: None,
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let bound = from_hellinger(bound::coverage_upper_from_hellinger);
    let name = "coverage over bound, random laws";
    vec![
        bound.at_random(name, seed, size.seeds(20_000)),
        bound.extremal(),
    ]
}

fn from_hellinger(bound: Bound) -> CoverageBound {
    CoverageBound {
        id: STATEMENT.id,
        divergence: hellinger_squared,
        bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        assert!(
            (0.9..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        let ratios = checks[1].rows.numbers("ratio");
        for (i, pilot) in [0.99994, 0.99995, 0.99997, 0.99997].into_iter().enumerate() {
            assert_near("s = 1e-4", ratios[5 * i + 4], pilot, 6e-6);
        }
    }

    /// N/(sqrt N - 1)^2, without the 2 that H2's 1/2 brings.
    #[test]
    fn half_the_constant_fails() {
        let half = |h2, level| bound::coverage_upper_from_hellinger(h2 / 2.0, level);
        let wrong = from_hellinger(half);
        assert_eq!(wrong.at_random("", 0, 20_000).verdict, Verdict::Fails);
        assert_eq!(wrong.extremal().verdict, Verdict::Fails);
    }
}
