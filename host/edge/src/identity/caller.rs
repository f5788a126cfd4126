//! The caller of a request, by the token in its header fields.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Tokens, VerifiedToken};
use crate::bindings::context::Principal;

/// Header fields that carry a token. Plugins and logs do not get them.
pub const CREDENTIALS: [HeaderName; 2] = [HeaderName::from_static("user-key"), AUTHORIZATION];

/// Credentials that a request presents.
#[derive(Debug, Clone)]
pub enum Presented {
    /// No token.
    Nothing,
    /// An invalid token, or several tokens that name different principals.
    Invalid,
    /// A token with a valid signature that has not expired. It may have been revoked.
    Token(VerifiedToken),
}

/// Reads the token of a request with these header fields. Tokens in both fields must name the same
/// principal, and an empty field counts as none. A field that clearly holds no token does not
/// invalidate the other one.
#[must_use]
pub fn presented(headers: &HeaderMap, tokens: &Tokens) -> Presented {
    let mut presented = Presented::Nothing;
    for field in CREDENTIALS
        .iter()
        .filter(|field| !is_ignored(headers, field))
    {
        let token = match token_in(headers, field) {
            Ok(None) => continue,
            Ok(Some(token)) => match tokens.verify(token) {
                Ok(token) => token,
                Err(error) => {
                    tracing::debug!(%error, "a token is rejected");
                    return Presented::Invalid;
                }
            },
            Err(Malformed) => return Presented::Invalid,
        };
        presented = match presented {
            Presented::Token(other) if !is_same(&other.principal, &token.principal) => {
                return Presented::Invalid;
            }
            // The older of two tokens is the one that may have been revoked.
            Presented::Token(other) if other.issued_at < token.issued_at => Presented::Token(other),
            _ => Presented::Token(token),
        };
    }
    presented
}

/// Returns whether a field is ignored: an `authorization` of another scheme, such as the password
/// of a staging site, beside a `user-key`; and the `user-key` of a client without a token beside a
/// bearer token in `authorization`.
fn is_ignored(headers: &HeaderMap, field: &HeaderName) -> bool {
    let [user_key, authorization] = &CREDENTIALS;
    let has_bearer = any_value(headers, authorization, is_bearer);
    let lacks_token = any_value(headers, user_key, is_placeholder);
    if field == authorization {
        return !has_bearer && !lacks_token && any_value(headers, user_key, is_present);
    }
    has_bearer && lacks_token && headers.get_all(user_key).iter().count() == 1
}

/// Returns whether one of the values of a field satisfies `is_match`.
fn any_value(headers: &HeaderMap, field: &HeaderName, is_match: fn(&[u8]) -> bool) -> bool {
    let mut values = headers.get_all(field).iter();
    values.any(|value| is_match(value.as_bytes().trim_ascii()))
}

/// Returns whether a value is one that scripts write for a missing token.
fn is_placeholder(value: &[u8]) -> bool {
    matches!(value, b"null" | b"undefined")
}

fn is_present(value: &[u8]) -> bool {
    !value.is_empty()
}

fn is_bearer(value: &[u8]) -> bool {
    let scheme = value.split(u8::is_ascii_whitespace).next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

/// Returns whether two tokens name the same principal. The name may have changed between two
/// logins.
fn is_same(one: &Principal, other: &Principal) -> bool {
    one.id == other.id && one.role == other.role
}

/// Error of a value that is not one token after the word `Bearer`.
struct Malformed;

fn token_in<'a>(headers: &'a HeaderMap, field: &HeaderName) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(field).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => bearer(value),
        _ => Err(Malformed),
    }
}

/// Returns the token of a bearer scheme (RFC 6750 section 2.1). The scheme is case-insensitive (RFC
/// 9110 section 11.1).
fn bearer(value: &HeaderValue) -> Result<Option<&str>, Malformed> {
    let text = value.to_str().map_err(|_| Malformed)?;
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Ok(None),
        (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(token))
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tests::{ada, tokens};
    use super::*;

    fn token_of(id: i64) -> String {
        let principal = Principal { id, ..ada() };
        tokens().issue(&principal, 60).expect("issued")
    }

    fn shown(fields: &[(&str, &str)]) -> Presented {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        presented(&headers, &tokens())
    }

    fn assert_verified(fields: &[(&str, &str)]) {
        let shown = shown(fields);
        let is_seven = matches!(&shown, Presented::Token(token) if token.principal.id == 7);
        assert!(is_seven, "{fields:?}: {shown:?}");
    }

    fn assert_rejected(fields: &[(&str, &str)]) {
        let shown = shown(fields);
        assert!(matches!(shown, Presented::Invalid), "{fields:?}: {shown:?}");
    }

    #[test]
    fn nothing_is_anonymous() {
        for fields in [&[][..], &[("user-key", "")], &[("authorization", " ")]] {
            assert!(matches!(shown(fields), Presented::Nothing), "{fields:?}");
        }
    }

    #[test]
    fn either_field_will_do_and_so_will_both() {
        let bearer = format!("Bearer {}", token_of(7));
        assert_verified(&[("USER-KEY", &bearer)]);
        assert_verified(&[("Authorization", &bearer)]);
        assert_verified(&[("user-key", &bearer), ("authorization", &bearer)]);
        assert_verified(&[("user-key", &bearer), ("authorization", "")]);
        assert_verified(&[("user-key", &bearer.replace("Bearer", "bEARER "))]);
    }

    #[test]
    fn credentials_for_others_do_not_spoil_a_user_key() {
        let bearer = format!("Bearer {}", token_of(7));
        for other in [
            "Basic dTpw",
            "basic",
            "Digest username=\"u\"",
            "Negotiate x",
        ] {
            assert_verified(&[("user-key", &bearer), ("authorization", other)]);
            assert_rejected(&[("authorization", other)]);
            assert_rejected(&[("user-key", ""), ("authorization", other)]);
            assert_rejected(&[("user-key", "null"), ("authorization", other)]);
            assert_rejected(&[("user-key", "Bearer x"), ("authorization", other)]);
        }
        for bad in ["Bearer", "bearer x", "BEARER\tx.y.z"] {
            assert_rejected(&[("user-key", &bearer), ("authorization", bad)]);
        }
        let eight = format!("Bearer {}", token_of(8));
        assert_rejected(&[
            ("user-key", &bearer),
            ("authorization", "Basic dTpw"),
            ("authorization", &eight),
        ]);
    }

    #[test]
    fn a_user_key_without_a_token_does_not_spoil_an_authorization() {
        let bearer = format!("Bearer {}", token_of(7));
        for none in ["", " ", "null", "undefined", " null "] {
            assert_verified(&[("user-key", none), ("authorization", &bearer)]);
            assert_rejected(&[("user-key", none), ("authorization", "Bearer x")]);
        }
        for bad in ["nil", "Bearer null", "Bearer"] {
            assert_rejected(&[("user-key", bad), ("authorization", &bearer)]);
        }
        for alone in ["null", "undefined"] {
            assert_rejected(&[("user-key", alone)]);
        }
        assert_rejected(&[
            ("user-key", "null"),
            ("user-key", &bearer),
            ("authorization", &bearer),
        ]);
    }

    /// A newer token does not make a revoked one valid.
    #[test]
    fn of_two_tokens_the_older_counts() {
        let newer = tokens().issue_at(u64::from(u32::MAX), &ada(), 60);
        let newer = format!("Bearer {}", newer.expect("issued"));
        let older = format!("Bearer {}", token_of(7));
        for (one, other) in [(&older, &newer), (&newer, &older)] {
            let shown = shown(&[("user-key", one), ("authorization", other)]);
            let Presented::Token(token) = shown else {
                panic!("{shown:?}");
            };
            assert!(token.issued_at < u64::from(u32::MAX));
        }
    }

    #[test]
    fn two_fields_for_two_people_are_rejected() {
        let (seven, eight) = (
            format!("Bearer {}", token_of(7)),
            format!("Bearer {}", token_of(8)),
        );
        assert_rejected(&[("user-key", &seven), ("authorization", &eight)]);
        assert_rejected(&[("user-key", &seven), ("authorization", "Bearer x.y.z")]);
        assert_rejected(&[("user-key", &seven), ("user-key", &seven)]);
        assert_rejected(&[("user-key", &seven), ("user-key", "")]);
        let merchant = Principal {
            role: "merchant".into(),
            ..ada()
        };
        let merchant = tokens().issue(&merchant, 60).expect("issued");
        assert_rejected(&[
            ("user-key", &seven),
            ("authorization", &format!("Bearer {merchant}")),
        ]);
    }

    #[test]
    fn what_is_no_bearer_token_is_rejected() {
        let token = token_of(7);
        for value in [
            token.clone(),
            "Bearer".into(),
            "Bearer ".into(),
            format!("Basic {token}"),
            format!("Bearer{token}"),
            format!("Bearer Bearer {token}"),
            format!("Bearer {token} {token}"),
            format!("Bearer {token}, Bearer {token}"),
            "Bearer null".into(),
            "Bearer tök".into(),
        ] {
            assert_rejected(&[("user-key", &value)]);
        }
    }
}
