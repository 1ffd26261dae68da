//! Training: a configuration in, a run folder out; killed at any moment, it goes on where it was.

mod batch;
pub mod config;
mod gradient;
mod inputs;
mod objective;
mod rl;
pub mod run;
mod source;
mod statement;
mod teacher;
mod teacher_distribution;
mod trainer;

pub use batch::Pair;
pub use config::TrainConfig;
pub use gradient::value_and_gradient;
pub use inputs::resume_remark;
pub use objective::{Objective, ObjectiveName, ResponseSource, Targets, Unit};
pub use rl::{Algorithm, RlConfig};
pub use run::State;
pub use source::Source;
pub use trainer::{Progress, train, train_while};
