//! Secrets: the shop's, from which others are derived, and those that no setting
//! provides, which are generated once and kept in the data folder.

mod data_folder;
mod error;
mod master;

pub use data_folder::{load_or_create, make_folder, private_folder, write_new};
pub use error::SecretError;
pub use master::{KeyRing, MasterSecret, fingerprint};

/// Length of a secret in bytes.
const LENGTH: usize = 32;
