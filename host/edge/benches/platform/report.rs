//! What was measured: as a table for people, as JSON for programs.

pub mod neighbours;
pub mod shop;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calls::CallCost;
use neighbours::NeighbourReport;
use shop::ShopReport;

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
    /// What a catalog feels of a plugin that misbehaves beside it.
    pub neighbours: Vec<NeighbourReport>,
    /// What shops sustain.
    pub shops: Vec<ShopReport>,
}

/// What was measured on one node and its twin.
#[derive(Debug, Serialize)]
pub struct GroupReport {
    /// What they have in common.
    pub title: &'static str,
    /// The node's `EDGE_ACCESS_LOG`.
    pub access_log: &'static str,
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
    /// What is asked for.
    pub name: &'static str,
    /// Its path and query.
    pub target: &'static str,
    /// Who ask for it at the same time.
    pub clients: u32,
    /// The least ratio of our rate to the twin's that will do.
    pub goal: Option<f64>,
    /// Our rounds, in order.
    pub ours: Vec<Round>,
    /// The twin's rounds, each after the one of ours.
    pub twin: Vec<Round>,
}

/// One round of requests to one server.
#[derive(Debug, Serialize)]
pub struct Round {
    /// Requests answered in a second.
    pub rate: f64,
    /// Microseconds of a processor for one request, in the server alone: what
    /// others do on the machine changes it less than the rate.
    pub cpu: f64,
    /// Median latency, in microseconds.
    pub p50: u32,
    /// Latency that one request in a hundred exceeds, in microseconds.
    pub p99: u32,
}

/// The middle one of some numbers, or between the middle two; 0 of none.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let upper = numbers.get(numbers.len() / 2).copied().unwrap_or_default();
    let lower = numbers
        .len()
        .checked_sub(1)
        .and_then(|last| numbers.get(last / 2));
    lower.map_or(upper, |lower| (lower + upper) / 2.0)
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
            neighbours: Vec::new(),
            shops: Vec::new(),
        }
    }

    /// Write it to `bench.json` in cargo's target folder.
    pub fn write(&self) -> anyhow::Result<PathBuf> {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench.json");
        std::fs::write(&file, serde_json::to_vec_pretty(self)?)?;
        Ok(file)
    }
}

impl Comparison {
    /// Our rate in relation to the twin's.
    fn ratio(&self) -> f64 {
        let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.rate));
        rate(&self.ours) / rate(&self.twin)
    }

    /// The least and the greatest ratio of a round.
    fn spread(&self) -> (f64, f64) {
        let rounds = self.ours.iter().zip(&self.twin);
        let ratios = rounds.map(|(ours, twin)| ours.rate / twin.rate);
        ratios.fold((f64::MAX, f64::MIN), |(least, most), ratio| {
            (least.min(ratio), most.max(ratio))
        })
    }
}
