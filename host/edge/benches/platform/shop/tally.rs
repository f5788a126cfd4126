//! What became of the requests of one rate.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::client::Failure;
use super::mix::Interaction;
use crate::report::shop::{InteractionReport, Step};

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// A rate is sustained when all but one request in a thousand are answered
/// well,
const WELL: f64 = 0.999;
/// as fast as they come in but for one in twenty,
const PACE: f64 = 0.95;
/// and 99 in a hundred of them within this time, which is as long as people
/// wait without losing the thread (Nielsen, "Response Times").
const LONGEST_P99: Duration = Duration::from_secs(1);

/// What became of one request.
pub struct Outcome {
    /// Its place in the mix.
    pub place: usize,
    /// How much later than it was due the generator came to it.
    pub late: Duration,
    pub ended: Instant,
    /// From when it was due to the last byte of the reply.
    pub latency: Duration,
    pub result: Result<(), Failure>,
}

/// What became of all requests of one rate.
pub struct Tally {
    /// When the last of them was sent, at the latest.
    until: Instant,
    round: Duration,
    /// Those answered well before that.
    in_time: u64,
    late: Histogram<u64>,
    all: Histogram<u64>,
    /// Of those that were answered by another status than 200.
    refused: Histogram<u64>,
    mix: &'static [Interaction],
    each: Vec<Histogram<u64>>,
    errors: BTreeMap<(usize, Failure), u64>,
}

impl Tally {
    /// None yet, of those that are sent within a round.
    pub fn new(
        began: Instant,
        round: Duration,
        mix: &'static [Interaction],
    ) -> anyhow::Result<Self> {
        let each: Result<Vec<_>, _> = mix.iter().map(|_| Histogram::new(DIGITS)).collect();
        Ok(Self {
            until: began + round,
            round,
            in_time: 0,
            late: Histogram::new(DIGITS)?,
            all: Histogram::new(DIGITS)?,
            refused: Histogram::new(DIGITS)?,
            mix,
            each: each?,
            errors: BTreeMap::new(),
        })
    }

    /// Count one more.
    pub fn add(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        self.late.record(micros(outcome.late))?;
        if let Err(failure) = outcome.result {
            if let Failure::Status(_) = failure {
                self.refused.record(micros(outcome.latency))?;
            }
            *self.errors.entry((outcome.place, failure)).or_default() += 1;
            return Ok(());
        }
        self.in_time += u64::from(outcome.ended <= self.until);
        self.all.record(micros(outcome.latency))?;
        if let Some(interaction) = self.each.get_mut(outcome.place) {
            interaction.record(micros(outcome.latency))?;
        }
        Ok(())
    }

    /// The report of `rate`, for which the node `worked` so long.
    pub fn step(&self, rate: f64, worked: Duration) -> Step {
        let mut errors = BTreeMap::<_, u64>::new();
        for ((_, failure), count) in &self.errors {
            *errors.entry(failure.to_string()).or_default() += count;
        }
        let well = self.all.len() as f64;
        let sent = self.late.len() as f64;
        let in_time = self.in_time as f64;
        let p99 = self.all.value_at_quantile(0.99);
        let sustained = well >= WELL * sent && in_time >= PACE * sent && p99 <= micros(LONGEST_P99);
        Step {
            offered: rate,
            sent: self.late.len(),
            seconds: self.round.as_secs_f64(),
            throughput: in_time / self.round.as_secs_f64(),
            p50: self.all.value_at_quantile(0.5),
            p99,
            refusal_p50: self.refused.value_at_quantile(0.5),
            refusal_p99: self.refused.value_at_quantile(0.99),
            generator_p99: self.late.value_at_quantile(0.99),
            cpu: worked.as_secs_f64() * 1e6 / sent,
            errors,
            sustained,
            interactions: self.interactions(),
        }
    }

    fn interactions(&self) -> Vec<InteractionReport> {
        let each = self.mix.iter().zip(&self.each).enumerate();
        each.map(|(place, (interaction, latencies))| {
            let own = self.errors.iter().filter(|((of, _), _)| *of == place);
            InteractionReport {
                name: interaction.name,
                route: interaction.route,
                share: f64::from(interaction.share) / 100.0,
                answered: latencies.len(),
                errors: own.map(|(_, count)| count).sum(),
                p50: latencies.value_at_quantile(0.5),
                p99: latencies.value_at_quantile(0.99),
            }
        })
        .collect()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
