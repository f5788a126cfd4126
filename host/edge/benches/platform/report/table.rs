//! The report as a table.

use std::fmt::{Display, Formatter, Result};

use super::{Comparison, GroupReport, Report, Round, median, neighbours};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(
            f,
            "\nA node against its native twin: medians of alternating rounds, ours / twin."
        )?;
        writeln!(
            f,
            "{} processors for servers, database and load.\n",
            self.processors
        )?;
        let [name, rate, ratio, rounds] = ["", "requests/s", "ratio", "of rounds"];
        let [goal, cpu, p50] = ["goal", "cpu µs each", "p50 µs"];
        writeln!(
            f,
            "{name:<30}{rate:>17}{ratio:>7}  {rounds:<12}  {goal:<14}{cpu:>13}{p50:>15}"
        )?;
        self.groups.iter().try_for_each(|group| group.rows(f))?;
        writeln!(f, "\nPeak resident memory, MiB")?;
        self.groups.iter().try_for_each(|group| group.memory(f))?;
        writeln!(f, "\nA call without HTTP, µs")?;
        for call in &self.calls {
            let plural = if call.threads == 1 { "" } else { "s at once" };
            let name = format!("{}, {} thread{plural}", call.name, call.threads);
            writeln!(f, "  {name:<64}{:>7.2}", call.micros)?;
        }
        writeln!(
            f,
            "\nFilling the tables with {} products, seconds",
            self.products
        )?;
        self.groups.iter().try_for_each(|group| group.filling(f))?;
        neighbours::table(&self.neighbours, f)?;
        writeln!(
            f,
            "\nThe shop under TPC-W's Shopping mix, latencies from when requests were due\n"
        )?;
        for shop in &self.shops {
            writeln!(f, "{shop}")?;
        }
        Ok(())
    }
}

impl GroupReport {
    fn rows(&self, f: &mut Formatter<'_>) -> Result {
        let log = match self.access_log {
            "off" => "",
            _ => " (we log every request, the twin none)",
        };
        writeln!(f, "{}{log}", self.title)?;
        self.rows.iter().try_for_each(|row| writeln!(f, "  {row}"))
    }

    fn memory(&self, f: &mut Formatter<'_>) -> Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (ours, twin) = (mib(self.peak_memory), mib(self.twin_peak_memory));
        writeln!(
            f,
            "  {:<28}{:>17}",
            self.title,
            format!("{ours:.1} / {twin:.1}")
        )
    }

    fn filling(&self, f: &mut Formatter<'_>) -> Result {
        match self.seconds_to_fill {
            Some(seconds) => writeln!(f, "  {:<28}{seconds:>17.1}", self.title),
            None => Ok(()),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (ratio, (least, most)) = (self.ratio(), self.spread());
        let verdict = |goal: f64| if ratio >= goal { "met" } else { "MISSED" };
        let goal = self
            .goal
            .map(|goal| format!(">= {goal:.2} {}", verdict(goal)));
        let rate = self.pair(|round| round.rate);
        let cpu = self.pair(|round| round.cpu);
        let p50 = self.pair(|round| round.p50.into());
        write!(
            f,
            "{:<28}{rate:>17}{ratio:>7.2}  {least:.2} .. {most:.2}",
            self.name
        )?;
        write!(f, "  {:<14}{cpu:>13}{p50:>15}", goal.unwrap_or_default())
    }
}

impl Comparison {
    /// `ours / twin`
    fn pair(&self, of: fn(&Round) -> f64) -> String {
        let [ours, twin] = [&self.ours, &self.twin].map(|rounds| median(rounds.iter().map(of)));
        format!("{ours:.0} / {twin:.0}")
    }
}
