//! Authentication of operators by bearer token, with the person whom the client
//! names.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use crate::admin::AdminState;
use crate::admin::api::ON_BEHALF_OF;
use crate::admin::error::{ApiError, Result};

const SCHEME: &str = "Bearer ";

/// Minimum length of a token in bytes; shorter ones could be guessed.
const MIN_TOKEN: usize = 16;

/// Maximum length of a client's claim in the audit, in characters.
const MAX_CLAIM: usize = 100;

/// Operators' tokens, by the names of their owners. Only digests are kept, so
/// that the time of a comparison reveals nothing about a token.
#[derive(Clone)]
pub struct AdminTokens(Vec<(String, [u8; 32])>);

/// The text does not contain valid tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not name:token with commas between, with tokens of {MIN_TOKEN} characters or more")]
pub struct TokensError;

impl AdminTokens {
    /// Parses `name:token` with commas between.
    ///
    /// # Errors
    /// When a name or a token is missing, or a token is short.
    pub fn parse(text: &str) -> std::result::Result<Self, TokensError> {
        let token = |entry: &str| {
            let (name, token) = entry.trim().split_once(':').ok_or(TokensError)?;
            let fine = !name.is_empty() && token.len() >= MIN_TOKEN;
            fine.then(|| (name.to_owned(), digest(token)))
                .ok_or(TokensError)
        };
        text.split(',')
            .map(token)
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }

    /// Returns one token, whose owner is called `name`.
    #[must_use]
    pub fn single(name: &str, token: &str) -> Self {
        Self(vec![(name.to_owned(), digest(token))])
    }

    fn owner(&self, headers: &HeaderMap) -> Option<&str> {
        let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let given = digest(given.strip_prefix(SCHEME)?);
        let found = self.0.iter().find(|(_, token)| *token == given);
        found.map(|(name, _)| name.as_str())
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Identity of the caller: the token's owner, and the person whom the client
/// names.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Actor(pub(in crate::admin) String);

/// Middleware that only accepts requests with a token of an operator.
pub(in crate::admin) async fn require(
    State(state): State<Arc<AdminState>>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let headers = request.headers();
    let Some(owner) = state.tokens.owner(headers) else {
        let detail = match headers.contains_key(AUTHORIZATION) {
            true => "the token is no operator's of this node; `edge token` beside it prints one",
            false => "the bearer token of an operator is needed; `edge token` prints one",
        };
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, detail));
    };
    let author = match claim(headers) {
        Some(claim) => format!("{owner} ({claim})"),
        None => owner.to_owned(),
    };
    request.extensions_mut().insert(Actor(author));
    Ok(next.run(request).await)
}

fn claim(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(ON_BEHALF_OF)?.to_str().ok()?;
    let plain = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    let claim: String = plain.take(MAX_CLAIM).collect();
    Some(claim).filter(|claim| !claim.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(token: &str) -> HeaderMap {
        let value = format!("{SCHEME}{token}").parse().expect("a value");
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    #[test]
    fn a_token_has_one_owner() {
        let tokens = AdminTokens::parse("ada:0123456789abcdef, bob:fedcba9876543210");
        let tokens = tokens.expect("two tokens");
        assert_eq!(tokens.owner(&bearer("0123456789abcdef")), Some("ada"));
        assert_eq!(tokens.owner(&bearer("fedcba9876543210")), Some("bob"));
        assert_eq!(tokens.owner(&bearer("fedcba987654321")), None);
        assert_eq!(tokens.owner(&bearer("")), None);
        assert_eq!(tokens.owner(&HeaderMap::new()), None);
    }

    #[test]
    fn short_and_nameless_tokens_are_refused() {
        for text in [
            "",
            "ada",
            "ada:short",
            ":0123456789abcdef",
            "ada:0123456789abcdef,",
        ] {
            assert!(AdminTokens::parse(text).is_err(), "{text:?}");
        }
    }
}
