//! How rows are sampled: units of several rows, weights, groups of known shares.

use std::fmt;
use std::ops::Range;

use breadth_stats::{Design, stratified_weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::distributions::{Distribution, normal};

/// The rows of a unit.
#[derive(Clone, Copy, PartialEq)]
pub enum Rows {
    One,
    Equal(usize),
    /// 1 to 20, evenly.
    Unequal,
    /// 5, and the first unit as many as all the others together.
    HalfInOne,
}

/// The weights of units.
#[derive(Clone, Copy, PartialEq)]
pub enum Weights {
    Equal,
    /// 9 or 1, evenly.
    TwoKinds,
    /// With Kish's design effect 4.
    Lognormal,
    /// Log-uniform from 1 to 1e6.
    SixOrders,
    /// 1e6 for the first unit, 1 for the others.
    OneHuge,
}

impl Weights {
    /// A weight, and whether it is among the heavier half.
    fn draw(self, rng: &mut ChaCha8Rng, unit: usize) -> (f64, bool) {
        match self {
            Weights::Equal => (1.0, false),
            Weights::TwoKinds => {
                let heavy = rng.random_bool(0.5);
                (if heavy { 9.0 } else { 1.0 }, heavy)
            }
            Weights::Lognormal => {
                let log = 4.0_f64.ln().sqrt() * normal(rng);
                (log.exp(), log > 0.0)
            }
            Weights::SixOrders => {
                let orders = rng.random_range(0.0..6.0);
                (10.0_f64.powf(orders), orders > 3.0)
            }
            Weights::OneHuge => (if unit == 0 { 1e6 } else { 1.0 }, unit == 0),
        }
    }

    /// The part of the population's weight that its heavier half carries.
    fn heavy_share(self) -> f64 {
        match self {
            Weights::TwoKinds => 0.9,
            // Phi(sqrt(ln 4))
            Weights::Lognormal => 0.880_484_054_275,
            Weights::SixOrders => (1e6 - 1e3) / (1e6 - 1.0),
            Weights::Equal | Weights::OneHuge => panic!("weights without a population"),
        }
    }
}

/// One group of known share.
#[derive(Clone, Copy)]
pub struct Group {
    /// W; any for the only group.
    pub share: f64,
    pub units: usize,
    pub distribution: Distribution,
}

/// A design with the distribution of the units' values.
#[derive(Clone)]
pub struct Layout {
    pub groups: Vec<Group>,
    pub rows: Rows,
    pub weights: Weights,
    /// The distribution of the heavier half of the units (of those with more than 10 rows, where
    /// all weigh the same), where it is not that of their group.
    pub heavy: Option<Distribution>,
}

impl Layout {
    pub fn simple(units: usize, distribution: Distribution) -> Layout {
        let group = Group {
            share: 1.0,
            units,
            distribution,
        };
        Layout {
            groups: vec![group],
            rows: Rows::One,
            weights: Weights::Equal,
            heavy: None,
        }
    }

    pub fn strata(groups: &[(f64, usize, Distribution)]) -> Layout {
        let group = |&(share, units, distribution): &(f64, usize, Distribution)| Group {
            share,
            units,
            distribution,
        };
        Layout {
            groups: groups.iter().map(group).collect(),
            ..Layout::simple(0, Distribution::Hit(0.0))
        }
    }

    pub fn rows(self, rows: Rows) -> Layout {
        Layout { rows, ..self }
    }

    pub fn weights(self, weights: Weights) -> Layout {
        Layout { weights, ..self }
    }

    pub fn heavy(self, distribution: Distribution) -> Layout {
        Layout {
            heavy: Some(distribution),
            ..self
        }
    }

    pub fn has_strata(&self) -> bool {
        self.groups.len() > 1
    }

    /// The part of the population that its heavier half makes.
    pub fn heavy_share(&self) -> f64 {
        match self.weights {
            // Rows 11 to 20 of 1 to 20.
            Weights::Equal => 155.0 / 210.0,
            weights => weights.heavy_share(),
        }
    }

    /// The population mean of `of` a unit's distribution.
    pub fn truth(&self, of: impl Fn(Distribution) -> f64) -> f64 {
        let of_group = |group: &Group| match self.heavy {
            None => of(group.distribution),
            Some(heavy) => {
                let part = self.heavy_share();
                part * of(heavy) + (1.0 - part) * of(group.distribution)
            }
        };
        self.mean_of_groups(|group| of_group(&self.groups[group]))
    }

    /// The mean over groups, each with its share.
    pub fn mean_of_groups(&self, of: impl Fn(usize) -> f64) -> f64 {
        let total: f64 = self.groups.iter().map(|g| g.share).sum();
        let weighted = self
            .groups
            .iter()
            .enumerate()
            .map(|(at, g)| g.share * of(at));
        weighted.sum::<f64>() / total
    }

    /// The rows, their units and weights, without values.
    pub fn frame(&self, rng: &mut ChaCha8Rng) -> Frame {
        let mut units = Vec::new();
        let (mut within, mut strata) = (Vec::new(), Vec::new());
        for (group, of_group) in self.groups.iter().enumerate() {
            for unit in 0..of_group.units {
                let size = match self.rows {
                    Rows::One => 1,
                    Rows::Equal(size) => size,
                    Rows::Unequal => rng.random_range(1..=20),
                    Rows::HalfInOne if unit == 0 => 5 * (of_group.units - 1).max(1),
                    Rows::HalfInOne => 5,
                };
                let (weight, mut is_heavy) = self.weights.draw(rng, unit);
                if self.weights == Weights::Equal {
                    is_heavy = size > 10;
                }
                let distribution = self
                    .heavy
                    .filter(|_| is_heavy)
                    .unwrap_or(of_group.distribution);
                let first = within.len();
                within.extend(std::iter::repeat_n(weight, size));
                strata.extend(std::iter::repeat_n(group as u32, size));
                let rows = first..within.len();
                units.push(Unit {
                    group,
                    is_heavy,
                    distribution,
                    rows,
                });
            }
        }
        self.framed(units, within, strata)
    }

    fn framed(&self, units: Vec<Unit>, within: Vec<f64>, strata: Vec<u32>) -> Frame {
        let is_weighted = self.weights != Weights::Equal;
        let shares: Vec<f64> = self.groups.iter().map(|g| g.share).collect();
        let weights = match (self.has_strata(), is_weighted) {
            (true, _) => {
                Some(stratified_weights(&strata, &shares, is_weighted.then_some(&within)).unwrap())
            }
            (false, true) => Some(within),
            (false, false) => None,
        };
        let labels = units
            .iter()
            .enumerate()
            .flat_map(|(at, unit)| unit.rows.clone().map(move |_| at as u32));
        let clusters = (self.rows != Rows::One).then(|| labels.collect());
        Frame {
            count: strata.len(),
            units,
            weights,
            clusters,
            strata: self.has_strata().then_some(strata),
        }
    }
}

/// One unit of a sample.
pub struct Unit {
    pub group: usize,
    /// Of the heavier half by weight, or by rows where all weigh the same.
    pub is_heavy: bool,
    pub distribution: Distribution,
    pub rows: Range<usize>,
}

/// Rows to be filled with values.
pub struct Frame {
    pub count: usize,
    pub units: Vec<Unit>,
    pub weights: Option<Vec<f64>>,
    clusters: Option<Vec<u32>>,
    strata: Option<Vec<u32>>,
}

impl Frame {
    pub fn design(&self) -> Design<'_> {
        Design {
            weights: self.weights.as_deref(),
            clusters: self.clusters.as_deref(),
            strata: self.strata.as_deref(),
        }
    }

    /// The same value for all rows of a unit.
    pub fn values(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.count);
        for unit in &self.units {
            let value = unit.distribution.draw(rng);
            values.extend(unit.rows.clone().map(|_| value));
        }
        values
    }

    /// 0 or 1 for each row, with the unit's value as the chance.
    pub fn hits(&self, rng: &mut ChaCha8Rng) -> Vec<bool> {
        let values = self.values(rng);
        values.into_iter().map(|p| rng.random_bool(p)).collect()
    }
}

impl Layout {
    /// The design, with the distributions or without.
    pub fn text(&self, with_distributions: bool) -> String {
        let of = |distribution: Distribution| {
            if with_distributions {
                format!(", {distribution}")
            } else {
                String::new()
            }
        };
        let group = |g: &Group| {
            let of_group = of(g.distribution);
            format!("{} units of share {}{of_group}", g.units, g.share)
        };
        let mut parts: Vec<String> = self.groups.iter().map(group).collect();
        if let [only] = &self.groups[..] {
            parts = vec![format!("{} units{}", only.units, of(only.distribution))];
        }
        let rows = match self.rows {
            Rows::One => "",
            Rows::Equal(size) => &format!(", {size} rows each"),
            Rows::Unequal => ", 1 to 20 rows",
            Rows::HalfInOne => ", half of the rows in one",
        };
        let weights = match self.weights {
            Weights::Equal => "",
            Weights::TwoKinds => ", weights 9 and 1",
            Weights::Lognormal => ", lognormal weights",
            Weights::SixOrders => ", weights over six orders",
            Weights::OneHuge => ", one weight of 1e6",
        };
        let heavy = self
            .heavy
            .filter(|_| with_distributions)
            .map_or(String::new(), |distribution| {
                format!(", heavy ones {distribution}")
            });
        format!("{}{rows}{weights}{heavy}", parts.join(" + "))
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text(true))
    }
}
