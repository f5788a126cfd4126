//! The `edge` command.

// `println!` panics when the reader of the output closes the pipe: see `cli::output`.
#![warn(clippy::print_stdout)]

mod cli;

use std::process::ExitCode;

use edge::printable;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.is::<cli::output::ReaderGone>() {
                return ExitCode::SUCCESS;
            }
            let message = message(&error);
            cli::output::complain(format_args!("edge: {}", printable::lines(&message)));
            cli::exit::code(&error)
        }
    }
}

/// Returns the message of an error with its causes. Messages of the library already contain theirs.
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
