//! What can go wrong with a registry, in words for operators.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bundle::BundleError;
use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use super::Location;
use super::login::Login;

/// Characters of a registry's own words that are passed on.
const LONGEST_MESSAGE: usize = 200;

/// A bundle could not be pulled or pushed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The login for the registry cannot be read.
    #[error("the login for {host} in {}: {reason}", file.display())]
    Login {
        /// The registry.
        host: String,
        /// Docker's file of logins.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nobody is there.
    #[error("the registry {host} cannot be reached: {reason}")]
    Unreachable {
        /// The registry.
        host: String,
        /// Why.
        reason: String,
    },
    /// It wants to know who asks.
    #[error(
        "the registry {host} lets nobody use {repository} without a login; \
         `docker login {host}` keeps one, or set registry_login"
    )]
    NoLogin {
        /// The registry.
        host: String,
        /// What was asked for.
        repository: String,
    },
    /// It knows who asks, and refuses.
    #[error("the registry {host} does not let {user} use {repository}; is the password right?")]
    Refused {
        /// The registry.
        host: String,
        /// The user.
        user: String,
        /// What was asked for.
        repository: String,
    },
    /// There is nothing.
    #[error("there is no {0}")]
    NotFound(Location),
    /// Something else is there.
    #[error("{location} is no bundle: {reason}")]
    NoBundle {
        /// Where.
        location: Location,
        /// What is there instead.
        reason: String,
    },
    /// Its parts are there, and make no bundle.
    #[error("{location}: {source}")]
    Bundle {
        /// Where.
        location: Location,
        /// Why.
        source: BundleError,
    },
    /// Other bytes came than were asked for.
    #[error("{location}: {part} is not what its digest says; it was changed on its way, or there")]
    Changed {
        /// Where.
        location: Location,
        /// What of it.
        part: &'static str,
    },
    /// More bytes would come, or did, than are taken.
    #[error("{location}: {part} has more than the {limit} bytes that are taken")]
    TooLong {
        /// Where.
        location: Location,
        /// What of it.
        part: &'static str,
        /// How many may come.
        limit: u64,
    },
    /// The connection ended too early.
    #[error("{location}: {part} was cut off after {came} of {size} bytes")]
    CutOff {
        /// Where.
        location: Location,
        /// What of it.
        part: &'static str,
        /// Bytes that came.
        came: u64,
        /// Bytes that there are.
        size: u64,
    },
    /// Nothing comes any more.
    #[error("the registry {host} did not answer within {}", humantime::format_duration(*limit))]
    TimedOut {
        /// The registry.
        host: String,
        /// How long it might take.
        limit: Duration,
    },
    /// Any other answer.
    #[error("the registry {host}: {reason}")]
    Other {
        /// The registry.
        host: String,
        /// What it said, or what was wrong with it.
        reason: String,
    },
}

impl RegistryError {
    /// What the client's error means to who asked for `location`.
    pub(super) fn of(location: &Location, login: &Login, error: OciDistributionError) -> Self {
        use OciDistributionError as E;
        let host = location.host().to_owned();
        match error {
            E::RequestError(error) => {
                let status = error.status().map(|status| status.as_u16());
                match status {
                    Some(status) => Self::of_status(location, login, status, String::new()),
                    None if error.is_connect() => Self::Unreachable {
                        host,
                        reason: causes(&error),
                    },
                    None => Self::Other {
                        host,
                        reason: causes(&error),
                    },
                }
            }
            E::AuthenticationFailure(_) | E::UnauthorizedError { .. } => {
                Self::of_status(location, login, 401, String::new())
            }
            E::RegistryError { envelope, .. } => {
                let reason = words(&envelope);
                Self::of_status(location, login, status_of(&envelope), reason)
            }
            E::ServerError { code, message, .. } => Self::of_status(location, login, code, message),
            E::DigestError(_) => Self::Changed {
                location: location.clone(),
                part: "the manifest",
            },
            error => Self::Other {
                host,
                reason: plain(&error.to_string()),
            },
        }
    }

    fn of_status(location: &Location, login: &Login, status: u16, message: String) -> Self {
        let host = location.host().to_owned();
        let repository = location.repository().to_owned();
        match (status, &login.user) {
            (401 | 403, None) => Self::NoLogin { host, repository },
            (401 | 403, Some(user)) => Self::Refused {
                host,
                user: user.clone(),
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

/// The status that goes with the registry's own errors, where it matters.
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

fn words(envelope: &OciEnvelope) -> String {
    let messages = envelope.errors.iter().map(|error| error.message.as_str());
    messages.collect::<Vec<_>>().join("; ")
}

/// Why, as far as it is known: the outermost words say only that something
/// failed.
fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut causes: Vec<String> = causes.map(ToString::to_string).collect();
    // Each may repeat those beneath it.
    causes.dedup_by(|inner, outer| outer.contains(inner.as_str()));
    match causes.is_empty() {
        true => plain(&error.to_string()),
        false => plain(&causes.join(": ")),
    }
}

/// Somebody else's words on one line, with nothing that a terminal obeys.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words.chars().filter(|c| !c.is_control());
    shown.take(LONGEST_MESSAGE).collect()
}
