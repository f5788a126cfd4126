//! What was measured: as a table for people, as JSON for programs.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calls::CallCost;
use crate::wrk::Measured;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Products in the catalog.
    products: u64,
    /// Processors of the machine, which servers, database and `wrk` share.
    processors: usize,
    /// What calls into a plugin cost.
    pub calls: Vec<CallCost>,
    /// What clients see.
    pub groups: Vec<GroupReport>,
}

/// What was measured on one node and its twin.
#[derive(Debug, Serialize)]
pub struct GroupReport {
    /// What they have in common.
    pub title: &'static str,
    /// Route by route.
    pub rows: Vec<Comparison>,
    /// How long it took to fill the tables, if there are any.
    pub seconds_to_fill: Option<f64>,
    /// Most memory that the node had resident, in bytes.
    pub peak_memory: u64,
    /// The same of the twin.
    pub twin_peak_memory: u64,
}

/// Ours and the twin's answers to the same requests.
#[derive(Debug, Serialize)]
pub struct Comparison {
    name: &'static str,
    target: &'static str,
    connections: u32,
    goal: Option<f64>,
    /// Our rounds, in order.
    pub ours: Vec<Measured>,
    /// The twin's rounds, each after the one of ours.
    pub twin: Vec<Measured>,
}

/// The middle one of some numbers, or between the middle two; 0 of none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let at = |place: usize| numbers.get(place).copied().unwrap_or_default();
    if numbers.len() % 2 == 1 {
        at(middle)
    } else {
        (at(middle.saturating_sub(1)) + at(middle)) / 2.0
    }
}

impl Report {
    /// A report of nothing yet.
    pub fn new(products: u64) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            products,
            processors,
            calls: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Write it to `bench.json` in cargo's target folder.
    pub fn write(&self) -> anyhow::Result<PathBuf> {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = tmp.with_file_name("bench.json");
        std::fs::write(&file, serde_json::to_vec_pretty(self)?)?;
        Ok(file)
    }
}

impl Comparison {
    /// A comparison of nothing yet.
    pub fn new(
        name: &'static str,
        target: &'static str,
        connections: u32,
        goal: Option<f64>,
    ) -> Self {
        Self {
            name,
            target,
            connections,
            goal,
            ours: Vec::new(),
            twin: Vec::new(),
        }
    }

    /// Our rate in relation to the twin's.
    fn ratio(&self) -> f64 {
        rate(&self.ours) / rate(&self.twin)
    }

    /// The least and the greatest ratio of a round.
    fn spread(&self) -> (f64, f64) {
        let rounds = self
            .ours
            .iter()
            .zip(&self.twin)
            .map(|(ours, twin)| ours.rate / twin.rate);
        rounds.fold((f64::MAX, f64::MIN), |(least, most), ratio| {
            (least.min(ratio), most.max(ratio))
        })
    }
}

fn rate(rounds: &[Measured]) -> f64 {
    median(rounds.iter().map(|round| round.rate).collect())
}

fn p50(rounds: &[Measured]) -> f64 {
    median(rounds.iter().map(|round| round.p50.into()).collect())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nThe price of the platform: a node against a native twin, medians of alternating rounds;"
        )?;
        writeln!(
            f,
            "{} processors for servers, database and load.",
            self.processors
        )?;
        writeln!(
            f,
            "\n{:<26} {:>7} {:>9} {:>9} {:>6}  {:<13} {:<14} {:>9} {:>9}",
            "",
            "clients",
            "ours /s",
            "twin /s",
            "ratio",
            "of rounds",
            "goal",
            "ours p50",
            "twin p50"
        )?;
        self.groups
            .iter()
            .try_for_each(|group| write!(f, "{group}"))?;
        writeln!(f, "\nPeak resident memory, MiB{:>36} {:>9}", "ours", "twin")?;
        for group in &self.groups {
            let (ours, twin) = (mib(group.peak_memory), mib(group.twin_peak_memory));
            writeln!(f, "  {:<49} {ours:>9.1} {twin:>9.1}", group.title)?;
        }
        writeln!(
            f,
            "\nA call without HTTP, µs{:>38} {:>9}",
            "threads", "each"
        )?;
        for call in &self.calls {
            writeln!(
                f,
                "  {:<49} {:>9} {:>9.2}",
                call.name, call.threads, call.micros
            )?;
        }
        writeln!(
            f,
            "\nFilling the tables with {} products, seconds",
            self.products
        )?;
        for group in &self.groups {
            if let Some(seconds) = group.seconds_to_fill {
                writeln!(f, "  {:<49} {seconds:>19.1}", group.title)?;
            }
        }
        writeln!(f)
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.rows.iter().try_for_each(|row| writeln!(f, "  {row}"))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ratio, (least, most)) = (self.ratio(), self.spread());
        let verdict = |goal: f64| if ratio >= goal { "met" } else { "MISSED" };
        let goal = self
            .goal
            .map(|goal| format!(">= {goal:.2} {}", verdict(goal)));
        write!(
            f,
            "{:<24} {:>7} {:>9.0} {:>9.0} {ratio:>6.2}  {least:.2} .. {most:.2}  {:<14} {:>6.0} µs {:>6.0} µs",
            self.name,
            self.connections,
            rate(&self.ours),
            rate(&self.twin),
            goal.unwrap_or_default(),
            p50(&self.ours),
            p50(&self.twin),
        )
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
