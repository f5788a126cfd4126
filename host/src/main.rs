//! The `edge` command.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edge: {}", message(&error));
            cli::exit::code(&error)
        }
    }
}

/// What is wrong, with its causes. Messages of the library carry theirs.
fn message(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |message, cause| {
            match message.contains(&cause) {
                _ if message.is_empty() => cause,
                true => message,
                false => format!("{message}: {cause}"),
            }
        })
}
