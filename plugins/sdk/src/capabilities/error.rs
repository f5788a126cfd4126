//! Failures that are not the client's fault: it sees no more than a status, and
//! the reason goes to the log.

use std::fmt::Display;

use crate::Failure;

const INTERNAL: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");
const UNAVAILABLE: Failure = Failure::new(
    503,
    "HTTP_503",
    "The service is not available. Please try again.",
);

/// A mistake of the plugin: the reason goes to the log, and the client sees no
/// more than 500.
pub(crate) fn internal(capability: &str, reason: impl Display) -> Failure {
    // The host logs what a plugin writes here.
    eprintln!("{capability}: {reason}");
    INTERNAL
}

/// Something is down or busy: 503, worth another try in a second. The reason
/// goes to the log.
pub(crate) fn unavailable(capability: &str, reason: impl Display) -> Failure {
    eprintln!("{capability}: {reason}");
    UNAVAILABLE.header("retry-after", "1")
}
