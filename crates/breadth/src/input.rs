//! From the paths on the command line to aligned columns with their sampling design.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use breadth_data::{LogOptions, ReadOptions, RewardMap, RunFolder, ScoreTable, TablePaths};
use breadth_stats::{Design, Level, MeanEstimate, OnPolicy, stratified_weights};

use crate::number::{Mean, count};
use crate::output::{Output, printable_names};

/// The tables a command reads.
#[derive(Debug, clap::Args)]
pub struct Tables {
    /// Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files, globs, folders, a run folder; `-` is JSON Lines on stdin
    #[arg(required = true, value_name = "TABLE")]
    pub paths: Vec<PathBuf>,
    /// Keep the rows that every model has, instead of refusing tables with holes
    #[arg(long)]
    pub intersect: bool,
    /// What each group of prompts (column `group`) counts in the population; rows are weighted to that, and limits are those of samples within groups
    #[arg(long, value_name = "GROUP=WEIGHT,..", value_delimiter = ',', value_parser = group_weight)]
    pub group_weights: Vec<(String, f64)>,
    #[command(flatten)]
    pub logs: LogChoice,
}

/// What to take of other tools' logs where they leave a choice.
#[derive(Debug, Default, clap::Args)]
pub struct LogChoice {
    /// Of logs with several metrics, scores or reward columns: the one that is the reward; of NAME,NAME the first that a log has
    #[arg(long, value_name = "NAME", visible_alias = "metric")]
    reward: Option<String>,
    /// Of lm-evaluation-harness logs with several filters: the one whose metrics count
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'), or the range that becomes [0, 1] ('min=-1,max=1')
    #[arg(long, value_name = "MAP", allow_hyphen_values = true)]
    reward_map: Option<RewardMap>,
}

impl LogChoice {
    /// As readers take it.
    pub fn options(&self) -> LogOptions {
        LogOptions {
            reward: self.reward.clone(),
            filter: self.filter.clone(),
            reward_map: self.reward_map,
            ..LogOptions::default()
        }
    }
}

fn group_weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = text
        .rsplit_once('=')
        .ok_or("write GROUP=WEIGHT, such as algebra=0.6")?;
    match weight.parse() {
        Ok(weight) if weight > 0.0 && f64::is_finite(weight) => Ok((name.to_owned(), weight)),
        _ => Err(format!("`{weight}` is not a positive weight")),
    }
}

/// The weight of each of the table's groups, in their order.
pub fn population(groups: &[String], weights: &[(String, f64)]) -> Result<Vec<f64>> {
    if groups.is_empty() {
        bail!("--group-weights needs a column `group`, which the table lacks");
    }
    if let Some((name, _)) = weights.iter().find(|(name, _)| !groups.contains(name)) {
        bail!(
            "--group-weights names `{name}`, which no row has; the groups are {}",
            groups.join(", ")
        );
    }
    let weight = |group: &String| {
        let mut named = weights.iter().filter(|(name, _)| name == group);
        match (named.next(), named.next()) {
            (Some((_, weight)), None) => Ok(*weight),
            (None, _) => bail!("--group-weights leaves out group `{group}`; give its weight too"),
            _ => bail!("--group-weights names `{group}` twice"),
        }
    };
    groups.iter().map(weight).collect()
}

impl Tables {
    /// How to read them.
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            intersect: self.intersect,
            log: self.logs.options(),
            ..ReadOptions::default()
        }
    }

    /// The score tables and the sample tables among them.
    pub fn split(&self) -> TablePaths {
        // What cannot be told apart goes to the reader of scores, which says what is wrong and where.
        let all = |_| TablePaths {
            scores: self.paths.clone(),
            ..TablePaths::default()
        };
        TablePaths::find(&self.paths, &self.options()).unwrap_or_else(all)
    }

    /// Whether there are sample tables and no score tables.
    pub fn are_samples(&self) -> bool {
        let split = self.split();
        self.run_folder().is_none() && split.scores.is_empty() && !split.samples.is_empty()
    }

    /// The run folder, if that is what was given.
    pub fn run_folder(&self) -> Option<RunFolder> {
        match self.paths.as_slice() {
            [only] if RunFolder::is_one(only) => Some(RunFolder::new(only)),
            _ => None,
        }
    }
}

/// The level of a tournament, said in one of three ways.
#[derive(Debug, clap::Args)]
pub struct LevelChoice {
    /// The level N >= 1: a response is missed where a rival gives N times the probability [default: 4]
    #[arg(short, value_name = "N", group = "level", allow_hyphen_values = true)]
    n: Option<f64>,
    /// The level as log N in nats, for long responses
    #[arg(long, value_name = "NATS", group = "level", allow_hyphen_values = true)]
    log_n: Option<f64>,
    /// The number K of samples that you will draw: N = K/2
    #[arg(long, value_name = "K", group = "level", allow_hyphen_values = true)]
    best_of: Option<f64>,
}

/// The N of a tournament when nobody says: that of Best-of-8.
const DEFAULT_N: f64 = 4.0;

impl LevelChoice {
    /// The level that was chosen.
    pub fn level(&self) -> Result<Level> {
        match (self.n, self.log_n, self.best_of) {
            (_, Some(log_n), _) => level_from_log_n(log_n),
            (_, _, Some(k)) if k.is_nan() || k < 2.0 => {
                bail!("--best-of {k}: a choice needs at least 2 samples; write --best-of 2 or more")
            }
            (_, _, Some(k)) => level_from_n(k / 2.0),
            (n, None, None) => level_from_n(n.unwrap_or(DEFAULT_N)),
        }
    }
}

/// The level of `-n`.
pub fn level_from_n(n: f64) -> Result<Level> {
    Level::from_n(n)
        .map_err(|_| anyhow!("-n {n}: a level is a finite number N >= 1; past 1e308 write --log-n"))
}

/// The level of `--log-n`.
pub fn level_from_log_n(log_n: f64) -> Result<Level> {
    Level::from_log_n(log_n)
        .map_err(|_| anyhow!("--log-n {log_n}: a level is a finite number of nats >= 0"))
}

/// Scores of samples of the data distribution, with what the intervals need to know of how they were sampled.
pub struct Scores {
    pub table: ScoreTable,
    /// Prompts among the rows.
    pub prompts: usize,
    /// The prompt of every row, if some prompt has several rows: these are then dependent.
    clusters: Option<Vec<u32>>,
    /// The group of every row, where groups have known weights.
    strata: Option<Vec<u32>>,
}

impl Scores {
    /// Reads the rows whose source is the data. Rows sampled from a model stay out: they say nothing about the data.
    pub fn read(paths: &[PathBuf], options: &ReadOptions, output: &Output) -> Result<Self> {
        let options = ReadOptions {
            source: Some("data".to_owned()),
            ..options.clone()
        };
        let mut table = ScoreTable::read(paths, &options)?;
        printable_names(&mut table.models);
        output.remarks(&table.remarks);
        if table.of_other_sources > 0 {
            let (used, every) = (table.rows(), table.rows() + table.of_other_sources);
            let used = count(used, "row");
            output.remark(&format!(
                "using the {used} of {every} whose source is `data`"
            ));
        }
        Ok(Scores::of(table))
    }

    /// With prompts as clusters.
    pub fn of(table: ScoreTable) -> Self {
        let prompts = table.prompts.len();
        let clusters = (prompts < table.rows()).then(|| table.prompt.clone());
        Scores {
            table,
            prompts,
            clusters,
            strata: None,
        }
    }

    /// With rows weighted so that groups count what they count in the population; as they are where nothing is known of that.
    pub fn weighted(mut self, group_weights: &[(String, f64)]) -> Result<Self> {
        if group_weights.is_empty() {
            return Ok(self);
        }
        let population = population(&self.table.groups, group_weights)?;
        let strata = self.table.group.clone().unwrap_or_default();
        let weights = stratified_weights(&strata, &population, self.table.weight.as_deref())?;
        self.table.weight = Some(weights);
        self.strata = Some(strata);
        Ok(self)
    }

    /// The sampling design of the rows: weights, prompts as clusters, groups of known weight as strata.
    pub fn design(&self) -> Design<'_> {
        Design {
            weights: self.table.weight.as_deref(),
            clusters: self.clusters.as_deref(),
            strata: self.strata.as_deref(),
        }
    }

    /// A mean over these rows with what is to be said of it.
    pub fn mean(&self, mean: &MeanEstimate) -> Mean {
        let reason = mean.no_limits.as_ref().map(|reason| {
            let prompt = reason
                .row()
                .map(|row| format!("prompt `{}`", self.key(row).0));
            reason.in_words(&prompt.unwrap_or_default())
        });
        Mean {
            interval: mean.estimate().into(),
            remark: reason,
        }
    }

    /// The rows as samples of a model, prompts counting the same but for their weights and groups.
    pub fn on_policy(&self) -> OnPolicy<'_> {
        OnPolicy {
            columns: self.table.logprob.iter().map(Vec::as_slice).collect(),
            prompts: self.clusters.as_deref(),
            weights: self.table.weight.as_deref(),
            strata: self.strata.as_deref(),
        }
    }

    /// Indices of the models without `left_out`, in order of first appearance.
    pub fn models_without(&self, left_out: Option<&str>) -> Result<Vec<usize>> {
        if let Some(name) = left_out {
            self.table.column(name)?;
        }
        let models = self.table.models.iter().enumerate();
        let kept: Vec<usize> = models
            .filter(|(_, name)| Some(name.as_str()) != left_out)
            .map(|(at, _)| at)
            .collect();
        if kept.is_empty() {
            bail!(
                "the table holds no model beside the reference `{}`; add their scores",
                left_out.unwrap_or_default()
            );
        }
        Ok(kept)
    }

    /// The prompt and the response of a row.
    pub fn key(&self, row: usize) -> (&str, &str) {
        let table = &self.table;
        (
            &table.prompts[table.prompt[row] as usize],
            &table.responses[table.response[row] as usize],
        )
    }

    /// `2,000 rows, 500 prompts`.
    pub fn size(&self) -> String {
        format!(
            "{}, {}",
            count(self.table.rows(), "row"),
            count(self.prompts, "prompt")
        )
    }
}
