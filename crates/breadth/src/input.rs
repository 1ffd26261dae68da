//! From the paths on the command line to tables.

use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Result, anyhow, bail};
use breadth_analysis::Scores;
use breadth_data::{
    LogOptions, Logs, ReadOptions, RewardMap, RunFolder, SampleTable, ScoreTable, Table,
    TablePaths, check_column,
};
use breadth_stats::Level;

use crate::command_line;
use crate::number::count;
use crate::output::{Output, printable_names};

/// The tables a command reads.
#[derive(Debug, clap::Args)]
pub struct Tables {
    /// Parquet, JSON Lines (.gz, .zst) or CSV, or other tools' logs (see import); files, globs,
    /// folders, a run folder; `-` is JSON Lines on stdin
    #[arg(required = true, value_name = "TABLE")]
    pub paths: Vec<PathBuf>,
    /// More of them, known to be graded samples.
    #[arg(skip)]
    pub samples: Vec<PathBuf>,
    #[command(flatten)]
    pub how: Reading,
}

/// How tables are read and weighted.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Reading {
    /// Keep the rows that every model has, instead of refusing tables with holes
    #[arg(long)]
    pub intersect: bool,
    /// What each group of prompts (column `group`) counts in the population; rows are weighted to
    /// that, and limits are those of samples within groups
    #[arg(long, value_name = "GROUP=WEIGHT,..", value_delimiter = ',', value_parser = group_weight)]
    pub group_weights: Vec<(String, f64)>,
    /// Columns that the tables call otherwise, such as reward=score,prompt_id=question_id; which
    /// columns there are: docs/tables.md
    #[arg(long, value_name = "OURS=THEIRS,..", value_delimiter = ',', value_parser = column)]
    pub columns: Vec<(String, String)>,
    #[command(flatten)]
    pub logs: LogChoice,
}

impl Reading {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        let Reading {
            intersect,
            group_weights,
            columns,
            logs,
        } = self;
        !intersect && group_weights.is_empty() && columns.is_empty() && logs.is_default()
    }
}

/// What to take of other tools' logs where they leave a choice.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LogChoice {
    /// Of logs with several metrics, scores or reward columns: the one that is the reward; of
    /// NAME,NAME the first that a log has
    #[arg(long, value_name = "NAME", visible_alias = "metric")]
    reward: Option<String>,
    /// Of lm-evaluation-harness logs with several filters: the one whose metrics count
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Of logs whose rewards are not in [0, 1]: what counts as right ('>0', '>=1', '==1', '<0'), or
    /// the range that becomes [0, 1] ('min=-1,max=1')
    #[arg(long, value_name = "MAP", allow_hyphen_values = true)]
    reward_map: Option<RewardMap>,
}

impl LogChoice {
    fn is_default(&self) -> bool {
        self.reward.is_none() && self.filter.is_none() && self.reward_map.is_none()
    }

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

/// `OURS=THEIRS`.
fn column(text: &str) -> Result<(String, String), String> {
    let (ours, theirs) = text
        .split_once('=')
        .ok_or("write OURS=THEIRS, such as reward=score")?;
    check_column(ours)?;
    Ok((ours.to_owned(), theirs.to_owned()))
}

fn group_weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = text
        .rsplit_once('=')
        .ok_or("write GROUP=WEIGHT, such as algebra=0.6")?;
    let number = weight
        .parse()
        .map_err(|_| format!("`{weight}` is not a positive weight"))?;
    Ok((name.to_owned(), breadth_data::weight(number)?))
}

impl Tables {
    /// How to read them.
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            intersect: self.how.intersect,
            log: self.how.logs.options(),
            columns: self.how.columns.clone(),
            ..ReadOptions::default()
        }
    }

    /// The score tables and the sample tables among them.
    ///
    /// # Errors
    /// What cannot be told apart.
    pub fn recognised(&self) -> Result<TablePaths> {
        let mut split = TablePaths::find(&self.paths, &self.options())?;
        split.samples.extend(self.samples.iter().cloned());
        Ok(split)
    }

    /// The same where a reader of scores or samples takes what cannot be told apart.
    pub fn split(&self) -> TablePaths {
        // What cannot be told apart goes to the reader of scores, which says what is wrong and
        // where.
        let all = |_| TablePaths {
            scores: self.paths.clone(),
            ..TablePaths::default()
        };
        self.recognised().unwrap_or_else(all)
    }

    /// The paths for a command that reads tables of one kind. A folder or a pattern that holds both
    /// kinds stands for those of this one; the others are left out, and said.
    pub fn only(&self, kind: Table, output: &Output) -> Vec<PathBuf> {
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for path in &self.paths {
            let (own, others) = self.parted(path, kind).unwrap_or_default();
            if own.is_empty() || others.is_empty() {
                kept.push(path.clone());
            } else {
                kept.extend(own);
                left_out.extend(others);
            }
        }
        if !left_out.is_empty() {
            let names: Vec<String> = left_out.iter().map(|p| p.display().to_string()).collect();
            let what = match kind {
                Table::Scores => "sample tables",
                Table::Samples => "score tables",
            };
            output.remark(&format!("left out, {what}: {}", names.join(", ")));
        }
        kept
    }

    /// The tables of one kind behind a folder or a pattern, and those of the other.
    fn parted(&self, path: &Path, kind: Table) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
        if path.is_file() || path == "-" || RunFolder::is_one(path) {
            return None;
        }
        // What cannot be told apart is for the reader to explain.
        let found = TablePaths::find(slice::from_ref(&path.to_owned()), &self.options()).ok()?;
        Some(match kind {
            Table::Scores => (found.scores, found.samples),
            Table::Samples => (found.samples, found.scores),
        })
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
    /// The level N >= 1: a response is missed where a rival gives N times the probability [default:
    /// 4]
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

/// Refuses a run that was not scored or sampled yet, with the command that does.
pub fn is_made(paths: &[PathBuf], table: Table) -> Result<()> {
    let [only] = paths else { return Ok(()) };
    let run = RunFolder::new(only);
    let missing = run.table(table);
    if !RunFolder::is_one(only) || missing.exists() {
        return Ok(());
    }
    // A run that cannot be read is not one that was never scored.
    run.manifest()?;
    let at = missing.display();
    let [folder, missing] = [only, &missing].map(|path| command_line::quoted(path));
    match table {
        Table::Scores => bail!(
            "{at}: not there, as train keeps checkpoints and scores none; score them first: \
             breadth score {folder} --data HELDOUT.jsonl -o {missing}"
        ),
        Table::Samples => bail!(
            "{at}: not there, as train keeps checkpoints and samples none; sample them first: \
             breadth sample {folder} --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o {missing}"
        ),
    }
}

/// Reads the rows whose source is the data. Rows sampled from a model stay out: they say nothing
/// about the data.
pub fn read_scores(paths: &[PathBuf], options: &ReadOptions, output: &Output) -> Result<Scores> {
    is_made(paths, Table::Scores)?;
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

/// Refuses to map the rewards of our own tables, which are read as they stand.
fn refuse_map(paths: &[PathBuf], options: &ReadOptions) -> Result<()> {
    let is_own = |path: &PathBuf| {
        let read = Logs::read(slice::from_ref(path), Some(Table::Samples), options);
        matches!(read, Err(breadth_data::Error::NotALog { .. }))
    };
    if options.log.reward_map.is_some() && paths.iter().all(is_own) {
        bail!(
            "--reward-map is for the logs of other tools, and here are tables of our own, whose \
             rewards are taken as they stand: leave it out, and map the rewards to [0, 1] where \
             the table is made"
        );
    }
    Ok(())
}

/// Reads graded samples.
pub fn read_samples(
    paths: &[PathBuf],
    options: &ReadOptions,
    output: &Output,
) -> Result<SampleTable> {
    is_made(paths, Table::Samples)?;
    refuse_map(paths, options)?;
    let mut table = SampleTable::read(paths, options)?;
    printable_names(&mut table.models);
    output.remarks(&table.remarks);
    Ok(table)
}
