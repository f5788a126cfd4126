//! Who somebody is: passwords that were hashed, tokens that were signed and not
//! revoked, and the caller of a request by the token it carries.

mod caller;
mod passwords;
mod revocations;
mod tokens;

use std::sync::Arc;

use http::HeaderMap;
use stores::clock::SharedClock;
use stores::sql::{Connections, Databases};

use crate::bindings::context::{Caller, Principal};

pub use caller::{CREDENTIALS, Presented, presented};
pub use passwords::{PasswordCheck, PasswordError, Passwords};
pub use revocations::{RevocationError, Revocations};
pub use tokens::{KeyError, TokenError, TokenKeys, Tokens, VerifiedToken};

/// Passwords and tokens, as one node knows them.
pub struct Identity {
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Issues and verifies tokens.
    pub tokens: Tokens,
    /// Revokes tokens.
    pub revocations: Revocations,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The token cannot be signed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The principal's revocations are not known.
    #[error(transparent)]
    Revocations(#[from] RevocationError),
}

impl Identity {
    /// Verifies passwords by `passwords`, signs tokens with these keys, and keeps revocations in the control
    /// database at `control_url`, whose clock says when tokens end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(
        passwords: Passwords,
        keys: TokenKeys,
        databases: &Databases,
        control_url: &str,
        clock: Arc<SharedClock>,
    ) -> Result<Self, RevocationError> {
        Ok(Self {
            passwords,
            tokens: Tokens::new(keys).with_clock(clock.clone()),
            revocations: Revocations::open(databases, control_url, clock).await?,
        })
    }

    /// Returns what the revoked tokens are kept in, and the connections to it.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        self.revocations.connections()
    }

    /// Issues a token that holds for `lifetime` seconds, whatever was revoked
    /// before.
    ///
    /// # Errors
    /// When the lifetime is too long, or the control database does not answer.
    pub async fn issue(&self, principal: &Principal, lifetime: u32) -> Result<String, IssueError> {
        let second = self.revocations.issue_second(principal.id).await?;
        Ok(self.tokens.issue_at(second, principal, lifetime)?)
    }

    /// The token or tokens that a request with these headers carries.
    #[must_use]
    pub fn presented(&self, headers: &HeaderMap) -> Presented {
        presented(headers, &self.tokens)
    }

    /// Who presents this, as far as revocations allow.
    ///
    /// # Errors
    /// When it is not known whether the token was revoked.
    pub async fn caller(&self, presented: &Presented) -> Result<Caller, RevocationError> {
        let token = match presented {
            Presented::Nothing => return Ok(Caller::Anonymous),
            Presented::Invalid => return Ok(Caller::Rejected),
            Presented::Token(token) => token,
        };
        let id = token.principal.id;
        let revoked = self.revocations.is_revoked(id, token.issued_at).await?;
        Ok(match revoked {
            true => Caller::Rejected,
            false => Caller::Verified(token.principal.clone()),
        })
    }

    /// Whether the token has been revoked, as far as this node knows by now.
    #[must_use]
    pub fn is_known_as_revoked(&self, presented: &Presented) -> bool {
        matches!(presented, Presented::Token(token)
            if self.revocations.is_known_as_revoked(token.principal.id, token.issued_at))
    }
}
