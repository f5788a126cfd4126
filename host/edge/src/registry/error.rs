//! Errors of registries, as operators read them.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bundle::BundleError;
use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use super::Location;

/// Characters of a registry's own message that are shown.
const MAX_MESSAGE_CHARS: usize = 200;

/// Error of pulling or pushing a bundle.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The login for the registry cannot be read.
    #[error("the login for {host} in {}: {reason}", file.display())]
    Login {
        /// Host of the registry.
        host: String,
        /// Docker's configuration file.
        file: PathBuf,
        /// Error of reading the login.
        reason: String,
    },
    /// The registry cannot be reached.
    #[error("the registry {host} cannot be reached: {reason}")]
    Unreachable {
        /// Host of the registry.
        host: String,
        /// Error of the connection.
        reason: String,
    },
    /// The registry requires a login.
    #[error(
        "the registry {host} lets nobody use {repository} without a login; \
         `docker login {host}` keeps one, or set registry_login"
    )]
    NoLogin {
        /// Host of the registry.
        host: String,
        /// Repository that was requested.
        repository: String,
    },
    /// The registry refuses the login.
    #[error("the registry {host} does not let {user} use {repository}; is the password right?")]
    Refused {
        /// Host of the registry.
        host: String,
        /// Name of the user.
        user: String,
        /// Repository that was requested.
        repository: String,
    },
    /// The registry has no such bundle.
    #[error("there is no {0}")]
    NotFound(Location),
    /// The location holds something other than a bundle.
    #[error("{location} is no bundle: {reason}")]
    NoBundle {
        /// Location that was requested.
        location: Location,
        /// Fault that was found.
        reason: String,
    },
    /// The parts of the bundle are there, but do not make a valid one.
    #[error("{location}: {source}")]
    Bundle {
        /// Location that was requested.
        location: Location,
        /// Fault of the bundle.
        source: BundleError,
    },
    /// The bytes that arrived do not match their digest.
    #[error("{location}: {part} is not what its digest says; it was changed on its way, or there")]
    Changed {
        /// Location that was requested.
        location: Location,
        /// Name of the part: manifest, configuration or component.
        part: &'static str,
    },
    /// A part is longer than the limit.
    #[error("{location}: {part} has more than the {limit} bytes that are taken")]
    TooLong {
        /// Location that was requested.
        location: Location,
        /// Name of the part: manifest, configuration or component.
        part: &'static str,
        /// Greatest length in bytes.
        limit: u64,
    },
    /// The connection ended before the whole part had arrived.
    #[error("{location}: {part} was cut off after {came} of {size} bytes")]
    CutOff {
        /// Location that was requested.
        location: Location,
        /// Name of the part: manifest, configuration or component.
        part: &'static str,
        /// Bytes that arrived.
        came: u64,
        /// Length of the part in bytes.
        size: u64,
    },
    /// The registry did not answer in time.
    #[error("the registry {host} did not answer within {}", humantime::format_duration(*limit))]
    TimedOut {
        /// Host of the registry.
        host: String,
        /// Time limit that passed.
        limit: Duration,
    },
    /// The registry returned any other error.
    #[error("the registry {host}: {reason}")]
    Other {
        /// Host of the registry.
        host: String,
        /// Message of the registry, or the fault in its reply.
        reason: String,
    },
}

impl RegistryError {
    /// Converts the client's error about `location`, which was used with the login of `user`, or
    /// anonymously.
    pub(super) fn from_client(
        location: &Location,
        user: Option<&str>,
        error: OciDistributionError,
    ) -> Self {
        use OciDistributionError as E;
        let from_status =
            |status, message: &str| Self::from_status(location, user, status, message);
        let other = |reason| Self::Other {
            host: location.host().to_owned(),
            reason,
        };
        match error {
            E::RequestError(error) => match error.status() {
                Some(status) => from_status(status.as_u16(), ""),
                None if error.is_connect() => Self::Unreachable {
                    host: location.host().to_owned(),
                    reason: causes(&error),
                },
                None => other(causes(&error)),
            },
            E::AuthenticationFailure(_) | E::UnauthorizedError { .. } => from_status(401, ""),
            E::RegistryError { envelope, .. } => {
                from_status(status_of(&envelope), &messages(&envelope))
            }
            E::ServerError { code, message, .. } => from_status(code, &message),
            E::DigestError(_) => Self::Changed {
                location: location.clone(),
                part: "the manifest",
            },
            error => other(plain(&error.to_string())),
        }
    }

    fn from_status(location: &Location, user: Option<&str>, status: u16, message: &str) -> Self {
        let host = location.host().to_owned();
        let repository = location.repository().to_owned();
        match (status, user) {
            (401 | 403, None) => Self::NoLogin { host, repository },
            (401 | 403, Some(user)) => Self::Refused {
                host,
                user: user.to_owned(),
                repository,
            },
            (404, _) => Self::NotFound(location.clone()),
            (status, _) => Self::Other {
                host,
                reason: plain(&format!("it answers {status} {message}")),
            },
        }
    }
}

/// Returns the HTTP status that corresponds to the first of the registry's error codes; 400 for
/// other codes.
fn status_of(envelope: &OciEnvelope) -> u16 {
    let codes = envelope.errors.iter().map(|error| &error.code);
    let statuses = codes.map(|code| match code {
        OciErrorCode::Unauthorized => 401,
        OciErrorCode::Denied => 403,
        OciErrorCode::ManifestUnknown
        | OciErrorCode::NameUnknown
        | OciErrorCode::BlobUnknown
        | OciErrorCode::NotFound => 404,
        OciErrorCode::Toomanyrequests => 429,
        _ => 400,
    });
    statuses.into_iter().next().unwrap_or(400)
}

fn messages(envelope: &OciEnvelope) -> String {
    let messages = envelope.errors.iter().map(|error| error.message.as_str());
    messages.collect::<Vec<_>>().join("; ")
}

/// Returns the causes of an error, whose outermost message says only that something failed; that
/// message if there are none.
fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut causes: Vec<String> = causes.map(ToString::to_string).collect();
    // Each message may repeat those of its causes.
    causes.dedup_by(|inner, outer| outer.contains(inner.as_str()));
    match causes.is_empty() {
        true => plain(&error.to_string()),
        false => plain(&causes.join(": ")),
    }
}

/// Returns untrusted text on one line, without control characters and shortened.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words.chars().filter(|c| !c.is_control());
    shown.take(MAX_MESSAGE_CHARS).collect()
}
