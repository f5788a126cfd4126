//! Counters that operators see: what the plugin alone knows, such as orders
//! that were placed. The manifest declares each, with every value of its
//! labels:
//!
//! ```toml
//! [metrics.books_lent_total]
//! help = "Books that were lent."
//! labels = { shelf = ["new", "old"] }
//! ```

use crate::bindings::edge::platform::metrics as host;

/// Why the host did not count.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The manifest does not declare it so.
    #[error("not declared: {0}")]
    Denied(String),
    /// The request has no calls into the host left.
    #[error("too large: {0}")]
    TooLarge(String),
}

/// Adds `n` to a counter under these labels, all that it has.
///
/// # Errors
/// A mistake of the plugin, or of its manifest.
pub fn add(name: &str, labels: &[(&str, &str)], n: u64) -> Result<(), Error> {
    let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    let labels: Vec<_> = labels.iter().map(owned).collect();
    host::add(name, &labels, n).map_err(|error| match error {
        host::Error::Denied(what) => Error::Denied(what),
        host::Error::TooLarge(limit) => Error::TooLarge(limit),
    })
}

/// Counts one more. What is counted is done already, and a failure to count
/// it shows in the log alone.
pub fn count(name: &str, labels: &[(&str, &str)]) {
    if let Err(error) = add(name, labels, 1) {
        eprintln!("{name} was not counted: {error}");
    }
}
