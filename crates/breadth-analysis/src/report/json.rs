//! How numbers of `breadth-stats` look in JSON: infinite ones are the strings `"inf"`, `"-inf"`.

use breadth_stats::{CoveragePoint, Estimate, Level};
use serde::{Serialize, Serializer};

use crate::number::{Interval, Number};

#[derive(Serialize)]
struct LevelJson {
    n: Number,
    log_n: Number,
}

#[derive(Serialize)]
struct PointJson {
    n: Number,
    log_n: Number,
    cov: f64,
    low: f64,
    high: f64,
    band_low: f64,
    band_high: f64,
}

fn point_json(point: &CoveragePoint) -> PointJson {
    PointJson {
        n: Number(point.level.n()),
        log_n: Number(point.level.log_n()),
        cov: point.cov,
        low: point.low,
        high: point.high,
        band_low: point.band_low,
        band_high: point.band_high,
    }
}

pub(crate) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

pub(crate) fn level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    LevelJson {
        n: Number(level.n()),
        log_n: Number(level.log_n()),
    }
    .serialize(serializer)
}

pub(crate) fn estimate<S: Serializer>(
    estimate: &Option<Estimate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    estimate.map(Interval::from).serialize(serializer)
}

pub(crate) fn coverage<S: Serializer>(
    points: &[CoveragePoint],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(points.iter().map(point_json))
}
