//! The rows behind a check, and how they are drawn.

use std::fmt;

use breadth_analysis::number::without_zeros;
use serde::{Deserialize, Serialize};

/// A number or a word of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A number, possibly infinite or NaN.
    Number(f64),
    /// A word, such as the name of an estimator.
    Text(String),
}

impl From<f64> for Cell {
    fn from(value: f64) -> Cell {
        Cell::Number(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Cell {
        Cell::Number(value as f64)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Cell {
        Cell::Number(value as f64)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Cell {
        Cell::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Cell {
        Cell::Text(value)
    }
}

impl fmt::Display for Cell {
    /// Six significant digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Number(value) => f.write_str(&significant(*value)),
            Cell::Text(word) => f.write_str(word),
        }
    }
}

/// Six significant digits, with an exponent for very large and small numbers: `0.125`, `1.2e-9`.
pub fn significant(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    if !(-5.0..9.0).contains(&magnitude) {
        let text = format!("{value:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_zeros(digits));
    }
    let decimals = (5.0 - magnitude).max(0.0) as usize;
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// What a check measured, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns, each of numbers alone or of words alone.
    pub columns: Vec<String>,
    /// (rows, columns)
    pub rows: Vec<Vec<Cell>>,
    /// How it is drawn; `None` where a picture would show nothing.
    pub plot: Option<Plot>,
}

impl Table {
    /// A table without rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_lab::{Plot, Table};
    /// let mut table = Table::new(["model", "n", "Cov"]).drawn(Plot::log("n", "Cov").by("model"));
    /// table.row(["MLE".into(), 100_u64.into(), 0.01.into()]);
    /// assert_eq!(table.numbers("Cov"), [0.01]);
    /// ```
    pub fn new<const COLUMNS: usize>(columns: [&str; COLUMNS]) -> Table {
        Table {
            columns: columns.map(str::to_owned).to_vec(),
            ..Table::default()
        }
    }

    /// This table, drawn as `plot` says.
    ///
    /// # Panics
    ///
    /// If the plot names a column that the table does not have.
    pub fn drawn(mut self, plot: Plot) -> Table {
        for column in plot.columns() {
            assert!(self.column(column).is_some(), "no column named {column}");
        }
        self.plot = Some(plot);
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If it has not one cell for each column.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [Cell; COLUMNS]) {
        assert_eq!(cells.len(), self.columns.len(), "one cell for each column");
        self.rows.push(cells.to_vec());
    }

    /// Adds a row of numbers.
    ///
    /// # Panics
    ///
    /// If it has not one number for each column.
    pub fn numeric_row<const COLUMNS: usize>(&mut self, cells: [f64; COLUMNS]) {
        self.row(cells.map(Cell::Number));
    }

    /// The numbers of a column, without its words; none where there is no such column.
    pub fn numbers(&self, column: &str) -> Vec<f64> {
        let Some(index) = self.column(column) else {
            return Vec::new();
        };
        let number = |row: &Vec<Cell>| match &row[index] {
            Cell::Number(value) => Some(*value),
            Cell::Text(_) => None,
        };
        self.rows.iter().filter_map(number).collect()
    }

    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// Which columns of a table are drawn, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// The column along the horizontal axis.
    pub x: String,
    /// The column of the measured points.
    pub y: String,
    /// The column whose values tell curves apart.
    pub by: Option<String>,
    /// The column of what was predicted, drawn as a line.
    pub predicted: Option<String>,
    /// The column of the points' standard errors, drawn as bars of 95%.
    pub standard_error: Option<String>,
    /// The columns of the ends of bars, in place of standard errors.
    #[serde(default)]
    pub between: Option<(String, String)>,
    /// Whether each curve is fitted by least squares, on the axes as drawn.
    pub fitted: bool,
    /// Whether a line joins the points of each curve.
    #[serde(default)]
    pub joined: bool,
    /// Whether the horizontal axis is logarithmic.
    pub x_log: bool,
    /// Whether the vertical axis is logarithmic.
    pub y_log: bool,
}

impl Plot {
    /// `y` against `x`, both logarithmic, where a power law is a line.
    pub fn log(x: &str, y: &str) -> Plot {
        Plot {
            x_log: true,
            y_log: true,
            ..Plot::linear(x, y)
        }
    }

    /// `y` against the logarithm of `x`.
    pub fn log_x(x: &str, y: &str) -> Plot {
        Plot {
            x_log: true,
            ..Plot::linear(x, y)
        }
    }

    /// `y` against `x`.
    pub fn linear(x: &str, y: &str) -> Plot {
        Plot {
            x: x.to_owned(),
            y: y.to_owned(),
            by: None,
            predicted: None,
            standard_error: None,
            between: None,
            fitted: false,
            joined: false,
            x_log: false,
            y_log: false,
        }
    }

    /// One curve for each value of a column.
    pub fn by(mut self, column: &str) -> Plot {
        self.by = Some(column.to_owned());
        self
    }

    /// With a line through the column of what was predicted.
    pub fn against(mut self, column: &str) -> Plot {
        self.predicted = Some(column.to_owned());
        self
    }

    /// With bars from the column of standard errors.
    pub fn with_errors(mut self, column: &str) -> Plot {
        self.standard_error = Some(column.to_owned());
        self
    }

    /// With bars between two columns.
    pub fn between(mut self, low: &str, high: &str) -> Plot {
        self.between = Some((low.to_owned(), high.to_owned()));
        self
    }

    /// With a line through the points of each curve.
    pub fn joined(mut self) -> Plot {
        self.joined = true;
        self
    }

    /// With a line fitted to each curve.
    pub fn fitted(mut self) -> Plot {
        self.fitted = true;
        self
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        let optional = [&self.by, &self.predicted, &self.standard_error];
        let ends = self.between.iter().flat_map(|(low, high)| [low, high]);
        let optional = optional.into_iter().flatten().chain(ends);
        let optional = optional.map(String::as_str);
        [self.x.as_str(), self.y.as_str()]
            .into_iter()
            .chain(optional)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_kept_apart() {
        let mut table = Table::new(["who", "n"]);
        table.row(["a".into(), 3_usize.into()]);
        assert_eq!(table.numbers("n"), [3.0]);
        assert!(table.numbers("who").is_empty() && table.numbers("absent").is_empty());
    }

    #[test]
    fn cells_have_six_significant_digits() {
        let shown: Vec<String> = [0.5, 1e9, 1.25e-9, 123_456.0, 1234567.0, -0.0, f64::INFINITY]
            .map(significant)
            .to_vec();
        assert_eq!(
            shown,
            ["0.5", "1e9", "1.25e-9", "123456", "1234567", "-0", "inf"]
        );
        assert_eq!(Cell::from(2.0 / 3.0).to_string(), "0.666667");
        assert_eq!(significant(f64::NAN), "NaN");
    }

    #[test]
    #[should_panic(expected = "no column named k")]
    fn a_plot_of_an_absent_column_is_refused() {
        let _ = Table::new(["n"]).drawn(Plot::log("n", "k"));
    }
}
