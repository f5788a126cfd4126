//! Parses URLs of MySQL servers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use url::{Host, Url};

use super::login::Login;
use crate::sql::error::UrlError;

/// Prepared statements that a connection caches.
const CACHED_STATEMENTS: usize = 256;

/// Query parameters of a URL that are read here and not by the driver.
#[derive(Debug, Default)]
struct Parameters {
    password_file: Option<PathBuf>,
    ssl_ca: Option<String>,
    has_ssl_mode: bool,
}

/// A URL, parsed and checked.
pub(super) struct ParsedUrl {
    pub(super) options: MySqlConnectOptions,
    pub(super) login: Login,
}

/// Parses `url`, and checks the certificates that it names.
///
/// # Errors
/// When a part of the URL is wrong, contradicts another or is not known.
pub(super) fn parse(url: &str) -> Result<ParsedUrl, UrlError> {
    let options = MySqlConnectOptions::from_str(url).map_err(UrlError::Malformed)?;
    let options = with_database_name(options)?;
    let parsed = Url::parse(url)
        .map_err(|error| UrlError::Malformed(sqlx::Error::Configuration(error.into())))?;
    let parameters = parameters(&parsed)?;
    if parameters.password_file.is_some() && parsed.password().is_some() {
        return Err(UrlError::TwoPasswords);
    }
    let options = match &parameters.ssl_ca {
        None => options,
        Some(file) => {
            check_certificates(file)?;
            with_checked_certificates(options, parameters.has_ssl_mode)?
        }
    };
    let options = with_host(options, &parsed);
    Ok(ParsedUrl {
        options: without_session_settings(options),
        login: Login::from_url(&parsed, parameters.password_file),
    })
}

/// Removes a final slash from the name of the database, which a URL must have.
fn with_database_name(options: MySqlConnectOptions) -> Result<MySqlConnectOptions, UrlError> {
    let name = options.get_database().unwrap_or_default();
    let name = name.strip_suffix('/').unwrap_or(name).to_owned();
    match name.is_empty() {
        true => Err(UrlError::NoDatabase),
        false => Ok(options.database(&name)),
    }
}

/// Sets the host of an IPv6 address: sqlx keeps its brackets, and would resolve
/// it as a host name.
fn with_host(options: MySqlConnectOptions, url: &Url) -> MySqlConnectOptions {
    match url.host() {
        Some(Host::Ipv6(address)) => options.host(&address.to_string()),
        _ => options,
    }
}

/// Turns off the settings that sqlx makes for each session: `session` sets these
/// and many more in one round trip.
fn without_session_settings(options: MySqlConnectOptions) -> MySqlConnectOptions {
    options
        .statement_cache_capacity(CACHED_STATEMENTS)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .disable_statement_logging()
}

fn parameters(url: &Url) -> Result<Parameters, UrlError> {
    let mut found = Parameters::default();
    let mut seen = BTreeSet::new();
    for (key, value) in url.query_pairs() {
        let name = match &*key {
            "ssl-mode" | "sslmode" => "ssl-mode",
            "ssl-ca" | "sslca" => "ssl-ca",
            "ssl-cert" | "sslcert" => "ssl-cert",
            "ssl-key" | "sslkey" => "ssl-key",
            "password-file" => "password-file",
            "socket" => "socket",
            "charset" if value == "utf8mb4" => "charset",
            "charset" => return Err(UrlError::Charset),
            other => return Err(UrlError::Unknown(other.to_owned())),
        };
        if !seen.insert(name) {
            return Err(UrlError::Twice(name));
        }
        match name {
            "ssl-mode" => found.has_ssl_mode = true,
            "ssl-ca" => found.ssl_ca = Some(value.into_owned()),
            "password-file" => found.password_file = Some(PathBuf::from(&*value)),
            _ => {}
        }
    }
    Ok(found)
}

/// Turns certificate verification on if an issuer is named; the driver verifies
/// nothing by default.
fn with_checked_certificates(
    options: MySqlConnectOptions,
    has_ssl_mode: bool,
) -> Result<MySqlConnectOptions, UrlError> {
    match options.get_ssl_mode() {
        MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity => Ok(options),
        _ if has_ssl_mode => Err(UrlError::UncheckedCertificate),
        _ => Ok(options.ssl_mode(MySqlSslMode::VerifyIdentity)),
    }
}

/// Checks the file of certificates. The driver reads the file again for each
/// connection, and its own errors do not name it.
fn check_certificates(file: &str) -> Result<(), UrlError> {
    let fail = |why: String| UrlError::Certificates {
        path: file.to_owned(),
        why,
    };
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| fail(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    match certificates {
        Ok(some) if !some.is_empty() => Ok(()),
        Ok(_) => Err(fail("it holds no certificate".to_owned())),
        Err(error) => Err(fail(error.to_string())),
    }
}
