//! The open loop: requests by a schedule, not by replies.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::client::Failure;
use super::mix::{Interaction, Mix, What};
use super::tally::{Outcome, Tally};
use super::visits::Shop;

/// How long after it was due a request is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same visits at the same instants, in every run and for every shop.
const SEED: u64 = 0x0054_5043_5f57;

/// Requests that are offered to a shop.
pub struct Offer {
    /// What they are.
    pub mix: &'static [Interaction],
    /// How many in a second.
    pub rate: f64,
    /// For how long.
    pub duration: Duration,
}

impl Offer {
    /// Send them, at instants as random as those of many people who do not know
    /// of each other (a Poisson process), and wait for what comes of them.
    pub fn make(&self, runtime: &Runtime, shop: &Arc<Shop>) -> anyhow::Result<Tally> {
        let mut random = StdRng::seed_from_u64(SEED);
        let mix = Mix::new(self.mix)?;
        let mut visits = JoinSet::new();
        let began = Instant::now();
        let mut tally = Tally::new(began, self.duration, self.mix)?;
        let mut due = began + pause(&mut random, self.rate);
        while due < began + self.duration {
            let (place, what) = mix.draw(&mut random);
            let visit = Visit {
                place,
                what,
                number: random.random(),
                due,
            };
            // On this thread: tokio's own timers wait in whole milliseconds.
            sleep(due.saturating_duration_since(Instant::now()));
            visits.spawn_on(visit.make(shop.clone()), runtime.handle());
            due += pause(&mut random, self.rate);
            while let Some(outcome) = visits.try_join_next() {
                tally.add(&outcome?)?;
            }
        }
        runtime.block_on(async {
            while let Some(outcome) = visits.join_next().await {
                tally.add(&outcome?)?;
            }
            Ok(tally)
        })
    }
}

/// The time until the next request.
fn pause(random: &mut StdRng, rate: f64) -> Duration {
    // In (0, 1], whose logarithm is finite.
    let chance = 1.0 - random.random::<f64>();
    Duration::from_secs_f64(-chance.ln() / rate)
}

/// One request that is to be sent.
struct Visit {
    /// Its place in the mix.
    place: usize,
    what: What,
    number: u64,
    due: Instant,
}

impl Visit {
    async fn make(self, shop: Arc<Shop>) -> Outcome {
        let late = self.due.elapsed();
        let visit = shop.visit(self.what, self.number);
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
