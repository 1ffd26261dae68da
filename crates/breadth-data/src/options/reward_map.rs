//! Rewards of another scale than [0, 1].

use std::fmt;
use std::str::FromStr;

use crate::setting::Setting;

/// Which number of a log makes which reward: everything above 0 is right, or a range becomes [0,
/// 1].
///
/// Written as people say it: `>0`, `>=1`, `==1`, `<0.5`, `<=0` (right if so, else wrong), or
/// `min=-1,max=1`, which takes `r` to `(r - min) / (max - min)`.
///
/// ```
/// use breadth_data::RewardMap;
/// let sign: RewardMap = ">0".parse()?;
/// assert_eq!((sign.apply(-1.0), sign.apply(0.1)), (Ok(0.0), Ok(1.0)));
/// let range: RewardMap = "min=-1,max=1".parse()?;
/// assert_eq!(range.apply(0.5), Ok(0.75));
/// assert!(range.apply(1.5).is_err(), "outside of the range");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardMap(Map);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Map {
    Test(Comparison, f64),
    Range { min: f64, max: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Above,
    AtLeast,
    Equal,
    AtMost,
    Below,
}

/// How each comparison is written; the longer ones first, as the shorter begin them.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Equal),
];

impl RewardMap {
    /// The reward that a number stands for, in [0, 1].
    ///
    /// # Errors
    /// What is wrong, for a number that is NaN or outside of a range.
    pub fn apply(&self, value: f64) -> Result<f64, String> {
        if value.is_nan() {
            return Err("NaN is not a reward; remove the row".into());
        }
        match self.0 {
            Map::Test(comparison, than) => Ok(f64::from(u8::from(comparison.holds(value, than)))),
            Map::Range { min, max } if (min..=max).contains(&value) => {
                Ok((value - min) / (max - min))
            }
            Map::Range { .. } => Err(format!(
                "{value} is outside of {} {self}; widen the range, or say what counts as right \
                 ('>0')",
                Setting::RewardMap
            )),
        }
    }

    /// Whether it can make small numbers right and large ones wrong.
    pub(crate) fn favours_low(&self) -> bool {
        use Comparison::{AtMost, Below, Equal};
        matches!(self.0, Map::Test(AtMost | Below | Equal, _))
    }
}

impl Comparison {
    fn holds(self, value: f64, than: f64) -> bool {
        match self {
            Comparison::Above => value > than,
            Comparison::AtLeast => value >= than,
            Comparison::Equal => value == than,
            Comparison::AtMost => value <= than,
            Comparison::Below => value < than,
        }
    }
}

impl FromStr for RewardMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = test(text.trim()).or_else(|| range(text));
        parsed.map(Self).ok_or_else(|| {
            format!(
                "`{text}`: write >0, >=1, ==1, <0 or <=0 (what counts as right), or min=-1,max=1"
            )
        })
    }
}

fn finite(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

fn test(text: &str) -> Option<Map> {
    SIGNS.iter().find_map(|(sign, comparison)| {
        let than = finite(text.strip_prefix(sign)?)?;
        Some(Map::Test(*comparison, than))
    })
}

fn range(text: &str) -> Option<Map> {
    let (mut min, mut max) = (None, None);
    for part in text.split(',') {
        let (name, value) = part.split_once('=')?;
        let slot = match name.trim() {
            "min" => &mut min,
            "max" => &mut max,
            _ => return None,
        };
        if slot.replace(finite(value)?).is_some() {
            return None;
        }
    }
    let (min, max) = (min?, max?);
    (min < max).then_some(Map::Range { min, max })
}

impl fmt::Display for RewardMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Map::Test(comparison, than) => {
                let sign = SIGNS.iter().find(|(_, known)| *known == comparison);
                write!(f, "{}{than}", sign.map_or("", |(sign, _)| sign))
            }
            Map::Range { min, max } => write!(f, "min={min},max={max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RewardMap;

    fn of(map: &str, value: f64) -> Result<f64, String> {
        map.parse::<RewardMap>()?.apply(value)
    }

    #[test]
    fn comparisons_say_what_is_right() {
        for (map, value, reward) in [
            (">0", 0.0, 0.0),
            (">0", f64::INFINITY, 1.0),
            (" >= 1", 1.0, 1.0),
            ("==1", 1.1, 0.0),
            ("=1", 1.0, 1.0),
            ("<-2", -2.5, 1.0),
            ("<=0", 0.0, 1.0),
        ] {
            assert_eq!(of(map, value), Ok(reward), "{map} of {value}");
        }
        assert!(of(">0", f64::NAN).is_err());
    }

    #[test]
    fn a_range_becomes_0_to_1() {
        for (value, reward) in [(-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)] {
            assert_eq!(of("max=1, min=-1", value), Ok(reward));
        }
        let why = of("min=0,max=10", 11.0).unwrap_err();
        assert!(
            why.starts_with("11 is outside of `LogOptions::reward_map` min=0,max=10"),
            "{why}"
        );
    }

    #[test]
    fn slips_are_explained() {
        for map in [
            "",
            "0",
            ">",
            ">x",
            "min=0",
            "min=1,max=1",
            "min=2,max=1",
            "min=0,min=0,max=1",
            "top=1",
            ">nan",
        ] {
            let why = map.parse::<RewardMap>().unwrap_err();
            assert!(why.contains("write >0"), "{map}: {why}");
        }
    }

    #[test]
    fn it_is_shown_as_it_is_written() {
        for map in [">0", ">=0.5", "==1", "min=-1,max=1"] {
            assert_eq!(map.parse::<RewardMap>().unwrap().to_string(), map);
        }
    }
}
