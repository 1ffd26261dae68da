use super::*;
use crate::interval::Design;
use crate::interval::lower;
use crate::log_ratio::Level;
use crate::profile::coverage_profile;

/// The chance by going through every number of disagreements and of wins.
fn brute_force(n: u64, ahead: f64, behind: f64, tail: f64) -> f64 {
    let binomial = |n: u64, k: u64, p: f64| {
        let choose = (0..k).fold(1.0, |x, i| x * (n - i) as f64 / (i + 1) as f64);
        choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    };
    let mut chance = 0.0;
    for disagreements in 0..=n {
        for wins in 0..=disagreements {
            if disagreements > 0 && lower(wins as f64, disagreements as f64, tail) > 0.5 {
                chance += binomial(n, disagreements, ahead + behind)
                    * binomial(disagreements, wins, ahead / (ahead + behind));
            }
        }
    }
    chance
}

#[test]
fn the_chance_is_the_sum_over_all_outcomes() {
    for (n, ahead, behind) in [
        (5, 0.5, 0.1),
        (30, 0.3, 0.05),
        (60, 0.2, 0.0),
        (40, 0.9, 0.1),
    ] {
        for tail in [0.05, 0.001] {
            let either = ahead + behind;
            let chance = exact_chance(n, either, ahead / either, tail);
            let expected = brute_force(n, ahead, behind, tail);
            assert!((chance - expected).abs() < 1e-9, "{n}: {chance} {expected}");
        }
    }
}

/// Around the number of rows from which on it is taken.
#[test]
fn the_normal_limit() {
    for (ahead, behind) in [(0.5, 0.48), (0.051, 0.049), (0.21, 0.2), (0.0105, 0.01)] {
        let (either, share) = (ahead + behind, ahead / (ahead + behind));
        for tail in [0.05, 0.001, 1e-9] {
            for n in [5e3, 1e4, 2e4].map(|expected| (expected / either) as u64) {
                let exact = exact_chance(n, either, share, tail);
                let limit = normal_chance(n as f64, either, share, tail);
                assert!(
                    (exact - limit).abs() < 1e-3,
                    "{ahead} {behind} {tail} {n}: {exact} {limit}"
                );
            }
        }
    }
}

/// What two models need that hardly differ.
#[test]
fn many_rows_are_planned_at_once() {
    let rows = |ahead, behind| rows_to_separate(ahead, behind, 2, 0.95, 0.9).unwrap();
    // The usual rule: the square of both quantiles, times either / (ahead - behind)^2.
    let z = normal_quantile(0.05) + normal_quantile(0.1);
    for (ahead, behind) in [(0.3001, 0.3), (0.5001, 0.4999), (0.050_01, 0.05)] {
        let drift: f64 = ahead - behind;
        let about = z * z * (ahead + behind) / (drift * drift);
        let found = rows(ahead, behind);
        if about > MOST as f64 {
            assert_eq!(found, None);
        } else {
            let found = found.unwrap() as f64;
            assert!((found / about - 1.0).abs() < 1e-3, "{found} {about}");
        }
    }
    assert!(rows_to_certify(0.0499, 0.05, 0.95, 0.9).unwrap().is_some());
}

#[test]
fn misses_of_a_prompt_have_their_mean_and_correlation() {
    for correlation in [0.0, 0.1, 0.5, 1.0] {
        for (n, mean) in [(1, 0.3), (4, 0.02), (10, 0.2), (1000, 0.05)] {
            let chances = beta_binomial(n, mean, correlation);
            let moment = |power: i32| -> f64 {
                let hits = chances.iter().enumerate();
                hits.map(|(c, chance)| chance * (c as f64).powi(power))
                    .sum()
            };
            let rows = n as f64;
            let variance = rows * mean * (1.0 - mean) * design_effect(n, correlation);
            assert!((moment(0) - 1.0).abs() < 1e-9, "{n} {mean} {correlation}");
            assert!((moment(1) / (rows * mean) - 1.0).abs() < 1e-8);
            let found = moment(2) - moment(1).powi(2);
            assert!((found / variance - 1.0).abs() < 1e-6, "{found} {variance}");
        }
    }
}

/// What is planned is certified by the profile itself, about as often as was promised.
#[test]
fn planned_prompts_certify_in_a_profile() {
    let (confidence, power) = (0.95, 0.9);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = move || {
        // Xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as f64 / (1_u64 << 53) as f64
    };
    for (coverage, e, rows, correlation) in [
        (0.0, 0.05, 10, 0.0),
        (0.02, 0.05, 10, 0.1),
        (0.02, 0.05, 4, 0.5),
        (0.2, 0.3, 4, 1.0),
    ] {
        let plan = prompts_to_certify(coverage, e, rows, correlation, confidence, power);
        let prompts = plan.unwrap().unwrap() as usize;
        let truth = vec![-1.0; prompts * rows as usize];
        let clusters: Vec<u32> = (0..truth.len())
            .map(|row| row as u32 / rows as u32)
            .collect();
        let design = Design {
            clusters: Some(&clusters),
            ..Design::default()
        };
        let mut certified = || {
            let mut missed = Vec::with_capacity(truth.len());
            for _ in 0..prompts {
                // Polya's urn: each miss makes the next likelier.
                let mut misses = 0.0;
                for row in 0..rows {
                    let seen = row as f64;
                    let chance = (coverage * (1.0 - correlation) + correlation * misses)
                        / (1.0 - correlation + correlation * seen);
                    let chance = if row == 0 { coverage } else { chance };
                    let is_missed = uniform() < chance;
                    misses += f64::from(u8::from(is_missed));
                    missed.push(if is_missed { -9.0 } else { -1.0 });
                }
            }
            let level = Level::from_n(4.0).unwrap();
            let profile = coverage_profile(&truth, &missed, &design, &[level], confidence).unwrap();
            profile.points[0].high <= e
        };
        let times = (0..100).filter(|_| certified()).count();
        assert!(
            times >= 80,
            "{coverage} {e} {rows} {correlation}: {prompts} {times}"
        );
    }
}

#[test]
fn several_rows_of_a_prompt() {
    let prompts = |coverage, e, rows, correlation| {
        prompts_to_certify(coverage, e, rows, correlation, 0.95, 0.9)
    };
    for rows in [2, 10, 1 << 40] {
        assert_eq!(prompts(0.0, 0.05, rows, 0.5), Ok(Some(72)));
        assert!(prompts(0.02, 0.05, rows, 0.0).unwrap() >= Some(72));
    }
    assert_eq!(prompts(0.05, 0.05, 4, 0.5), Ok(None));
    assert_eq!(prompts(0.0, 1.0, 4, 0.5), Ok(Some(1)));
    // Rows that are all alike are one row.
    let (alike, single) = (prompts(0.02, 0.05, 4, 1.0), prompts(0.02, 0.05, 1, 0.0));
    let (alike, single) = (alike.unwrap().unwrap(), single.unwrap().unwrap());
    assert!(alike.abs_diff(single) < single / 10, "{alike} {single}");
    assert!(prompts(0.0, 0.05, 0, 0.5).is_err());
    assert!(prompts(0.0, 0.05, 4, 1.5).is_err());
    assert!(prompts(0.0, f64::NAN, 4, 0.5).is_err());
}

#[test]
fn what_cannot_be_planned() {
    assert_eq!(rows_to_certify(0.1, 0.1, 0.95, 0.9), Ok(None));
    assert_eq!(rows_to_separate(0.0, 0.0, 2, 0.95, 0.9), Ok(None));
    assert_eq!(rows_to_certify(0.0, 1e-14, 0.95, 0.9), Ok(None));
    for odd in [-0.1, f64::NAN, 1.5] {
        assert!(matches!(
            rows_to_certify(odd, 0.5, 0.95, 0.9),
            Err(Error::InvalidShare { .. })
        ));
        assert!(matches!(
            rows_to_separate(odd, 0.5, 2, 0.95, 0.9),
            Err(Error::InvalidShare { .. })
        ));
        assert!(matches!(
            samples_to_see(odd, 0.9),
            Err(Error::InvalidRate(_))
        ));
        assert!(matches!(
            rows_to_certify(0.0, 0.5, 0.95, odd),
            Err(Error::InvalidConfidence(_))
        ));
    }
    assert!(matches!(
        rows_to_separate(0.7, 0.6, 2, 0.95, 0.9),
        Err(Error::InvalidShare { .. })
    ));
    assert!(rows_to_separate(0.5, 0.1, 1, 0.95, 0.9).is_err());
}

/// Xorshift, uniform on [0, 1).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Two models of which the first is left behind on a share `ahead` of the rows, the second on
/// `behind`; in each group of prompts.
#[derive(Clone, Copy)]
struct Group {
    prompts: usize,
    share: f64,
    ahead: f64,
    behind: f64,
}

struct Drawn {
    worse: Vec<f64>,
    better: Vec<f64>,
    clusters: Vec<u32>,
    strata: Vec<u32>,
    weights: Vec<f64>,
}

impl Drawn {
    /// Rows of a prompt take its common outcome with the chance `sqrt(correlation)`; weights are
    /// lognormal.
    fn new(
        groups: &[Group],
        rows: usize,
        correlation: f64,
        sigma: f64,
        random: &mut Random,
    ) -> Drawn {
        let mut drawn = Drawn {
            worse: vec![],
            better: vec![],
            clusters: vec![],
            strata: vec![],
            weights: vec![],
        };
        let mut prompt = 0;
        for (stratum, group) in groups.iter().enumerate() {
            for _ in 0..group.prompts {
                let common = random.uniform();
                let weight = if sigma > 0.0 {
                    (sigma * random.normal()).exp()
                } else {
                    1.0
                };
                for _ in 0..rows {
                    let own = random.uniform();
                    let is_common = random.uniform() < correlation.sqrt();
                    let u = if is_common { common } else { own };
                    let is_ahead = u < group.ahead;
                    let is_behind = !is_ahead && u < group.ahead + group.behind;
                    drawn.worse.push(if is_ahead { -9.0 } else { -1.0 });
                    drawn.better.push(if is_behind { -9.0 } else { -1.0 });
                    drawn.clusters.push(prompt);
                    drawn.strata.push(stratum as u32);
                    drawn.weights.push(weight);
                }
                prompt += 1;
            }
        }
        if groups.len() > 1 {
            let shares: Vec<f64> = groups.iter().map(|group| group.share).collect();
            drawn.weights =
                crate::stratified_weights(&drawn.strata, &shares, Some(&drawn.weights)).unwrap();
        }
        drawn
    }

    fn design(&self) -> Design<'_> {
        Design {
            weights: Some(&self.weights),
            clusters: Some(&self.clusters),
            strata: Some(&self.strata),
        }
    }

    fn excludes(&self) -> bool {
        let level = Level::from_n(4.0).unwrap();
        let columns = [&self.worse[..], &self.better[..]];
        let found = crate::tournament(&columns, &self.design(), level, 0.95).unwrap();
        found.not_excluded == [1]
    }

    fn certifies(&self, e: f64) -> bool {
        let level = Level::from_n(4.0).unwrap();
        let truth = vec![-1.0; self.worse.len()];
        let profile = coverage_profile(&truth, &self.worse, &self.design(), &[level], 0.95);
        profile.unwrap().points[0].high <= e
    }
}

fn one(prompts: u64, ahead: f64, behind: f64) -> [Group; 1] {
    [Group {
        prompts: prompts as usize,
        share: 1.0,
        ahead,
        behind,
    }]
}

/// How often, of so many samples, something holds.
fn share_of(samples: u32, mut holds: impl FnMut() -> bool) -> f64 {
    let times = (0..samples).filter(|_| holds()).count();
    times as f64 / f64::from(samples)
}

/// What is planned excludes the worse model about as often as was promised, and less is not enough.
#[test]
fn planned_prompts_separate_in_a_tournament() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (ahead, behind, rows, rho) in [
        (0.3, 0.0, 50, 0.0),
        (0.3, 0.0, 10, 0.0),
        (0.3, 0.0, 4, 1.0),
        (0.1, 0.05, 50, 0.0),
        (0.1, 0.05, 50, 0.1),
        (0.1, 0.05, 4, 0.0),
        (0.3, 0.1, 10, 0.2),
        (0.2, 0.1, 4, 0.5),
        (0.05, 0.0, 4, 0.1),
    ] {
        let plan = prompts_to_separate(ahead, behind, 2, rows, rho, 0.95, 0.9);
        let plan = plan.unwrap().unwrap();
        let mut excluded = |prompts: u64| {
            let groups = one(prompts, ahead, behind);
            let mut draw = || Drawn::new(&groups, rows as usize, rho, 0.0, &mut random);
            share_of(200, || draw().excludes())
        };
        let (enough, less) = (excluded(plan), excluded(plan * 3 / 4));
        let what = format!("{ahead} {behind} {rows} {rho}: {plan} {enough}, three quarters {less}");
        assert!(enough >= 0.84 && less <= 0.86, "{what}");
    }
}

#[test]
fn several_rows_of_a_prompt_that_separate() {
    let prompts = |ahead, behind, models, rows, rho| {
        prompts_to_separate(ahead, behind, models, rows, rho, 0.95, 0.9).unwrap()
    };
    for (ahead, behind) in [(0.3, 0.0), (0.1, 0.05), (1.0, 0.0), (0.6, 0.4)] {
        let single = rows_to_separate(ahead, behind, 2, 0.95, 0.9).unwrap();
        assert_eq!(prompts(ahead, behind, 2, 1, 0.3), single);
        assert_eq!(prompts(ahead, behind, 2, 1000, 1.0), single);
        // The imaginary prompt: (1 + difference)^-prompts is what it can do.
        for rows in [10, 1000, 1_000_000] {
            let least = (0.05_f64.recip().ln() / (ahead - behind).ln_1p()).ceil() as u64;
            let found = prompts(ahead, behind, 2, rows, 0.0);
            assert!(
                found >= Some(least) && found <= single.max(Some(2 * least)),
                "{found:?} {least}"
            );
        }
    }
    assert!(prompts(0.1, 0.05, 40, 10, 0.0) > prompts(0.1, 0.05, 2, 10, 0.0));
    assert_eq!(prompts(0.1, 0.1, 2, 10, 0.0), None);
    assert!(prompts_to_separate(0.1, 0.05, 2, 0, 0.0, 0.95, 0.9).is_err());
    assert!(prompts_to_separate(0.1, 0.05, 2, 4, 1.5, 0.95, 0.9).is_err());
}

/// Few misses of rows that are all alike: one is often seen, and must be allowed.
#[test]
fn prompts_whose_rows_are_alike_are_single_rows() {
    for (coverage, e, power) in [(0.002, 0.05, 0.95), (0.005, 0.05, 0.9), (0.001, 0.02, 0.99)] {
        let single = rows_to_certify(coverage, e, 0.95, power).unwrap();
        let prompts = prompts_to_certify(coverage, e, 10, 1.0, 0.95, power).unwrap();
        assert!(prompts >= single, "{prompts:?} {single:?}");
    }
}

fn group(prompts: usize, share: f64, ahead: f64, behind: f64) -> Group {
    Group {
        prompts,
        share,
        ahead,
        behind,
    }
}

fn times(groups: &[Group], by: f64) -> Vec<Group> {
    let more = |group: &Group| Group {
        prompts: ((group.prompts as f64 * by).ceil() as usize).max(1),
        ..*group
    };
    groups.iter().map(more).collect()
}

/// Plans from pilots so large that their shares are the true ones.
#[test]
fn plans_from_a_pilot_exclude() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for (groups, rows, rho, big) in [
        (
            vec![group(400, 0.5, 0.05, 0.05), group(20, 0.5, 0.3, 0.0)],
            1,
            0.0,
            20.0,
        ),
        (
            vec![group(400, 0.7, 0.3, 0.05), group(20, 0.3, 0.0, 0.0)],
            1,
            0.0,
            20.0,
        ),
        (
            vec![group(500, 0.7, 0.2, 0.05), group(10, 0.3, 0.2, 0.05)],
            1,
            0.0,
            20.0,
        ),
        (vec![group(1500, 1.0, 0.3, 0.0)], 50, 0.0, 1.0),
        (vec![group(1500, 1.0, 0.2, 0.05)], 10, 0.0, 1.0),
    ] {
        let pilot = Drawn::new(&times(&groups, big), rows, rho, 0.0, &mut random);
        let columns = [&pilot.worse[..], &pilot.better[..]];
        let level = Level::from_n(4.0).unwrap();
        let (_, plan) = separations(&columns, &pilot.design(), level, 0.95, 0.9).unwrap();
        let by = plan[0].rows.unwrap() as f64 / pilot.worse.len() as f64 * big;
        let mut excluded = |by: f64| {
            let groups = times(&groups, by);
            share_of(120, || {
                Drawn::new(&groups, rows, rho, 0.0, &mut random).excludes()
            })
        };
        let (enough, less) = (excluded(by), excluded(0.7 * by));
        let what = format!("{by} times {:?}: {enough}, less {less}", groups[0].prompts);
        // Of ten units in a stratum the limit moves in steps.
        assert!(enough >= 0.77 && less <= 0.92, "{what}");
    }
}

#[test]
fn plans_from_a_pilot_certify() {
    let mut random = Random(0x0bad_cafe_1234_5678);
    for (groups, e, rows, rho) in [
        (
            vec![group(500, 0.9, 0.02, 0.0), group(10, 0.1, 0.02, 0.0)],
            0.05,
            1,
            0.0,
        ),
        (
            vec![group(400, 0.5, 0.02, 0.0), group(40, 0.5, 0.02, 0.0)],
            0.05,
            1,
            0.0,
        ),
        (vec![group(100, 1.0, 0.1, 0.0)], 0.15, 5, 0.3),
    ] {
        let pilot = Drawn::new(&times(&groups, 60.0), rows, rho, 0.0, &mut random);
        let truth = vec![-1.0; pilot.worse.len()];
        let (columns, level) = ([&pilot.worse[..]], Level::from_n(4.0).unwrap());
        let plan = certifications(&truth, &columns, &pilot.design(), level, e, 0.95, 0.9);
        let by = plan.unwrap()[0].rows.unwrap() as f64 / pilot.worse.len() as f64 * 60.0;
        let groups = times(&groups, by);
        let certified = share_of(200, || {
            Drawn::new(&groups, rows, rho, 0.0, &mut random).certifies(e)
        });
        assert!(
            certified >= 0.8,
            "{by} times {:?}: {certified}",
            groups[0].prompts
        );
    }
}

/// Of strata whose prompts are few, or miss nothing, at bounds that are nearly reached or far off.
#[test]
fn plans_of_strata_end() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for groups in [
        vec![group(3, 0.9, 0.0, 0.0), group(1, 0.1, 0.0, 0.0)],
        vec![group(30, 0.001, 0.5, 0.0), group(2, 0.999, 0.0, 0.0)],
        vec![group(3, 0.5, 1.0, 0.0), group(3, 0.5, 0.0, 0.0)],
    ] {
        let pilot = Drawn::new(&groups, 2, 0.5, 0.5, &mut random);
        let (columns, level) = ([&pilot.worse[..]], Level::from_n(4.0).unwrap());
        let rows = |e: f64, power: f64| {
            let design = pilot.design();
            let plan = certifications(&pilot.better, &columns, &design, level, e, 0.95, power);
            let plan = plan.unwrap()[0];
            assert_eq!(plan.rows.is_some(), plan.coverage < e, "{e}");
            plan.rows
        };
        for power in [0.1, 0.9, 0.999] {
            let planned = [1e-3, 0.1, 0.51, 0.999_99, 1.0].map(|e| rows(e, power));
            let planned: Vec<u64> = planned.into_iter().flatten().collect();
            assert!(planned.is_sorted_by(|a, b| a >= b), "{planned:?}");
        }
    }
}

/// Forty prompts of fifty rows each exclude a model at once, three prompts never.
#[test]
fn a_small_pilot_knows_that_prompts_count() {
    let pilot = Drawn::new(&one(40, 0.3, 0.0), 50, 0.0, 0.0, &mut Random(77));
    let columns = [&pilot.worse[..], &pilot.better[..]];
    let level = Level::from_n(4.0).unwrap();
    let (_, plan) = separations(&columns, &pilot.design(), level, 0.95, 0.9).unwrap();
    let prompts = plan[0].rows.unwrap() as f64 / 50.0;
    assert!((11.0..16.0).contains(&prompts), "{prompts}");
}

/// A prompt: the weight of each of its rows, how many there are, and how many of them are missed.
type Prompt = (f64, usize, usize);

fn prompts_drawn(prompts: impl Iterator<Item = Prompt>) -> Drawn {
    let mut drawn = Drawn {
        worse: vec![],
        better: vec![],
        clusters: vec![],
        strata: vec![],
        weights: vec![],
    };
    for (prompt, (weight, rows, missed)) in prompts.enumerate() {
        for row in 0..rows {
            drawn.worse.push(if row < missed { -9.0 } else { -1.0 });
            drawn.better.push(-1.0);
            drawn.clusters.push(prompt as u32);
            drawn.strata.push(0);
            drawn.weights.push(weight);
        }
    }
    drawn
}

/// The prompts that certify a coverage, by a pilot.
fn prompts_to_certify_like(pilot: &Drawn, e: f64, power: f64) -> usize {
    let level = Level::from_n(4.0).unwrap();
    let columns = [&pilot.worse[..]];
    let design = pilot.design();
    let plan = certifications(&pilot.better, &columns, &design, level, e, 0.95, power);
    let prompts = 1.0 + f64::from(*pilot.clusters.last().unwrap());
    let share = plan.unwrap()[0].rows.unwrap() as f64 / pilot.worse.len() as f64;
    (share * prompts).ceil() as usize
}

/// By pilots in the very proportions of the population. Where nothing is missed the limit hangs on
/// which weights are drawn alone.
#[test]
fn prompts_of_several_weights_certify() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let one_or_four = vec![((1.0, 1, 0), 700), ((1.0, 4, 0), 300)];
    let one_to_six = (1..7).map(|rows| ((1.0, rows, 0), 100)).collect();
    let light_or_heavy =
        |heavy, prompts| vec![((1.0, 1, 0), 1000 - prompts), ((heavy, 1, 0), prompts)];
    let some_missed = vec![
        ((1.0, 1, 0), 784),
        ((1.0, 1, 1), 16),
        ((2.5, 1, 0), 196),
        ((2.5, 1, 1), 4),
    ];
    let rare_and_large = vec![
        ((1.0, 2, 0), 900),
        ((1.0, 2, 1), 20),
        ((1.0, 20, 0), 70),
        ((1.0, 20, 3), 10),
    ];
    let populations: [(Vec<(Prompt, usize)>, f64); 8] = [
        (one_or_four.clone(), 0.9),
        (one_or_four, 0.99),
        (one_to_six, 0.9),
        (light_or_heavy(2.9, 100), 0.9),
        (light_or_heavy(5.0, 500), 0.9),
        (light_or_heavy(20.0, 50), 0.9),
        (some_missed, 0.9),
        (rare_and_large, 0.9),
    ];
    for (population, power) in populations {
        let all = population.iter().flat_map(|&(one, times)| vec![one; times]);
        let all: Vec<Prompt> = all.collect();
        let prompts = prompts_to_certify_like(&prompts_drawn(all.iter().copied()), 0.05, power);
        let certified = share_of(400, || {
            let any = |_| all[(random.uniform() * all.len() as f64) as usize];
            prompts_drawn((0..prompts).map(any)).certifies(0.05)
        });
        let what = format!("{population:?}: {prompts} {certified}");
        assert!(certified >= power - 0.05, "{what}");
    }
}

#[test]
fn a_greater_chance_takes_more_prompts() {
    for light in [900, 500, 100] {
        let heavy = 1000 - light;
        let pilot = vec![(1.0, 1, 0); light]
            .into_iter()
            .chain(vec![(2.9, 1, 0); heavy]);
        let pilot = prompts_drawn(pilot);
        let prompts = [0.5, 0.9, 0.99].map(|power| prompts_to_certify_like(&pilot, 0.05, power));
        assert!(
            prompts.is_sorted() && prompts[1] < prompts[2],
            "{prompts:?}"
        );
    }
}

/// By pilots that were drawn themselves, so that further rows may weigh more than any of theirs.
#[test]
fn weights_that_vary_continuously_certify() {
    let mut random = Random(0x0dd0_cafe_1234_5678);
    let lognormal = |random: &mut Random| ((0.35 * random.normal()).exp(), 1, 0);
    for (size, pilots) in [(60, 60), (400, 30)] {
        let mut draw = |prompts: usize| {
            let prompts: Vec<Prompt> = (0..prompts).map(|_| lognormal(&mut random)).collect();
            prompts_drawn(prompts.into_iter())
        };
        let mut of_pilot = || {
            let prompts = prompts_to_certify_like(&draw(size), 0.05, 0.9);
            share_of(10, || draw(prompts).certifies(0.05))
        };
        let certified = (0..pilots).map(|_| of_pilot()).sum::<f64>() / f64::from(pilots);
        assert!(certified >= 0.8, "{size}: {certified}");
    }
}
