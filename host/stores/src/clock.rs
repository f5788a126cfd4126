//! Clock of the control database, as this node knows it.
//!
//! Clocks of nodes differ, so shared decisions are made by the database's clock. Each reply with
//! its time is a sample: the difference from this node's clock, known to half the round trip. The
//! median of the last samples is the node's skew; the last sample, advanced by the monotonic clock,
//! is the database's time between two replies.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::lock::lock;

/// Skew from which operators are warned.
pub const NOTED_SKEW: Duration = Duration::from_secs(1);

/// Skew from which a node does no periodic work.
pub const MAX_SKEW: Duration = Duration::from_secs(5);

/// Samples of which the median is taken.
const SAMPLES: usize = 5;

/// Longest round trip of a sample: a longer one is too inaccurate.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);

/// Difference between the clock of this node and the control database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds by which this node is ahead; negative if it is behind.
    pub milliseconds: i64,
    /// Greatest error of the difference, in milliseconds.
    pub error: u64,
}

impl Skew {
    /// Returns whether the clocks differ by more than `limit`.
    #[must_use]
    pub fn exceeds(self, limit: Duration) -> bool {
        u128::from(self.milliseconds.unsigned_abs()) > limit.as_millis()
    }
}

impl std::fmt::Display for Skew {
    /// Writes text such as `2400.0 s ahead of`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = Duration::from_millis(self.milliseconds.unsigned_abs());
        let side = if self.milliseconds < 0 {
            "behind"
        } else {
            "ahead of"
        };
        write!(f, "{:.1} s {side}", time.as_secs_f64())
    }
}

/// Time at which the database was asked for its time.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    steady: Instant,
    wall: SystemTime,
}

impl Asked {
    /// Returns the present time.
    #[must_use]
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    skew: Skew,
    /// Time of the database at `read_at`, in milliseconds since 1970.
    database: i64,
    read_at: Instant,
}

#[derive(Debug, Default)]
struct Samples {
    last: VecDeque<Sample>,
    /// True if the skew exceeded [`MAX_SKEW`] at the last check.
    is_off: bool,
}

/// Clock of the control database.
#[derive(Debug)]
pub struct SharedClock {
    samples: Mutex<Samples>,
    /// Creation time of this value, by the monotonic clock.
    start: Instant,
    /// Time of the database at `start`, in milliseconds since 1970, by the last sample; an atomic,
    /// so that requests with a token take no lock. [`UNKNOWN`] before the first sample.
    epoch: AtomicI64,
}

/// Value that stands for an unknown time.
const UNKNOWN: i64 = i64::MIN;

impl Default for SharedClock {
    fn default() -> Self {
        Self {
            samples: Mutex::default(),
            start: Instant::now(),
            epoch: AtomicI64::new(UNKNOWN),
        }
    }
}

impl SharedClock {
    /// Records the database's time, in milliseconds since 1970, which it was `asked` for and has
    /// just told. The log tells when the skew becomes too large, and when it is small again.
    pub fn note(&self, asked: Asked, database: i64) {
        let Some(sample) = sample(asked, asked.steady.elapsed(), database) else {
            return;
        };
        let since = milliseconds(sample.read_at.saturating_duration_since(self.start));
        let epoch = sample.database.saturating_sub(since);
        self.epoch.store(epoch, Relaxed);
        let mut samples = self.samples();
        samples.last.push_back(sample);
        if samples.last.len() > SAMPLES {
            samples.last.pop_front();
        }
        let Some(skew) = median(&samples.last) else {
            return;
        };
        let is_off = skew.exceeds(MAX_SKEW);
        if is_off == samples.is_off {
            return;
        }
        samples.is_off = is_off;
        drop(samples);
        let limit = MAX_SKEW.as_secs();
        if is_off {
            tracing::warn!(
                skew_ms = skew.milliseconds,
                "the clock of this node is {skew} the control database's: it does no periodic \
                 work until they agree within {limit} s"
            );
        } else {
            tracing::info!(
                skew_ms = skew.milliseconds,
                "the clock of this node agrees with the control database's again"
            );
        }
    }

    /// Returns the skew of this node's clock, or `None` before the first sample.
    #[must_use]
    pub fn skew(&self) -> Option<Skew> {
        median(&self.samples().last)
    }

    /// Returns whether the node's clock is too far from the database's for periodic work; false
    /// before the first sample.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.skew().is_some_and(|skew| skew.exceeds(MAX_SKEW))
    }

    /// Returns the database's time in seconds since 1970, or the node's own before the first
    /// sample.
    #[must_use]
    pub fn now_seconds(&self) -> u64 {
        let now = match self.epoch.load(Relaxed) {
            UNKNOWN => since_1970(SystemTime::now()),
            epoch => epoch.saturating_add(milliseconds(self.start.elapsed())),
        };
        u64::try_from(now / 1000).unwrap_or_default()
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        lock(&self.samples)
    }
}

/// Returns the sample of a reply; `None` if the round trip was too long. The database read its
/// clock at some time during the round trip, so its middle is wrong by half of it at most.
fn sample(asked: Asked, round_trip: Duration, database: i64) -> Option<Sample> {
    if round_trip > MAX_ROUND_TRIP {
        return None;
    }
    let half = round_trip / 2;
    let here = since_1970(asked.wall).saturating_add(milliseconds(half));
    Some(Sample {
        skew: Skew {
            milliseconds: here.saturating_sub(database),
            error: u64::try_from(half.as_millis()).unwrap_or(u64::MAX),
        },
        database,
        read_at: asked.steady + half,
    })
}

fn median(samples: &VecDeque<Sample>) -> Option<Skew> {
    let mut skews: Vec<Skew> = samples.iter().map(|sample| sample.skew).collect();
    skews.sort_by_key(|skew| skew.milliseconds);
    skews.get(skews.len() / 2).copied()
}

/// Returns milliseconds since 1970; negative before.
fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => milliseconds(since),
        Err(before) => milliseconds(before.duration()).saturating_neg(),
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a clock with samples of these differences from this node's clock, in milliseconds.
    fn clock(differences: &[i64]) -> SharedClock {
        let clock = SharedClock::default();
        for difference in differences {
            let asked = Asked::now();
            clock.note(asked, since_1970(asked.wall) + difference);
        }
        clock
    }

    fn skew(clock: &SharedClock) -> i64 {
        clock.skew().expect("a skew").milliseconds
    }

    #[test]
    fn the_middle_of_the_round_trip_is_the_time_of_the_answer() {
        let asked = Asked::now();
        let database = since_1970(asked.wall) + 1000;
        let sample = sample(asked, Duration::from_millis(300), database).expect("a sample");
        assert_eq!((sample.skew.milliseconds, sample.skew.error), (-850, 150));
    }

    #[test]
    fn an_answer_that_took_too_long_tells_nothing() {
        let asked = Asked::now();
        assert!(sample(asked, Duration::from_millis(2001), 0).is_none());
    }

    #[test]
    fn one_answer_that_is_wrong_changes_nothing() {
        let clock = clock(&[0, 0, -60_000, 0, 0]);
        assert!(!clock.is_off(), "{:?}", clock.skew());
        assert!(skew(&clock).abs() < 5000);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_after_a_few_answers_and_so_is_its_repair() {
        let ahead = -40 * 60 * 1000;
        let clock = clock(&[0, 0, 0, 0, 0, ahead, ahead, ahead]);
        assert!(clock.is_off());
        let shown = clock.skew().expect("a skew").to_string();
        assert!(
            shown.starts_with("2400.") && shown.ends_with(" s ahead of"),
            "{shown}"
        );
        for _ in 0..3 {
            let asked = Asked::now();
            clock.note(asked, since_1970(asked.wall));
        }
        assert!(!clock.is_off());
    }

    #[test]
    fn the_time_is_the_databases_once_it_is_known() {
        let own = SharedClock::default().now_seconds();
        let day = 24 * 60 * 60;
        let shared = clock(&[-day * 1000]).now_seconds();
        let difference = own.abs_diff(shared);
        let day = day.unsigned_abs();
        assert!((day - 60..=day + 60).contains(&difference), "{difference}");
    }

    #[test]
    fn nothing_is_known_before_the_first_answer() {
        assert_eq!(SharedClock::default().skew(), None);
        assert!(!SharedClock::default().is_off());
    }
}
