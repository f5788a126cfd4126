//! What a catalog felt of misdeeds beside it.

use std::fmt::{Formatter, Result};

use serde::Serialize;

use super::shop::Step;

/// The catalog beside one misdeed.
#[derive(Debug, Serialize)]
pub struct NeighbourReport {
    /// What was done again and again.
    pub misdeed: &'static str,
    /// How often in a second it was answered, in whatever way.
    pub rate: f64,
    /// The catalog without it, just before.
    pub alone: Step,
    /// The catalog beside it.
    pub beside: Step,
}

/// All of them, if there are any.
pub fn table(reports: &[NeighbourReport], f: &mut Formatter<'_>) -> Result {
    let Some(first) = reports.first() else {
        return Ok(());
    };
    writeln!(
        f,
        "\nA catalog at {:.0} requests/s beside a plugin that misbehaves: alone / beside it, ms",
        first.alone.offered
    )?;
    let [misdeed, rate, p50, p99] = ["", "misdeeds/s", "p50", "p99"];
    writeln!(
        f,
        "  {misdeed:<34}{rate:>11}{p50:>15}{p99:>17}  ratio  not answered by 200"
    )?;
    for report in reports {
        let NeighbourReport {
            misdeed,
            rate,
            alone,
            beside,
        } = report;
        let pair = |one: u64, other: u64| format!("{:.2} / {:.2}", ms(one), ms(other));
        let ratio = beside.p99 as f64 / alone.p99 as f64;
        let failed: u64 = beside.errors.values().sum();
        writeln!(
            f,
            "  {misdeed:<34}{rate:>11.1}{:>15}{:>17}  {ratio:>5.1}  {failed}",
            pair(alone.p50, beside.p50),
            pair(alone.p99, beside.p99)
        )?;
    }
    Ok(())
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1e3
}
