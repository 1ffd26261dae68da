//! From KL to coverage (Prop 3.1, Lemma D.1).

use breadth_stats::bound;

use crate::check::Check;
use crate::law::divergence;
use crate::statement::coverage_bound::{Bound, CoverageBound};
use crate::statement::{Run, Size, Statement};

pub(super) const STATEMENT: Statement = Statement {
    id: "d1",
    paper: "Prop 3.1, Lemma D.1",
    title: "from KL to coverage",
    claim: "Cov_N <= KL / (log N - 1 + 1/N) for N >= 2, hence KL / log(N/e) for N > e.",
    correction: Some("Printed for N >= e, where the second form divides by 0; N > e is meant."),
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let pairs = size.seeds(20_000);
    let sharp = from_kl(bound::coverage_upper_from_kl_sharp);
    let printed = from_kl(bound::coverage_upper_from_kl);
    vec![
        sharp.at_random("coverage over bound, random laws (D.1)", seed, pairs),
        printed.at_random("coverage over bound, random laws (3.1)", seed, pairs),
        sharp.extremal(),
    ]
}

fn from_kl(bound: Bound) -> CoverageBound {
    CoverageBound {
        id: STATEMENT.id,
        divergence,
        bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::law::level;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        // The pilot's largest ratio at random was .946, over other draws.
        assert!(
            (0.85..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        let ratios = checks[2].rows.numbers("ratio");
        for (i, [half, small]) in [
            [0.770, 0.99996],
            [0.830, 0.99997],
            [0.914, 0.99998],
            [0.960, 0.99999],
        ]
        .into_iter()
        .enumerate()
        {
            assert_near("s = 1/2", ratios[5 * i], half, 5e-4);
            assert_near("s = 1e-4", ratios[5 * i + 4], small, 5e-6);
        }
    }

    #[test]
    fn log_n_alone_in_the_denominator_fails() {
        let wrong = from_kl(|kl, level| Some((kl / level.log_n()).min(1.0)));
        assert_eq!(wrong.at_random("", 0, 20_000).verdict, Verdict::Fails);
        assert_eq!(wrong.extremal().verdict, Verdict::Fails);
    }

    /// The paper prints N >= e, where log(N/e) = 0.
    #[test]
    fn the_printed_range_includes_a_division_by_zero() {
        assert_eq!(bound::coverage_upper_from_kl(0.5, level(1.0)), None);
        assert!(bound::coverage_upper_from_kl(0.5, level(1.0 + 1e-12)).is_some());
    }
}
