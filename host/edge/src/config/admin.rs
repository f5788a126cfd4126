//! Settings of the operators' port, and of commands that call it.

use std::net::SocketAddr;

use super::Secret;
use super::layers::Layers;
use super::values::optional_address;
use super::values::urls::admin_url;

/// Default address of the operators' port: this machine alone reaches it.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8081);

/// Minimum length of a token in characters.
const MIN_TOKEN: usize = 16;

/// Settings of the operators' port, and of commands that call it.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Address of the operators' port; `None` closes it.
    pub listen: Option<SocketAddr>,
    /// Tokens of operators, as `name:token` with commas between. When absent,
    /// the node accepts the one that it keeps in its data folder.
    pub tokens: Option<Secret<String>>,
    /// URL of the operators' port that commands such as `edge deploy` call; the
    /// node on this machine when absent.
    pub url: Option<String>,
    /// Operator token that commands present; when absent, the first of `tokens`
    /// or else the one in the data folder.
    pub token: Option<Secret<String>>,
}

impl AdminSettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            listen: layers.take("admin_listen", Some(LISTEN.into()), optional_address),
            tokens: layers.take("admin_tokens", None, tokens),
            url: layers.take("admin_url", None, admin_url),
            token: layers.take("admin_token", None, |text| Ok(Some(Secret(text.into())))),
        }
    }
}

/// Checks the operators' tokens, which are parsed where they are used.
fn tokens(text: &str) -> Result<Option<Secret<String>>, String> {
    let is_token = |entry: &str| {
        let pair = entry.trim().split_once(':');
        pair.is_some_and(|(name, token)| !name.is_empty() && token.len() >= MIN_TOKEN)
    };
    match text.split(',').all(is_token) {
        true => Ok(Some(Secret(text.into()))),
        false => Err(
            "is not name:token with commas between, with tokens of 16 characters or more".into(),
        ),
    }
}
