//! The `breadth` binary as its users meet it: arguments and files in, text, JSON and exit status
//! out.

#[path = "../../../breadth-report/tests/fixture/browser.rs"]
mod browser;
mod checkpoints;
mod errors;
mod field;
mod formats;
mod held;
mod help;
mod hostile;
mod import;
mod interface;
mod lab;
mod limits;
mod models;
mod one_voice;
mod pass;
mod plan;
mod process;
mod profile;
mod promises;
mod reach;
mod report;
mod select;
mod support;
mod text;
mod verdict;
