//! Models behind servers: vLLM, SGLang, llama.cpp, and others that name token ids.
//!
//! Token ids go out and log-probabilities come back, so that no server tokenizes anything: the
//! boundary between prompt and response is ours. Everything that a reply says about itself is
//! checked (ids, counts, the null of the first token), and before the first score [`Server::probe`]
//! compares a server's scores with what it generates. What is off is an error that says what was
//! seen.
//!
//! Requests run on plain threads. What comes out depends on the data and the servers, not on the
//! order of the answers: results are kept by number, a failed request is repeated after a pause
//! from a named random stream, and the share of a server that fell silent goes to the others. A
//! server itself may round differently in different batches; the probe measures that.

mod address;
#[cfg(feature = "server")]
mod client;
#[cfg(not(feature = "server"))]
#[path = "no_client.rs"]
mod client;
mod command;
mod completions;
mod generate;
mod http;
mod identity;
mod kinds;
mod launch;
mod limits;
mod line;
mod llama_cpp;
mod model;
mod open;
mod openai;
mod pool;
mod probe;
mod protocol;
mod reply;
mod report;
mod sglang;
mod vllm;

pub use address::Address;
pub use command::{ServeCommand, Target};
pub use generate::TokenLogProb;
pub use launch::Launched;
pub use limits::{Limits, Tell};
pub use model::Server;
pub use protocol::ServerKind;
pub use report::{Check, HostReport, Report, Verdict};
