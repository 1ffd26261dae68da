//! How the coverage of the average iterate grows with the horizon, for the paper's ways of
//! training: prints the tables of lab/results/horizon.md.
//!
//! `cargo run --release -p breadth-lm --example horizon [A|B|C [ROW]]`

mod instance;
mod prompt;

use breadth_lm::model::linear::theta_of;
use breadth_lm::optim::{
    Chain, GradientTransformation, Normalize, Per, ProjectOntoBall, ScaleByAdam, ScaleBySchedule,
    Schedule, Shape, Sign, apply_updates, chain, normalized_sgd_step_size, sequence_sgd_step_size,
    token_level_step_size, truncated_distillation_step_size,
};
use breadth_lm::rng::{Stream, stream};
use breadth_stats::numerics::sum;
use rayon::prelude::*;

use instance::{Case, Instance};
use prompt::{D, N, Prompt, Theta};

const HORIZONS: [usize; 7] = [8, 16, 32, 64, 128, 256, 512];
/// Step sizes tried: 2^0, 2^-1, ..
const GRID: i32 = 19;
/// Seeds that choose the step size, and others that measure it.
const CHOOSING: u64 = 4;
const MEASURING: u64 = 20;
/// Upper 2.5% point of Student's t with 19 degrees of freedom.
const T_19: f64 = 2.093_024;

/// A way of training.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// Eq 14, with so many responses per step.
    Sgd(usize),
    /// The same with a step that falls to 0 as half a cosine.
    SgdCosine(usize),
    /// Eq 18 with Thm 5.1's lambda, `log N / (16 eta)`.
    Normalised(usize),
    /// Eq 18 with lambda = 0.
    NormalisedToOne(usize),
    /// Eq 20.
    Sign(usize),
    /// Adam, betas 0.9 and 0.99.
    Adam(usize),
    /// Eq 24-26 on tokens.
    Truncated,
    /// Eq 21, with test-time training when it decodes.
    TokenLevel,
}

const METHODS: [Method; 12] = [
    Method::Sgd(1),
    Method::Sgd(32),
    Method::SgdCosine(1),
    Method::Normalised(1),
    Method::Normalised(8),
    Method::Normalised(32),
    Method::NormalisedToOne(32),
    Method::Sign(1),
    Method::Sign(32),
    Method::Adam(32),
    Method::Truncated,
    Method::TokenLevel,
];

impl Method {
    fn name(self) -> String {
        match self {
            Method::Sgd(k) => format!("SGD, K = {k}"),
            Method::SgdCosine(k) => format!("SGD with cosine decay, K = {k}"),
            Method::Normalised(k) => format!("normalised SGD, K = {k}"),
            Method::NormalisedToOne(k) => format!("normalised SGD, lambda = 0, K = {k}"),
            Method::Sign(k) => format!("sign, K = {k}"),
            Method::Adam(k) => format!("Adam, K = {k}"),
            Method::Truncated => "truncated distillation, K = 1".into(),
            Method::TokenLevel => "token-level SGD + TTT, K = 1".into(),
        }
    }

    /// What turns gradients of `responses()` responses into steps of size eta.
    fn optimizer(self, eta: f64, steps: u64) -> Chain<f64> {
        let mut parts: Vec<Box<dyn GradientTransformation<f64>>> = Vec::new();
        let normalize = |lambda| Normalize {
            lambda,
            per: Per::Model,
        };
        match self {
            Method::Normalised(_) => parts.push(Box::new(normalize(N.ln() / (16.0 * eta)))),
            Method::NormalisedToOne(_) => parts.push(Box::new(normalize(0.0))),
            Method::Sign(_) => parts.push(Box::new(Sign)),
            Method::Adam(_) => {
                let zero = theta_of(&[0.0; D]);
                parts.push(Box::new(ScaleByAdam::new([0.9, 0.99], 1e-8, &zero)));
            }
            _ => {}
        }
        let is_cosine = matches!(self, Method::SgdCosine(_));
        parts.push(Box::new(ScaleBySchedule(Schedule {
            peak: eta,
            warmup_steps: 0,
            decay_to: if is_cosine { 0.0 } else { 1.0 },
            shape: Shape::Cosine,
            steps,
        })));
        parts.push(Box::new(ProjectOntoBall { radius: 1.0 }));
        chain(parts)
    }

    fn responses(self) -> usize {
        match self {
            Method::Sgd(k) | Method::SgdCosine(k) | Method::Normalised(k) => k,
            Method::NormalisedToOne(k) | Method::Sign(k) | Method::Adam(k) => k,
            Method::Truncated | Method::TokenLevel => 1,
        }
    }
}

/// The mean over the steps of Cov_N(theta_t), theta_0 included and the last left out, and that of
/// the last.
fn train(instance: &Instance, method: Method, eta: f64, steps: u64, seed: u64) -> [f64; 2] {
    let mut rng = stream(seed, "horizon/train", 0);
    let mut judge = stream(seed, "horizon/judge", 0);
    let mut params = theta_of(&instance.start);
    let mut updates = params.zeros_like();
    let mut optimizer = method.optimizer(eta, steps);
    let (mut total, mut last) = (0.0, 0.0);
    for step in 0..steps {
        let mut theta: Theta = params["theta"].data[..].try_into().expect("D numbers");
        match method {
            Method::TokenLevel => {
                // Sampled, so less often as less changes.
                let every = if step < 32 {
                    1
                } else if step < 256 {
                    4
                } else {
                    32
                };
                if step % every == 0 {
                    last = instance.coverage(|p| p.ttt_coverage(&theta, eta, &mut judge));
                }
            }
            _ => last = instance.coverage(|p| p.coverage(&theta)),
        }
        total += last;
        if method == Method::TokenLevel {
            let prompt = instance.prompt(&mut rng);
            for _ in 0..prompt.horizon {
                prompt.token_step(&mut theta, prompt.token(&mut rng), eta);
            }
            params = theta_of(&theta);
            continue;
        }
        let gradient = match method {
            Method::Truncated => truncated(instance, &theta, &mut rng),
            _ => mean_gradient(instance, &theta, method.responses(), &mut rng),
        };
        for (_, array) in updates.iter_mut() {
            array
                .data
                .iter_mut()
                .zip(gradient)
                .for_each(|(u, g)| *u = -g);
        }
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
    }
    [total / steps as f64, last]
}

/// The mean of the sequence gradients of `k` responses. It is linear in the counts of tokens, so
/// those of all responses to a prompt are drawn as one.
fn mean_gradient(instance: &Instance, theta: &Theta, k: usize, rng: &mut Stream) -> Theta {
    let mut total = [0.0; D];
    for (prompt, responses) in instance.batch(k, rng) {
        let counts = prompt.draw(responses * prompt.horizon, rng);
        prompt.add_gradient(theta, &counts, 1.0 / k as f64, &mut total);
    }
    total
}

/// Eq 24-26 with A = log N.
fn truncated(instance: &Instance, theta: &Theta, rng: &mut Stream) -> Theta {
    let prompt = instance.prompt(rng);
    let (whole, fraction) = prompt.truncation(theta);
    let mut total = [0.0; D];
    prompt.add_gradient(theta, &prompt.draw(whole, rng), 1.0, &mut total);
    if fraction > 0.0 {
        prompt.add_gradient(theta, &prompt.draw(1, rng), fraction, &mut total);
    }
    total
}

/// What the best step size gives at one horizon: of each measuring seed, the average and the last
/// iterate's coverage.
struct Outcome {
    eta: f64,
    seeds: Vec<[f64; 2]>,
}

fn measure(case: Case, instance: &Instance, method: Method, eta: f64) -> Outcome {
    let seeds = (CHOOSING..CHOOSING + MEASURING).into_par_iter();
    let of_seed = |seed| train(instance, method, eta, case.steps(), seed);
    let seeds = seeds.map(of_seed).collect();
    Outcome { eta, seeds }
}

/// Takes the step size that is best on the choosing seeds.
fn best(case: Case, method: Method, horizon: usize) -> Outcome {
    let instance = case.build(horizon);
    let tried: Vec<(f64, f64)> = (0..GRID)
        .into_par_iter()
        .map(|exponent| {
            let eta = 2_f64.powi(-exponent);
            let of_seed = |seed| train(&instance, method, eta, case.steps(), seed)[0];
            ((0..CHOOSING).map(of_seed).sum(), eta)
        })
        .collect();
    let chosen = tried.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    measure(case, &instance, method, chosen.expect("a grid").1)
}

/// The step sizes that the proofs ask for.
fn proven(case: Case, method: Method, horizon: usize) -> Option<Outcome> {
    let instance = case.build(horizon);
    let variance = sum(instance.prompts.iter().map(Prompt::variance));
    let (bound, steps) = (case.bounds().0, case.steps() as f64);
    let eta = match method {
        Method::Sgd(1) => sequence_sgd_step_size(horizon as f64, bound),
        Method::Normalised(32) => normalized_sgd_step_size(bound, variance, N.ln(), steps).0,
        Method::Truncated => truncated_distillation_step_size(bound, variance, N.ln(), steps),
        Method::TokenLevel => token_level_step_size(bound, variance, steps),
        _ => return None,
    };
    Some(measure(case, &instance, method, eta))
}

/// The slope of log coverage against log H, seed by seed: mean and half the width of its 95%
/// interval.
fn slope(outcomes: &[Outcome]) -> (f64, f64) {
    let x: Vec<f64> = HORIZONS.iter().map(|&h| (h as f64).ln()).collect();
    let mean_x = sum(x.iter().copied()) / x.len() as f64;
    let square = sum(x.iter().map(|x| (x - mean_x).powi(2)));
    let of_seed = |seed: usize| {
        let points = x.iter().zip(outcomes);
        sum(points.map(|(x, outcome)| (x - mean_x) * outcome.seeds[seed][0].ln())) / square
    };
    let slopes: Vec<f64> = (0..MEASURING as usize).map(of_seed).collect();
    let n = slopes.len() as f64;
    let mean = sum(slopes.iter().copied()) / n;
    let variance = sum(slopes.iter().map(|s| (s - mean).powi(2))) / (n - 1.0);
    (mean, T_19 * (variance / n).sqrt())
}

fn row(name: &str, outcomes: &[Outcome]) {
    let percent = |at: usize, outcome: &Outcome| {
        let mean = sum(outcome.seeds.iter().map(|s| s[at])) / outcome.seeds.len() as f64;
        format!("{:.2}", 100.0 * mean)
    };
    let averages: Vec<String> = outcomes.iter().map(|o| percent(0, o)).collect();
    let (first, last) = (&outcomes[0], &outcomes[outcomes.len() - 1]);
    let (slope, half) = slope(outcomes);
    println!(
        "| {name} | {} | {} | {slope:.2} ({:.2} to {:.2}) | {:.1e}, {:.1e} |",
        averages.join(" | "),
        percent(1, last),
        slope - half,
        slope + half,
        first.eta,
        last.eta,
    );
}

fn table(case: Case, row_asked: Option<usize>) {
    if row_asked.is_none() {
        let variance = |h: &usize| sum(case.build(*h).prompts.iter().map(Prompt::variance));
        let (least, most) = (variance(&HORIZONS[0]), variance(&HORIZONS[6]));
        let steps = case.steps();
        println!("\n## {}\n", case.name());
        println!("T = {steps}, inherent variance {least:.1e} at H = 8, {most:.1e} at H = 512.\n");
        let horizons: Vec<String> = HORIZONS.iter().map(|h| format!("H = {h}")).collect();
        println!(
            "| method | {} | last, H = 512 | slope (95%) | step at H = 8, 512 |\n|{}",
            horizons.join(" | "),
            "---|".repeat(HORIZONS.len() + 4)
        );
    }
    let is_asked = |at: usize| row_asked.is_none_or(|asked| asked == at);
    for (_, method) in METHODS
        .into_iter()
        .enumerate()
        .filter(|(at, _)| is_asked(*at))
    {
        let outcomes: Vec<Outcome> = HORIZONS.iter().map(|&h| best(case, method, h)).collect();
        row(&method.name(), &outcomes);
        let outcomes: Option<Vec<Outcome>> =
            HORIZONS.iter().map(|&h| proven(case, method, h)).collect();
        if let Some(outcomes) = outcomes {
            row(&format!("{}, the proof's step", method.name()), &outcomes);
        }
    }
}

/// All tables; or that of one instance (A, B or C), or one row of it (0, 1, ..).
fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |case: &Case| {
        asked
            .first()
            .is_none_or(|a| case.name().starts_with(a.as_str()))
    };
    let row_asked = asked.get(1).map(|row| row.parse().expect("a number"));
    let cases = [Case::Opposed, Case::Cycle, Case::RareFlats];
    for case in cases.into_iter().filter(is_asked) {
        table(case, row_asked);
    }
}
