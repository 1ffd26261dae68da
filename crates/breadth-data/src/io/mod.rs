//! Access to files: bytes and texts, Parquet, cells, and chunks of decoded rows.

pub(crate) mod cell;
pub(crate) mod chunk;
pub(crate) mod convert;
pub(crate) mod json;
pub(crate) mod open;
pub(crate) mod origins;
mod pages;
pub(crate) mod parquet;
mod thrift;
