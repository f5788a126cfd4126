//! The open loop: requests by a schedule, not by replies.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::client::Failure;
use super::mix::{MIX, Mix, What};
use super::tally::{Outcome, Tally};
use super::visits::Shop;

/// How long requests are sent at one rate.
const ROUND: Duration = Duration::from_secs(6);

/// How long after it was due a request is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same visits at the same instants, in every run and for every shop.
const SEED: u64 = 0x0054_5043_5f57;

/// Offer `rate` requests a second, at instants as random as those of many
/// people who do not know of each other (a Poisson process), and wait for what
/// comes of them.
pub fn offer(runtime: &Runtime, shop: &Arc<Shop>, rate: f64) -> anyhow::Result<Tally> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mix = Mix::new()?;
    let mut visits = JoinSet::new();
    let began = Instant::now();
    let mut due = began + pause(&mut random, rate);
    while due < began + ROUND {
        let place = mix.draw(&mut random);
        let visit = Visit {
            place,
            number: random.random(),
            due,
        };
        // On this thread: tokio's own timers wait in whole milliseconds.
        sleep(due.saturating_duration_since(Instant::now()));
        visits.spawn_on(visit.make(shop.clone()), runtime.handle());
        due += pause(&mut random, rate);
    }
    let mut tally = Tally::new(began, ROUND)?;
    runtime.block_on(async {
        while let Some(outcome) = visits.join_next().await {
            tally.add(&outcome?)?;
        }
        Ok(tally)
    })
}

/// The time until the next request.
fn pause(random: &mut StdRng, rate: f64) -> Duration {
    // In (0, 1], whose logarithm is finite.
    let chance = 1.0 - random.random::<f64>();
    Duration::from_secs_f64(-chance.ln() / rate)
}

/// One request that is to be sent.
struct Visit {
    /// Its place in [`MIX`].
    place: usize,
    number: u64,
    due: Instant,
}

impl Visit {
    async fn make(self, shop: Arc<Shop>) -> Outcome {
        let late = self.due.elapsed();
        let what = MIX.get(self.place).map_or(What::Home, |found| found.what);
        let visit = shop.visit(what, self.number);
        let until = self.due + PATIENCE;
        let result = match tokio::time::timeout_at(until.into(), visit).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Late),
        };
        Outcome {
            place: self.place,
            late,
            ended: Instant::now(),
            latency: self.due.elapsed(),
            result,
        }
    }
}
