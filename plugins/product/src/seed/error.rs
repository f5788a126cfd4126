//! Errors of filling the catalog.

use edge_sdk::sql;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Sql(#[from] sql::Error),
    #[error("the starter catalog: {0}")]
    Catalog(#[from] serde_json::Error),
    #[error("the starter catalog has nothing of the name {0:?}")]
    Unknown(String),
}
