//! The program: the command line over the library.
use clap::Parser;
use mintmark::cli::Command;
use std::process::ExitCode;

/// Gives memory back: the system's keeps the tens of megabytes that each password hash takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
