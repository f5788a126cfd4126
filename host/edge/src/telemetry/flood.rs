//! Suppression of floods of one log line: past a limit in a window, equal lines are counted instead
//! of written, and one line tells their number.
//!
//! Lines are equal if they have the same level, target, message and plugin; other fields, such as
//! the id of a request, may differ. Access log lines are exempt.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::feed::ACCESS;

/// Log target of the lines that tell the number of suppressed ones.
pub(super) const REPEATED: &str = "repeated";

/// Time for which equal lines are counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// Time between two checks for windows that have ended.
const LOOK: Duration = Duration::from_secs(1);

/// Distinct lines that are counted at a time. Further ones pass uncounted.
const MOST: usize = 4096;

/// Characters of a line's message that its summary repeats.
const LONGEST: usize = 500;

/// Layer that counts equal lines, and suppresses those past `limit` in a window.
#[derive(Clone)]
pub(super) struct FloodGuard {
    /// Lines of one kind that pass in a window; 0 suppresses none.
    limit: u64,
    lines: Arc<Mutex<HashMap<u64, Counted>>>,
}

/// Count of a line in its current window.
struct Counted {
    began: Instant,
    count: u64,
    /// Contents of the line, once one was suppressed.
    said: Option<Said>,
}

/// Contents of a line that its summary repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    level: Level,
    target: String,
    message: String,
    plugin: Option<String>,
}

impl FloodGuard {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            lines: Arc::default(),
        }
    }

    /// Starts the thread that logs how many lines were suppressed, for as long as the process
    /// lives.
    ///
    /// # Errors
    /// When the thread cannot be started.
    #[expect(clippy::disallowed_methods, reason = "the thread does nothing else")]
    pub(super) fn start(&self) -> io::Result<()> {
        if self.limit == 0 {
            return Ok(());
        }
        let this = self.clone();
        let thread = std::thread::Builder::new().name("log-floods".to_owned());
        thread.spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                this.tell(Instant::now());
            }
        })?;
        Ok(())
    }

    /// Logs how many lines were suppressed in windows that have ended.
    fn tell(&self, now: Instant) {
        for (said, times) in self.take_ended(now) {
            said.tell(times);
        }
    }

    fn take_ended(&self, now: Instant) -> Vec<(Said, u64)> {
        let limit = self.limit;
        let mut lines = self.lines();
        let ended = lines.extract_if(|_, line| now.duration_since(line.began) >= WINDOW);
        let kept_back = ended.filter_map(|(_, line)| Some((line.said?, line.count - limit)));
        kept_back.collect()
    }

    /// Counts a line, and returns whether it is written.
    fn passes(&self, event: &Event<'_>, now: Instant) -> bool {
        let key = key(event);
        let mut lines = self.lines();
        let has_room = lines.len() < MOST;
        let counted = match lines.get_mut(&key) {
            Some(counted) => counted,
            None if has_room => lines.entry(key).or_insert(Counted {
                began: now,
                count: 0,
                said: None,
            }),
            None => return true,
        };
        counted.count += 1;
        if counted.count <= self.limit {
            return true;
        }
        counted.said.get_or_insert_with(|| Said::of(event));
        false
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<u64, Counted>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for FloodGuard {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let target = event.metadata().target();
        let is_counted = self.limit > 0 && target != ACCESS && target != REPEATED;
        !is_counted || self.passes(event, Instant::now())
    }
}

/// Returns the hash of the fields that equal lines have in common.
fn key(event: &Event<'_>) -> u64 {
    let mut key = Key(DefaultHasher::new());
    let metadata = event.metadata();
    metadata.level().hash(&mut key.0);
    metadata.target().hash(&mut key.0);
    event.record(&mut key);
    key.0.finish()
}

/// Returns whether a field is one of those by which lines are equal.
fn is_key(field: &Field) -> bool {
    matches!(field.name(), "message" | "plugin")
}

struct Key(DefaultHasher);

impl Write for Key {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Visit for Key {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_key(field) {
            field.name().hash(&mut self.0);
            // Writing to a hasher cannot fail.
            let _ = write!(self, "{value:?}");
        }
    }
}

impl Said {
    fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut said = Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            plugin: None,
        };
        event.record(&mut said);
        said
    }

    fn tell(&self, times: u64) {
        let Self {
            target: of,
            message,
            plugin,
            ..
        } = self;
        let plugin = plugin.as_deref();
        let seconds = WINDOW.as_secs();
        macro_rules! tell {
            ($level:expr) => {
                tracing::event!(
                    target: REPEATED,
                    $level,
                    plugin,
                    of,
                    times,
                    "repeated {times} more time(s) within {seconds} s: {message}"
                )
            };
        }
        match self.level {
            Level::ERROR => tell!(Level::ERROR),
            Level::WARN => tell!(Level::WARN),
            Level::INFO => tell!(Level::INFO),
            Level::DEBUG => tell!(Level::DEBUG),
            Level::TRACE => tell!(Level::TRACE),
        }
    }

    fn set(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text.chars().take(LONGEST).collect(),
            "plugin" => self.plugin = Some(text),
            _ => {}
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_key(field) {
            self.set(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Logs what `work` does, and returns how many lines passed.
    fn passed(guard: &FloodGuard, work: impl FnOnce()) -> usize {
        struct Passed(Arc<AtomicUsize>);
        impl<S: Subscriber> Layer<S> for Passed {
            fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
                self.0.fetch_add(1, Relaxed);
            }
        }
        let count = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry()
            .with(guard.clone())
            .with(Passed(count.clone()));
        tracing::subscriber::with_default(subscriber, work);
        count.load(Relaxed)
    }

    #[test]
    fn a_flood_is_counted_and_other_lines_pass() {
        let guard = FloodGuard::new(3);
        let lines = passed(&guard, || {
            for request_id in 0..100 {
                tracing::warn!(plugin = "order", request_id, "no answer");
            }
            tracing::warn!(plugin = "payment", "no answer");
            tracing::error!(plugin = "order", "no answer");
            for number in 0..5 {
                tracing::warn!(plugin = "order", "no answer to {number}");
            }
        });
        assert_eq!(lines, 3 + 1 + 1 + 5);
        assert!(guard.take_ended(Instant::now()).is_empty(), "it goes on");
        let ended = guard.take_ended(Instant::now() + WINDOW);
        let [(said, 97)] = &*ended else {
            panic!("one line, 97 times: {ended:?}");
        };
        assert_eq!(said.message, "no answer");
        assert_eq!(said.plugin.as_deref(), Some("order"));
        assert_eq!(said.level, Level::WARN);
        let again = passed(&guard, || tracing::warn!(plugin = "order", "no answer"));
        assert_eq!(again, 1, "a new window");
    }

    #[test]
    fn requests_lines_always_pass_and_a_limit_of_none_keeps_nothing_back() {
        let access = passed(&FloodGuard::new(1), || {
            for _ in 0..10 {
                tracing::info!(target: "access", "a request");
            }
        });
        assert_eq!(access, 10);
        let all = passed(&FloodGuard::new(0), || {
            for _ in 0..10 {
                tracing::info!("the same");
            }
        });
        assert_eq!(all, 10);
    }
}
