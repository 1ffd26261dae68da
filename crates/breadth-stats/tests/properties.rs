//! Brute-force oracles on tiny cases and properties on arbitrary ones.

use breadth_stats::{
    Design, Level, PromptOutcome, RivalCounts, best_of_k, bound, coverage_profile, is_uncovered,
    kl, minimax, pass_at_k, pass_at_k_estimate, rival_counts, stratified_weights, tournament,
};
use proptest::prelude::*;

const IID: Design = Design {
    weights: None,
    clusters: None,
    strata: None,
};

/// Log-probabilities on a coarse grid, so that ties and exact thresholds are common, with some
/// impossible responses.
fn log_prob() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(f64::NEG_INFINITY),
        6 => (0..12_i32).prop_map(|i| f64::from(-i) * 2.0_f64.ln()),
        3 => -30.0..0.0_f64,
    ]
}

/// Levels that hit the grid exactly, N = 1 among them, and others.
fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        (0..8).prop_map(|power| Level::from_n(2.0_f64.powi(power)).unwrap()),
        (1.0..50.0_f64).prop_map(|n| Level::from_n(n).unwrap()),
    ]
}

/// A table of models x rows, with a weight and a cluster for every row.
#[derive(Clone, Debug)]
struct Table {
    columns: Vec<Vec<f64>>,
    weights: Vec<f64>,
    clusters: Vec<u32>,
}

impl Table {
    fn slices(&self) -> Vec<&[f64]> {
        self.columns.iter().map(Vec::as_slice).collect()
    }

    fn design(&self) -> Design<'_> {
        Design {
            weights: Some(&self.weights),
            clusters: Some(&self.clusters),
            ..Design::default()
        }
    }

    fn weighted(&self) -> Design<'_> {
        Design {
            weights: Some(&self.weights),
            clusters: None,
            ..Design::default()
        }
    }

    fn rows(&self, order: &[usize]) -> Table {
        let column = |column: &Vec<f64>| order.iter().map(|&row| column[row]).collect();
        Table {
            columns: self.columns.iter().map(column).collect(),
            weights: order.iter().map(|&row| self.weights[row]).collect(),
            clusters: order.iter().map(|&row| self.clusters[row]).collect(),
        }
    }
}

fn table(max_rows: usize) -> impl Strategy<Value = Table> {
    (1..6_usize, 1..max_rows).prop_flat_map(|(models, rows)| {
        let columns = prop::collection::vec(prop::collection::vec(log_prob(), rows), models);
        let weights = prop::collection::vec(0.01..9.0_f64, rows);
        let clusters = prop::collection::vec(0..6_u32, rows);
        (columns, weights, clusters).prop_map(|(columns, weights, clusters)| Table {
            columns,
            weights,
            clusters,
        })
    })
}

/// Counts by the comparison rule, one pair and one row at a time.
fn counted_one_by_one(table: &Table, weights: Option<&[f64]>, level: Level) -> Vec<f64> {
    let m = table.columns.len();
    let mut counts = vec![0.0; m * m];
    for (rival, a) in table.columns.iter().enumerate() {
        for (q, b) in table
            .columns
            .iter()
            .enumerate()
            .filter(|&(q, _)| q != rival)
        {
            for row in (0..a.len()).filter(|&row| is_uncovered(a[row], b[row], level)) {
                counts[rival * m + q] += weights.map_or(1.0, |w| w[row]);
            }
        }
    }
    counts
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-11 * (1.0 + a.abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_kernel_counts_what_the_rule_counts(table in table(70), level in level()) {
        prop_assert_eq!(rival_counts(&table.slices(), None, level).unwrap(), counted_one_by_one(&table, None, level));
        let found = rival_counts(&table.slices(), Some(&table.weights), level).unwrap();
        let expected = counted_one_by_one(&table, Some(&table.weights), level);
        prop_assert!(found.iter().zip(&expected).all(|(&a, &b)| close(a, b)), "{found:?} {expected:?}");
    }

    #[test]
    fn the_winner_alone_is_that_of_the_tournament(table in table(3000), level in level()) {
        for weights in [None, Some(&table.weights[..])] {
            let design = Design { weights, ..Design::default() };
            let whole = tournament(&table.slices(), &design, level, 0.9).unwrap();
            let alone = minimax(&table.slices(), weights, level).unwrap();
            prop_assert_eq!(alone.value, whole.standings[whole.winner].value);
            prop_assert_eq!(alone.models, whole.tied);
        }
    }

    #[test]
    fn the_tournament_is_eq_29(table in table(40), level in level()) {
        let m = table.columns.len();
        let found = tournament(&table.slices(), &IID, level, 0.9).unwrap();
        let counts = counted_one_by_one(&table, None, level);
        let n = table.weights.len() as f64;
        let values: Vec<f64> = (0..m).map(|q| (0..m).map(|r| counts[r * m + q] / n).fold(0.0, f64::max)).collect();
        let entropies: Vec<f64> = table.columns.iter().map(|c| c.iter().map(|v| -v).sum::<f64>() / n).collect();
        for (q, standing) in found.standings.iter().enumerate() {
            prop_assert_eq!(standing.value, values[q]);
            prop_assert!(close(standing.cross_entropy, entropies[q]));
            prop_assert_eq!(found.ranking[standing.rank - 1], q);
            prop_assert_eq!(found.tied.contains(&q), values[q] == values[found.winner]);
            if let Some(rival) = standing.worst_rival {
                prop_assert_eq!(found.rival_shares[rival * m + q], standing.value);
            }
        }
        prop_assert!(values.iter().all(|&value| values[found.winner] <= value));
        prop_assert!(found.not_excluded.contains(&found.winner));
    }

    #[test]
    fn tournaments_do_not_depend_on_the_order_of_rows(
        (table, order) in table(60).prop_flat_map(|table| {
            let order: Vec<usize> = (0..table.weights.len()).collect();
            (Just(table), Just(order).prop_shuffle())
        }),
        level in level(),
    ) {
        let shuffled = table.rows(&order);
        let a = tournament(&table.slices(), &table.design(), level, 0.95).unwrap();
        let b = tournament(&shuffled.slices(), &shuffled.design(), level, 0.95).unwrap();
        prop_assert_eq!(&a.rival_shares, &b.rival_shares);
        prop_assert_eq!(&a.tied, &b.tied);
        prop_assert_eq!(&a.not_excluded, &b.not_excluded);
        for (a, b) in a.standings.iter().zip(&b.standings) {
            prop_assert!(close(a.low, b.low) && close(a.high, b.high), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn tournaments_do_not_depend_on_threads(table in table(60), level in level(), threads in 1..4_usize) {
        let play = |design: &Design| tournament(&table.slices(), design, level, 0.95).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for design in [IID, table.weighted(), table.design()] {
            prop_assert_eq!(format!("{:?}", pool.install(|| play(&design))), format!("{:?}", play(&design)));
        }
    }

    #[test]
    fn limits_are_ordered_around_the_estimate(table in table(60), level in level(), confidence in 0.5..0.999_f64) {
        for design in [IID, table.weighted(), table.design()] {
            let found = tournament(&table.slices(), &design, level, confidence).unwrap();
            for s in &found.standings {
                let ordered = 0.0 <= s.low && s.low <= s.value + 1e-12 && s.value <= s.high + 1e-12 && s.high <= 1.0;
                prop_assert!(ordered, "{:?}", s);
                prop_assert!(0.0 <= s.certified_low && s.certified_low <= s.certified_high && s.certified_high <= 1.0);
            }
            let q = &table.columns[table.columns.len() - 1];
            let p = coverage_profile(&table.columns[0], q, &design, &[level], confidence).unwrap().points[0];
            prop_assert!(0.0 <= p.low && p.low <= p.cov + 1e-12 && p.cov <= p.high + 1e-12 && p.high <= 1.0, "{:?}", p);
            prop_assert!(0.0 <= p.band_low && p.band_low <= p.cov && p.cov <= p.band_high && p.band_high <= 1.0);
        }
    }

    #[test]
    fn coverage_falls_with_n(table in table(60), first in level(), second in level()) {
        let levels = if first.log_n() <= second.log_n() { [first, second] } else { [second, first] };
        let q = &table.columns[table.columns.len() - 1];
        for design in [IID, table.weighted()] {
            let points = coverage_profile(&table.columns[0], q, &design, &levels, 0.95).unwrap().points;
            prop_assert!(points[0].cov >= points[1].cov);
        }
    }

    #[test]
    fn a_row_counts_as_much_as_two_of_half_its_weight(table in table(40), level in level()) {
        let order: Vec<usize> = (0..table.weights.len()).flat_map(|row| [row, row]).collect();
        let mut doubled = table.rows(&order);
        doubled.weights.iter_mut().for_each(|w| *w *= 0.5);
        let q = table.columns.len() - 1;
        let cov = |t: &Table| coverage_profile(&t.columns[0], &t.columns[q], &t.weighted(), &[level], 0.95).unwrap().points[0].cov;
        prop_assert!(close(cov(&table), cov(&doubled)));
        let value = |t: &Table| tournament(&t.slices(), &t.weighted(), level, 0.95).unwrap().standings[q].value;
        prop_assert!(close(value(&table), value(&doubled)));
        let finite = |t: &Table| t.columns.iter().flatten().all(|v| v.is_finite());
        if finite(&table) {
            let kl = |t: &Table| kl(&t.columns[0], &t.columns[q], &t.weighted(), 0.95).unwrap().value;
            prop_assert!(close(kl(&table), kl(&doubled)));
        }
    }

    #[test]
    fn partial_counts_merge_to_the_whole_in_any_order(table in table(200), levels in prop::collection::vec(level(), 1..9), cuts in prop::collection::vec(0..200usize, 0..4), swap in any::<bool>()) {
        let rows = table.weights.len();
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(rows)).chain([rows]).collect();
        ends.sort_unstable();
        let mut start = 0;
        let mut parts: Vec<RivalCounts> = ends.into_iter().map(|end| {
            let columns: Vec<&[f64]> = table.columns.iter().map(|column| &column[start..end]).collect();
            start = end;
            let mut part = RivalCounts::new(columns.len(), &levels);
            part.add(&columns).unwrap();
            part
        }).collect();
        if swap {
            parts.reverse();
        }
        let merged = parts.into_iter().reduce(|mut a, b| { a.merge(&b); a }).unwrap();
        let mut whole = RivalCounts::new(table.columns.len(), &levels);
        whole.add(&table.slices()).unwrap();
        prop_assert_eq!(&merged, &whole);
        for (at, &level) in levels.iter().enumerate() {
            let counted = counted_one_by_one(&table, None, level);
            for (pair, &count) in counted.iter().enumerate() {
                let (rival, q) = (pair / table.columns.len(), pair % table.columns.len());
                if rival != q {
                    prop_assert!(close(merged.share(at, rival, q), count / rows as f64));
                }
            }
        }
    }

    #[test]
    fn strata_that_weigh_what_they_hold_change_no_estimate(table in table(60), level in level()) {
        // Every row in one of three strata, whose population shares are those of the sample: the
        // estimate is the plain one, the limits surround it.
        let rows = table.weights.len();
        let strata: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
        let population: Vec<f64> = (0..3).map(|s| strata.iter().filter(|&&at| at == s).count() as f64).collect();
        let held: Vec<f64> = population.iter().copied().filter(|&count| count > 0.0).collect();
        let weights = stratified_weights(&strata, &held, None).unwrap();
        let design = Design { weights: Some(&weights), strata: Some(&strata), ..Design::default() };
        let q = table.columns.len() - 1;
        let point = |design: &Design| coverage_profile(&table.columns[0], &table.columns[q], design, &[level], 0.95).unwrap().points[0];
        let (plain, stratified) = (point(&Design::default()), point(&design));
        prop_assert!(close(plain.cov, stratified.cov));
        prop_assert!(stratified.low <= plain.cov + 1e-12 && plain.cov <= stratified.high + 1e-12);
    }

    #[test]
    fn pass_at_k_is_the_share_of_subsets_with_a_success(outcomes in prop::collection::vec(any::<bool>(), 1..11), k in 1..11_u64) {
        let (n, c) = (outcomes.len() as u64, outcomes.iter().filter(|&&o| o).count() as u64);
        prop_assume!(k <= n);
        let subsets: Vec<u32> = (0..1_u32 << n).filter(|s| u64::from(s.count_ones()) == k).collect();
        let solved = subsets.iter().filter(|&&s| outcomes.iter().enumerate().any(|(i, &o)| o && s >> i & 1 == 1)).count();
        let expected = solved as f64 / subsets.len() as f64;
        prop_assert!(close(pass_at_k(n, c, k).unwrap(), expected));
        let rewards: Vec<f64> = outcomes.iter().map(|&o| f64::from(u8::from(o))).collect();
        prop_assert!(close(best_of_k(&rewards, k).unwrap(), expected));
    }

    #[test]
    fn pass_at_k_grows_with_k_and_its_limits_surround_it(
        counts in prop::collection::vec((0..=8_u64).prop_map(|c| PromptOutcome::Counts { n: 8, c }), 1..30),
        weights in prop::collection::vec(0.1..5.0_f64, 30),
        k in 1..8_u64,
    ) {
        for weights in [None, Some(&weights[..counts.len()])] {
            let design = Design { weights, ..Design::default() };
            let at = |k| pass_at_k_estimate(&counts, &design, k, 0.95).unwrap();
            let (small, large) = (at(k), at(k + 1));
            prop_assert!(small.value <= large.value + 1e-12);
            prop_assert!(0.0 <= small.low && small.low <= small.value && small.value <= small.high && small.high <= 1.0, "{:?}", small);
            prop_assert!(small.high > small.low);
        }
    }

    /// Exact distributions, as rows weighted by p: Prop 3.1 and Lemma D.1 hold for every pair and
    /// level.
    #[test]
    fn the_bounds_bound(masses in prop::collection::vec((0.001..1.0_f64, 1e-6..1.0_f64), 2..12), level in level()) {
        let total: (f64, f64) = masses.iter().fold((0.0, 0.0), |t, m| (t.0 + m.0, t.1 + m.1));
        let weights: Vec<f64> = masses.iter().map(|m| m.0 / total.0).collect();
        let log_p: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
        let log_q: Vec<f64> = masses.iter().map(|m| (m.1 / total.1).ln()).collect();
        let design = Design { weights: Some(&weights), ..Design::default() };
        let cov = coverage_profile(&log_p, &log_q, &design, &[level], 0.95).unwrap().points[0].cov;
        let kl = kl(&log_p, &log_q, &design, 0.95).unwrap().value;
        for upper in [bound::coverage_upper_from_kl(kl.max(0.0), level), bound::coverage_upper_from_kl_sharp(kl.max(0.0), level)].into_iter().flatten() {
            prop_assert!(cov <= upper + 1e-9, "Cov {cov}, bound {upper}");
        }
    }
}
