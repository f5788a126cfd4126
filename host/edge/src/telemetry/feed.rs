//! Log lines for operators' live tails: the last lines are kept, and new ones are broadcast. While
//! there is no watcher, the access log line of a request costs one load of a counter.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::printable;

/// Lines that are kept of each kind, unless [`keep`] sets another number.
const KEPT: usize = 1000;

/// Lines that a slow watcher may lag behind.
const BEHIND: usize = 1024;

/// Log target of access log lines, which are too many to keep.
pub(super) const ACCESS: &str = "access";

/// A log line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Plugin that the line names.
    pub plugin: Option<String>,
    /// Whole line as a JSON object.
    pub json: String,
}

struct LogTail {
    kept: Mutex<Kept>,
    /// Lines that are kept of each kind.
    most: AtomicUsize,
    coming: broadcast::Sender<Line>,
    /// Number of watchers. Read for every request, unlike the channel's own count, which is behind
    /// a lock.
    watchers: AtomicUsize,
}

/// The last lines, in two rings so that a flood of one kind does not displace the other: the first
/// error is what an operator looks for.
#[derive(Default)]
struct Kept {
    /// Warnings and errors, each with its sequence number.
    alarms: VecDeque<(u64, Line)>,
    /// All other lines, each with its sequence number.
    others: VecDeque<(u64, Line)>,
    /// Sequence number of the next line: the lines that were ever kept.
    count: u64,
}

impl Kept {
    fn push(&mut self, line: Line, level: Level, most: usize) {
        let ring = match level {
            Level::ERROR | Level::WARN => &mut self.alarms,
            _ => &mut self.others,
        };
        while ring.len() >= most.max(1) {
            ring.pop_front();
        }
        ring.push_back((self.count, line));
        self.count += 1;
    }

    /// Returns all lines, oldest first.
    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<_> = self.alarms.iter().chain(&self.others).collect();
        lines.sort_unstable_by_key(|(place, _)| *place);
        lines.into_iter().map(|(_, line)| line.clone()).collect()
    }
}

/// Sets how many lines of warnings and errors, and how many of all others, are kept.
pub(super) fn keep(lines: u32) {
    FEED.most.store(lines as usize, Relaxed);
}

/// Guard of a watcher, which counts as watching until it is dropped.
pub struct Subscription(());

impl Subscription {
    fn begin() -> Self {
        FEED.watchers.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        FEED.watchers.fetch_sub(1, Relaxed);
    }
}

/// Lines for one watcher.
pub struct Watch {
    /// Last lines, oldest first.
    pub kept: Vec<Line>,
    /// New lines.
    pub coming: broadcast::Receiver<Line>,
    /// Guard to hold for as long as the lines are read.
    pub watching: Subscription,
}

static FEED: LazyLock<LogTail> = LazyLock::new(|| LogTail {
    kept: Mutex::default(),
    most: AtomicUsize::new(KEPT),
    coming: broadcast::Sender::new(BEHIND),
    watchers: AtomicUsize::new(0),
});

/// Starts to watch log lines.
#[must_use]
pub fn watch() -> Watch {
    let watching = Subscription::begin();
    let kept = FEED.kept.lock().unwrap_or_else(PoisonError::into_inner);
    Watch {
        kept: kept.lines(),
        coming: FEED.coming.subscribe(),
        watching,
    }
}

/// Layer that keeps and broadcasts log events.
pub(super) struct FeedLayer;

impl<S: Subscriber> Layer<S> for FeedLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_kept = event.metadata().target() != ACCESS;
        if !is_kept && FEED.watchers.load(Relaxed) == 0 {
            return;
        }
        let line = line(event);
        let mut kept = FEED.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if is_kept {
            let level = *event.metadata().level();
            kept.push(line.clone(), level, FEED.most.load(Relaxed));
        }
        // There may be no receiver.
        let _ = FEED.coming.send(line);
    }
}

fn line(event: &Event<'_>) -> Line {
    let mut fields = Fields(Map::new());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let metadata = event.metadata();
    fields.set("time_ms", millis.into());
    fields.set("level", metadata.level().as_str().into());
    fields.set("target", metadata.target().into());
    event.record(&mut fields);
    let plugin = fields.0.get("plugin").and_then(Value::as_str);
    Line {
        plugin: plugin.map(str::to_owned),
        // Operators read the line in terminals.
        json: printable::json(&Value::Object(fields.0).to_string()).into_owned(),
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_information_drives_no_warning_out() {
        let mut kept = Kept::default();
        let line = |text: &str| Line {
            plugin: None,
            json: text.to_owned(),
        };
        kept.push(line("the cause"), Level::WARN, 3);
        for _ in 0..10 {
            kept.push(line("chatter"), Level::INFO, 3);
        }
        kept.push(line("the end"), Level::ERROR, 3);
        let texts: Vec<_> = kept.lines().into_iter().map(|line| line.json).collect();
        let expected = ["the cause", "chatter", "chatter", "chatter", "the end"];
        assert_eq!(texts, expected);
    }
}
