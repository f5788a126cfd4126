//! Telemetry for operators: log lines, for people or as JSON, written by a thread of their own so
//! that no request waits for a terminal; traces; and the counters behind metrics.

mod cache_counts;
pub mod counters;
pub mod feed;
mod filter;
mod flood;
mod human;
mod refusals;
mod release_stats;
mod resting;
mod route_stats;
mod timing;
pub mod traces;
mod traffic;
mod warnings;
mod written;

pub use cache_counts::{CacheCounts, CacheResult};
pub use filter::PLUGIN;
pub use refusals::RefusalReason;
pub use release_stats::ReleaseStats;
pub use route_stats::{RouteStats, method_name};
pub use timing::{BOUNDS, Timing};
pub use traffic::{Open, Traffic, UnderWay};
pub use warnings::NodeWarnings;
pub use written::{log_failures, watch_log};

use std::io::{BufWriter, IsTerminal};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use feed::FeedLayer;
use filter::Filter;
use flood::FloodGuard;
use resting::ThrottledWriter;
use written::Observed;

use crate::config::{LogFormat, LogSettings};

/// Log lines that may wait to be written. Further lines are dropped, so that memory is bounded.
const BUFFERED_LINES: usize = 64 * 1024;

/// Bytes that are written at once if lines come faster than they are written.
const WRITE_BUFFER: usize = 64 * 1024;

/// Starts logging to standard output by `settings`. Lines are flushed when the guard is dropped.
///
/// # Panics
/// When the process already logs, which is a bug in its `main`.
pub fn init(settings: &LogSettings) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        // The writing thread flushes whenever its queue is empty.
        .finish(BufWriter::with_capacity(
            WRITE_BUFFER,
            ThrottledWriter(Observed(std::io::stdout())),
        ));
    // The filter was validated with the settings.
    feed::keep(settings.kept);
    subscribe(settings, writer);
    guard
}

fn subscribe(settings: &LogSettings, writer: NonBlocking) {
    let filter = EnvFilter::new(&settings.filter);
    let floods = FloodGuard::new(settings.repeats.into());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stdout().is_terminal())
        .with_span_events(FmtSpan::NONE)
        .with_writer(writer);
    let lines = match settings.format {
        LogFormat::Human => lines.fmt_fields(human::fields()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(Filter(filter))
        .with(floods.clone())
        .with(FeedLayer)
        .with(lines)
        .init();
    if let Err(error) = floods.start() {
        tracing::warn!(%error, "lines that are kept back are not counted in the log");
    }
}
