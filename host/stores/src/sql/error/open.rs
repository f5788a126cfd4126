//! Reasons that a database could not be opened.

use super::{is_transient, sqlite};

/// Reason that a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is malformed.
    #[error("database {url} has a malformed URL: {source}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// Syntax error in the URL.
        source: UrlError,
    },
    /// The database does not answer, or refuses the connection.
    #[error("database {url} cannot be opened: {source}")]
    Connect {
        /// The URL, without its password.
        url: String,
        /// Error of the driver or of the file system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refuses the connection, and the operator can correct the
    /// cause.
    #[error("database {url} cannot be opened: {source} ({advice})")]
    Refused {
        /// The URL, without its password.
        url: String,
        /// Error of the driver.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Correction suggested to the operator.
        advice: &'static str,
    },
    /// The server is too old, or its settings do not suit a node.
    #[error("database {url} cannot be used: {source}")]
    Unsupported {
        /// The URL, without its password.
        url: String,
        /// Version or setting that does not suit.
        source: UnsupportedServer,
    },
    /// The directory of a database file cannot be created.
    #[error("database {url}: its folder cannot be made: {source}")]
    Folder {
        /// The URL of the file.
        url: String,
        /// Error of the file system.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Returns whether a later attempt may succeed: the database did not
    /// answer, or its disk failed. A refused connection is not transient.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let Self::Connect { source, .. } = self else {
            return false;
        };
        if let Some(error) = source.downcast_ref::<sqlx::Error>() {
            return is_transient(error);
        }
        if let Some(error) = source.downcast_ref::<rusqlite::Error>() {
            return sqlite::may_open_later(error);
        }
        let error = source.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
    }

    /// Returns whether the error concerns connecting, as opposed to the URL,
    /// the directory or the server's suitability.
    #[must_use]
    pub fn is_about_connecting(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Refused { .. })
    }
}

/// Error in a database's URL. No message quotes its user or password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The driver cannot parse the URL.
    #[error(
        "{0}; write `#`, `/`, `?`, `@`, `:` and `%` of a password as %23, %2F, %3F, %40, %3A and %25"
    )]
    Malformed(sqlx::Error),
    /// A parameter is given twice.
    #[error("it has the parameter {0} twice; which one counts?")]
    Twice(&'static str),
    /// The URL names no database.
    #[error("it names no database: mysql://user@host:3306/DATABASE")]
    NoDatabase,
    /// The parameter is not known.
    #[error(
        "it has the parameter {0}, which is not known; known are ssl-mode, ssl-ca, ssl-cert, ssl-key, socket and password-file"
    )]
    Unknown(String),
    /// The parameter `charset` has a value other than utf8mb4.
    #[error("the parameter charset is always utf8mb4")]
    Charset,
    /// The URL has both a password and a password file.
    #[error("it has a password and a password-file; which one counts?")]
    TwoPasswords,
    /// An issuer's certificate is named, but `ssl-mode` turns verification off.
    #[error(
        "it names ssl-ca, but by its ssl-mode no certificate is checked; use ssl-mode=VERIFY_IDENTITY, or VERIFY_CA"
    )]
    UncheckedCertificate,
    /// The file of certificates cannot be used.
    #[error("ssl-ca={path}: {why}")]
    Certificates {
        /// Path of the file.
        path: String,
        /// Error of reading or parsing the file.
        why: String,
    },
}

/// Reason that a server which answers is not used.
#[derive(Debug, thiserror::Error)]
pub enum UnsupportedServer {
    /// The version is too old.
    #[error("its version is {version}; MySQL 8.0 or newer is needed, or MariaDB 10.5 or newer")]
    Version {
        /// Version string of the server.
        version: String,
    },
    /// The server speaks MySQL's protocol but is another product.
    #[error(
        "it is {product} (version {version}), which is not supported; MySQL 8.0 or newer is needed, or MariaDB 10.5 or newer"
    )]
    Product {
        /// Name of the product.
        product: &'static str,
        /// Version string of the server.
        version: String,
    },
    /// The server's `max_allowed_packet` is too small.
    #[error(
        "it takes packets of {bytes} bytes (max_allowed_packet); at least 1048576 are needed, and 16777216 or more are better"
    )]
    Packet {
        /// The server's `max_allowed_packet`, in bytes.
        bytes: u64,
    },
}
