//! JSON Web Tokens (RFC 7519) of this shop, signed with HS256 and nothing else.

mod hs256;
mod keys;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use stores::clock::SharedClock;

use crate::bindings::context::Principal;

pub use keys::{KeyError, TokenKeys};

/// Audience claim (`aud`) of the tokens.
const AUDIENCE: &str = "shop";

/// Seconds by which the clocks of two nodes may differ.
pub(super) const LEEWAY: u64 = 5;

/// Longest lifetime of a token in seconds, for which its revocation is remembered too.
pub(super) const MAX_LIFETIME: u32 = 31 * 24 * 60 * 60;

/// Latest expiry of a token: the last second of the year 9999. A later one is a mistake.
const LATEST: u64 = 253_402_300_799;

/// Error of issuing or verifying a token. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token names no key, or an unknown one.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The token is of another type than those that are issued here.
    #[error("the token is of another kind")]
    OtherKind,
    /// The lifetime is longer than tokens may have.
    #[error("a token may hold for at most {MAX_LIFETIME} seconds")]
    TooLong,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid yet.
    #[error("the token does not hold yet")]
    Early,
    /// The token is malformed or forged.
    #[error(transparent)]
    Invalid(#[from] jsonwebtoken::errors::Error),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    customer_id: i64,
    name: String,
    role: String,
    iat: u64,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    aud: String,
}

/// Contents of a valid token.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    /// Principal that the token names.
    pub principal: Principal,
    /// Time at which the token was issued, in seconds since 1970.
    pub issued_at: u64,
}

/// Issuing and verification of the shop's tokens.
pub struct Tokens {
    keys: TokenKeys,
    validation: Validation,
    clock: Arc<SharedClock>,
}

impl Tokens {
    /// Returns tokens that the first of `keys` signs and all of them verify. The time is this
    /// node's.
    #[must_use]
    pub fn new(keys: TokenKeys) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        // The crate would check by this node's clock, which is not the shop's.
        validation.validate_exp = false;
        Self {
            keys,
            validation,
            clock: Arc::default(),
        }
    }

    /// Returns the tokens with validity by `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Arc<SharedClock>) -> Self {
        Self { clock, ..self }
    }

    /// Issues a token that names `principal` for `lifetime` seconds from now on.
    ///
    /// # Errors
    /// Returns an error if the lifetime is longer than [`MAX_LIFETIME`].
    pub fn issue(&self, principal: &Principal, lifetime: u32) -> Result<String, TokenError> {
        self.issue_at(self.clock.now_seconds(), principal, lifetime)
    }

    /// Issues a token that names `principal` for `lifetime` seconds from `second` on, which is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// Returns an error if the lifetime is longer than [`MAX_LIFETIME`].
    pub fn issue_at(
        &self,
        second: u64,
        principal: &Principal,
        lifetime: u32,
    ) -> Result<String, TokenError> {
        if lifetime > MAX_LIFETIME {
            return Err(TokenError::TooLong);
        }
        let claims = Claims {
            customer_id: principal.id,
            name: principal.name.clone(),
            role: principal.role.clone(),
            iat: second,
            exp: second.saturating_add(u64::from(lifetime)),
            nbf: None,
            aud: AUDIENCE.to_owned(),
        };
        let key = self.keys.signing();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.clone());
        Ok(encode(&header, &claims, &key.signing)?)
    }

    /// Verifies `token`, and returns its principal and its time of issue.
    ///
    /// # Errors
    /// Returns an error if the token is not valid here and now.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = decode_header(token)?;
        // RFC 7515 section 4.1.11: `crit` lists extensions that must be understood; none is.
        let is_ours =
            header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) && header.crit.is_none();
        if !is_ours {
            return Err(TokenError::OtherKind);
        }
        let key = header.kid.and_then(|id| self.keys.find(&id));
        let key = key.ok_or(TokenError::UnknownKey)?;
        let claims = decode::<Claims>(token, &key.verifying, &self.validation)?.claims;
        let lifetime = claims.exp.saturating_sub(claims.iat);
        if claims.exp > LATEST || lifetime > u64::from(MAX_LIFETIME) {
            return Err(TokenError::OtherKind);
        }
        check_time(&claims, self.clock.now_seconds())?;
        Ok(VerifiedToken {
            principal: Principal {
                id: claims.customer_id,
                name: claims.name,
                role: claims.role,
            },
            issued_at: claims.iat,
        })
    }
}

/// Checks that a token with these claims is valid in the second `now`.
fn check_time(claims: &Claims, now: u64) -> Result<(), TokenError> {
    if claims.exp.saturating_add(LEEWAY) < now {
        return Err(TokenError::Expired);
    }
    match claims.nbf {
        Some(nbf) if nbf > now.saturating_add(LEEWAY) => Err(TokenError::Early),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests;
