//! How the coverage of the average iterate grows with the horizon, for the paper's ways of
//! training: prints the tables of lab/results/horizon.md.
//!
//! `cargo run --release -p breadth-lab --example horizon [A|B|C [ROW]]`

mod decoder;
mod instance;

use breadth_lab::law::NextToken;
use breadth_lab::step::{draw_truncated, truncation};
use breadth_lab::{Estimate, log_log, stream};
use breadth_lm::model::linear::theta_of;
use breadth_lm::optim::{
    Chain, GradientTransformation, Normalize, Per, ProjectOntoBall, ScaleByAdam, ScaleBySchedule,
    Schedule, Shape, Sign, apply_updates, chain, normalized_sgd_step_size, sequence_sgd_step_size,
    token_level_step_size, truncated_distillation_step_size,
};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use decoder::{decoder_coverage, token_step};
use instance::{CYCLE, Case, D, Instance, N, OPPOSED, RARE_FLATS, Theta};

const HORIZONS: [u64; 7] = [8, 16, 32, 64, 128, 256, 512];
/// Step sizes tried: 2^0, 2^-1, ..
const GRID: i32 = 19;
/// Seeds that choose the step size, and others that measure it.
const CHOOSING: u64 = 4;
const MEASURING: u64 = 20;

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
fn train<const V: usize>(
    instance: &Instance<V>,
    method: Method,
    eta: f64,
    steps: u64,
    seed: u64,
) -> [f64; 2] {
    match method {
        Method::TokenLevel => on_tokens(instance, eta, steps, seed),
        _ => on_responses(instance, method, eta, steps, seed),
    }
}

fn on_responses<const V: usize>(
    instance: &Instance<V>,
    method: Method,
    eta: f64,
    steps: u64,
    seed: u64,
) -> [f64; 2] {
    let rng = &mut stream("horizon", "train", seed, 0);
    let mut optimizer = method.optimizer(eta, steps);
    let mut params = theta_of(&instance.start);
    let mut theta = instance.start;
    let (mut total, mut last) = (0.0, 0.0);
    for step in 0..steps {
        let laws = instance.next(&theta);
        last = instance.mean(|at| instance.coverage(at, &laws[at]));
        total += last;
        let gradient = match method {
            Method::Truncated => truncated(instance, &laws, rng),
            _ => mean_gradient(instance, &laws, method.responses(), rng),
        };
        let mut updates = theta_of(&gradient.map(|g| -g));
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
        theta = params["theta"].data[..].try_into().expect("D numbers");
    }
    [total / steps as f64, last]
}

fn on_tokens<const V: usize>(instance: &Instance<V>, eta: f64, steps: u64, seed: u64) -> [f64; 2] {
    let rng = &mut stream("horizon", "train", seed, 0);
    let judge = &mut stream("horizon", "judge", seed, 0);
    let mut theta = instance.start;
    let (mut total, mut last) = (0.0, 0.0);
    for step in 0..steps {
        // Sampled, so less often as less changes.
        let every = match step {
            0..32 => 1,
            32..256 => 4,
            _ => 32,
        };
        if step % every == 0 {
            last = decoder_coverage(instance, &theta, eta, judge);
        }
        total += last;
        let prompt = &instance.prompts[instance.draw(rng)];
        for _ in 0..prompt.horizon {
            token_step(prompt, &mut theta, prompt.token(rng), eta);
        }
    }
    [total / steps as f64, last]
}

/// The mean of the sequence gradients of `k` responses. It is linear in the counts of tokens, so
/// those of all responses to a prompt are drawn as one.
fn mean_gradient<const V: usize>(
    instance: &Instance<V>,
    laws: &[NextToken<V>],
    k: usize,
    rng: &mut ChaCha8Rng,
) -> Theta {
    let mut total = [0.0; D];
    let batch = instance.batch(k, rng);
    for ((prompt, next), responses) in instance.prompts.iter().zip(laws).zip(batch) {
        if responses > 0 {
            let counts = prompt.draw(responses * prompt.horizon, rng);
            prompt.add_gradient(next, &counts, 1.0 / k as f64, &mut total);
        }
    }
    total
}

/// Eq 24-26 with A = log N.
fn truncated<const V: usize>(
    instance: &Instance<V>,
    laws: &[NextToken<V>],
    rng: &mut ChaCha8Rng,
) -> Theta {
    let at = instance.draw(rng);
    let (prompt, next) = (&instance.prompts[at], &laws[at]);
    let counts = draw_truncated(prompt, prompt.token_kl(next), N.ln(), truncation, rng);
    let mut gradient = [0.0; D];
    prompt.add_gradient(next, &counts, 1.0, &mut gradient);
    gradient
}

/// What the best step size gives at one horizon: of each measuring seed, the average and the last
/// iterate's coverage.
struct Outcome {
    eta: f64,
    seeds: Vec<[f64; 2]>,
}

impl Outcome {
    /// Of each seed, the average coverage or (1) the last iterate's.
    fn column(&self, at: usize) -> Vec<f64> {
        self.seeds.iter().map(|seed| seed[at]).collect()
    }
}

fn measure<const V: usize>(
    instance: &Instance<V>,
    method: Method,
    eta: f64,
    steps: u64,
) -> Outcome {
    let seeds = (CHOOSING..CHOOSING + MEASURING).into_par_iter();
    let of_seed = |seed| train(instance, method, eta, steps, seed);
    let seeds = seeds.map(of_seed).collect();
    Outcome { eta, seeds }
}

/// Takes the step size that is best on the choosing seeds.
fn best<const V: usize>(case: &Case<V>, method: Method, horizon: u64) -> Outcome {
    let instance = case.build(horizon);
    let tried: Vec<(f64, f64)> = (0..GRID)
        .into_par_iter()
        .map(|exponent| {
            let eta = 2_f64.powi(-exponent);
            let of_seed = |seed| train(&instance, method, eta, case.steps, seed)[0];
            ((0..CHOOSING).map(of_seed).sum(), eta)
        })
        .collect();
    let chosen = tried.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    measure(&instance, method, chosen.expect("a grid").1, case.steps)
}

/// The step sizes that the proofs ask for.
fn proven<const V: usize>(case: &Case<V>, method: Method, horizon: u64) -> Option<Outcome> {
    let instance = case.build(horizon);
    let variance = instance.variance();
    let (bound, steps) = (case.bound, case.steps as f64);
    let eta = match method {
        Method::Sgd(1) => sequence_sgd_step_size(horizon as f64, bound),
        Method::Normalised(32) => normalized_sgd_step_size(bound, variance, N.ln(), steps).0,
        Method::Truncated => truncated_distillation_step_size(bound, variance, N.ln(), steps),
        Method::TokenLevel => token_level_step_size(bound, variance, steps),
        _ => return None,
    };
    Some(measure(&instance, method, eta, case.steps))
}

/// The slope of log coverage against log H, seed by seed.
fn slope(outcomes: &[Outcome]) -> Estimate {
    let horizons = HORIZONS.map(|h| h as f64);
    let of_seed = |seed: usize| {
        let averages: Vec<f64> = outcomes.iter().map(|o| o.seeds[seed][0]).collect();
        log_log(&horizons, &averages).slope.value
    };
    let slopes: Vec<f64> = (0..MEASURING as usize).map(of_seed).collect();
    Estimate::mean(&slopes)
}

fn row(name: &str, outcomes: &[Outcome]) {
    let percent = |at: usize, outcome: &Outcome| {
        format!("{:.2}", 100.0 * Estimate::mean(&outcome.column(at)).value)
    };
    let averages: Vec<String> = outcomes.iter().map(|o| percent(0, o)).collect();
    let (first, last) = (&outcomes[0], &outcomes[outcomes.len() - 1]);
    let slope = slope(outcomes);
    let (low, high) = slope.interval(0.95);
    println!(
        "| {name} | {} | {} | {:.2} ({low:.2} to {high:.2}) | {:.1e}, {:.1e} |",
        averages.join(" | "),
        percent(1, last),
        slope.value,
        first.eta,
        last.eta,
    );
}

fn heading<const V: usize>(case: &Case<V>) {
    let [least, most] = [HORIZONS[0], HORIZONS[6]].map(|h| case.build(h).variance());
    let (name, steps) = (case.name, case.steps);
    println!("\n## {name}\n");
    println!("T = {steps}, inherent variance {least:.1e} at H = 8, {most:.1e} at H = 512.\n");
    let horizons: Vec<String> = HORIZONS.iter().map(|h| format!("H = {h}")).collect();
    println!(
        "| method | {} | last, H = 512 | slope (95%) | step at H = 8, 512 |\n|{}",
        horizons.join(" | "),
        "---|".repeat(HORIZONS.len() + 4)
    );
}

/// A method's row at its best step sizes, and the one at the proof's.
fn rows<const V: usize>(case: &Case<V>, method: Method) {
    let outcomes: Vec<Outcome> = HORIZONS.iter().map(|&h| best(case, method, h)).collect();
    row(&method.name(), &outcomes);
    let outcomes = HORIZONS.iter().map(|&h| proven(case, method, h));
    if let Some(outcomes) = outcomes.collect::<Option<Vec<Outcome>>>() {
        row(&format!("{}, the proof's step", method.name()), &outcomes);
    }
}

/// What is asked for: an instance by its letter, and a method by its number.
struct Asked {
    case: Option<String>,
    method: Option<usize>,
}

impl Asked {
    fn table<const V: usize>(&self, case: &Case<V>) {
        let letter = self.case.as_deref().unwrap_or_default();
        if !case.name.starts_with(letter) {
            return;
        }
        if let Some(at) = self.method {
            return rows(case, METHODS[at]);
        }
        heading(case);
        METHODS.iter().for_each(|&method| rows(case, method));
    }
}

/// All tables; or that of one instance (A, B or C), or one row of it (0, 1, ..).
fn main() {
    let mut words = std::env::args().skip(1);
    let asked = Asked {
        case: words.next(),
        method: words.next().map(|row| row.parse().expect("a number")),
    };
    asked.table(&OPPOSED);
    asked.table(&CYCLE);
    asked.table(&RARE_FLATS);
}
