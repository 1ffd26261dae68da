//! Figure 1: along fine-tuning, coverage says which checkpoint is best for Pass@N, and KL does not.

use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::task::graph_search::{
    Class, FIGURE1_FINE_TUNE, FIGURE1_PRETRAIN, GraphSearch, GraphSearchConfig,
};
use breadth_lm::train::config::ModelConfig;
use breadth_stats::{Design, Level, pass_at_n_exact, tournament};

use super::evaluation::{self, Item, evaluation_set};
use super::seeds::{self, Seed, Seeds, asked};
use super::setting::{self, Stage, adamw, paper_adam};
use super::spread::{self, median, spread};
use crate::check::Check;
use crate::runs::{Runs, Trained};
use crate::slope::rank_correlation;
use crate::statement::{Outcome, Run, Size, Statement};
use crate::table::{Cell, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "fig1",
    paper: "Figure 1",
    title: "coverage predicts Pass@N, KL does not",
    claim: "A model that was trained on a policy, its opposite and a mixture is fine-tuned on nine \
            parts of the first and one of the second. KL falls to the end; Cov_N is least in the \
            middle and rises again as the tenth part is given up; Pass@N follows Cov_{N/2}; the \
            tournament takes a checkpoint with better Pass@N than the one of least KL.",
    correction: None,
    cost: 90.0,
    run: Run::Trained(run),
};

/// N of Cov_N.
const LEVELS: [f64; 5] = [2.0, 3.0, 4.0, 6.0, 8.0];
/// N of Pass@N; each goes with Cov_{N/2}.
const PASSES: [u64; 3] = [4, 8, 12];
/// N of the tournaments.
const TOURNAMENTS: [f64; 2] = [3.0, 4.0];
/// What the share of the consistent paths must exceed before fine-tuning.
const CONSISTENT: f64 = 0.65;

fn run(runs: &Runs, size: Size, seed: u64) -> breadth_lm::Result<Outcome> {
    let settings = Settings::of(size);
    let seeds = setting::seeds(size, seed, settings.seeds);
    let done = seeds::measured(&seeds, |seed| settings.measure(runs, size.name(), seed))?;
    Ok(Outcome {
        is_finished: done.len() == seeds.len(),
        checks: checks(&done, seeds.len(), settings.asks),
    })
}

/// Which signs a size must show; the others are reported.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asks {
    /// F1b.
    dip: bool,
    /// F1c at N = 4, which is not even reported for W = 2 (`None`).
    pass4: Option<bool>,
}

#[derive(Clone, Debug)]
struct Settings {
    graph: GraphSearchConfig,
    model: ModelConfig,
    pretrain: Stage,
    finetune: Stage,
    /// Prompts of each class that are evaluated.
    prompts: u64,
    /// Examples on which the tournament is fought.
    fresh: u64,
    seeds: u64,
    asks: Asks,
}

impl Settings {
    fn of(size: Size) -> Settings {
        let mut settings = Settings {
            graph: GraphSearchConfig::figure1_small(),
            model: setting::model(size),
            pretrain: Stage {
                steps: 2500,
                batch_size: 64,
                checkpoint_every: 500,
                examples: None,
                optimizer: adamw(5e-3, 50, 0.05),
            },
            finetune: Stage {
                steps: 480,
                batch_size: 64,
                checkpoint_every: 30,
                examples: None,
                optimizer: adamw(1e-4, 10, 1.0),
            },
            prompts: 384,
            fresh: 1024,
            seeds: 1,
            asks: Asks {
                dip: false,
                pass4: None,
            },
        };
        match size {
            Size::Small => {}
            Size::Medium => {
                (settings.graph.width, settings.graph.names) = (4, 24);
                settings.pretrain.steps = 8000;
                settings.seeds = 5;
                settings.asks = Asks {
                    dip: true,
                    pass4: Some(false),
                };
            }
            Size::Paper => settings.as_in_the_paper(),
        }
        settings
    }

    fn as_in_the_paper(&mut self) {
        self.graph = GraphSearchConfig::figure1();
        self.pretrain = Stage {
            steps: 200_000,
            batch_size: 128,
            checkpoint_every: 10_000,
            examples: Some(512_000),
            optimizer: paper_adam(1e-4),
        };
        self.finetune = Stage {
            steps: 50_000,
            batch_size: 128,
            checkpoint_every: 3125,
            examples: None,
            optimizer: paper_adam(5e-6),
        };
        self.seeds = 3;
        self.asks = Asks {
            dip: true,
            pass4: Some(true),
        };
    }

    /// Trains one seed and measures every checkpoint of its fine-tuning.
    fn measure(&self, runs: &Runs, size: &str, seed: u64) -> breadth_lm::Result<Option<Curves>> {
        let name = |stage| format!("fig1-{size}-{seed}-{stage}");
        let config = |stage: &Stage, mixture: &[(Class, f64)]| {
            stage.config(&self.graph, mixture, &self.model, seed)
        };
        let first = config(&self.pretrain, &FIGURE1_PRETRAIN);
        let Some(first) = runs.trained(&name("pretrain"), first, None)? else {
            return Ok(None);
        };
        let second = config(&self.finetune, &FIGURE1_FINE_TUNE);
        let second = runs.trained(&name("finetune"), second, Some(&first))?;
        second.map(|run| self.curves(seed, &run)).transpose()
    }

    fn curves(&self, seed: u64, run: &Trained) -> breadth_lm::Result<Curves> {
        let task = GraphSearch::new(self.graph.clone())?;
        let set = evaluation_set(&task, &FIGURE1_FINE_TUNE, self.prompts, seed)?;
        let fresh = evaluation::fresh(&task, &FIGURE1_FINE_TUNE, self.fresh, seed)?;
        let fresh: Vec<Sequence> = fresh
            .iter()
            .map(|example| Sequence {
                prompt: &example.prompt,
                response: &example.response,
            })
            .collect();
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        let checkpoints = run.checkpoints();
        for (step, folder) in &checkpoints {
            rows.push(Row::of(*step, &set, &evaluation::log_probs(&set, folder)?));
            let model = Checkpoint::read(folder)?;
            columns.push(evaluation::sequence_log_probs(&model, &fresh)?);
        }
        let choice = |&n: &f64| {
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let level = Level::from_n(n)?;
            let chosen = &rows[tournament(&slices, &Design::default(), level, 0.95)?.winner];
            Ok((chosen.step, chosen.pass))
        };
        Ok(Curves {
            seed: seed.to_string(),
            consistent: consistent(&task, &set, &Checkpoint::read(&checkpoints[0].1)?)?,
            chosen: TOURNAMENTS
                .iter()
                .map(choice)
                .collect::<breadth_lm::Result<_>>()?,
            rows,
        })
    }
}

/// The share of the mass on valid paths that lies on the two consistent ones, mean over prompts.
fn consistent(task: &GraphSearch, set: &[Item], model: &Checkpoint) -> breadth_lm::Result<f64> {
    let graphs = set.iter().map(|item| task.parse(&item.prompt));
    let graphs = graphs.collect::<breadth_lm::Result<Vec<_>>>()?;
    let paths: Vec<Vec<Vec<u32>>> = graphs.iter().map(evaluation::paths).collect();
    let mut sequences = Vec::new();
    for (item, paths) in set.iter().zip(&paths) {
        let prompt = &item.prompt;
        let of_path = |response| Sequence { prompt, response };
        sequences.extend(paths.iter().map(Vec::as_slice).map(of_path));
    }
    let mut log_q = evaluation::sequence_log_probs(model, &sequences)?.into_iter();
    let share = |i: usize, _: &Item| {
        let right = [Class::G1, Class::G2].map(|class| task.correct_response(&graphs[i], class));
        let (mut both, mut all) = (0.0, 0.0);
        for path in &paths[i] {
            let mass = log_q.next().expect("one for each sequence").exp();
            let is_consistent = right.iter().flatten().any(|right| right == path);
            both += if is_consistent { mass } else { 0.0 };
            all += mass;
        }
        both / all
    };
    Ok(evaluation::mean(set, share))
}

/// A checkpoint on the evaluation set.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    step: f64,
    kl: f64,
    /// Cov_N at [`LEVELS`].
    cov: [f64; 5],
    /// Pass@N at [`PASSES`].
    pass: [f64; 3],
    /// Mean probability of the right response to a prompt of either class.
    right: [f64; 2],
}

impl Row {
    fn of(step: u64, set: &[Item], log_q: &[f64]) -> Row {
        let right = |class| evaluation::class_mean(set, class, |i, _| log_q[i].exp());
        let pass = |n| {
            let solved = |i: usize| pass_at_n_exact(log_q[i], n as f64).expect("at most 0");
            evaluation::mean(set, |i, _| solved(i))
        };
        Row {
            step: step as f64,
            kl: evaluation::kl(set, log_q),
            cov: LEVELS.map(|n| evaluation::coverage(set, log_q, n)),
            pass: PASSES.map(pass),
            right: [Class::G1, Class::G2].map(right),
        }
    }
}

/// What one seed gave, or the median of all.
#[derive(Clone, Debug)]
struct Curves {
    seed: String,
    /// The guard: see [`consistent`].
    consistent: f64,
    rows: Vec<Row>,
    /// What the tournaments at [`TOURNAMENTS`] take: its step, and Pass@N there.
    chosen: Vec<(f64, [f64; 3])>,
}

impl Curves {
    fn column(&self, of: impl Fn(&Row) -> f64) -> Vec<f64> {
        self.rows.iter().map(of).collect()
    }

    fn ends(&self) -> (&Row, &Row) {
        (&self.rows[0], &self.rows[self.rows.len() - 1])
    }

    /// F1a: KL falls, and never rises by more than .02 between neighbours.
    fn kl_falls(&self) -> bool {
        let (first, last) = self.ends();
        last.kl < first.kl && self.largest_rise() <= 0.02
    }

    fn largest_rise(&self) -> f64 {
        let rises = self.rows.windows(2).map(|pair| pair[1].kl - pair[0].kl);
        rises.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The row where Cov_4 is least, the first of equals.
    fn dip(&self) -> usize {
        least(&self.column(|row| row.cov[2]))
    }

    fn starts_covered(&self) -> bool {
        self.ends().0.cov[2] < 0.02
    }

    /// F1b: Cov_4 is least in the middle, by far, and the tenth part is given up at the end.
    fn coverage_dips(&self) -> bool {
        let (start, end) = (self.ends().0.cov[2], self.ends().1.cov[2]);
        let (at, covered) = (self.dip(), self.starts_covered());
        let least = self.rows[at].cov[2];
        let is_inside = (at > 0 || covered) && at + 1 < self.rows.len();
        let is_deep = least <= 0.6 * end && (least <= 0.6 * start || covered);
        is_inside && is_deep && (0.085..=0.105).contains(&end)
    }

    /// The row where Pass@N is largest, the first of equals.
    fn peak(&self, n: usize) -> usize {
        least(&self.column(|row| -row.pass[n]))
    }

    /// By how much Pass@N falls from its peak.
    fn fall(&self, n: usize) -> f64 {
        self.rows[self.peak(n)].pass[n] - self.ends().1.pass[n]
    }

    /// F1c at one N: the peak is in the first half, and Pass@N falls by at least `fall`.
    fn pass_peaks(&self, n: usize, fall: f64) -> bool {
        let half = 0.5 * self.ends().1.step;
        self.rows[self.peak(n)].step <= half && self.fall(n) >= fall
    }

    fn least_kl(&self) -> &Row {
        &self.rows[least(&self.column(|row| row.kl))]
    }

    /// F1d: by how much Pass@8 of a tournament's choice exceeds that of the least KL.
    fn gain(&self) -> f64 {
        let gains = self.chosen.iter().map(|(_, pass)| pass[1]);
        gains.fold(f64::NEG_INFINITY, f64::max) - self.least_kl().pass[1]
    }

    /// Spearman's correlation over checkpoints of Cov_{N/2} and of KL with Pass@N.
    fn correlations(&self, n: usize) -> (f64, f64) {
        let half = PASSES[n] as f64 / 2.0;
        let level = LEVELS.iter().position(|level| *level == half);
        let level = level.expect("half of each N is a level");
        let pass = self.column(|row| row.pass[n]);
        let with = |of: &dyn Fn(&Row) -> f64| rank_correlation(&self.column(of), &pass);
        (with(&|row| row.cov[level]), with(&|row| row.kl))
    }

    /// F1e.
    fn coverage_predicts(&self) -> bool {
        let (coverage, kl) = self.correlations(2);
        coverage < -0.5 && kl > 0.0
    }
}

impl Seed for Curves {
    fn median(all: &[Curves]) -> Curves {
        let over = |of: &dyn Fn(&Curves) -> f64| median(&all.iter().map(of).collect::<Vec<_>>());
        let row = |i: usize| Row {
            step: all[0].rows[i].step,
            kl: over(&|seed| seed.rows[i].kl),
            cov: std::array::from_fn(|n| over(&|seed| seed.rows[i].cov[n])),
            pass: std::array::from_fn(|n| over(&|seed| seed.rows[i].pass[n])),
            right: std::array::from_fn(|class| over(&|seed| seed.rows[i].right[class])),
        };
        let chosen = |i: usize| {
            let pass = std::array::from_fn(|n| over(&|seed| seed.chosen[i].1[n]));
            (over(&|seed| seed.chosen[i].0), pass)
        };
        Curves {
            seed: "median".into(),
            consistent: over(&|seed| seed.consistent),
            rows: (0..all[0].rows.len()).map(row).collect(),
            chosen: (0..TOURNAMENTS.len()).map(chosen).collect(),
        }
    }

    fn name(&self) -> &str {
        &self.seed
    }

    fn is_reached(&self) -> bool {
        self.consistent > CONSISTENT
    }
}

/// Where the least value stands, the first of equals.
fn least(values: &[f64]) -> usize {
    let better = |best: usize, i: usize| if values[i] < values[best] { i } else { best };
    (0..values.len()).reduce(better).unwrap_or(0)
}

/// The guard and the signs.
///
/// Of `planned` seeds those that are not trained yet have not reached anything.
fn checks(seeds: &[Curves], planned: usize, asks: Asks) -> Vec<Check> {
    let Some(all) = Seeds::new(seeds, planned) else {
        return Vec::new();
    };
    let mut checks = vec![
        guard(&all),
        kl_falls(&all),
        asked(coverage_dips(&all), asks.dip),
        passes_peak(&all),
    ];
    if let Some(is_asked) = asks.pass4 {
        checks.push(asked(pass4_peaks(&all), is_asked));
    }
    checks.extend([tournament_wins(&all), coverage_predicts(&all)]);
    checks
}

fn guard(all: &Seeds<Curves>) -> Check {
    let name = "guard: pre-training reached the correlation";
    all.sign(name, &|_| true, &guard_note)
        .with_rows(profiles(all.done))
}

fn guard_note(seed: &Curves) -> String {
    let what = if seed.is_reached() {
        "reached"
    } else {
        "pre-training did not reach the correlation"
    };
    format!(
        "{:.3} of the mass on consistent paths, {what}",
        seed.consistent
    )
}

fn kl_falls(all: &Seeds<Curves>) -> Check {
    let note = |seed: &Curves| {
        let (first, last) = seed.ends();
        let rise = seed.largest_rise();
        format!("{:.3} -> {:.3}, largest rise {rise:.3}", first.kl, last.kl)
    };
    all.sign("F1a: KL falls to the end", &Curves::kl_falls, &note)
        .with_rows(bands(all.done, "KL", &[("KL", &|row| row.kl)]))
}

fn coverage_dips(all: &Seeds<Curves>) -> Check {
    let name = "F1b: Cov_4 is least in the middle";
    let curves: &[Curve] = &[
        ("Cov_2", &|row| row.cov[0]),
        ("Cov_4", &|row| row.cov[2]),
        ("Cov_6", &|row| row.cov[3]),
    ];
    all.sign(name, &Curves::coverage_dips, &dip_note)
        .with_rows(bands(all.done, "coverage", curves))
}

fn passes_peak(all: &Seeds<Curves>) -> Check {
    let name = "F1c: Pass@8 and Pass@12 peak early";
    let peak = |seed: &Curves| seed.pass_peaks(1, 0.01) && seed.pass_peaks(2, 0.01);
    let note = |seed: &Curves| format!("{}, {}", peak_note(seed, 1), peak_note(seed, 2));
    let curves: &[Curve] = &[
        ("Pass@4", &|row| row.pass[0]),
        ("Pass@8", &|row| row.pass[1]),
        ("Pass@12", &|row| row.pass[2]),
    ];
    all.sign(name, &peak, &note)
        .with_rows(bands(all.done, "Pass@N", curves))
}

fn pass4_peaks(all: &Seeds<Curves>) -> Check {
    let peaks = |seed: &Curves| seed.pass_peaks(0, 0.003);
    all.sign("F1c: Pass@4 too", &peaks, &|seed| peak_note(seed, 0))
}

fn tournament_wins(all: &Seeds<Curves>) -> Check {
    let name = "F1d: the tournament beats the least KL";
    let wins = |seed: &Curves| seed.gain() >= 0.01;
    let note = |seed: &Curves| format!("Pass@8 {:+.4}", seed.gain());
    all.sign(name, &wins, &note).with_rows(choices(all))
}

fn coverage_predicts(all: &Seeds<Curves>) -> Check {
    let name = "F1e: Cov_6 orders Pass@12, KL the wrong way";
    all.sign(name, &Curves::coverage_predicts, &correlation_note)
        .with_rows(successes(all.done))
}

fn dip_note(seed: &Curves) -> String {
    let (first, last) = seed.ends();
    let least = &seed.rows[seed.dip()];
    let covered = if seed.starts_covered() {
        ", starts covered"
    } else {
        ""
    };
    format!(
        "{:.3} -> {:.3} (step {}) -> {:.3}{covered}",
        first.cov[2], least.cov[2], least.step, last.cov[2]
    )
}

fn peak_note(seed: &Curves, n: usize) -> String {
    let (peak, end) = (&seed.rows[seed.peak(n)], seed.ends().1);
    format!(
        "Pass@{} {:.4} (step {}) -> {:.4}",
        PASSES[n], peak.pass[n], peak.step, end.pass[n]
    )
}

/// Spearman's correlations of every pair.
fn correlation_note(seed: &Curves) -> String {
    let pair = |n: usize| {
        let ((coverage, kl), pass) = (seed.correlations(n), PASSES[n]);
        format!(
            "Pass@{pass} with Cov_{} {coverage:+.2}, with KL {kl:+.2}",
            pass / 2
        )
    };
    (0..PASSES.len()).map(pair).collect::<Vec<_>>().join(", ")
}

/// KL and coverage of every checkpoint of every seed.
fn profiles(seeds: &[Curves]) -> Table {
    let mut table = Table::new([
        "seed", "step", "KL", "Cov_2", "Cov_3", "Cov_4", "Cov_6", "Cov_8",
    ]);
    for (seed, row) in of_all(seeds) {
        let [c2, c3, c4, c6, c8] = row.cov.map(Cell::from);
        table.row([seed, row.step.into(), row.kl.into(), c2, c3, c4, c6, c8]);
    }
    table
}

/// Pass@N of every checkpoint of every seed, and the mean probability of the right response to the
/// prompts of either class.
fn successes(seeds: &[Curves]) -> Table {
    let mut table = Table::new([
        "seed", "step", "Pass@4", "Pass@8", "Pass@12", "q, G1", "q, G2",
    ]);
    for (seed, row) in of_all(seeds) {
        let ([p4, p8, p12], [g1, g2]) = (row.pass.map(Cell::from), row.right.map(Cell::from));
        table.row([seed, row.step.into(), p4, p8, p12, g1, g2]);
    }
    table
}

/// Every checkpoint with its seed's name.
fn of_all(seeds: &[Curves]) -> impl Iterator<Item = (Cell, &Row)> {
    seeds.iter().flat_map(|seed| {
        let name = move |row| (seed.seed.clone().into(), row);
        seed.rows.iter().map(name)
    })
}

/// A name, and what of a checkpoint is drawn.
type Curve<'a> = (&'a str, &'a dyn Fn(&Row) -> f64);

/// Curves over the steps, medians and bands over seeds.
fn bands(seeds: &[Curves], y: &str, curves: &[Curve]) -> Table {
    let mut table = spread::curves("step", y);
    for (curve, of) in curves {
        for (i, row) in seeds[0].rows.iter().enumerate() {
            let values: Vec<f64> = seeds.iter().map(|seed| of(&seed.rows[i])).collect();
            let [middle, low, high] = spread(&values);
            table.row([(*curve).into(), row.step.into(), middle, low, high]);
        }
    }
    table
}

/// What is taken, by the tournaments and by KL.
fn choices(all: &Seeds<Curves>) -> Table {
    let mut table = Table::new(["seed", "rule", "step", "Pass@4", "Pass@8", "Pass@12"]);
    let median = (all.done.len() > 1).then_some(&all.median);
    for seed in all.done.iter().chain(median) {
        let rules = TOURNAMENTS.map(|n| format!("tournament, N = {n}"));
        let by_kl = seed.least_kl();
        let by_kl = ("least KL".to_owned(), (by_kl.step, by_kl.pass));
        for (rule, (step, pass)) in rules.into_iter().zip(seed.chosen.clone()).chain([by_kl]) {
            let [p4, p8, p12] = pass.map(Cell::from);
            table.row([
                seed.seed.clone().into(),
                rule.into(),
                step.into(),
                p4,
                p8,
                p12,
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests;
