//! What statements measured, kept in one small Parquet file each.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use breadth_data::atomic::NewFolders;
use breadth_data::{Provenance, Records, Values};
use rayon::prelude::*;

use crate::check::{Check, Kind, Verdict};
use crate::runs::Runs;
use crate::statement::{Size, Statement, verdict};
use crate::table::{Cell, Table};

/// The hash of the sources that a measurement made by this build depends on: the laws, checks and
/// statements, breadth-stats, and the versions of all dependencies.
pub const SOURCES: &str = env!("BREADTH_LAB_SOURCES");

/// What a statement measured, and what that depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The statement.
    pub id: String,
    /// How much was measured.
    pub size: Size,
    /// The seed of the random streams.
    pub seed: u64,
    /// [`SOURCES`] of the build that measured.
    pub sources: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// What came out.
    pub checks: Vec<Check>,
    /// Whether nothing is left to train.
    pub is_finished: bool,
}

impl Measured {
    /// Measures a statement now; `None` if the time of its training runs was up before there was
    /// anything to measure.
    ///
    /// # Errors
    /// If a training run cannot be made.
    pub fn of(
        statement: &Statement,
        runs: &Runs,
        (size, seed): (Size, u64),
    ) -> breadth_lm::Result<Option<Measured>> {
        let start = Instant::now();
        let outcome = statement.measure(runs, size, seed)?;
        let measured = Measured {
            id: statement.id.to_owned(),
            size,
            seed,
            sources: SOURCES.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
            checks: outcome.checks,
            is_finished: outcome.is_finished,
        };
        let is_any = measured.is_finished || !measured.checks.is_empty();
        Ok(is_any.then_some(measured))
    }

    /// The worst of its checks' verdicts.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.checks)
    }

    /// Whether this build would measure the same.
    pub fn is_current(&self) -> bool {
        self.sources == SOURCES
    }

    /// Reads what [`Measured::write`] wrote.
    ///
    /// # Errors
    /// If the file is not readable as Parquet, or is not a measurement.
    pub fn read(path: &Path) -> breadth_data::Result<Measured> {
        let records = Records::read(path)?;
        of_records(&records).ok_or_else(|| breadth_data::Error::Read {
            path: path.to_owned(),
            source: io::Error::other("not a measurement of the lab; measure again"),
        })
    }

    /// Writes a Parquet file: a row for each row behind a check, with the check beside it.
    ///
    /// The columns of the tables behind the checks are named `row.NAME`; a check's table is where
    /// they are not null. `command`: what the file's provenance says.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path, command: &str) -> breadth_data::Result<()> {
        let provenance = Provenance {
            command: command.to_owned(),
            seed: Some(self.seed),
            models: vec![(self.id.clone(), self.sources.clone())],
            ..Provenance::default()
        };
        to_records(self).write(path, "lab", &provenance)
    }
}

/// A folder of measurements.
#[derive(Clone, Debug)]
pub struct Results {
    folder: PathBuf,
}

impl Results {
    /// The measurements in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Results {
        Results {
            folder: folder.into(),
        }
    }

    /// The training runs that measurements of this folder are made from.
    pub fn runs(&self) -> Runs {
        Runs::new(self.folder.join("runs"))
    }

    /// Where a measurement stands: `d1.small.0.parquet`.
    pub fn path(&self, id: &str, size: Size, seed: u64) -> PathBuf {
        let name = format!("{id}.{}.{seed}.parquet", size.name());
        self.folder.join(name)
    }

    /// A stored measurement; `None` if there is none, or none that can be read: it has to be made
    /// anew.
    pub fn stored(&self, id: &str, size: Size, seed: u64) -> Option<Measured> {
        let path = self.path(id, size, seed);
        path.is_file().then(|| Measured::read(&path).ok()).flatten()
    }

    /// How long ago a stored measurement was made; `None` if there is none.
    pub fn age(&self, id: &str, size: Size, seed: u64) -> Option<Duration> {
        let metadata = self.path(id, size, seed).metadata().ok()?;
        SystemTime::now()
            .duration_since(metadata.modified().ok()?)
            .ok()
    }

    /// Measures statements on all threads, the longest first, and stores each as it is done; what
    /// is stored, current and finished is not measured again unless `again` says so.
    ///
    /// The results are in the order of the statements, `None` for what the time of its training
    /// `runs` did not suffice for. `done` is told of each one as it is there. Finished training
    /// runs are used again even by `again`.
    ///
    /// # Errors
    /// If a training run cannot be made, or a measurement cannot be written. One that cannot be
    /// read is made anew.
    pub fn measure(
        &self,
        statements: &[&Statement],
        runs: &Runs,
        (size, seed): (Size, u64),
        again: bool,
        done: impl Fn(&Measured) + Sync,
    ) -> breadth_lm::Result<Vec<Option<Measured>>> {
        let _made =
            NewFolders::make(&self.folder).map_err(|source| breadth_data::Error::Write {
                path: self.folder.clone(),
                source,
            })?;
        let one = |statement: &Statement| {
            let path = self.path(statement.id, size, seed);
            let stored = (!again).then(|| self.stored(statement.id, size, seed));
            let stored = stored.flatten();
            let stored = stored.filter(|stored| stored.is_current() && stored.is_finished);
            let measured = match &stored {
                Some(_) => stored,
                None => {
                    let new = Measured::of(statement, runs, (size, seed))?;
                    let command = command(statement.id, size, seed);
                    new.iter().try_for_each(|new| new.write(&path, &command))?;
                    new
                }
            };
            measured.iter().for_each(&done);
            breadth_lm::Result::Ok(measured)
        };
        let mut order: Vec<usize> = (0..statements.len()).collect();
        order.sort_by(|&i, &j| statements[j].cost.total_cmp(&statements[i].cost));
        let mut all = order
            .into_par_iter()
            .with_max_len(1)
            .map(|i| Ok((i, one(statements[i])?)))
            .collect::<breadth_lm::Result<Vec<_>>>()?;
        all.sort_by_key(|(i, _)| *i);
        Ok(all.into_iter().map(|(_, measured)| measured).collect())
    }
}

/// The command that makes a measurement.
fn command(id: &str, size: Size, seed: u64) -> String {
    format!("breadth lab run {id} --size {} --seed {seed}", size.name())
}

/// The prefix of the columns that hold the table behind a check.
const ROW: &str = "row.";

/// A row of the file: the check it belongs to, and its row of that check's table (a check without
/// rows has one row of nulls).
type FileRow<'a> = (usize, &'a Check, Option<&'a [Cell]>);

fn to_records(measured: &Measured) -> Records {
    let rows: Vec<FileRow> = measured
        .checks
        .iter()
        .enumerate()
        .flat_map(|(i, check)| {
            let rows = check
                .rows
                .rows
                .iter()
                .map(move |row| (i, check, Some(&row[..])));
            let none = check.rows.rows.is_empty().then_some((i, check, None));
            rows.chain(none)
        })
        .collect();
    let words =
        |of: &dyn Fn(&FileRow) -> Option<String>| Values::Words(rows.iter().map(of).collect());
    let numbers =
        |of: &dyn Fn(&FileRow) -> Option<f64>| Values::Numbers(rows.iter().map(of).collect());
    let check = |of: fn(&Check) -> Option<f64>| numbers(&|row: &FileRow| of(row.1));
    let json = |value: Option<serde_json::Result<String>>| value.transpose().ok().flatten();
    let mut columns = vec![
        ("statement", words(&|_| Some(measured.id.clone()))),
        ("size", words(&|_| Some(measured.size.name().to_owned()))),
        ("seed", words(&|_| Some(measured.seed.to_string()))),
        ("sources", words(&|_| Some(measured.sources.clone()))),
        ("seconds", numbers(&|_| Some(measured.seconds))),
        (
            "finished",
            numbers(&|_| Some(f64::from(u8::from(measured.is_finished)))),
        ),
        ("check", numbers(&|row| Some(row.0 as f64))),
        ("name", words(&|row| Some(row.1.name.clone()))),
        ("kind", words(&|row| Some(row.1.kind.name().to_owned()))),
        ("measured", check(|check| Some(check.measured))),
        ("low95", check(|check| check.interval95.map(|i| i.0))),
        ("high95", check(|check| check.interval95.map(|i| i.1))),
        ("low999", check(|check| check.interval999.map(|i| i.0))),
        ("high999", check(|check| check.interval999.map(|i| i.1))),
        ("predicted", check(|check| check.predicted)),
        ("band_low", check(|check| Some(check.band.0))),
        ("band_high", check(|check| Some(check.band.1))),
        (
            "verdict",
            words(&|row| Some(row.1.verdict.name().to_owned())),
        ),
        ("note", words(&|row| row.1.note.clone())),
        (
            "columns",
            words(&|row| json(Some(serde_json::to_string(&row.1.rows.columns)))),
        ),
        (
            "plot",
            words(&|row| json(row.1.rows.plot.as_ref().map(serde_json::to_string))),
        ),
    ]
    .into_iter()
    .map(|(name, values)| (name.to_owned(), values))
    .collect::<Vec<_>>();
    columns.extend(row_columns(measured).into_iter().map(|(name, is_words)| {
        let values = if is_words {
            words(&|row| match cell(row, &name)? {
                Cell::Text(word) => Some(word.clone()),
                Cell::Number(_) => None,
            })
        } else {
            numbers(&|row| match cell(row, &name)? {
                Cell::Number(value) => Some(*value),
                Cell::Text(_) => None,
            })
        };
        (column_name(&name, is_words), values)
    }));
    Records { columns }
}

fn cell<'a>(row: &FileRow<'a>, column: &str) -> Option<&'a Cell> {
    row.2?.get(row.1.rows.column(column)?)
}

/// A column that holds numbers behind one check and words behind another is two columns.
fn column_name(name: &str, is_words: bool) -> String {
    let kind = if is_words { "words." } else { "" };
    format!("{ROW}{kind}{name}")
}

/// Every column of the tables behind the checks, and whether it holds words.
fn row_columns(measured: &Measured) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for table in measured.checks.iter().map(|check| &check.rows) {
        for row in &table.rows {
            for (name, cell) in table.columns.iter().zip(row) {
                let column = (name.clone(), matches!(cell, Cell::Text(_)));
                if !found.contains(&column) {
                    found.push(column);
                }
            }
        }
    }
    found
}

/// `None` if a column is missing or a value is none that [`to_records`] writes.
fn of_records(records: &Records) -> Option<Measured> {
    let word = |name: &str, row: usize| records.words(name)?.get(row)?.clone();
    let number = |name: &str, row: usize| *records.numbers(name)?.get(row)?;
    let rows = records.numbers("check")?.len();
    let mut checks: Vec<Check> = Vec::new();
    for row in 0..rows {
        let index = number("check", row)? as usize;
        if index == checks.len() {
            let pair = |low, high| Some((number(low, row)?, number(high, row)?));
            let plot = word("plot", row).map(|text| serde_json::from_str(&text));
            checks.push(Check {
                name: word("name", row)?,
                kind: Kind::named(&word("kind", row)?)?,
                measured: number("measured", row)?,
                interval95: pair("low95", "high95"),
                interval999: pair("low999", "high999"),
                predicted: number("predicted", row),
                band: pair("band_low", "band_high")?,
                verdict: Verdict::named(&word("verdict", row)?)?,
                note: word("note", row),
                rows: Table {
                    columns: serde_json::from_str(&word("columns", row)?).ok()?,
                    rows: Vec::new(),
                    plot: plot.transpose().ok()?,
                },
            });
        }
        let table = &mut checks.get_mut(index)?.rows;
        let cell = |name: &String| {
            let words = word(&column_name(name, true), row).map(Cell::Text);
            words.or_else(|| number(&column_name(name, false), row).map(Cell::Number))
        };
        let cells: Vec<Cell> = table.columns.iter().filter_map(cell).collect();
        if !cells.is_empty() {
            table.rows.push(cells);
        }
    }
    Some(Measured {
        id: word("statement", 0)?,
        size: Size::named(&word("size", 0)?)?,
        seed: word("seed", 0)?.parse().ok()?,
        sources: word("sources", 0)?,
        seconds: number("seconds", 0)?,
        checks,
        // Files of before there was training do not say it.
        is_finished: number("finished", 0) != Some(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::find;
    use crate::check::WorstRatio;
    use crate::estimate::Estimate;
    use crate::table::Plot;

    fn measured() -> Measured {
        let mut worst = WorstRatio::default();
        worst.see(0.5, 1.0, || "s = 1/2".into());
        let mut rows = Table::new(["who", "n", "k"]).drawn(Plot::log("n", "k").by("who").fitted());
        rows.row(["a".into(), 1_u64.into(), f64::INFINITY.into()]);
        rows.row(["b".into(), 0.1.into(), f64::NEG_INFINITY.into()]);
        let mut others = Table::new(["n", "who"]);
        others.row(["many".into(), 7_u64.into()]);
        Measured {
            id: "d1".into(),
            size: Size::Medium,
            seed: u64::MAX,
            sources: SOURCES.into(),
            seconds: 0.25,
            is_finished: false,
            checks: vec![
                Check::inequality("a, \"b\"", &worst),
                Check::slope("s", Estimate::new(0.1, 0.2, 3.0), (f64::NEG_INFINITY, 0.5))
                    .predicting(0.3)
                    .with_rows(rows),
                Check::probability("P", 3, 10, 0.25).with_rows(others),
                Check::constant("one value", &[1.0], 1.0, 0.1),
            ],
        }
    }

    #[test]
    fn a_measurement_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        measured().write(&path, "breadth lab run d1").unwrap();
        assert_eq!(Measured::read(&path).unwrap(), measured());
        let made = Provenance::read(&path).unwrap().unwrap();
        assert_eq!(made.command, "breadth lab run d1");
        assert_eq!(made.models, [("d1".to_owned(), SOURCES.to_owned())]);
    }

    #[test]
    fn a_measurement_that_does_not_say_whether_it_is_finished_is() {
        let mut records = to_records(&measured());
        assert!(!of_records(&records).unwrap().is_finished);
        records.columns.retain(|(name, _)| name != "finished");
        assert!(of_records(&records).unwrap().is_finished);
    }

    #[test]
    fn another_table_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let columns = vec![("check".to_owned(), Values::Numbers(vec![Some(0.0)]))];
        let records = Records { columns };
        records
            .write(&path, "other", &Provenance::default())
            .unwrap();
        let message = Measured::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("not a measurement of the lab"),
            "{message}"
        );
    }

    #[test]
    fn what_is_stored_and_current_is_not_measured_again() {
        let dir = tempfile::tempdir().unwrap();
        let results = Results::new(dir.path().join("deep").join("er"));
        let d2 = find("d2").unwrap();
        let cell = (Size::Small, 0);
        let measure = |again| {
            results
                .measure(&[d2], &results.runs(), cell, again, |_| ())
                .unwrap()
                .remove(0)
                .unwrap()
        };
        let first = measure(false);
        assert_eq!(first.verdict(), Verdict::Holds);
        assert!(results.age("d2", Size::Small, 0).unwrap() < Duration::from_secs(600));
        // A mark by which the stored one is known.
        let marked = Measured {
            seconds: 1e6,
            ..first.clone()
        };
        let path = results.path("d2", Size::Small, 0);
        marked.write(&path, "").unwrap();
        assert_eq!(measure(false).seconds, 1e6);
        assert!(measure(true).seconds < 1e6);
        let old = Measured {
            sources: "0".repeat(16),
            seconds: 1e6,
            ..first
        };
        old.write(&path, "").unwrap();
        assert!(measure(false).seconds < 1e6);
        let part = Measured {
            is_finished: false,
            sources: SOURCES.into(),
            ..old
        };
        part.write(&path, "").unwrap();
        assert!(measure(false).is_finished);
        std::fs::write(&path, "no Parquet").unwrap();
        assert!(results.stored("d2", Size::Small, 0).is_none());
        assert!(measure(false).seconds < 1e6);
        assert!(results.stored("d2", Size::Medium, 0).is_none());
    }
}
