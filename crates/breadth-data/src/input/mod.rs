//! What the user named: tables and logs, found and read in order.

mod batches;
mod resolve;
mod table_paths;
mod waves;
mod work;

pub(crate) use batches::for_each_batch;
pub(crate) use resolve::expand_logs;
pub use table_paths::TablePaths;
pub(crate) use waves::for_each_chunk;
