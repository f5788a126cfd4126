//! The clock of the control database, as this node knows it.
//!
//! Clocks of nodes differ, so what nodes decide together they decide by the
//! database's. Each answer that tells its time is a sample: the difference from
//! this node's clock is known to half the round trip. The median of the last
//! few samples is the node's skew; the last sample, carried on by a clock that
//! nobody sets, is the database's time between two answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A skew that operators are told of.
pub const NOTED_SKEW: Duration = Duration::from_secs(1);

/// A skew beyond which a node does no periodic work.
pub const MAX_SKEW: Duration = Duration::from_secs(5);

/// Samples of which the median counts.
const SAMPLES: usize = 5;

/// The longest round trip of a sample: a longer one tells too little.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);

/// How far the clock of this node is from the control database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds by which this node is ahead; fewer than none if it is behind.
    pub milliseconds: i64,
    /// Milliseconds by which that may be wrong.
    pub error: u64,
}

impl Skew {
    /// Whether the clocks differ by more than `limit`.
    #[must_use]
    pub fn exceeds(self, limit: Duration) -> bool {
        u128::from(self.milliseconds.unsigned_abs()) > limit.as_millis()
    }
}

impl std::fmt::Display for Skew {
    /// Such as `2400.0 s ahead of`.
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

/// The moment at which the database was asked for its time.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    steady: Instant,
    wall: SystemTime,
}

impl Asked {
    /// This moment.
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
    /// The database's time, in milliseconds since 1970, at `read_at`.
    database: i64,
    read_at: Instant,
}

#[derive(Debug, Default)]
struct Samples {
    last: VecDeque<Sample>,
    /// Whether the skew was beyond [`MAX_SKEW`] when it was last looked at.
    is_off: bool,
}

/// The clock of the control database.
#[derive(Debug)]
pub struct SharedClock {
    samples: Mutex<Samples>,
    /// When this was made, by the clock that nobody sets.
    start: Instant,
    /// The database's time at `start`, in milliseconds since 1970, as the last
    /// sample has it: requests with a token ask for no lock. [`UNKNOWN`] before.
    epoch: AtomicI64,
}

/// No time of any database.
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
    /// Takes note of the database's time, in milliseconds since 1970, for which
    /// it was `asked` and which it has told just now. The log says when the skew
    /// becomes too large, and when it is small again.
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

    /// Returns how far this node's clock is from the database's, if the database
    /// has told its time.
    #[must_use]
    pub fn skew(&self) -> Option<Skew> {
        median(&self.samples().last)
    }

    /// Whether the node's clock is too far from the database's for periodic
    /// work. It is not as long as nothing is known.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.skew().is_some_and(|skew| skew.exceeds(MAX_SKEW))
    }

    /// Returns the database's time, in seconds since 1970: the node's own as
    /// long as the database has not told it.
    #[must_use]
    pub fn now_seconds(&self) -> u64 {
        let now = match self.epoch.load(Relaxed) {
            UNKNOWN => since_1970(SystemTime::now()),
            epoch => epoch.saturating_add(milliseconds(self.start.elapsed())),
        };
        u64::try_from(now / 1000).unwrap_or_default()
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The database read its clock at some time between question and answer: the
/// middle is wrong by half of the time between them at most.
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

/// Milliseconds since 1970, fewer than none before.
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

    /// A clock that was told these times, in milliseconds from this node's.
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
