//! The Graph API of Facebook.

use std::time::Duration;

use edge_sdk::{Failure, Result, config, outbound};
use serde::Deserialize;

use super::profile::Profile;
use crate::failures::UNAUTHORIZED;

/// Where the Graph API is, unless `FACEBOOK_GRAPH_BASE` says otherwise.
const BASE: &str = "https://graph.facebook.com";

/// Whose token it is.
const PROFILE: &str = "/v21.0/me?fields=id,name,email";

/// To which app it was given.
const APP: &str = "/v21.0/app?fields=id";

/// Time limit for connecting to Facebook, and then for each piece of the reply.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Longest answer that is read.
const MAX_REPLY_BYTES: usize = 16 * 1024;

/// Longest token; Facebook's have a few hundred characters.
const MAX_TOKEN_BYTES: usize = 2048;

/// Error codes by which the Graph API says, with the status of a bad request,
/// that it is down, or that the app or the person asked too often.
const BUSY: [i64; 7] = [1, 2, 4, 17, 32, 341, 613];

const UNAVAILABLE: Failure = Failure::new(
    503,
    "HTTP_503",
    "Facebook does not answer. Please try again.",
);

/// Login through Facebook is not set up.
const NO_APP: Failure = Failure::new(
    503,
    "HTTP_503",
    "Login through Facebook is not set up: FACEBOOK_APP_ID is not set.",
);

/// Meaning of a reply of the Graph API.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The token holds.
    Accepted,
    /// The token does not hold.
    Refused,
    /// Nothing is known of the token.
    Unknown,
}

#[derive(Deserialize)]
struct Refusal {
    error: ErrorCode,
}

#[derive(Deserialize)]
struct ErrorCode {
    code: i64,
}

#[derive(Deserialize)]
struct App {
    id: String,
}

/// Returns the profile of the person that the token was given for.
///
/// A token that was given to another app than `FACEBOOK_APP_ID` is refused: its
/// owner logged in there, and not here, and whoever runs that app has it.
///
/// # Errors
/// `AUT_02` for a token that does not hold, 503 if Facebook does not answer as
/// it should, or `FACEBOOK_APP_ID` is not set.
pub fn profile(token: &str) -> Result<Profile> {
    if !is_token(token) {
        return Err(refused());
    }
    let ours = config::get("FACEBOOK_APP_ID")?.filter(|app| !app.trim().is_empty());
    let ours = ours.ok_or(NO_APP)?;
    let app: Option<App> = serde_json::from_slice(&ask(APP, token)?).ok();
    if app.ok_or_else(|| unavailable("no app"))?.id != ours.trim() {
        return Err(refused());
    }
    Profile::read(&ask(PROFILE, token)?).ok_or_else(|| unavailable("no profile"))
}

/// Returns the body of an answer to somebody with this token.
fn ask(target: &str, token: &str) -> Result<Vec<u8>> {
    let base = config::get("FACEBOOK_GRAPH_BASE")?;
    let base = base.as_deref().unwrap_or(BASE).trim_end_matches('/');
    // In a header, not in the URL: those end up in logs.
    let response = outbound::Request::get(format!("{base}{target}"))
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .timeout(TIMEOUT)
        .most_bytes(MAX_REPLY_BYTES)
        .send()
        .map_err(unavailable)?;
    match classify(response.status, &response.body) {
        Verdict::Accepted => Ok(response.body),
        Verdict::Refused => Err(refused()),
        Verdict::Unknown => Err(unavailable(format_args!("status {}", response.status))),
    }
}

/// Tells a refusal for good from a failure that may pass.
fn classify(status: u16, body: &[u8]) -> Verdict {
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let busy = refusal.is_some_and(|refusal| BUSY.contains(&refusal.error.code));
    match status {
        200 => Verdict::Accepted,
        400 | 401 | 403 if !busy => Verdict::Refused,
        _ => Verdict::Unknown,
    }
}

/// Returns whether a header can carry the text as a token (RFC 6750).
fn is_token(text: &str) -> bool {
    text.len() <= MAX_TOKEN_BYTES
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refused() -> Failure {
    UNAUTHORIZED.field("access_token")
}

/// Returns the refusal while Facebook is not available. The reason, which never
/// holds the token, goes to the log.
fn unavailable(reason: impl std::fmt::Display) -> Failure {
    eprintln!("facebook: {reason}");
    UNAVAILABLE.header("retry-after", "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i64) -> Vec<u8> {
        format!(r#"{{"error": {{"message": "...", "type": "OAuthException", "code": {code}}}}}"#)
            .into()
    }

    #[test]
    fn a_bad_token_is_refused() {
        for code in [190, 102, 10, 200] {
            assert_eq!(classify(400, &refusal(code)), Verdict::Refused);
        }
        assert_eq!(classify(401, b""), Verdict::Refused);
        assert_eq!(classify(403, b"<html>"), Verdict::Refused);
    }

    #[test]
    fn a_busy_facebook_says_nothing_of_the_token() {
        for code in BUSY {
            assert_eq!(classify(400, &refusal(code)), Verdict::Unknown);
        }
        for status in [204, 301, 302, 404, 408, 429, 500, 502, 503] {
            assert_eq!(classify(status, &refusal(190)), Verdict::Unknown);
        }
    }

    #[test]
    fn an_answer_is_an_answer() {
        assert_eq!(classify(200, br#"{"id": "1"}"#), Verdict::Accepted);
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        assert!(is_token("EAAGm0PX4ZCpsBA"));
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for text in ["", "a b", "a\r\nHost: x", "a\0", "tök", long.as_str()] {
            assert!(!is_token(text), "{text:?}");
        }
        assert_eq!(refused().faulty_field(), Some("access_token"));
    }
}
