//! Opens single connections to a server.

use std::fmt;
use std::sync::Arc;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};

use super::login::{Login, unreadable};
use super::session::Sessions;
use super::url;
use crate::source::Source;
use crate::sql::error::{OpenError, redacted_url};

/// Address of a server, with TLS options and credentials.
#[derive(Clone)]
pub(in crate::sql) struct Target {
    options: MySqlConnectOptions,
    login: Login,
    /// Source from which the URL is read again, if it comes from a file.
    source: Option<Source>,
    sessions: Arc<Sessions>,
}

/// Prints the address only, since everything else may be secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.address()).finish()
    }
}

impl Target {
    /// Parses `url`, and checks the certificates that it names.
    ///
    /// # Errors
    /// When a part of the URL is wrong, contradicts another or is not known.
    pub(in crate::sql) fn parse(url: &str) -> Result<Self, OpenError> {
        let parsed = url::parse(url).map_err(|source| OpenError::Url {
            url: redacted_url(url),
            source,
        })?;
        Ok(Self {
            options: parsed.options,
            login: parsed.login,
            source: None,
            sessions: Arc::default(),
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

/// Reads the current credentials of the URL in `source`.
async fn login_in(source: Source) -> sqlx::Result<Login> {
    let reading = move || {
        let url = source
            .read()
            .map_err(|error| format!("the database's URL: {error}"))?;
        let login = url::parse(&url).map(|parsed| parsed.login);
        login.map_err(|error| format!("the database's URL in its file: {error}"))
    };
    let login = tokio::task::spawn_blocking(reading).await;
    let login = login.map_err(|error| unreadable(error.to_string()))?;
    login.map_err(unreadable)
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
