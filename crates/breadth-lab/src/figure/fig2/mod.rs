//! Figure 2: KL grows with the length of the responses, coverage does not.

use std::f64::consts::LN_2;

use breadth_lm::task::graph_search::{FIGURE2, GraphSearch, GraphSearchConfig};
use breadth_lm::train::config::ModelConfig;

use super::evaluation::{self, Item, evaluation_set};
use super::seeds::{self, Seed, Seeds, asked};
use super::setting::{self, Stage, adamw, paper_adam};
use super::spread::{self, median, spread};
use crate::check::Check;
use crate::runs::{Runs, Trained};
use crate::slope::line;
use crate::statement::{Outcome, Run, Size, Statement};
use crate::table::{Cell, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "fig2",
    paper: "Figure 2",
    title: "coverage does not depend on the length",
    claim: "94% of the prompts have one path; for 5% the right one of 2^(H/2) cannot be learned, \
            for 1% each of 16 is right. At the end KL grows linearly in H, by .05 (H/2) log 2 at \
            least, and Cov_N is .05 whatever H.",
    correction: None,
    cost: 430.0,
    run: Run::Trained(run),
};

/// N of Cov_N.
const LEVELS: [f64; 5] = [2.0, 3.0, 4.0, 8.0, 16.0];
/// Share of the class that cannot be learned.
const HARD: f64 = 0.05;
/// By how much its KL may differ from its floor at the end.
const CONVERGED: f64 = 0.15;
/// Below so many layers no response of the class has a ratio above 16.
const LONG: usize = 10;

fn run(runs: &Runs, size: Size, seed: u64) -> breadth_lm::Result<Outcome> {
    let settings = Settings::of(size);
    let seeds = setting::seeds(size, seed, settings.seeds);
    let done = seeds::measured(&seeds, |seed| settings.measure(runs, size.name(), seed))?;
    Ok(Outcome {
        is_finished: done.len() == seeds.len(),
        checks: checks(&done, seeds.len(), settings.asks),
    })
}

/// What a size must show.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asks {
    /// F2a and F2b; otherwise KL at 8 layers against 4, and the two are reported.
    linear: bool,
    /// N of F2c and F2d.
    levels: &'static [usize],
}

#[derive(Clone, Debug)]
struct Settings {
    /// H and its graphs.
    graphs: Vec<GraphSearchConfig>,
    model: ModelConfig,
    stage: Stage,
    /// Prompts of each class that are evaluated.
    prompts: u64,
    seeds: u64,
    asks: Asks,
}

impl Settings {
    fn of(size: Size) -> Settings {
        let small = |lengths: &[usize]| {
            let graphs = lengths.iter().map(|&h| GraphSearchConfig::figure2_small(h));
            graphs.collect::<Vec<_>>()
        };
        // 20 layers of two nodes need 42 names.
        let with_names = |graph| GraphSearchConfig { names: 48, ..graph };
        let settings = Settings {
            graphs: small(&[4, 6, 8]),
            model: setting::model(size),
            stage: Stage {
                steps: 7000,
                batch_size: 32,
                checkpoint_every: 1000,
                examples: None,
                optimizer: adamw(3e-3, 50, 0.05),
            },
            prompts: 384,
            seeds: 1,
            asks: Asks {
                linear: false,
                levels: &[2],
            },
        };
        match size {
            Size::Small => settings,
            Size::Medium => Settings {
                graphs: small(&[8, 12, 16, 20])
                    .into_iter()
                    .map(with_names)
                    .collect(),
                stage: Stage {
                    steps: 15_000,
                    ..settings.stage
                },
                seeds: 3,
                asks: Asks {
                    linear: true,
                    levels: &[2, 16],
                },
                ..settings
            },
            Size::Paper => Settings {
                graphs: [8, 16, 24].map(GraphSearchConfig::figure2).to_vec(),
                stage: Stage {
                    steps: 40_000,
                    batch_size: 128,
                    checkpoint_every: 5000,
                    examples: Some(512_000),
                    optimizer: paper_adam(1e-4),
                },
                prompts: 1024,
                seeds: 16,
                asks: Asks {
                    linear: true,
                    levels: &[16],
                },
                ..settings
            },
        }
    }

    /// Trains one seed at every H and measures every checkpoint.
    fn measure(&self, runs: &Runs, size: &str, seed: u64) -> breadth_lm::Result<Option<Lengths>> {
        let mut of_seed = Lengths {
            seed: seed.to_string(),
            runs: Vec::new(),
        };
        for graph in &self.graphs {
            let layers = graph.middle_layers;
            let name = format!("fig2-{size}-{seed}-h{layers}");
            let config = self.stage.config(graph, &FIGURE2, &self.model, seed);
            let Some(run) = runs.trained(&name, config, None)? else {
                return Ok(None);
            };
            of_seed.runs.push(self.rows(graph, seed, &run)?);
        }
        Ok(Some(of_seed))
    }

    fn rows(
        &self,
        graph: &GraphSearchConfig,
        seed: u64,
        run: &Trained,
    ) -> breadth_lm::Result<Length> {
        let task = GraphSearch::new(graph.clone())?;
        let set = evaluation_set(&task, &FIGURE2, self.prompts, seed)?;
        let row = |(step, folder): (u64, std::path::PathBuf)| {
            Ok(Row::of(step, &set, &evaluation::log_probs(&set, &folder)?))
        };
        let rows = run.checkpoints().into_iter().map(row);
        Ok(Length {
            layers: graph.middle_layers,
            rows: rows.collect::<breadth_lm::Result<_>>()?,
        })
    }
}

/// A checkpoint on the evaluation set.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    step: f64,
    kl: f64,
    /// KL within the classes of [`FIGURE2`].
    classes: [f64; 3],
    /// Cov_N at [`LEVELS`].
    cov: [f64; 5],
}

impl Row {
    fn of(step: u64, set: &[Item], log_q: &[f64]) -> Row {
        let kl = |i: usize, item: &Item| item.log_p - log_q[i];
        let within = |(class, _)| evaluation::class_mean(set, class, kl);
        Row {
            step: step as f64,
            kl: evaluation::kl(set, log_q),
            classes: FIGURE2.map(within),
            cov: LEVELS.map(|n| evaluation::coverage(set, log_q, n)),
        }
    }

    fn coverage(&self, n: usize) -> f64 {
        let at = LEVELS.iter().position(|level| *level == n as f64);
        self.cov[at.expect("a level that is measured")]
    }
}

/// One training run.
#[derive(Clone, Debug)]
struct Length {
    /// H.
    layers: usize,
    rows: Vec<Row>,
}

impl Length {
    fn end(&self) -> &Row {
        &self.rows[self.rows.len() - 1]
    }

    /// KL of the 5% class over its floor, (H/2) log 2.
    fn over_floor(&self) -> f64 {
        self.end().classes[1] / hard_floor(self.layers)
    }
}

/// The least H at which Cov_N says something.
fn least_layers(n: usize) -> usize {
    if n >= 16 { LONG } else { 0 }
}

/// KL of the class that cannot be learned: all 2^(H/2) paths alike.
fn hard_floor(layers: usize) -> f64 {
    (layers / 2) as f64 * LN_2
}

/// KL of a model that learns all but that class.
fn floor(layers: usize) -> f64 {
    HARD * hard_floor(layers)
}

/// What one seed gave, or the median of all.
#[derive(Clone, Debug)]
struct Lengths {
    seed: String,
    runs: Vec<Length>,
}

impl Lengths {
    /// F2b.
    fn is_converged(&self) -> bool {
        let near = |run: &Length| (run.over_floor() - 1.0).abs() <= CONVERGED;
        self.runs.iter().all(near)
    }

    /// R^2 of the line through KL against H, and the ratios of its successive slopes.
    fn linearity(&self) -> (f64, Vec<f64>) {
        let (hs, kls): (Vec<f64>, Vec<f64>) = self
            .runs
            .iter()
            .map(|run| (run.layers as f64, run.end().kl))
            .unzip();
        let slope = |i: usize| (kls[i + 1] - kls[i]) / (hs[i + 1] - hs[i]);
        let ratio = |i: usize| slope(i + 1) / slope(i);
        let ratios = (0..hs.len().saturating_sub(2)).map(ratio);
        (line(&hs, &kls).r_squared, ratios.collect())
    }

    /// F2a: R^2 > .98 over at least three H, and the slopes alike.
    fn is_linear(&self) -> bool {
        let (r_squared, ratios) = self.linearity();
        let alike = |ratio: &f64| (0.7..=1.4).contains(ratio);
        !ratios.is_empty() && r_squared > 0.98 && ratios.iter().all(alike)
    }

    /// The runs that are long enough for N.
    fn long_enough(&self, n: usize) -> impl Iterator<Item = &Length> {
        let least = least_layers(n);
        self.runs.iter().filter(move |run| run.layers >= least)
    }

    /// F2c: the largest difference of Cov_N between two H.
    fn difference(&self, n: usize) -> f64 {
        let cov = self.long_enough(n).map(|run| run.end().coverage(n));
        let (low, high) = cov.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), cov| {
            (low.min(cov), high.max(cov))
        });
        high - low
    }

    /// KL over Cov_N at each H.
    fn ratios(&self, n: usize) -> Vec<f64> {
        self.long_enough(n)
            .map(|run| run.end().kl / run.end().coverage(n))
            .collect()
    }

    /// F2d: KL/Cov_N grows with H.
    fn ratio_grows(&self, n: usize) -> bool {
        let ratios = self.ratios(n);
        ratios.len() > 1 && ratios.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// KL at 8 layers over KL at 4; NaN where one is missing.
    fn eight_over_four(&self) -> f64 {
        let kl = |layers| {
            let run = self.runs.iter().find(|run| run.layers == layers);
            run.map_or(f64::NAN, |run| run.end().kl)
        };
        kl(8) / kl(4)
    }
}

impl Seed for Lengths {
    fn median(all: &[Lengths]) -> Lengths {
        let run = |at: usize| {
            let over = |of: &dyn Fn(&Length) -> f64| {
                median(
                    &all.iter()
                        .map(|seed| of(&seed.runs[at]))
                        .collect::<Vec<_>>(),
                )
            };
            let row = |i: usize| Row {
                step: all[0].runs[at].rows[i].step,
                kl: over(&|run| run.rows[i].kl),
                classes: std::array::from_fn(|c| over(&|run| run.rows[i].classes[c])),
                cov: std::array::from_fn(|n| over(&|run| run.rows[i].cov[n])),
            };
            Length {
                layers: all[0].runs[at].layers,
                rows: (0..all[0].runs[at].rows.len()).map(row).collect(),
            }
        };
        Lengths {
            seed: "median".into(),
            runs: (0..all[0].runs.len()).map(run).collect(),
        }
    }

    fn name(&self) -> &str {
        &self.seed
    }

    fn is_reached(&self) -> bool {
        self.is_converged()
    }
}

/// The signs.
///
/// Of `planned` seeds those that are not trained yet have not reached anything.
fn checks(seeds: &[Lengths], planned: usize, asks: Asks) -> Vec<Check> {
    let Some(all) = Seeds::new(seeds, planned) else {
        return Vec::new();
    };
    let mut checks = vec![
        asked(
            all.sign("F2a: KL is linear in H", &Lengths::is_linear, &linear_note)
                .with_rows(end(seeds)),
            asks.linear,
        ),
        asked(
            all.sign(
                "F2b: the hard class is at its floor",
                &Lengths::is_converged,
                &floor_note,
            )
            .with_rows(everything(seeds)),
            asks.linear,
        ),
    ];
    if !asks.linear {
        let within = |seed: &Lengths| (1.4..=2.6).contains(&seed.eight_over_four());
        checks.push(all.sign("KL at H = 8 over H = 4", &within, &|seed| {
            format!("{:.2}", seed.eight_over_four())
        }));
    }
    for &n in asks.levels {
        let same = |seed: &Lengths| seed.difference(n) < 0.01;
        let grows = |seed: &Lengths| seed.ratio_grows(n);
        checks.push(
            all.sign(
                &format!("F2c: Cov_{n} is the same for all H"),
                &same,
                &|seed| coverage_note(seed, n),
            )
            .with_rows(coverages(seeds, n)),
        );
        checks.push(
            all.sign(&format!("F2d: KL/Cov_{n} grows with H"), &grows, &|seed| {
                let ratios = seed.ratios(n);
                let ratios: Vec<String> = ratios.iter().map(|r| format!("{r:.2}")).collect();
                ratios.join(", ")
            })
            .with_rows(over_coverage(seeds, n)),
        );
    }
    checks
}

fn linear_note(seed: &Lengths) -> String {
    let (r_squared, ratios) = seed.linearity();
    let ratios: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    format!(
        "R^2 {r_squared:.4}, increments' ratios {}",
        ratios.join(", ")
    )
}

fn coverage_note(seed: &Lengths, n: usize) -> String {
    let one = |run: &Length| format!("{:.4} at H = {}", run.end().coverage(n), run.layers);
    let all: Vec<String> = seed.long_enough(n).map(one).collect();
    format!(
        "{} (largest difference {:.4})",
        all.join(", "),
        seed.difference(n)
    )
}

fn floor_note(seed: &Lengths) -> String {
    let one = |run: &Length| format!("{:.3} at H = {}", run.over_floor(), run.layers);
    let all: Vec<String> = seed.runs.iter().map(one).collect();
    let is_above = |run: &Length| run.over_floor() > 1.0 + CONVERGED;
    let remark = if seed.is_converged() {
        ""
    } else if seed.runs.iter().any(is_above) {
        " (not converged)"
    } else {
        " (learned in part)"
    };
    format!("{}{remark}", all.join(", "))
}

/// KL at the end and its floor.
fn end(seeds: &[Lengths]) -> Table {
    of_lengths("KL", seeds, 0, |run| run.end().kl, floor)
}

fn coverages(seeds: &[Lengths], n: usize) -> Table {
    let cov = |run: &Length| run.end().coverage(n);
    of_lengths(&format!("Cov_{n}"), seeds, least_layers(n), cov, |_| HARD)
}

fn over_coverage(seeds: &[Lengths], n: usize) -> Table {
    let ratio = |run: &Length| run.end().kl / run.end().coverage(n);
    let name = format!("KL/Cov_{n}");
    of_lengths(&name, seeds, least_layers(n), ratio, hard_floor)
}

/// A point for each H.
fn of_lengths(
    y: &str,
    seeds: &[Lengths],
    least: usize,
    of: impl Fn(&Length) -> f64,
    predicted: impl Fn(usize) -> f64,
) -> Table {
    let mut table = spread::predicted("H", y);
    for (at, run) in seeds[0].runs.iter().enumerate() {
        if run.layers >= least {
            let values: Vec<f64> = seeds.iter().map(|seed| of(&seed.runs[at])).collect();
            let [middle, low, high] = spread(&values);
            let predicted = predicted(run.layers).into();
            table.row([run.layers.into(), middle, low, high, predicted]);
        }
    }
    table
}

/// Every number of every seed.
fn everything(seeds: &[Lengths]) -> Table {
    let mut table = Table::new([
        "seed",
        "H",
        "step",
        "KL",
        "KL single",
        "KL xor",
        "KL uniform",
        "Cov_2",
        "Cov_3",
        "Cov_4",
        "Cov_8",
        "Cov_16",
    ]);
    for seed in seeds {
        for run in &seed.runs {
            for row in &run.rows {
                let [single, xor, uniform] = row.classes.map(Cell::from);
                let [c2, c3, c4, c8, c16] = row.cov.map(Cell::from);
                let (name, h) = (seed.seed.clone().into(), run.layers.into());
                let (step, kl) = (row.step.into(), row.kl.into());
                let cells = [name, h, step, kl, single, xor, uniform, c2, c3, c4, c8, c16];
                table.row(cells);
            }
        }
    }
    table
}

#[cfg(test)]
mod tests;
