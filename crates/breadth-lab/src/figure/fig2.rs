//! Figure 2: KL grows with the length of the responses, coverage does not.

use std::f64::consts::LN_2;

use breadth_lm::task::graph_search::{FIGURE2, GraphSearch, GraphSearchConfig};
use breadth_lm::train::config::ModelConfig;

use super::exam::{self, Item};
use super::setting::{self, Stage, adamw, paper_adam};
use super::spread::{self, median, spread};
use crate::check::{Check, Shown};
use crate::runs::{Runs, Trained};
use crate::slope::line;
use crate::statement::{Outcome, Run, Size, Statement};
use crate::table::{Cell, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "fig2",
    paper: "Figure 2",
    title: "coverage does not feel the length",
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
    let mut done = Vec::new();
    for &seed in &seeds {
        match settings.measure(runs, size.name(), seed)? {
            Some(of_seed) => done.push(of_seed),
            None => break,
        }
    }
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
        let exam = exam::exam(&task, &FIGURE2, self.prompts, seed)?;
        let row = |(step, folder): (u64, std::path::PathBuf)| {
            Ok(Row::of(step, &exam, &exam::sit(&exam, &folder)?))
        };
        let rows = run.checkpoints().into_iter().map(row);
        Ok(Length {
            layers: graph.middle_layers,
            rows: rows.collect::<breadth_lm::Result<_>>()?,
        })
    }
}

/// A checkpoint on the exam.
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
    fn of(step: u64, exam: &[Item], log_q: &[f64]) -> Row {
        let within = |(class, _)| exam::class_mean(exam, class, |i, item| item.log_p - log_q[i]);
        Row {
            step: step as f64,
            kl: exam::kl(exam, log_q),
            classes: FIGURE2.map(within),
            cov: LEVELS.map(|n| exam::coverage(exam, log_q, n)),
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
    /// The median of every number over the seeds.
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

/// The signs.
///
/// Of `planned` seeds those that are not trained yet have not reached anything.
fn checks(seeds: &[Lengths], planned: usize, asks: Asks) -> Vec<Check> {
    if seeds.is_empty() {
        return Vec::new();
    }
    let median = Lengths::median(seeds);
    let sign = |name: &str, shows: &dyn Fn(&Lengths) -> bool, note: &dyn Fn(&Lengths) -> String| {
        let shown = |seed: &Lengths| match seed.is_converged() {
            true => Shown::from(shows(seed)),
            false => Shown::Unreached,
        };
        let mut of_seeds: Vec<Shown> = seeds.iter().map(shown).collect();
        of_seeds.resize(planned, Shown::Unreached);
        Check::sign(name, &of_seeds, shown(&median)).noting(notes(seeds, &median, note))
    };
    let asked = |check: Check, asked| if asked { check } else { check.reported() };
    let mut checks = vec![
        asked(
            sign("F2a: KL is linear in H", &Lengths::is_linear, &linear_note).with_rows(end(seeds)),
            asks.linear,
        ),
        asked(
            sign(
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
        checks.push(sign("KL at H = 8 over H = 4", &within, &|seed| {
            format!("{:.2}", seed.eight_over_four())
        }));
    }
    for &n in asks.levels {
        let same = |seed: &Lengths| seed.difference(n) < 0.01;
        let grows = |seed: &Lengths| seed.ratio_grows(n);
        checks.push(
            sign(
                &format!("F2c: Cov_{n} is the same for all H"),
                &same,
                &|seed| coverage_note(seed, n),
            )
            .with_rows(coverages(seeds, n)),
        );
        checks.push(
            sign(&format!("F2d: KL/Cov_{n} grows with H"), &grows, &|seed| {
                let ratios = seed.ratios(n);
                let ratios: Vec<String> = ratios.iter().map(|r| format!("{r:.2}")).collect();
                ratios.join(", ")
            })
            .with_rows(over_coverage(seeds, n)),
        );
    }
    checks
}

/// What each seed gave, then the median.
fn notes(seeds: &[Lengths], median: &Lengths, note: &dyn Fn(&Lengths) -> String) -> String {
    let one = |seed: &Lengths| format!("seed {}: {}", seed.seed, note(seed));
    let mut all: Vec<String> = seeds.iter().map(one).collect();
    if seeds.len() > 1 {
        all.push(format!("median: {}", note(median)));
    }
    all.join("; ")
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
    let converged = if seed.is_converged() {
        ""
    } else {
        " (not converged)"
    };
    format!("{}{converged}", all.join(", "))
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
mod tests {
    use breadth_lm::task::graph_search::Class;

    use super::*;
    use crate::check::Verdict;

    const ALL: Asks = Asks {
        linear: true,
        levels: &[2, 16],
    };

    /// Made-up ends of training that show every sign.
    fn good() -> Lengths {
        let run = |layers: usize| Length {
            layers,
            rows: vec![Row {
                step: 100.0,
                kl: 0.01 + 1.05 * floor(layers),
                classes: [0.002, 1.05 * hard_floor(layers), 0.3],
                cov: [0.053, 0.052, 0.051, 0.0505, 0.049],
            }],
        };
        Lengths {
            seed: "1".into(),
            runs: [8, 12, 16, 20].map(run).to_vec(),
        }
    }

    fn verdicts(seed: Lengths) -> Vec<(String, Verdict)> {
        let checks = checks(&[seed], 1, ALL).into_iter();
        checks.map(|check| (check.name, check.verdict)).collect()
    }

    /// Asserts that runs without one sign get `verdict` in that check and hold in all others.
    fn assert_alone(sign: &str, verdict: Verdict, spoil: impl Fn(&mut Lengths)) {
        let mut bad = good();
        spoil(&mut bad);
        for (name, found) in verdicts(bad) {
            let expected = if name.starts_with(sign) {
                verdict
            } else {
                Verdict::Holds
            };
            assert_eq!(found, expected, "{name}, spoilt {sign}");
        }
    }

    #[test]
    fn runs_that_show_every_sign_hold() {
        let all = verdicts(good());
        assert_eq!(all.len(), 6);
        assert!(
            all.iter().all(|(_, verdict)| *verdict == Verdict::Holds),
            "{all:?}"
        );
    }

    #[test]
    fn each_sign_fails_where_it_is_missing() {
        // Cubic in H.
        assert_alone("F2a", Verdict::Fails, |seed| {
            for run in &mut seed.runs {
                run.rows[0].kl = 1e-4 * (run.layers as f64).powi(3);
            }
        });
        assert_alone("F2c: Cov_2 ", Verdict::Fails, |seed| {
            seed.runs[3].rows[0].cov[0] = 0.064
        });
        assert_alone("F2c: Cov_16 ", Verdict::Fails, |seed| {
            seed.runs[3].rows[0].cov[4] = 0.038
        });
        // At 8 layers no ratio is above 16, and Cov_16 says nothing.
        assert_alone("none", Verdict::Fails, |seed| {
            seed.runs[0].rows[0].cov[4] = 0.0
        });
        let flat = |seed: &mut Lengths| {
            for run in &mut seed.runs {
                run.rows[0].kl = 0.2 + 1e-9 * run.layers as f64;
                let step = run.layers as f64 * 1e-4;
                (run.rows[0].cov[0], run.rows[0].cov[4]) = (0.05 + step, 0.05 + step);
            }
        };
        assert_alone("F2d", Verdict::Fails, flat);
    }

    #[test]
    fn a_run_that_has_not_converged_shows_nothing() {
        let mut seed = good();
        for run in &mut seed.runs {
            run.rows[0].classes[1] = 1.2 * hard_floor(run.layers);
            run.rows[0].kl = 1e-4 * (run.layers as f64).powi(3);
        }
        for (name, verdict) in verdicts(seed) {
            assert_eq!(verdict, Verdict::Inconclusive, "{name}");
        }
    }

    #[test]
    fn small_asks_for_the_ratio_of_kl_in_place_of_the_line() {
        let mut seed = good();
        seed.runs.truncate(3);
        for (run, layers) in seed.runs.iter_mut().zip([4, 6, 8]) {
            run.layers = layers;
            run.rows[0].classes[1] = hard_floor(layers);
            run.rows[0].kl = 0.02 * layers as f64;
        }
        let asks = Settings::of(Size::Small).asks;
        let verdict = |seed: &Lengths| {
            crate::statement::verdict(&checks(std::slice::from_ref(seed), 1, asks))
        };
        assert_eq!(verdict(&seed), Verdict::Holds);
        seed.runs[2].rows[0].kl = 0.25;
        assert_eq!(verdict(&seed), Verdict::Fails);
    }

    /// The floors of the specification, and a model that learns all but the hard class.
    #[test]
    fn closed_form() {
        let floors = [4, 8, 12, 16, 20, 24].map(floor);
        for (found, known) in floors
            .iter()
            .zip([0.0693, 0.1386, 0.2079, 0.2773, 0.3466, 0.4159])
        {
            assert!((found - known).abs() < 5e-5, "{floors:?}");
        }
        for layers in [4, 6, 8] {
            let task = GraphSearch::new(GraphSearchConfig::figure2_small(layers)).unwrap();
            let exam = exam::exam(&task, &FIGURE2, 3, 0).unwrap();
            assert_eq!(exam.len(), 3 + 3 + 3 * 16);
            let log_q = exam.iter().map(|item| match item.class {
                Class::Xor => -hard_floor(layers),
                _ => item.log_p,
            });
            let row = Row::of(10, &exam, &log_q.collect::<Vec<_>>());
            assert!((row.kl - floor(layers)).abs() < 1e-12, "{row:?}");
            let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert!(near(row.classes[1], hard_floor(layers)) && near(row.classes[2], 0.0));
            // The ratio is 2^(H/2): 4, 8 and 16.
            let largest = 2_f64.powi(layers as i32 / 2);
            for (cov, level) in row.cov.iter().zip(LEVELS) {
                assert!(
                    near(*cov, if level <= largest { HARD } else { 0.0 }),
                    "{row:?}"
                );
            }
        }
    }

    #[test]
    fn a_tiny_figure_is_trained_and_measured() {
        let mut settings = Settings::of(Size::Small);
        (settings.model.layers, settings.model.width) = (1, 16);
        settings.prompts = 2;
        (settings.stage.steps, settings.stage.batch_size) = (20, 4);
        settings.stage.checkpoint_every = 10;
        let dir = tempfile::tempdir().unwrap();
        let measured = settings.measure(&Runs::new(dir.path()), "tiny", 3);
        let lengths = measured.unwrap().unwrap();
        let layers: Vec<usize> = lengths.runs.iter().map(|run| run.layers).collect();
        assert_eq!(layers, [4, 6, 8]);
        assert!(lengths.runs.iter().all(|run| run.rows.len() == 3));
        let checks = checks(&[lengths], 1, settings.asks);
        assert_eq!(checks[1].rows.rows.len(), 9);
        assert_eq!(crate::statement::verdict(&checks), Verdict::Inconclusive);
    }

    /// Every graph of every size can be drawn.
    #[test]
    fn the_settings_are_possible() {
        for size in [Size::Small, Size::Medium, Size::Paper] {
            for graph in Settings::of(size).graphs {
                graph.validate().unwrap();
            }
        }
    }
}
