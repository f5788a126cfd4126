//! Periodic work, as the manifest's `[[schedule]]` tables name it. Each piece is
//! bounded, and may be cut off and done again.

use edge_sdk::sql;

use crate::reviews::reviewers;
use crate::search::reconcile;

/// Why a piece of work was not finished.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no task {0:?}")]
    Unknown(String),
    #[error("reviewers were not named: {0}")]
    Reviewers(#[from] reviewers::NotNamed),
    #[error("the search index was not compared: {0}")]
    Search(#[from] sql::Error),
}

/// Does a piece of one of the manifest's tasks.
///
/// # Errors
/// Why it was not finished.
pub fn run(task: &str) -> Result<(), String> {
    let outcome = match task {
        "reviewers" => reviewers::name_some().map_err(Error::from),
        "search" => reconcile::step().map_err(Error::from),
        _ => Err(Error::Unknown(task.to_owned())),
    };
    outcome.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_other_tasks() {
        assert_eq!(run("tidy"), Err("there is no task \"tidy\"".to_owned()));
    }
}
