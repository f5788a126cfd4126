//! What the shop sustained under TPC-W's Shopping mix.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

/// What was measured of one shop.
#[derive(Debug, Serialize)]
pub struct ShopReport {
    /// Where it keeps everything.
    pub title: &'static str,
    /// The greatest rate that was sustained, in requests a second.
    pub sustained: Option<f64>,
    /// Every rate that was offered, in order.
    pub steps: Vec<Step>,
    /// What came of twice that rate.
    pub overload: Option<Step>,
    /// Most memory that the node had resident, in bytes.
    pub peak_memory: u64,
}

/// What came of one offered rate. Latencies count from when a request was due,
/// in microseconds, of requests that were answered by 200.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Requests a second that were to be sent.
    pub offered: f64,
    /// Requests that were sent.
    pub sent: u64,
    /// For how long they were sent.
    pub seconds: f64,
    /// Requests answered by 200 in a second, of that time.
    pub throughput: f64,
    /// Median latency.
    pub p50: u64,
    /// Latency that one request in a hundred exceeds.
    pub p99: u64,
    /// Median latency of those that were answered by another status.
    pub refusal_p50: u64,
    /// Latency that one in a hundred of them exceeds.
    pub refusal_p99: u64,
    /// How much of that may be the generator's own: what it was behind its
    /// schedule, which one request in a hundred exceeds.
    pub generator_p99: u64,
    /// Microseconds of a processor for one request, in the node alone.
    pub cpu: f64,
    /// Requests that were not answered by 200, by status or reason.
    pub errors: BTreeMap<String, u64>,
    /// Whether the shop kept up.
    pub sustained: bool,
    /// The same by interaction.
    pub interactions: Vec<InteractionReport>,
}

/// What came of one kind of request, at one rate.
#[derive(Debug, Serialize)]
pub struct InteractionReport {
    /// TPC-W's name of it.
    pub name: &'static str,
    /// Our route.
    pub route: &'static str,
    /// Its share of the mix, in percent.
    pub share: f64,
    /// How many were answered by 200.
    pub answered: u64,
    /// How many were not.
    pub errors: u64,
    /// Median latency, in microseconds.
    pub p50: u64,
    /// Latency that one request in a hundred exceeds, in microseconds.
    pub p99: u64,
}

impl ShopReport {
    /// The report of these rates.
    pub fn new(
        title: &'static str,
        steps: Vec<Step>,
        overload: Option<Step>,
        peak_memory: u64,
    ) -> Self {
        Self {
            title,
            sustained: sustained(&steps),
            steps,
            overload,
            peak_memory,
        }
    }

    /// At the greatest rate that was sustained.
    fn best(&self) -> Option<&Step> {
        let mut steps = self.steps.iter();
        steps.find(|step| Some(step.offered) == self.sustained)
    }
}

impl Display for ShopReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.sustained {
            Some(rate) => writeln!(f, "{}: sustains {rate:.0} requests/s", self.title)?,
            None => writeln!(f, "{}: sustains no rate that was tried", self.title)?,
        }
        let [offered, answered, cpu] = ["offered/s", "answered/s", "cpu µs"];
        let [p50, p99] = ["p50 ms", "p99 ms"];
        writeln!(
            f,
            "  {offered:>10}{answered:>12}{p50:>9}{p99:>9}{cpu:>8}  errors"
        )?;
        let mut steps: Vec<_> = self.steps.iter().collect();
        steps.sort_by(|one, other| one.offered.total_cmp(&other.offered));
        for step in steps {
            writeln!(f, "  {step}")?;
        }
        if let Some(best) = self.best() {
            writeln!(f, "  of them, at {:.0}/s:", best.offered)?;
            for interaction in &best.interactions {
                writeln!(f, "    {interaction}")?;
            }
            if let Some(overload) = &self.overload {
                overload.beyond(best, f)?;
            }
        }
        Ok(())
    }
}

/// The greatest rate that was sustained.
pub fn sustained(steps: &[Step]) -> Option<f64> {
    let sustained = steps.iter().filter(|step| step.sustained);
    sustained.map(|step| step.offered).reduce(f64::max)
}

impl Step {
    /// What is left of `best` when twice as much is asked for.
    fn beyond(&self, best: &Self, f: &mut Formatter<'_>) -> Result {
        let kept = 100.0 * self.throughput / best.throughput;
        let (p50, p99) = (ms(self.refusal_p50), ms(self.refusal_p99));
        writeln!(f, "  twice as much, over more connections:\n  {self}")?;
        writeln!(
            f,
            "  goodput: {kept:.0} % of capacity; refusals: p50 {p50:.1} ms, p99 {p99:.1} ms"
        )
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|(what, count)| format!("{count} × {what}"))
            .collect();
        let errors = if errors.is_empty() {
            "none".to_owned()
        } else {
            errors.join(", ")
        };
        write!(f, "{:>10.0}{:>12.1}", self.offered, self.throughput)?;
        write!(f, "{:>9.2}{:>9.2}", ms(self.p50), ms(self.p99))?;
        write!(f, "{:>8.0}  {errors}", self.cpu)
    }
}

impl Display for InteractionReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{:<23}{:<33}", self.name, self.route)?;
        write!(f, "{:>7} answered", self.answered)?;
        write!(f, "{:>9.2}{:>9.2}", ms(self.p50), ms(self.p99))
    }
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1e3
}
