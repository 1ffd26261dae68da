//! The fields of rotary positions: in the old form (`rope_theta`, `rope_scaling`) or the new
//! (`rope_parameters`).

use breadth_data::short;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::harmless;
use crate::error::Result;
use crate::model::rotary::{Rotary, Scaling};

/// What a family takes where the object of its rotary positions says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    pub theta: f64,
    pub share: Share,
    pub head_dim: usize,
    /// `max_position_embeddings`.
    pub positions: usize,
}

/// How much of a head turns.
#[derive(Clone, Copy, Debug)]
pub enum Share {
    /// All of it, as no code of the family reads `partial_rotary_factor`; here what the file says
    /// of it beside the object.
    Whole { beside: Option<f64> },
    /// What `partial_rotary_factor` says, or this.
    Part(f64),
}

impl Share {
    /// The share of a family that turns whole heads.
    pub fn whole(fields: &mut Fields) -> Result<Self> {
        let beside = fields.number("partial_rotary_factor")?;
        Ok(Self::Whole { beside })
    }

    /// The share where the object says `inside` and its angles are scaled or not.
    ///
    /// transformers' own angles of a family of whole heads have no share, and its scalings have
    /// one, so that a scaled model with a share does not run there (all of 5.x). Releases 4.45 to
    /// 4.57 run neither, and earlier ones read no share at all.
    fn of(self, fields: &mut Fields, inside: Option<f64>, is_scaled: bool) -> Result<f64> {
        const NAME: &str = "partial_rotary_factor";
        let beside = match self {
            Self::Part(usual) => return Ok(inside.unwrap_or(usual)),
            Self::Whole { beside } => beside,
        };
        match inside.or(beside) {
            Some(share) if share != 1.0 && is_scaled => Err(fields.error(format!(
                "config.json: {NAME} = {share} beside scaled rotary positions: transformers turns \
                 whole heads in this family and cannot scale a part of them; remove {NAME} if \
                 whole heads turn"
            ))),
            Some(share) => {
                if share != 1.0 {
                    fields.pass_over(NAME);
                }
                Ok(1.0)
            }
            None => Ok(1.0),
        }
    }
}

/// The one kind of rotary positions of a model.
pub fn read(fields: &mut Fields, usual: Usual) -> Result<Rotary> {
    let objects = objects(fields);
    either(fields, objects, |fields, object| of(fields, object, usual))
}

/// The objects of the old form and of the new.
pub fn objects(fields: &mut Fields) -> [Option<Value>; 2] {
    ["rope_scaling", "rope_parameters"].map(|name| fields.take(name))
}

/// What `of` makes of the one object that a file has; of two only if it makes the same of both.
///
/// transformers 5 takes the older one, and `rope_theta` from it or from beside it; a base that
/// stands in the newer one alone is lost, which no writer of the file can have meant.
pub fn either(
    fields: &mut Fields,
    [older, newer]: [Option<Value>; 2],
    of: impl Fn(&mut Fields, Option<Value>) -> Result<Rotary>,
) -> Result<Rotary> {
    let older = older.filter(|object| *object != Value::Object(Map::new()));
    if older.is_none() || newer.is_none() {
        return of(fields, older.or(newer));
    }
    let (older, newer) = (of(fields, older)?, of(fields, newer)?);
    if older == newer {
        Ok(older)
    } else {
        Err(fields.error(
            "config.json has both rope_scaling and rope_parameters, which say different things: \
             transformers 5 takes rope_scaling first and may lose the other's rope_theta, older \
             versions read rope_scaling alone; keep the one that is meant, with its rope_theta"
                .into(),
        ))
    }
}

/// Rotary positions from their object.
pub fn of(fields: &mut Fields, object: Option<Value>, usual: Usual) -> Result<Rotary> {
    let object = match object {
        None => Map::new(),
        Some(Value::Object(map)) => map,
        Some(other) => return fields.wrong("rope_scaling", &other, "an object"),
    };
    let Usual {
        head_dim,
        positions,
        ..
    } = usual;
    let mut inner = fields.replaced(object);
    let older = inner.take("type");
    let kind = inner.take("rope_type").or(older);
    let kind = kind.as_ref().map(Value::as_str);
    let is_scaled = !matches!(kind, None | Some(Some("default")));
    let theta = inner.number("rope_theta")?.unwrap_or(usual.theta);
    fields.above_zero("rope_theta", theta)?;
    let share = inner.number("partial_rotary_factor")?;
    let share = usual.share.of(fields, share, is_scaled)?;
    let width = (head_dim as f64 * share) as usize;
    let scaling = match kind {
        None | Some(Some("default")) => Scaling::None,
        Some(Some("linear")) => Scaling::Linear {
            factor: inner.factor()?,
        },
        Some(Some("llama3")) => Scaling::Llama3 {
            factor: inner.factor()?,
            low: inner.needed("low_freq_factor")?,
            high: inner.needed("high_freq_factor")?,
            original: inner.original_positions(positions)?,
        },
        Some(Some("yarn")) => inner.yarn(positions)?,
        // Other angles only beyond `max_position_embeddings`, and longer sequences are refused.
        Some(Some("dynamic")) => {
            inner.factor()?;
            Scaling::None
        }
        Some(Some("longrope" | "su")) => inner.long(positions, width)?,
        Some(other) => {
            let other = other.map_or(Value::Null, Value::from);
            return Err(fields.error(format!(
                "config.json: rope_type = {other}; this decoder has default, linear, dynamic, \
                 llama3, yarn and longrope only"
            )));
        }
    };
    // Some files say it for scalings that make nothing of it, inside the object or beside it.
    const ORIGINAL: &str = "original_max_position_embeddings";
    inner.take(ORIGINAL);
    if matches!(scaling, Scaling::None | Scaling::Linear { .. }) && fields.has_left(ORIGINAL) {
        fields.pass_over(ORIGINAL);
    }
    // Written by those who trained with YaRN, read by nobody.
    inner.take("finetuned");
    let rest = inner.rest();
    if let Some((name, value)) = rest.iter().find(|(name, v)| !harmless::is_off(name, v)) {
        return Err(fields.error(format!(
            "config.json: rotary positions have the field {name}, which breadth does not know; \
             scores could be wrong (its value is {})",
            short(&value.to_string())
        )));
    }
    Ok(Rotary::new(theta, width, scaling))
}

impl Fields {
    fn needed(&mut self, name: &str) -> Result<f64> {
        self.number(name)?
            .ok_or_else(|| self.error(format!("config.json: rotary positions have no {name}")))
    }

    /// How much longer texts may be than the original ones.
    fn factor(&mut self) -> Result<f64> {
        let factor = self.needed("factor")?;
        self.above_zero("factor", factor)
    }

    fn original_positions(&mut self, positions: usize) -> Result<f64> {
        let name = "original_max_position_embeddings";
        let original = self.number(name)?.unwrap_or(positions as f64);
        self.above_zero(name, original)
    }

    fn above_zero(&self, name: &str, value: f64) -> Result<f64> {
        match value > 0.0 {
            true => Ok(value),
            false => self.wrong(name, &json!(value), "above 0"),
        }
    }

    fn yarn(&mut self, positions: usize) -> Result<Scaling> {
        let original = self.original_positions(positions)?;
        let factor = self
            .number("factor")?
            .unwrap_or(positions as f64 / original);
        Ok(Scaling::Yarn {
            factor: self.above_zero("factor", factor)?,
            attention_factor: self.number("attention_factor")?,
            mscale: self.number("mscale")?.unwrap_or(0.0),
            mscale_all_dim: self.number("mscale_all_dim")?.unwrap_or(0.0),
            beta_fast: self.number("beta_fast")?.unwrap_or(32.0),
            beta_slow: self.number("beta_slow")?.unwrap_or(1.0),
            original,
            truncate: self.flag("truncate")?.unwrap_or(true),
        })
    }

    fn long(&mut self, positions: usize, width: usize) -> Result<Scaling> {
        let original = self.original_positions(positions)?;
        let factor = self
            .number("factor")?
            .unwrap_or(positions as f64 / original);
        Ok(Scaling::Long {
            short: self.divisors("short_factor", width.div_ceil(2))?,
            long: self.divisors("long_factor", width.div_ceil(2))?,
            attention_factor: self.number("attention_factor")?,
            factor: self.above_zero("factor", factor)?,
            original,
        })
    }

    fn divisors(&mut self, name: &str, count: usize) -> Result<Vec<f64>> {
        let value = self.take(name).unwrap_or_default();
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
        let is_good = numbers.iter().all(|divisor| *divisor > 0.0);
        if is_good && numbers.len() == count && list.len() == count {
            Ok(numbers)
        } else {
            self.wrong(name, &value, &format!("a list of {count} numbers above 0"))
        }
    }
}
