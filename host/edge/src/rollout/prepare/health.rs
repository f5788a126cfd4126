//! Smoke check of a release by the health path of its manifest.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;

use crate::guest::{Call, CallError};
use crate::printable;
use crate::rollout::serving::release::Release;
use crate::runtime::Answer;

/// Time limit for the reply of the health path.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Requests the health path `target` of a release.
///
/// # Errors
/// When the reply is not 200 or 204, or does not come in time. The text says
/// what came instead.
pub(super) async fn check_health(release: &Release, target: &str) -> Result<(), String> {
    let request = http::Request::get(target)
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let timeout = TIMEOUT.min(release.plugin.deadline());
    let call = Call::internal("health".to_owned(), Instant::now() + timeout);
    let status = match release.plugin.handle(call, request).await {
        Ok(Answer::Response(response)) => response.status(),
        Ok(Answer::Failure(failure)) => {
            let text = format!("{} {}: {}", failure.status, failure.code, failure.message);
            return Err(printable::line(&text).into_owned());
        }
        Err(error @ CallError::Trap(_)) => return Err(one_line(&error.to_string())),
        Err(error) => return Err(error.to_string()),
    };
    match status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
        other => Err(format!("it answers {other}")),
    }
}

/// Joins a trap and its backtrace into one line, for a message.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
