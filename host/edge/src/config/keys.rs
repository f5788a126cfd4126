//! Settings of the shop's secret and the keys of its tokens.

use super::layers::Layers;
use super::secrets::{MasterSecret, SecretError};
use super::{Secret, Settings};

/// Minimum length of the shop's secret in bytes: whoever guesses it can forge
/// every token.
const MIN_SECRET: usize = 32;

/// Secrets that the shop's nodes share.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// The shop's secret; the one that the data folder keeps when absent.
    pub secret: Option<Secret<String>>,
    /// Second secret that verifies and does not sign: the next one before the
    /// secret is changed, and the previous one afterwards.
    pub secret_fallback: Option<Secret<String>>,
    /// Keys of tokens, as `kid:secret` with commas between: the first signs,
    /// all verify. One is derived from the shop's secret when absent.
    pub token_keys: Option<Secret<String>>,
}

impl KeySettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            secret: layers.take("secret", None, secret),
            secret_fallback: layers.take("secret_fallback", None, secret),
            token_keys: layers.take("token_keys", None, |text| Ok(Some(Secret(text.into())))),
        }
    }

    fn with_fallback(&self, secret: MasterSecret) -> MasterSecret {
        match &self.secret_fallback {
            Some(Secret(other)) => secret.with_fallback(&MasterSecret::of_setting(other)),
            None => secret,
        }
    }
}

impl Settings {
    /// Returns the secret from which the shop's others are derived. Its
    /// fallbacks are `secret_fallback`, and the secret that this node generated
    /// before `secret` was set.
    ///
    /// # Errors
    /// When the data folder's secret cannot be read or generated.
    pub fn master_secret(&self) -> Result<MasterSecret, SecretError> {
        let keys = &self.keys;
        let Some(Secret(secret)) = &keys.secret else {
            let made = MasterSecret::of_data_folder(&self.data_dir)?;
            return Ok(keys.with_fallback(made));
        };
        let set = keys.with_fallback(MasterSecret::of_setting(secret));
        let made = MasterSecret::made_in_data_folder(&self.data_dir)?;
        Ok(match made {
            Some(made) => set.with_fallback(&made),
            None => set,
        })
    }
}

/// Parses the shop's secret, as an operator sets it.
fn secret(text: &str) -> Result<Option<Secret<String>>, String> {
    if text.len() >= MIN_SECRET {
        Ok(Some(Secret(text.into())))
    } else {
        Err(format!("is shorter than {MIN_SECRET} bytes"))
    }
}
