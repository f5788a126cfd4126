//! Trying a change again that lost against another one. Only for statements
//! that stand alone: such a failure has undone all of them.

use std::fmt::Debug;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// Tries after the first.
const MORE: usize = 4;

/// The first pause, and the longest; each is up to twice as long as said, so
/// that two who met do not meet again.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(100);

/// Run `change`, and again while others are in its way, as `is_contention`
/// finds.
pub(super) async fn retry_on_conflict<T, E: Debug, F>(
    change: impl FnMut() -> F,
    is_contention: impl FnMut(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .with_max_times(MORE)
        .with_jitter();
    change
        .retry(pauses)
        .when(is_contention)
        .notify(|error, pause| tracing::debug!(?error, ?pause, "a change is tried again"))
        .await
}
