//! How a process does over time, and whether it grows.

use std::fmt::{Display, Formatter, Result};

use crate::report::median;

/// Of the time, what is not looked at: caches and pools fill.
const WARM_UP: f64 = 0.25;

/// By how much the last third may be above the first, as a part of it: more
/// than a steady process wavers by.
const MARGIN: f64 = 0.1;

/// And by how many descriptors or threads: connections come and go.
const MARGIN_COUNT: f64 = 8.0;

const MIB: f64 = (1 << 20) as f64;

/// One look at a process.
#[derive(Clone, Copy)]
pub struct Vital {
    /// Minutes since the beginning.
    pub minutes: f64,
    /// Resident memory, in bytes.
    pub memory: f64,
    /// Open files and connections.
    pub descriptors: f64,
    /// Threads.
    pub threads: f64,
}

impl Display for Vital {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "{:>6.1} min: {:.1} MiB, {} descriptors, {} threads",
            self.minutes,
            self.memory / MIB,
            self.descriptors,
            self.threads
        )
    }
}

/// One of its numbers.
type Number = fn(&Vital) -> f64;

/// Looks at a process, in order.
#[derive(Default)]
pub struct Vitals(Vec<Vital>);

/// What one number did.
struct Course {
    /// Median of the first third after the warm-up.
    first: f64,
    /// Median of the last third.
    last: f64,
    /// What a straight line through all of them gains in a minute.
    slope: f64,
}

impl Vitals {
    /// Add the next one.
    pub fn add(&mut self, vital: Vital) {
        self.0.push(vital);
    }

    /// What has grown by more than a steady process wavers.
    pub fn growing(&self) -> Vec<String> {
        let all: [(&str, Number, f64); 3] = [
            ("memory", |vital| vital.memory, 0.0),
            ("descriptors", |vital| vital.descriptors, MARGIN_COUNT),
            ("threads", |vital| vital.threads, MARGIN_COUNT),
        ];
        let growing = all.into_iter().filter_map(|(name, of, margin)| {
            let course = self.course(of);
            let most = course.first * (1.0 + MARGIN) + margin;
            (course.last > most).then(|| format!("{name} from {} to {}", course.first, course.last))
        });
        growing.collect()
    }

    /// Those after the warm-up.
    fn steady(&self) -> &[Vital] {
        let end = self.0.last().map_or(0.0, |vital| vital.minutes);
        let warm = self
            .0
            .partition_point(|vital| vital.minutes < end * WARM_UP);
        self.0.get(warm..).unwrap_or_default()
    }

    fn course(&self, of: Number) -> Course {
        let steady = self.steady();
        let third = steady.len().div_ceil(3).max(1);
        let of_all = |vitals: &[Vital]| median(vitals.iter().map(of));
        Course {
            first: steady.chunks(third).next().map_or(0.0, of_all),
            last: steady.rchunks(third).next().map_or(0.0, of_all),
            slope: slope(steady, of),
        }
    }
}

/// By least squares.
fn slope(vitals: &[Vital], of: Number) -> f64 {
    let count = vitals.len() as f64;
    let mean = |of: Number| vitals.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|vital| vital.minutes), mean(of));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for vital in vitals {
        covariance += (vital.minutes - x) * (of(vital) - y);
        variance += (vital.minutes - x).powi(2);
    }
    if variance > 0.0 {
        covariance / variance
    } else {
        0.0
    }
}

impl Display for Vitals {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let memory = self.course(|vital| vital.memory);
        let descriptors = self.course(|vital| vital.descriptors);
        let threads = self.course(|vital| vital.threads);
        writeln!(f, "After the first quarter: first third, last third, slope")?;
        writeln!(
            f,
            "  memory       {:.1} MiB, {:.1} MiB, {:+.1} KiB a minute",
            memory.first / MIB,
            memory.last / MIB,
            memory.slope / 1024.0
        )?;
        for (name, course) in [("descriptors", descriptors), ("threads", threads)] {
            let Course { first, last, slope } = course;
            writeln!(f, "  {name:<11}  {first}, {last}, {slope:+.2} a minute")?;
        }
        Ok(())
    }
}
