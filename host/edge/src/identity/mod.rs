//! Authentication: hashed passwords, signed and revocable tokens, and the caller of a request by
//! its token.

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

/// Passwords and tokens of one node.
pub struct Identity {
    /// Hashing and verification of passwords.
    pub passwords: Passwords,
    /// Issuing and verification of tokens.
    pub tokens: Tokens,
    /// Revocation of tokens.
    pub revocations: Revocations,
}

/// Error of issuing a token.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The token cannot be signed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The revocations of the principal cannot be read.
    #[error(transparent)]
    Revocations(#[from] RevocationError),
}

impl Identity {
    /// Opens the identity service, which verifies passwords by `passwords`, signs tokens with
    /// `keys`, and keeps revocations in the control database at `control_url`, whose `clock`
    /// decides when tokens expire.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
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

    /// Returns the kind of the database with the revoked tokens, and its connections.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        self.revocations.connections()
    }

    /// Issues a token that is valid for `lifetime` seconds, despite earlier revocations.
    ///
    /// # Errors
    /// Returns an error if the lifetime is too long, or the control database does not answer.
    pub async fn issue(&self, principal: &Principal, lifetime: u32) -> Result<String, IssueError> {
        let second = self.revocations.issue_second(principal.id).await?;
        Ok(self.tokens.issue_at(second, principal, lifetime)?)
    }

    /// Returns the token that a request with these header fields presents.
    #[must_use]
    pub fn presented(&self, headers: &HeaderMap) -> Presented {
        presented(headers, &self.tokens)
    }

    /// Returns the caller that presents `presented`, with revocations checked.
    ///
    /// # Errors
    /// Returns an error if revocations cannot be read.
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

    /// Returns whether the token has been revoked, as far as this node has read.
    #[must_use]
    pub fn is_known_as_revoked(&self, presented: &Presented) -> bool {
        matches!(presented, Presented::Token(token)
            if self.revocations.is_known_as_revoked(token.principal.id, token.issued_at))
    }
}
