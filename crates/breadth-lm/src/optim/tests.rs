use super::transformation::scale_all;
use super::*;
use crate::tree::{Array, Real, Tree};

fn one(values: &[f32]) -> Tree {
    let array = Array::new([1, values.len()], values.to_vec());
    [("w".to_string(), array)].into_iter().collect()
}

/// AdamW as its paper writes it, in `f64`.
fn reference(settings: &Optimizer, gradients: &[Vec<f32>], start: &[f32]) -> Vec<f64> {
    let mut w: Vec<f64> = start.iter().map(|&v| f64::from(v)).collect();
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    let [b1, b2] = settings.betas.unwrap_or([0.9, 0.99]);
    let (epsilon, decay) = (1e-8, settings.weight_decay.unwrap_or(0.01));
    for (t, g) in gradients.iter().enumerate() {
        let norm = g.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let limit = settings.clip_norm.unwrap_or(1.0);
        let clip = (limit / (norm + 1e-6)).min(1.0);
        for i in 0..w.len() {
            let g = f64::from(g[i]) * clip;
            m[i] = b1 * m[i] + (1.0 - b1) * g;
            v[i] = b2 * v[i] + (1.0 - b2) * g * g;
            let m_hat = m[i] / (1.0 - b1.powi(t as i32 + 1));
            let v_hat = v[i] / (1.0 - b2.powi(t as i32 + 1));
            let step = m_hat / (v_hat.sqrt() + epsilon) + decay * w[i];
            w[i] -= settings.learning_rate * step;
        }
    }
    w
}

#[test]
fn adamw_equals_its_written_out_reference() {
    let settings = Optimizer {
        learning_rate: 0.05,
        weight_decay: Some(0.1),
        ..Optimizer::default()
    };
    let gradients: Vec<Vec<f32>> = (0..20)
        .map(|t| {
            (0..5)
                .map(|i| ((t * 7 + i * 3) % 11) as f32 / 5.0 - 1.0)
                .collect()
        })
        .collect();
    let start = [0.5, -1.0, 2.0, 0.0, 3.0];
    let mut params = one(&start);
    let mut optimizer = settings.build(20, &params);
    for (step, g) in gradients.iter().enumerate() {
        let mut updates = one(g);
        optimizer.update(&mut updates, &params, step as u64);
        apply_updates(&mut params, &updates);
    }
    let exact = reference(&settings, &gradients, &start);
    for (got, exact) in params["w"].data.iter().zip(exact) {
        assert!((f64::from(*got) - exact).abs() < 1e-5, "{got} {exact}");
    }
}

#[test]
fn state_saved_and_loaded_gives_the_same_bits() {
    let settings = Optimizer {
        warmup_steps: 3,
        decay_to: 0.1,
        ..Optimizer::default()
    };
    let run = |break_at: Option<u64>| {
        let mut params = one(&[1.0, -2.0, 0.5]);
        let mut optimizer = settings.build(12, &params);
        for step in 0..12 {
            if break_at == Some(step) {
                let path = std::path::Path::new("memory");
                let bytes = optimizer.state().to_safetensors(path).unwrap();
                optimizer = settings.build(12, &params);
                optimizer.load(Tree::from_safetensors(&bytes, path).unwrap());
            }
            let mut updates = params.clone();
            optimizer.update(&mut updates, &params, step);
            apply_updates(&mut params, &updates);
        }
        params
    };
    for step in 0..12 {
        assert_eq!(run(Some(step)), run(None), "broken at {step}");
    }
}

#[test]
fn adamw_converges_on_a_quadratic() {
    let settings = Optimizer {
        learning_rate: 0.1,
        decay_to: 0.0,
        weight_decay: Some(0.0),
        ..Optimizer::default()
    };
    let mut params = one(&[3.0, -4.0]);
    let mut optimizer = settings.build(400, &params);
    for step in 0..400 {
        let mut updates = params.clone();
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
    }
    assert!(params.global_norm() < 1e-3, "{params:?}");
}

#[test]
fn clipping_leaves_small_gradients_alone() {
    let mut clip = ClipByGlobalNorm { limit: 1.0 };
    let mut small = one(&[0.3, 0.4]);
    clip.update(&mut small, &Tree::default(), 0);
    assert_eq!(small, one(&[0.3, 0.4]));
    let mut large = one(&[30.0, 40.0]);
    clip.update(&mut large, &Tree::default(), 0);
    assert!((large.global_norm() - 1.0).abs() < 1e-6);
}

#[test]
fn decay_spares_biases() {
    let mut decay = AddDecayedWeights { rate: 0.5 };
    let mut params = one(&[2.0]);
    params.insert("b", Array::full([1], 2.0));
    let mut updates = params.zeros_like();
    decay.update(&mut updates, &params, 0);
    assert_eq!((updates["w"].data[0], updates["b"].data[0]), (1.0, 0.0));
}

#[test]
fn impossible_settings_are_named() {
    let error = |s: Optimizer| {
        s.validate("train.toml: [optimizer]")
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error(Optimizer { learning_rate: -1.0, ..Optimizer::default() }),
        @"train.toml: [optimizer]: learning_rate = -1 must be above 0");
    insta::assert_snapshot!(error(Optimizer { betas: Some([0.9, 1.0]), ..Optimizer::default() }),
        @"train.toml: [optimizer]: betas[1] = 1 must be in [0, 1)");
    insta::assert_snapshot!(error(Optimizer { decay_to: f64::NAN, ..Optimizer::default() }),
        @"train.toml: [optimizer]: decay_to = NaN must be in [0, 1]");
    insta::assert_snapshot!(error(Optimizer { clip_norm: Some(0.0), ..Optimizer::default() }),
        @"train.toml: [optimizer]: clip_norm = 0 must be above 0");
}

/// Every famous name, with every setting of it that changes what it computes.
fn every() -> Vec<Optimizer> {
    let of = |name| Optimizer {
        name,
        learning_rate: 0.05,
        ..Optimizer::default()
    };
    let normalized = |per| Optimizer {
        per: Some(per),
        lambda: Some(0.1),
        ..of(OptimizerName::NormalizedSgd)
    };
    vec![
        of(OptimizerName::Adamw),
        Optimizer {
            schedule: Shape::Cosine,
            decay_to: 0.1,
            warmup_steps: 2,
            ..of(OptimizerName::Adamw)
        },
        of(OptimizerName::Sgd),
        Optimizer {
            momentum: Some(0.8),
            clip_norm: Some(0.5),
            weight_decay: Some(0.1),
            ..of(OptimizerName::Sgd)
        },
        Optimizer {
            ball: Some(2.0),
            ..of(OptimizerName::Sgd)
        },
        normalized(Per::Model),
        normalized(Per::Module),
        normalized(Per::Row),
        Optimizer {
            momentum: Some(0.5),
            ball: Some(3.0),
            ..normalized(Per::Model)
        },
        of(OptimizerName::SignSgd),
        Optimizer {
            momentum: Some(0.9),
            ..of(OptimizerName::SignSgd)
        },
        of(OptimizerName::Muon),
        Optimizer {
            clip_norm: Some(0.5),
            weight_decay: Some(0.1),
            ..of(OptimizerName::Muon)
        },
    ]
}

const SHAPES: [(&str, [usize; 2]); 3] = [
    ("bias", [3, 0]),
    ("h.weight", [3, 4]),
    ("wte.weight", [5, 2]),
];

fn shape(of: [usize; 2]) -> Vec<usize> {
    of.into_iter().filter(|&n| n > 0).collect()
}

/// Numbers that look like gradients, a new tree for each seed.
fn some_tree(seed: u64) -> Tree {
    let value = |i: usize| {
        let x = (i as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        (x >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    SHAPES
        .iter()
        .map(|&(name, of)| {
            let shape = shape(of);
            let data = (0..shape.iter().product()).map(value).collect();
            (name.to_string(), Array::new(shape, data))
        })
        .collect()
}

type Flat = std::collections::BTreeMap<String, Vec<f64>>;

fn flat(tree: &Tree) -> Flat {
    let wide = |a: &Array| a.data.iter().map(|&v| f64::from(v)).collect();
    tree.iter()
        .map(|(name, a)| (name.to_string(), wide(a)))
        .collect()
}

fn norm<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// One optimiser written out, in `f64`, without any of the code under test.
struct WrittenOut {
    settings: Optimizer,
    trace: Flat,
    square: Flat,
}

impl WrittenOut {
    fn new(settings: Optimizer, params: &Tree) -> Self {
        let zero: Flat = flat(params)
            .into_iter()
            .map(|(k, v)| (k, vec![0.0; v.len()]))
            .collect();
        Self {
            settings,
            trace: zero.clone(),
            square: zero,
        }
    }

    fn rate(&self, step: u64, steps: u64) -> f64 {
        let s = &self.settings;
        if step < s.warmup_steps {
            return s.learning_rate * (step + 1) as f64 / s.warmup_steps as f64;
        }
        let done = (step + 1 - s.warmup_steps) as f64 / (steps - s.warmup_steps) as f64;
        let fallen = if s.schedule == Shape::Cosine {
            (1.0 - (std::f64::consts::PI * done).cos()) / 2.0
        } else {
            done
        };
        s.learning_rate * (1.0 + fallen * (s.decay_to - 1.0))
    }

    fn step(&mut self, params: &mut Flat, gradients: &Tree, step: u64, steps: u64) {
        let s = self.settings.clone();
        let mut g = flat(gradients);
        let clip = s
            .clip_norm
            .or((s.name == OptimizerName::Adamw).then_some(1.0));
        let all = norm(g.values().flatten());
        let scale = clip.map_or(1.0, |c| (c / (all + 1e-6)).min(1.0));
        g.values_mut().flatten().for_each(|v| *v *= scale);
        if let (Some(m), false) = (s.momentum, s.name == OptimizerName::Muon) {
            for (name, g) in &mut g {
                for (t, g) in self.trace.get_mut(name).unwrap().iter_mut().zip(g) {
                    *t = m * *t + *g;
                    *g = *t;
                }
            }
        }
        let all = norm(g.values().flatten());
        for (name, g) in &mut g {
            let shape = shape(SHAPES.iter().find(|(n, _)| n == name).unwrap().1);
            let hidden = name == "h.weight";
            match s.name {
                OptimizerName::Adamw => self.adam(name, g, [0.9, 0.99], step),
                OptimizerName::Muon if !hidden => self.adam(name, g, [0.9, 0.95], step),
                OptimizerName::Muon => {
                    let trace = self.trace.get_mut(name).unwrap();
                    for (t, g) in trace.iter_mut().zip(g.iter_mut()) {
                        *t = 0.95 * *t + *g;
                        *g += 0.95 * *t;
                    }
                    *g = quintic(g, shape[0], shape[1]);
                }
                OptimizerName::Sgd => {}
                OptimizerName::SignSgd => g
                    .iter_mut()
                    .for_each(|v| *v = if *v == 0.0 { 0.0 } else { v.signum() }),
                OptimizerName::NormalizedSgd => {
                    let width = match s.per.unwrap() {
                        Per::Row => *shape.last().unwrap(),
                        _ => g.len(),
                    };
                    for row in g.chunks_mut(width) {
                        let own = if s.per == Some(Per::Model) {
                            all
                        } else {
                            norm(row.iter())
                        };
                        row.iter_mut().for_each(|v| *v /= s.lambda.unwrap() + own);
                    }
                }
            }
            let decay = s.weight_decay.unwrap_or(if s.name == OptimizerName::Adamw {
                0.01
            } else {
                0.0
            });
            let rate = self.rate(step, steps);
            for (p, g) in params.get_mut(name).unwrap().iter_mut().zip(g) {
                let decay = if shape.len() > 1 { decay } else { 0.0 };
                *p -= rate * (*g + decay * *p);
            }
        }
        if let Some(radius) = s.ball {
            let length = norm(params.values().flatten());
            if length > radius {
                params
                    .values_mut()
                    .flatten()
                    .for_each(|v| *v *= radius / length);
            }
        }
    }

    fn adam(&mut self, name: &str, g: &mut [f64], [b1, b2]: [f64; 2], step: u64) {
        let t = step as i32 + 1;
        let moments = self
            .trace
            .get_mut(name)
            .unwrap()
            .iter_mut()
            .zip(self.square.get_mut(name).unwrap());
        for (g, (m, v)) in g.iter_mut().zip(moments) {
            *m = b1 * *m + (1.0 - b1) * *g;
            *v = b2 * *v + (1.0 - b2) * *g * *g;
            *g = *m / (1.0 - b1.powi(t)) / ((*v / (1.0 - b2.powi(t))).sqrt() + 1e-8);
        }
    }
}

/// Muon's polynomial of `X = G/|G|`, in its first form `a X + b (X X') X + c (X X')^2 X`, for rows
/// <= columns.
fn quintic(g: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let times = |a: &[f64], b: &[f64], n: usize, k: usize, m: usize| -> Vec<f64> {
        (0..n * m)
            .map(|at| (0..k).map(|i| a[at / m * k + i] * b[i * m + at % m]).sum())
            .collect()
    };
    let scale = norm(g) + 1e-7;
    let mut x: Vec<f64> = g.iter().map(|v| v / scale).collect();
    for _ in 0..5 {
        let transposed: Vec<f64> = (0..columns * rows)
            .map(|at| x[at % rows * columns + at / rows])
            .collect();
        let gram = times(&x, &transposed, rows, columns, rows);
        let once = times(&gram, &x, rows, rows, columns);
        let twice = times(&gram, &once, rows, rows, columns);
        x = (0..x.len())
            .map(|i| 3.4445 * x[i] - 4.7750 * once[i] + 2.0315 * twice[i])
            .collect();
    }
    x.into_iter()
        .map(|v| 0.2 * (rows.max(columns) as f64).sqrt() * v)
        .collect()
}

const STEPS: u64 = 9;

fn run(settings: &Optimizer, break_at: Option<u64>) -> Tree {
    let mut params = some_tree(0);
    let mut optimizer = settings.build(STEPS, &params);
    for step in 0..STEPS {
        if break_at == Some(step) {
            let path = std::path::Path::new("memory");
            let bytes = optimizer.state().to_safetensors(path).unwrap();
            optimizer = settings.build(STEPS, &params);
            optimizer.load(Tree::from_safetensors(&bytes, path).unwrap());
        }
        let mut updates = some_tree(step + 1);
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
    }
    params
}

#[test]
fn every_name_equals_its_written_out_form() {
    for settings in every() {
        let start = some_tree(0);
        let (mut exact, mut written) = (flat(&start), WrittenOut::new(settings.clone(), &start));
        for step in 0..STEPS {
            written.step(&mut exact, &some_tree(step + 1), step, STEPS);
        }
        let got = run(&settings, None);
        for (name, values) in flat(&got) {
            assert_eq!(got[&name].shape, start[&name].shape);
            for (got, exact) in values.iter().zip(&exact[&name]) {
                assert!(
                    (got - exact).abs() < 2e-5,
                    "{settings:?} {name}: {got} {exact}"
                );
            }
        }
    }
}

#[test]
fn every_name_resumes_to_the_same_bits_and_does_not_depend_on_threads() {
    for settings in every() {
        settings.validate("test").unwrap();
        let whole = run(&settings, None);
        for step in [0, 1, 5, STEPS - 1] {
            assert_eq!(
                run(&settings, Some(step)),
                whole,
                "{settings:?} broken at {step}"
            );
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            assert_eq!(pool.install(|| run(&settings, None)), whole, "{settings:?}");
        }
    }
}

/// Descends with decaying steps; returns the loss before and after.
fn descend(settings: &Optimizer, loss: impl Fn(&Tree) -> (f64, Tree)) -> (f64, f64) {
    let steps = 600;
    let settings = Optimizer {
        decay_to: 0.001,
        warmup_steps: 0,
        learning_rate: 0.1,
        weight_decay: Some(0.0),
        ball: settings.ball.map(|_| 50.0),
        ..settings.clone()
    };
    let mut params = some_tree(3);
    let first = loss(&params).0;
    let mut optimizer = settings.build(steps, &params);
    for step in 0..steps {
        let mut updates = loss(&params).1;
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
    }
    (first, loss(&params).0)
}

#[test]
fn every_name_converges_on_a_quadratic_and_on_logistic_regression() {
    for settings in every() {
        let target = some_tree(4);
        let quadratic = |params: &Tree| {
            let mut gradient = target.clone();
            scale_all(&mut gradient, -1.0);
            apply_updates(&mut gradient, params);
            (0.5 * gradient.global_norm().powi(2), gradient)
        };
        let (first, last) = descend(&settings, quadratic);
        assert!(
            last < 1e-2 * first,
            "{settings:?}: quadratic {first} to {last}"
        );
        // One datum per element: the label is the sign of the target, the regulariser keeps the
        // minimum finite.
        let logistic = |params: &Tree| {
            let mut gradient = params.clone();
            let mut total = 0.0;
            for (name, array) in gradient.iter_mut() {
                for (w, t) in array.data.iter_mut().zip(&target[name].data) {
                    let (weight, label) = (f64::from(*w), f64::from(t.signum()));
                    total += (-label * weight).exp().ln_1p() + 0.05 * weight * weight;
                    *w = (-label / (1.0 + (label * weight).exp()) + 0.1 * weight) as f32;
                }
            }
            (total, gradient)
        };
        // The minimum by Newton's method for one element; all are alike.
        let mut best = 0.0_f64;
        for _ in 0..50 {
            let q = 1.0 / (1.0 + best.exp());
            best -= (-q + 0.1 * best) / (q * (1.0 - q) + 0.1);
        }
        let least = target.elements() as f64 * ((-best).exp().ln_1p() + 0.05 * best * best);
        let (first, last) = descend(&settings, logistic);
        assert!(
            last - least < 0.02 * (first - least),
            "{settings:?}: logistic {first} to {last}, least {least}"
        );
    }
}

#[test]
fn both_worlds_share_one_definition() {
    // In f64 a chain follows its f32 twin to rounding.
    let narrow = some_tree(0);
    let wide = |tree: &Tree| -> Tree<f64> {
        tree.iter()
            .map(|(n, a)| {
                (
                    n.to_string(),
                    Array::new(
                        a.shape.clone(),
                        a.data.iter().map(|&v| f64::from(v)).collect(),
                    ),
                )
            })
            .collect()
    };
    fn parts<T: Real>(params: &Tree<T>) -> Vec<Chain<T>> {
        let one = |part: Box<dyn GradientTransformation<T>>| chain(vec![part]);
        vec![
            one(Box::new(ScaleByAdam::new([0.9, 0.99], 1e-8, params))),
            one(Box::new(Momentum::new(0.9, true, params))),
            one(Box::new(Normalize {
                lambda: 0.1,
                per: Per::Row,
            })),
            one(Box::new(Normalize {
                lambda: 0.0,
                per: Per::Module,
            })),
            one(Box::new(Normalize {
                lambda: 2.0,
                per: Per::Model,
            })),
            one(Box::new(Sign)),
            one(Box::new(ClipByGlobalNorm { limit: 0.1 })),
            one(Box::new(ProjectOntoBall { radius: 0.5 })),
        ]
    }
    for (mut of_narrow, mut of_wide) in parts(&narrow).into_iter().zip(parts(&wide(&narrow))) {
        for step in 0..3 {
            let mut updates = some_tree(step + 1);
            let mut twins = wide(&updates);
            of_narrow.update(&mut updates, &narrow, step);
            of_wide.update(&mut twins, &wide(&narrow), step);
            for (name, array) in twins.iter() {
                for (a, b) in array.data.iter().zip(&updates[name].data) {
                    assert!((a - f64::from(*b)).abs() < 1e-5);
                }
            }
        }
    }
}

#[test]
fn zeros_and_infinities() {
    let zero = some_tree(0).zeros_like();
    for settings in every() {
        let mut updates = zero.clone();
        settings.build(5, &zero).update(&mut updates, &zero, 0);
        assert!(
            updates
                .iter()
                .all(|(_, a)| a.data.iter().all(|v| *v == 0.0)),
            "{settings:?}"
        );
    }
    let mut signs = one(&[f32::INFINITY, -0.0, -1e-40]);
    Sign.update(&mut signs, &zero, 0);
    assert_eq!(signs["w"].data, [1.0, -0.0, -1.0]);
}

/// `learning_rate` and lambda by the proof's formula, written out.
#[test]
fn proofs_give_their_steps() {
    let parse = |text: &str| -> Optimizer { toml::from_str(text).unwrap() };
    let check = |text: &str, steps: u64, expected: f64| {
        let optimizer = parse(text);
        optimizer.validate("test").unwrap();
        for step in [0, steps - 1] {
            let rate = optimizer.schedule(steps).at(step);
            assert!((rate / expected - 1.0).abs() < 1e-12, "{text}: {rate}");
        }
    };
    let sgd = |proof: &str| format!("name = 'sgd'\nproof = {{ statement = {proof} }}");
    check(&sgd("'prop-5.1', horizon = 8, bound = 2"), 50, 1.0 / 64.0);
    check(&sgd("'thm-6.1', bound = 1, variance = 4"), 100, 0.05);
    check(&sgd("'thm-6.1', bound = 1, variance = 4"), 1, 0.5);
    let budget = 2_f64.ln();
    let expected = (50.0 * 9.0 * budget).sqrt().recip();
    check(
        &sgd("'thm-6.2', bound = 0.1, variance = 9, n = 2"),
        50,
        expected,
    );

    let text = "name = 'normalized_sgd'\nproof = { statement = 'thm-5.1', bound = 0.001, variance = 25, n = 4 }";
    let eta = (4_f64.ln() / (25.0 * 1000.0)).powf(0.25);
    check(text, 1000, eta);
    let gradient = some_tree(1);
    let mut updates = gradient.clone();
    parse(text)
        .build(1000, &gradient)
        .update(&mut updates, &gradient, 0);
    let by = eta / (4_f64.ln() / (16.0 * eta) + gradient.global_norm());
    for (name, array) in updates.iter() {
        for (u, g) in array.data.iter().zip(&gradient[name].data) {
            assert!((f64::from(*u) + by * f64::from(*g)).abs() < 1e-8);
        }
    }
    // What is written into a run folder reads back.
    let json = serde_json::to_string(&parse(text)).unwrap();
    assert_eq!(
        serde_json::from_str::<Optimizer>(&json).unwrap(),
        parse(text)
    );
}

#[test]
fn proofs_that_do_not_fit_are_named() {
    let error = |text: &str| {
        let optimizer: Optimizer = toml::from_str(text).unwrap();
        optimizer.validate("[optimizer]").unwrap_err().to_string()
    };
    let thm = "proof = { statement = 'thm-5.1', bound = 1, variance = 1, n = 4 }";
    insta::assert_snapshot!(error(&format!("name = 'sgd'\n{thm}")),
        @r#"[optimizer]: proof: thm-5.1 is about name = "normalized_sgd""#);
    insta::assert_snapshot!(error(&format!("name = 'normalized_sgd'\nlambda = 1\n{thm}")),
        @"[optimizer]: proof gives the step size and lambda; remove learning_rate and lambda");
    insta::assert_snapshot!(error(&format!("name = 'normalized_sgd'\nlearning_rate = 0.5\n{thm}")),
        @"[optimizer]: proof gives the step size and lambda; remove learning_rate and lambda");
    insta::assert_snapshot!(error("name = 'sgd'\nproof = { statement = 'thm-6.1', bound = 0, variance = 1 }"),
        @"[optimizer]: proof: bound = 0 must be above 0");
    let unknown = "proof = { statement = 'thm-6.1', bound = 1, variance = 1, n = 4 }";
    assert!(toml::from_str::<Optimizer>(unknown).is_err());
}
