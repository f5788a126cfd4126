//! Retries changes that lost against a concurrent one. Only for statements
//! outside of a transaction: such a failure has undone them completely.

use std::fmt::Debug;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// Retries after the first attempt.
const MORE: usize = 4;

/// First and longest delay between attempts. Jitter makes each up to twice as
/// long, so that two conflicting statements do not meet again.
const MIN_DELAY: Duration = Duration::from_millis(5);
const MAX_DELAY: Duration = Duration::from_millis(100);

/// Runs `change`, and retries it while `is_contention` returns true for its
/// error.
pub(super) async fn retry_on_conflict<T, E: Debug, F>(
    change: impl FnMut() -> F,
    is_contention: impl FnMut(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(MIN_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_max_times(MORE)
        .with_jitter();
    change
        .retry(pauses)
        .when(is_contention)
        .notify(|error, pause| tracing::debug!(?error, ?pause, "a change is tried again"))
        .await
}
