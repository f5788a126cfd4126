//! The `edge` command.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Messages of the library carry their causes.
            eprintln!("edge: {error}");
            ExitCode::FAILURE
        }
    }
}
