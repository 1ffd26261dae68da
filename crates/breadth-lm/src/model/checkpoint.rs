//! Checkpoints: a configuration and weights.

use std::path::Path;

use breadth_data::atomic;

use super::config::{Config, NormKind};
use super::layout::{Layout, Parameter};
use super::weights::WEIGHTS;
use crate::error::Result;
use crate::tree::{Array, Tree};

/// A model's sizes and weights, in host memory or mapped from its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Sizes.
    pub config: Config,
    /// Weights under their family's names (`transformer.wte.weight`,
    /// `model.layers.0.self_attn.q_proj.weight`, ..).
    pub weights: Tree,
}

impl Checkpoint {
    /// Fresh weights as GPT-2 draws them: normal with deviation 0.02, divided by `sqrt(2 layers)`
    /// for the two projections into the residual stream; biases 0, gains such that a normalisation
    /// only normalises.
    pub fn random(config: Config, rng: &mut impl rand::Rng) -> Self {
        use rand_distr::{Distribution, StandardNormal};
        let small = 0.02 / (2.0 * config.layers as f32).sqrt();
        let gain = match config.norm {
            NormKind::RmsPlusOne => 0.0,
            NormKind::Layer | NormKind::Rms => 1.0,
        };
        let layout = Layout::of(&config);
        let residual: Vec<&Parameter> = layout.residual().collect();
        let mut weights = Tree::default();
        for parameter in layout.parameters() {
            let n = parameter.shape.iter().product();
            let deviation = if residual.contains(&parameter) {
                small
            } else {
                0.02
            };
            let data: Vec<f32> = match parameter.shape.len() {
                2 => {
                    let draw = |_| deviation * Distribution::<f32>::sample(&StandardNormal, rng);
                    (0..n).map(draw).collect()
                }
                _ if parameter.name.ends_with(".bias") => vec![0.0; n],
                _ => vec![gain; n],
            };
            weights.insert(&parameter.name, Array::new(parameter.shape.clone(), data));
        }
        Self { config, weights }
    }

    /// Writes the folder whole or not at all; `extra` are further files by name (tokenizer, ..).
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, folder: &Path, extra: &[(&str, String)]) -> Result<()> {
        let weights = self.weights.to_safetensors(folder)?;
        let config = format!("{:#}\n", self.config.to_json());
        atomic::write_dir(folder, |dir| {
            std::fs::write(dir.join(WEIGHTS), &weights)?;
            std::fs::write(dir.join("config.json"), &config)?;
            for (name, text) in extra {
                let path = dir.join(name);
                std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
                std::fs::write(path, text)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}
