//! Values that the operator has set and the manifest asks for.

use super::error;
use crate::Failure;
use crate::bindings::wasi::config::store as host;

/// A value could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl From<Error> for Failure {
    fn from(failed: Error) -> Self {
        error::internal("config", failed)
    }
}

/// Returns the value of `key`, if it is set.
///
/// # Errors
/// When the manifest does not ask for `key`.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    host::get(key).map_err(|error| match error {
        host::Error::Upstream(why) | host::Error::Io(why) => Error(why),
    })
}
