//! Tokens of the operators who may use the node's operators' port.

use super::error::StartError;
use crate::admin::AdminTokens;
use crate::config::secrets::{self, SecretError};
use crate::config::{Secret, Settings};

/// Name of the operator whose token is in the data folder.
const OPERATOR: &str = "operator";

/// File of the token in the data folder.
const ADMIN_TOKEN: &str = "admin-token";

/// Returns the tokens of the settings, or else the one in the data folder.
pub(super) fn admin_tokens(settings: &Settings) -> Result<AdminTokens, StartError> {
    match &settings.admin.tokens {
        Some(Secret(text)) => Ok(AdminTokens::parse(text)?),
        None => Ok(AdminTokens::single(OPERATOR, &own_admin_token(settings)?)),
    }
}

/// Returns the operator's token in the data folder, which is created at random if it does not
/// exist.
///
/// # Errors
/// When the token cannot be read or written, or when other users could read it.
pub fn own_admin_token(settings: &Settings) -> Result<String, SecretError> {
    secrets::load_or_create(&settings.data_dir, ADMIN_TOKEN).map(hex::encode)
}
