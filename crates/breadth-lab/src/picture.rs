//! The picture of a check: measured points, fitted line, predicted line, from its table alone.

use breadth_report::{Curve, Plot as Drawing};

use crate::check::Check;
use crate::slope::line;
use crate::table::{Cell, Plot, Table};

/// The normal quantile of a 95% interval.
const SHOWN: f64 = 1.96;

/// The picture of a check; `None` if its table says nothing of how it is drawn, or has no numbers.
///
/// `stem`: a name that no other drawing of the page has.
pub fn picture(stem: &str, check: &Check) -> Option<Drawing> {
    let table = &check.rows;
    let plot = table.plot.as_ref()?;
    let curves: Vec<Curve> = groups(table, plot)
        .into_iter()
        .map(|(name, rows)| curve(name, &rows, table, plot))
        .filter(|curve| !curve.points.is_empty())
        .collect();
    let title = format!("{}: {} against {}", check.name, plot.y, plot.x);
    (!curves.is_empty()).then(|| Drawing {
        stem: stem.to_owned(),
        title,
        x: plot.x.clone(),
        y: plot.y.clone(),
        x_log: plot.x_log,
        y_log: plot.y_log,
        curves,
    })
}

/// The rows of each curve with its name, in the order of their first rows.
fn groups<'a>(table: &'a Table, plot: &Plot) -> Vec<(String, Vec<&'a [Cell]>)> {
    let by = plot
        .by
        .as_ref()
        .and_then(|name| Some((name, table.column(name)?)));
    let mut groups: Vec<(String, Vec<&[Cell]>)> = Vec::new();
    for row in &table.rows {
        let name = match by {
            Some((name, at)) => match &row[at] {
                Cell::Text(word) => word.clone(),
                number => format!("{name} = {number}"),
            },
            None => String::new(),
        };
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((name, vec![row])),
        }
    }
    groups
}

fn curve(name: String, rows: &[&[Cell]], table: &Table, plot: &Plot) -> Curve {
    let number = |row: &[Cell], column: &str| match row[table.column(column)?] {
        Cell::Number(value) if !value.is_nan() => Some(value),
        _ => None,
    };
    let along = |column: &str| {
        let at = |row: &&[Cell]| Some((number(row, &plot.x)?, number(row, column)?));
        rows.iter().filter_map(at).collect::<Vec<_>>()
    };
    let points = along(&plot.y);
    let errors = plot
        .standard_error
        .as_deref()
        .map(along)
        .unwrap_or_default();
    let bar = |((_, y), (_, error)): (&(f64, f64), &(f64, f64))| {
        let least = if plot.y_log { 0.0 } else { f64::NEG_INFINITY };
        ((y - SHOWN * error).max(least), y + SHOWN * error)
    };
    let ends = plot
        .between
        .iter()
        .flat_map(|(low, high)| along(low).into_iter().zip(along(high)))
        .map(|((_, low), (_, high))| (low, high));
    let ends: Vec<(f64, f64)> = ends.collect();
    let bars = if errors.len() == points.len() {
        points.iter().zip(&errors).map(bar).collect()
    } else if ends.len() == points.len() {
        ends
    } else {
        Vec::new()
    };
    let line = match (plot.fitted, plot.joined) {
        (true, _) => fitted(&points, plot),
        (false, true) => points.clone(),
        (false, false) => Vec::new(),
    };
    Curve {
        name,
        bars,
        predicted: plot.predicted.as_deref().map(along).unwrap_or_default(),
        fitted: line,
        points,
    }
}

/// The ends of the least-squares line on the axes as drawn.
fn fitted(points: &[(f64, f64)], plot: &Plot) -> Vec<(f64, f64)> {
    let to = |log: bool, value: f64| if log { value.ln() } else { value };
    let from = |log: bool, value: f64| if log { value.exp() } else { value };
    let placed: Vec<(f64, f64)> = points
        .iter()
        .map(|&(x, y)| (to(plot.x_log, x), to(plot.y_log, y)))
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let xs: Vec<f64> = placed.iter().map(|point| point.0).collect();
    let ys: Vec<f64> = placed.iter().map(|point| point.1).collect();
    let fit = line(&xs, &ys);
    let end = |x: f64| {
        let y = fit.intercept.value + fit.slope.value * x;
        y.is_finite()
            .then(|| (from(plot.x_log, x), from(plot.y_log, y)))
    };
    let least = xs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = xs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [least, most].into_iter().filter_map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Estimate;

    fn check(plot: Plot) -> Check {
        let mut rows = Table::new(["N", "n", "Cov", "se", "law"]).drawn(plot);
        for (n, cov) in [(10.0, 0.5), (100.0, 0.05), (1000.0, 0.005)] {
            rows.numeric_row([8.0, n, cov, 0.1, 5.0 / n]);
            rows.numeric_row([64.0, n, cov / 2.0, 0.0, 2.5 / n]);
        }
        let estimate = Estimate::exact(-1.0);
        Check::slope("slope", estimate, (-1.1, -0.9)).with_rows(rows)
    }

    #[test]
    fn curves_lines_and_bars_come_from_the_table() {
        let plot = Plot::log("n", "Cov")
            .by("N")
            .with_errors("se")
            .against("law")
            .fitted();
        let drawing = picture("a", &check(plot)).unwrap();
        let names: Vec<&str> = drawing.curves.iter().map(|curve| &curve.name[..]).collect();
        assert_eq!(names, ["N = 8", "N = 64"]);
        let curve = &drawing.curves[0];
        assert_eq!(curve.points[1], (100.0, 0.05));
        assert_eq!(curve.predicted[2], (1000.0, 0.005));
        assert_eq!(curve.bars[2].0, 0.0); // not below the logarithmic axis
        assert!((curve.bars[0].1 - 0.696).abs() < 1e-12);
        assert!(
            (curve.fitted[0].1 - 0.5).abs() < 1e-9 && (curve.fitted[1].0 - 1000.0).abs() < 1e-6
        );
    }

    #[test]
    fn no_plot_and_no_numbers_give_no_picture() {
        let mut bare = check(Plot::linear("n", "Cov"));
        assert!(picture("a", &bare).is_some());
        bare.rows.rows.clear();
        assert!(picture("a", &bare).is_none());
        bare.rows.plot = None;
        assert!(picture("a", &bare).is_none());
    }

    #[test]
    fn points_that_a_logarithm_cannot_hold_are_left_out_of_the_fit() {
        let ends = fitted(
            &[(1.0, 0.0), (10.0, 1.0), (100.0, 10.0)],
            &Plot::log("x", "y"),
        );
        assert!((ends[0].0 - 10.0).abs() < 1e-9 && (ends[1].1 - 10.0).abs() < 1e-9);
        assert!(fitted(&[(1.0, 1.0)], &Plot::linear("x", "y")).is_empty());
    }
}
