//! The program `breadth`.

use std::process::ExitCode;

mod allocator;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    ExitCode::from(breadth::run(std::env::args_os()))
}
