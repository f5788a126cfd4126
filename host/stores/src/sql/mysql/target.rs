//! Parses URLs of MySQL servers, and opens single connections.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};
use url::{Host, Url};

use super::session::Sessions;
use crate::source::Source;
use crate::sql::error::{OpenError, redacted_url};

/// Prepared statements that a connection caches.
const STATEMENTS_KEPT: usize = 256;

/// Address of a server, with TLS options and credentials.
#[derive(Clone)]
pub(in crate::sql) struct Target {
    options: MySqlConnectOptions,
    login: Login,
    /// Source from which the URL is read again, if it comes from a file.
    source: Option<Source>,
    sessions: Arc<Sessions>,
}

/// Credentials of a URL, which may change while a node runs.
#[derive(Clone)]
struct Login {
    user: Option<String>,
    password: Option<String>,
    /// File that is read for each connection, since its password may change.
    password_file: Option<PathBuf>,
}

/// Prints the address only, since everything else may be secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.address()).finish()
    }
}

/// Query parameters of a URL that are read here and not by the driver.
#[derive(Debug, Default)]
struct Parameters {
    password_file: Option<PathBuf>,
    ssl_ca: Option<String>,
    has_ssl_mode: bool,
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

impl Target {
    /// Parses `url`, and checks the certificates that it names.
    ///
    /// # Errors
    /// When a part of the URL is wrong, contradicts another or is not known.
    pub(in crate::sql) fn parse(url: &str) -> Result<Self, OpenError> {
        read(url).map_err(|source| OpenError::Url {
            url: redacted_url(url),
            source,
        })
    }

    /// Returns a target that reads the user and the password from the URL in
    /// `source` for each new connection. The rest of the URL is not read again:
    /// a pool never connects to two servers.
    pub(in crate::sql) fn reading(self, source: Source) -> Self {
        Self {
            source: source.is_file().then_some(source),
            ..self
        }
    }

    /// Opens a connection and prepares its session.
    ///
    /// # Errors
    /// Errors of the driver; also when the password file cannot be read.
    pub(in crate::sql) async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = self.connect_raw().await?;
        self.prepare(&mut connection).await?;
        Ok(connection)
    }

    /// Sets the session variables that the node relies on.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub(super) async fn prepare(&self, connection: &mut MySqlConnection) -> sqlx::Result<()> {
        self.sessions.prepare(connection).await
    }

    /// Returns the host and port of the server, as `host:port`.
    pub(in crate::sql) fn address(&self) -> String {
        format!("{}:{}", self.options.get_host(), self.options.get_port())
    }

    /// Opens a connection without preparing its session.
    pub(super) async fn connect_raw(&self) -> sqlx::Result<MySqlConnection> {
        let login = match &self.source {
            None => self.login.clone(),
            Some(source) => login_in(source.clone()).await?,
        };
        let options = login.apply_to(self.options.clone()).await?;
        options.connect().await
    }

    /// Returns advice for correcting `error`, a refusal of this server; `None`
    /// if the error says enough.
    pub(super) fn advice(&self, error: &sqlx::Error) -> Option<&'static str> {
        let is_plain = matches!(self.options.get_ssl_mode(), MySqlSslMode::Disabled);
        match error {
            sqlx::Error::Database(error) => {
                let mysql = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
                match mysql.number() {
                    1045 if is_plain => Some(
                        "the password may be wrong, or the user may need TLS, which ssl-mode=DISABLED forbids",
                    ),
                    3159 => {
                        Some("the server takes connections with TLS alone: drop ssl-mode=DISABLED")
                    }
                    _ => None,
                }
            }
            sqlx::Error::Io(error) => {
                let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
                match error {
                    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                        Some("name a PEM file with the certificate of its issuer: ssl-ca=...")
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Login {
    fn of(url: &Url, password_file: Option<PathBuf>) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(url.username()).filter(|user| !user.is_empty());
        Self {
            user: user.map(plain),
            password: url.password().map(plain),
            password_file,
        }
    }

    async fn apply_to(self, options: MySqlConnectOptions) -> sqlx::Result<MySqlConnectOptions> {
        let options = match &self.user {
            Some(user) => options.username(user),
            None => options,
        };
        let password = match &self.password_file {
            None => self.password,
            Some(file) => {
                let read = tokio::fs::read_to_string(file).await;
                let text = read.map_err(|error| {
                    unreadable(format!("password-file={}: {error}", file.display()))
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        Ok(match password {
            Some(password) => options.password(&password),
            None => options,
        })
    }
}

/// Reads the current credentials of the URL in `source`.
async fn login_in(source: Source) -> sqlx::Result<Login> {
    let reading = move || {
        let url = source
            .read()
            .map_err(|error| format!("the database's URL: {error}"))?;
        let target = read(&url);
        let login = target.map(|target| target.login);
        login.map_err(|error| format!("the database's URL in its file: {error}"))
    };
    let login = tokio::task::spawn_blocking(reading).await;
    let login = login.map_err(|error| unreadable(error.to_string()))?;
    login.map_err(unreadable)
}

/// Returns the error of a connection that could not be opened because a file
/// could not be read.
fn unreadable(why: String) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(why))
}

fn read(url: &str) -> Result<Target, UrlError> {
    let malformed = |error: sqlx::Error| UrlError::Malformed(error);
    let options = MySqlConnectOptions::from_str(url).map_err(malformed)?;
    let options = match options
        .get_database()
        .and_then(|name| name.strip_suffix('/'))
    {
        Some(name) => options.clone().database(name),
        None => options,
    };
    let parsed = Url::parse(url)
        .map_err(|error| UrlError::Malformed(sqlx::Error::Configuration(error.into())))?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(UrlError::NoDatabase);
    }
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
    // sqlx keeps the brackets of an IPv6 address, and would resolve it as a
    // host name.
    let options = match parsed.host() {
        Some(Host::Ipv6(address)) => options.host(&address.to_string()),
        _ => options,
    };
    let options = options
        .statement_cache_capacity(STATEMENTS_KEPT)
        // `session` sets these and many more in one round trip.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .disable_statement_logging();
    Ok(Target {
        options,
        login: Login::of(&parsed, parameters.password_file),
        source: None,
        sessions: Arc::default(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(parameters: &str) -> String {
        let url = format!("mysql://shop@db/shop?{parameters}");
        Target::parse(&url).expect_err(parameters).to_string()
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (parameters, part) in [
            ("ssl_mode=REQUIRED", "ssl_mode"),
            ("useSSL=true", "useSSL"),
            ("timezone=%2B08:00", "timezone"),
            ("ssl-mode=ON", "ssl"),
            ("charset=latin1", "utf8mb4"),
            ("ssl-ca=/no/such/file", "/no/such/file"),
            ("ssl-ca=/dev/null", "no certificate"),
            ("ssl-mode=VERIFY_IDENTITY&sslmode=DISABLED", "twice"),
        ] {
            let message = refusal(parameters);
            assert!(message.contains(part), "{parameters}: {message}");
        }
    }

    #[test]
    fn a_url_names_a_database() {
        for url in ["mysql://shop@db", "mysql://shop@db/"] {
            let message = Target::parse(url).expect_err(url).to_string();
            assert!(message.contains("names no database"), "{message}");
        }
    }

    #[test]
    fn what_a_password_may_not_hold_as_it_is_is_said() {
        let url = "mysql://shop:p/w@db/shop";
        let message = Target::parse(url).expect_err(url).to_string();
        assert!(
            message.contains("%2F") && !message.contains("p/w"),
            "{message}"
        );
    }

    #[test]
    fn a_final_slash_is_not_part_of_the_databases_name() {
        let target = Target::parse("mysql://shop@db/shop/").expect("a URL");
        assert_eq!(target.options.get_database(), Some("shop"));
    }

    #[test]
    fn an_ipv6_address_is_no_name() {
        let target = Target::parse("mysql://shop@[::1]:3307/shop").expect("a URL");
        assert_eq!(target.options.get_host(), "::1");
    }

    #[test]
    fn two_passwords_are_one_too_many() {
        let url = "mysql://shop:hunter2@db/shop?password-file=/run/secret";
        let message = Target::parse(url).expect_err("two").to_string();
        assert!(message.contains("password-file") && !message.contains("hunter2"));
    }

    #[test]
    fn an_issuer_that_is_named_is_checked() {
        let made = rcgen::generate_simple_self_signed(["db".to_owned()]).expect("a certificate");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), made.cert.pem()).expect("written");
        let named = format!("ssl-ca={}", file.path().display());
        let mode = |parameters: &str| {
            let url = format!("mysql://shop@db/shop?{named}{parameters}");
            Target::parse(&url).map(|target| target.options.get_ssl_mode())
        };
        assert!(matches!(mode(""), Ok(MySqlSslMode::VerifyIdentity)));
        assert!(matches!(
            mode("&ssl-mode=VERIFY_CA"),
            Ok(MySqlSslMode::VerifyCa)
        ));
        for unchecked in ["REQUIRED", "PREFERRED", "DISABLED"] {
            assert!(
                mode(&format!("&ssl-mode={unchecked}")).is_err(),
                "{unchecked}"
            );
        }
    }
}
