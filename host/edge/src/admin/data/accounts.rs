//! Handler that makes and changes accounts of people who run the shop.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;

use crate::admin::AdminState;
use crate::admin::api::{AccountMade, NewAccount};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::bindings::accounts::exports::edge::platform::accounts::{Account, Error};
use crate::rollout::Release;
use crate::runtime::AccountTask;

/// Maximum size of a request's body in bytes: a password, a name and an e-mail
/// address.
pub(super) const MAX_BODY: usize = 16 << 10;

/// Time within which other nodes notice that tokens were revoked.
const REVOCATION_WINDOW: Duration = Duration::from_secs(1);

/// POST `/v1/accounts`: calls the plugin that keeps the accounts to make or
/// change one. Error messages never quote the body, which contains a password.
pub(super) async fn keep(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    body: Bytes,
) -> Result<Json<AccountMade>> {
    let order: NewAccount = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!(
            "the body is not an object with name, email, password, role and perhaps existing \
             (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let action = match order.existing {
        true => "change-account",
        false => "add-account",
    };
    let mut action = AuditedAction::new(author, action, "").of(&order.email);
    let outcome = try_keep(&state, &mut action, order).await;
    action.record_refusal(&state, outcome).await
}

async fn try_keep(
    state: &AdminState,
    action: &mut AuditedAction,
    order: NewAccount,
) -> Result<Json<AccountMade>> {
    let keeper = keeper(state)?;
    action.plugin.clone_from(&keeper.manifest.name);
    let task = match order.existing {
        true => AccountTask::Change,
        false => AccountTask::Add,
    };
    let NewAccount {
        name, email, role, ..
    } = order;
    let account = Account {
        name: name.clone(),
        email: email.clone(),
        password: order.password.0,
        role: role.clone(),
    };
    let kept = keeper.plugin.keep_account(task, account).await;
    let kept = kept.map_err(|error| ApiError::new(StatusCode::BAD_GATEWAY, error))?;
    let id = kept.map_err(|error| refused(error, &email))?;
    action.done(state, &format!("{role} {id}: {email}")).await?;
    if task == AccountTask::Change {
        // No node accepts the account's old tokens once this is answered.
        tokio::time::sleep(REVOCATION_WINDOW).await;
    }
    Ok(Json(AccountMade {
        id,
        name,
        email,
        role,
    }))
}

fn refused(error: Error, email: &str) -> ApiError {
    match error {
        Error::Exists => {
            ApiError::conflict(format!("an account with the e-mail address {email} exists"))
        }
        Error::Unknown => ApiError::not_found(format!("no account has the e-mail address {email}")),
        Error::Other(reason) => ApiError::unfit(reason),
    }
}

/// Returns the release that keeps the accounts.
fn keeper(state: &AdminState) -> Result<Arc<Release>> {
    let mut releases = state.live.releases().into_iter();
    let keeper = releases.find(|release| release.plugin.exports().keeps_accounts);
    keeper.ok_or_else(|| {
        ApiError::unfit(
            "no plugin that this node serves keeps accounts; ask a node that serves one",
        )
    })
}
