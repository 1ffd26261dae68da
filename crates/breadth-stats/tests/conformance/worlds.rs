//! Tournaments on finite distributions, where every true value is a sum.

use breadth_stats::{
    Design, Level, OnPolicy, Tournament, is_uncovered, lowest_cross_entropy, offset_tournament,
    tournament,
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::distributions::{Hit, exponential};
use super::harness::{CONFIDENCE, Case, Promise, Verdict, check};
use super::layouts::{Frame, Group, Layout, Rows, Weights};
use super::level;

/// Probabilities of a few responses, for each group.
type Distributions = Vec<Vec<f64>>;

/// A data distribution and models.
#[derive(Clone)]
struct World {
    level: Level,
    layout: Layout,
    /// What light units draw, and heavy ones where these differ.
    light: Distributions,
    heavy: Option<Distributions>,
    models: Vec<Distributions>,
}

/// A distribution of `count` responses; one in `spared` of them nearly impossible.
fn random_distribution(rng: &mut impl Rng, count: usize, spared: f64) -> Vec<f64> {
    let mass = |rng: &mut _| exponential(rng).powi(2) + 1e-12;
    let mut masses: Vec<f64> = (0..count).map(|_| mass(rng)).collect();
    for mass in &mut masses {
        if rng.random::<f64>() < spared {
            *mass *= 1e-9;
        }
    }
    let total: f64 = masses.iter().sum();
    masses.into_iter().map(|mass| mass / total).collect()
}

fn pick(rng: &mut impl Rng, distribution: &[f64]) -> usize {
    let mut left = rng.random::<f64>();
    let found = distribution.iter().position(|mass| {
        left -= mass;
        left < 0.0
    });
    found.unwrap_or(distribution.len() - 1)
}

impl World {
    fn random(seed: u64, models: usize, layout: Layout) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let groups = layout.groups.len();
        let mut distributions = |spared| -> Distributions {
            (0..groups)
                .map(|_| random_distribution(&mut rng, 6, spared))
                .collect()
        };
        World {
            level: level(3.0),
            layout,
            light: distributions(0.0),
            heavy: None,
            models: (0..models).map(|_| distributions(0.1)).collect(),
        }
    }

    /// The population's distribution in each group.
    fn p(&self) -> Distributions {
        let Some(heavy) = &self.heavy else {
            return self.light.clone();
        };
        let part = self.layout.heavy_share();
        let mix = |(light, heavy): (&f64, &f64)| part * heavy + (1.0 - part) * light;
        let mix =
            |(light, heavy): (&Vec<f64>, &Vec<f64>)| light.iter().zip(heavy).map(mix).collect();
        self.light.iter().zip(heavy).map(mix).collect()
    }

    /// `P[ a/b >= N ]`
    fn behind(&self, distribution: &Distributions, a: &Distributions, b: &Distributions) -> f64 {
        self.layout.mean_of_groups(|g| {
            let responses = 0..distribution[g].len();
            let lost = responses.filter(|&y| is_uncovered(a[g][y].ln(), b[g][y].ln(), self.level));
            lost.map(|y| distribution[g][y]).sum()
        })
    }

    fn coverage(&self, model: &Distributions) -> f64 {
        let p = self.p();
        self.behind(&p, &p, model)
    }

    /// The true `max over rivals of P_p[ rival/q >= N ]`.
    fn value(&self, q: usize) -> f64 {
        let p = self.p();
        let rivals = (0..self.models.len()).filter(|&r| r != q);
        rivals
            .map(|r| self.behind(&p, &self.models[r], &self.models[q]))
            .fold(0.0, f64::max)
    }

    fn values(&self) -> Vec<f64> {
        (0..self.models.len()).map(|q| self.value(q)).collect()
    }

    /// A response for each row; half of the units are unanimous.
    fn responses(&self, frame: &Frame, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut responses = Vec::with_capacity(frame.count);
        for unit in &frame.units {
            let heavy = self.heavy.as_ref().filter(|_| unit.is_heavy);
            let distribution = &heavy.unwrap_or(&self.light)[unit.group];
            let (first, unanimous) = (pick(rng, distribution), rng.random_bool(0.5));
            responses.push(first);
            let others = (1..unit.rows.len()).map(|_| {
                if unanimous {
                    first
                } else {
                    pick(rng, distribution)
                }
            });
            responses.extend(others);
        }
        responses
    }

    /// log q of each row under each model.
    fn columns(&self, frame: &Frame, responses: &[usize]) -> Vec<Vec<f64>> {
        let groups = frame
            .units
            .iter()
            .flat_map(|u| u.rows.clone().map(|_| u.group));
        let groups: Vec<usize> = groups.collect();
        let column = |model: &Distributions| {
            groups
                .iter()
                .zip(responses)
                .map(|(&g, &y)| model[g][y].ln())
                .collect()
        };
        self.models.iter().map(column).collect()
    }

    fn play(&self, rng: &mut ChaCha8Rng) -> Tournament {
        let frame = self.layout.frame(rng);
        let columns = self.columns(&frame, &self.responses(&frame, rng));
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        tournament(&columns, &frame.design(), self.level, CONFIDENCE).unwrap()
    }
}

/// Which are as good as the best.
fn best_of(values: &[f64]) -> Vec<bool> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    values.iter().map(|value| *value <= least + 1e-12).collect()
}

/// Limits, certificate and set for every model, and the excess of all at once.
fn promises(models: usize) -> Vec<(String, Promise)> {
    let name = |what: &str| format!("tournament, {what}");
    let of_model = |_| {
        [
            (name("limits of the worst model"), Promise::TwoSided),
            (name("certificate of the worst model"), Promise::TwoSided),
            (name("set of the not excluded"), Promise::OneSided),
        ]
    };
    let mut parts: Vec<(String, Promise)> = (0..models).flat_map(of_model).collect();
    parts.push((name("excess of all models at once"), Promise::OneSided));
    parts
}

fn case(name: &str, world: World) -> Case<'static> {
    let truth = world.values();
    let coverage: Vec<f64> = world
        .models
        .iter()
        .map(|model| world.coverage(model))
        .collect();
    let is_best = best_of(&truth);
    let models = world.models.len();
    let name = format!("{name}, {models} models, {}", world.layout.text(false));
    Case::of_parts(name, promises(models), move |rng| {
        let found = world.play(rng);
        let of_model = |q: usize| {
            let standing = &found.standings[q];
            let certified = (standing.certified_low, standing.certified_high);
            [
                Verdict::of((standing.low, standing.high), truth[q]),
                Verdict::of(certified, coverage[q]),
                Verdict::failed(is_best[q] && !found.not_excluded.contains(&q)),
            ]
        };
        let mut verdicts: Vec<Verdict> = (0..models).flat_map(of_model).collect();
        let exceeds = |q: usize| truth[q] > found.standings[q].excess + 1e-12;
        verdicts.push(Verdict::failed((0..models).any(exceeds)));
        verdicts
    })
}

fn units(count: usize) -> Layout {
    Layout::simple(count, Hit(0.0))
}

fn groups(shares: &[(f64, usize)]) -> Layout {
    let group = |&(share, units): &(f64, usize)| Group {
        share,
        units,
        distribution: Hit(0.0),
    };
    Layout {
        groups: shares.iter().map(group).collect(),
        ..units(0)
    }
}

/// Each level of each factor at least once.
fn designs() -> Vec<Layout> {
    vec![
        units(10),
        units(30),
        units(100),
        units(500),
        units(30).rows(Rows::Equal(4)),
        units(30).rows(Rows::Unequal),
        units(30).rows(Rows::HalfInOne),
        units(80).weights(Weights::Lognormal),
        units(80).weights(Weights::SixOrders),
        units(80).weights(Weights::OneHuge),
        groups(&[(0.5, 1), (0.5, 50)]),
        groups(&[(0.5, 2), (0.5, 50)]),
        groups(&[(0.3, 5), (0.7, 50)]),
        groups(&[(0.9, 40), (0.1, 400)]),
        groups(&[(0.9, 20), (0.1, 40)]).rows(Rows::Unequal),
        groups(&[(0.5, 400), (0.5, 400)]),
    ]
}

#[test]
fn tournament_limits_sets_and_certificates() {
    let of =
        |(at, layout): (usize, Layout)| case("random world", World::random(at as u64, 3, layout));
    check(designs().into_iter().enumerate().map(of).collect(), 3);
}

/// A rival as good as the truth makes the lower certificate as sharp as it can be; a model that
/// lost five of six responses gives it much to certify.
#[test]
fn sharp_certificates() {
    let of = |(at, layout): (usize, Layout)| {
        let mut world = World::random(100 + at as u64, 3, layout);
        world.models[0] = world.light.clone();
        let forgetful = vec![1.0 - 5e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9];
        world.models[2] = vec![forgetful; world.layout.groups.len()];
        case("sharp world", world)
    };
    let layouts = designs().into_iter().enumerate().skip(1).step_by(2);
    check(layouts.map(of).collect(), 2);
}

#[test]
fn twelve_models() {
    let of = |layout| case("wide world", World::random(7, 12, layout));
    check(vec![of(units(30)), of(units(300))], 2);
}

/// Two models of equal true value, each behind the other on half of the data: the hardest case for
/// the set of the not excluded.
#[test]
fn sets_hold_either_of_two_equals() {
    let distribution = |a: f64, b: f64| vec![a, b];
    let equals = |layout: Layout| {
        let all = |distribution: Vec<f64>| vec![distribution; layout.groups.len()];
        World {
            level: level(3.0),
            light: all(distribution(0.5, 0.5)),
            heavy: None,
            models: vec![all(distribution(0.8, 0.2)), all(distribution(0.2, 0.8))],
            layout,
        }
    };
    let layouts = designs().into_iter().step_by(2);
    let cases = layouts.map(|layout| case("two equals", equals(layout)));
    check(cases.collect(), 2);
}

/// Two equals of which each is behind in a group of its own: in one a is behind with .1, in the
/// other, which weighs a ninth, b with .9.
#[test]
fn sets_under_group_weights() {
    let world = |layout: Layout| World {
        level: level(3.0),
        light: vec![vec![0.9, 0.1], vec![0.1, 0.9]],
        heavy: None,
        models: vec![
            vec![vec![0.9, 1e-3], vec![0.5, 0.5]],
            vec![vec![0.9, 0.1], vec![0.5, 1e-3]],
        ],
        layout,
    };
    let layouts = [
        groups(&[(0.9, 40), (0.1, 400)]),
        groups(&[(0.9, 40), (0.1, 40)]),
        groups(&[(0.9, 400), (0.1, 20)]),
        groups(&[(0.9, 100), (0.1, 2)]),
    ];
    check(
        layouts
            .map(|layout| case("equals by groups", world(layout)))
            .into(),
        1,
    );
}

/// What units draw goes with their weight or size.
#[test]
fn tournaments_where_the_response_goes_with_the_weight() {
    let of = |(at, layout): (usize, Layout)| {
        let mut world = World::random(200 + at as u64, 3, layout);
        world.heavy = Some(World::random(300 + at as u64, 1, world.layout.clone()).light);
        case("weighty world", world)
    };
    let layouts = [
        units(80).weights(Weights::TwoKinds),
        units(80).weights(Weights::Lognormal),
        units(80).weights(Weights::SixOrders),
        units(40).rows(Rows::Unequal),
    ];
    check(layouts.into_iter().enumerate().map(of).collect(), 2);
}

/// Rows of samples of a model with which it is to be scored; `prompts` where a prompt has several.
fn own<'a>(columns: &'a [Vec<f64>], prompts: Option<&'a [u32]>) -> OnPolicy<'a> {
    let columns = columns.iter().map(Vec::as_slice).collect();
    OnPolicy {
        columns,
        prompts,
        weights: None,
        strata: None,
    }
}

impl World {
    /// `max(0, max over rivals of S - 2 N^a Con)`.
    fn offset_value(&self, q: usize, a: f64) -> f64 {
        let p = self.p();
        let factor = 2.0 * (a * self.level.log_n()).exp();
        let score = |r: usize| {
            let (rival, own) = (&self.models[r], &self.models[q]);
            self.behind(&p, rival, own) - factor * self.behind(own, rival, own)
        };
        let rivals = (0..self.models.len()).filter(|&r| r != q);
        rivals.map(score).fold(0.0, f64::max)
    }

    /// The tournament and what the models' own samples, `each` of every model on prompts of their
    /// own, make of it.
    fn play_with_offset(
        &self,
        each: usize,
        per_prompt: usize,
        a: f64,
        rng: &mut ChaCha8Rng,
    ) -> Tournament {
        let frame = self.layout.frame(rng);
        let data = self.columns(&frame, &self.responses(&frame, rng));
        let data: Vec<&[f64]> = data.iter().map(Vec::as_slice).collect();
        let design: Design = frame.design();
        let prompts: Vec<u32> = (0..each * per_prompt)
            .map(|row| (row / per_prompt) as u32)
            .collect();
        let of_model = |model: &Distributions, rng: &mut ChaCha8Rng| -> Vec<Vec<f64>> {
            let responses: Vec<usize> = prompts.iter().map(|_| pick(rng, &model[0])).collect();
            let column =
                |scorer: &Distributions| responses.iter().map(|&y| scorer[0][y].ln()).collect();
            self.models.iter().map(column).collect()
        };
        let samples: Vec<Vec<Vec<f64>>> = self.models.iter().map(|m| of_model(m, rng)).collect();
        let labels = (per_prompt > 1).then_some(&prompts[..]);
        let samples: Vec<OnPolicy> = samples.iter().map(|columns| own(columns, labels)).collect();
        let fought = tournament(&data, &design, self.level, CONFIDENCE).unwrap();
        offset_tournament(fought, &data, &design, &samples, a, CONFIDENCE).unwrap()
    }
}

#[test]
fn offset_tournaments() {
    let of = |(world, each, per_prompt): (World, usize, usize)| {
        let a = 0.0;
        let models = world.models.len();
        let truth: Vec<f64> = (0..models).map(|q| world.offset_value(q, a)).collect();
        let is_best = best_of(&truth);
        let name = format!(
            "{}, {each} prompts of {per_prompt} samples of each of {models} models",
            world.layout.text(false)
        );
        let part = |what: &str, promise| (format!("offset tournament, {what}"), promise);
        let mut parts = vec![part("limits of the worst model", Promise::TwoSided); models];
        parts.extend(vec![
            part("set of the not excluded", Promise::OneSided);
            models
        ]);
        Case::of_parts(name, parts, move |rng| {
            let found = world.play_with_offset(each, per_prompt, a, rng);
            let standing = |q: usize| (found.standings[q].low, found.standings[q].high);
            let mut verdicts: Vec<Verdict> = (0..models)
                .map(|q| Verdict::of(standing(q), truth[q]))
                .collect();
            let lost = |q: usize| Verdict::failed(is_best[q] && !found.not_excluded.contains(&q));
            verdicts.extend((0..models).map(lost));
            verdicts
        })
    };
    let random = |seed: u64, layout| {
        let mut world = World::random(400 + seed, 3, layout);
        world.level = level(8.0);
        // Lost on data that the others kept, and rarely sampled by itself.
        world.models[2][0] = vec![0.97, 0.0299, 1e-4, 1e-6, 1e-6, 1e-6];
        world
    };
    let cases = [
        (random(0, units(30)), 30, 1),
        (random(1, units(100)), 100, 1),
        (random(2, units(100)), 25, 4),
        (random(3, units(30).rows(Rows::Unequal)), 100, 1),
        (random(4, units(80).weights(Weights::Lognormal)), 100, 1),
    ];
    check(cases.into_iter().map(of).collect(), 2);
}

/// Paired differences of cross-entropy decide; two models of the same one, mirrored.
#[test]
fn sets_of_the_lowest_cross_entropy() {
    let of = |layout: Layout| {
        let world = World {
            level: level(3.0),
            light: vec![vec![0.5, 0.5]],
            heavy: None,
            models: vec![
                vec![vec![0.6, 0.4]],
                vec![vec![0.4, 0.6]],
                vec![vec![0.9, 0.1]],
            ],
            layout,
        };
        let parts = vec![(String::new(), Promise::OneSided); 2];
        let name = format!(
            "set of the lowest cross-entropy: {}",
            world.layout.text(false)
        );
        Case::of_parts(name, parts, move |rng| {
            let frame = world.layout.frame(rng);
            let columns = world.columns(&frame, &world.responses(&frame, rng));
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let fought = tournament(&columns, &frame.design(), world.level, CONFIDENCE).unwrap();
            let found =
                lowest_cross_entropy(fought, &columns, &frame.design(), CONFIDENCE).unwrap();
            [0, 1]
                .map(|q| Verdict::failed(!found.not_excluded.contains(&q)))
                .into()
        })
    };
    let layouts = [
        units(30),
        units(100),
        units(500),
        units(30).rows(Rows::Unequal),
        units(100).weights(Weights::Lognormal),
        units(100).rows(Rows::HalfInOne),
    ];
    check(layouts.map(of).into(), 3);
}

/// One sample of each of many random distributions: certificates say nothing of how they were
/// found.
#[test]
fn certificates_on_random_finite_distributions() {
    let small = |seed: u64, layout: &Layout| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (responses, models) = (rng.random_range(2..=8), rng.random_range(2..=4_usize));
        let n = [2.0, 3.0, 8.0][rng.random_range(0..3)];
        let groups = layout.groups.len();
        let mut distributions = |spared: f64| -> Distributions {
            (0..groups)
                .map(|_| random_distribution(&mut rng, responses, spared))
                .collect()
        };
        let (light, heavy) = (distributions(0.2), distributions(0.2));
        let mut models: Vec<Distributions> = (0..models).map(|_| distributions(0.5)).collect();
        // Half of the time one of them is the truth.
        if seed.is_multiple_of(2) {
            models[0] = light.clone();
        }
        let goes_with_weight = !matches!(layout.weights, Weights::Equal | Weights::OneHuge);
        World {
            level: level(n),
            layout: layout.clone(),
            heavy: goes_with_weight.then_some(heavy),
            light,
            models,
        }
    };
    let layouts = [
        units(20),
        units(200),
        groups(&[(0.5, 1), (0.5, 60)]),
        groups(&[(0.5, 2), (0.5, 60)]),
        groups(&[(0.4, 5), (0.6, 60)]),
        groups(&[(0.1, 200), (0.9, 20)]),
        units(100).weights(Weights::TwoKinds),
        units(100).weights(Weights::Lognormal),
        units(100).weights(Weights::SixOrders),
        units(100).weights(Weights::OneHuge),
        units(25).rows(Rows::Unequal),
    ];
    let case = |layout: Layout| {
        let name = format!("certificates of random finite laws: {}", layout.text(false));
        Case::new(name, move |rng| {
            let world = small(rng.random(), &layout);
            let found = world.play(rng);
            let mut verdict = Verdict::default();
            for (model, standing) in world.models.iter().zip(&found.standings) {
                let certified = (standing.certified_low, standing.certified_high);
                let one = Verdict::of(certified, world.coverage(model));
                verdict.below |= one.below;
                verdict.above |= one.above;
                verdict.width = one.width;
            }
            verdict
        })
    };
    check(layouts.map(case).into(), 2);
}
