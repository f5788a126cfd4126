//! Credentials for a server, which may change while a node runs.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use sqlx::mysql::MySqlConnectOptions;
use url::Url;

/// Credentials of a URL, which may change while a node runs.
#[derive(Clone)]
pub(super) struct Login {
    user: Option<String>,
    password: Option<String>,
    /// File that is read for each connection, since its password may change.
    password_file: Option<PathBuf>,
}

impl Login {
    /// Returns the credentials in `url`.
    pub(super) fn from_url(url: &Url, password_file: Option<PathBuf>) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(url.username()).filter(|user| !user.is_empty());
        Self {
            user: user.map(plain),
            password: url.password().map(plain),
            password_file,
        }
    }

    /// Returns `options` with these credentials.
    ///
    /// # Errors
    /// When the password file cannot be read.
    pub(super) async fn apply_to(
        self,
        options: MySqlConnectOptions,
    ) -> sqlx::Result<MySqlConnectOptions> {
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

/// Returns the error of a connection that could not be opened because a file
/// could not be read.
pub(super) fn unreadable(why: String) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(why))
}
