//! The manifest section `[metrics.NAME]`: counters that the plugin increments itself, with all
//! values that their labels may have.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ManifestError, require};
use crate::CounterDeclaration;

/// Maximum number of counters of a plugin, and of series of one counter. Each series takes a line
/// in every Prometheus scrape.
const MOST_METRICS: usize = 32;
const MOST_SERIES: usize = 100;

/// Prefixes of metric names that are reserved for the host.
const HOSTS: [&str; 8] = [
    "edge_",
    "http_",
    "db_",
    "process_",
    "go_",
    "otel_",
    "prometheus_",
    "up_",
];

/// Labels that the host adds to every counter.
const HOSTS_LABELS: [&str; 2] = ["plugin", "version"];

/// Counter that the plugin increments itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Metric {
    /// Help text of the counter.
    pub help: String,
    /// Labels of the counter, each with all values that it may have.
    #[serde(default)]
    pub labels: BTreeMap<String, Vec<String>>,
}

/// Counters of a plugin, by name.
pub type Metrics = BTreeMap<String, Metric>;

impl Metric {
    /// Returns the declaration of the counter for telemetry.
    #[must_use]
    pub fn declared(&self) -> CounterDeclaration {
        CounterDeclaration {
            help: self.help.clone(),
            labels: self.labels.clone(),
        }
    }

    fn check(&self, name: &str) -> Result<(), ManifestError> {
        require(
            "metrics",
            is_name(name) && name.ends_with("_total") && name.len() <= 80,
            format_args!(
                "holds {name:?}: a counter's name is lower-case letters, digits and underscores, \
                 and ends with `_total`"
            ),
        )?;
        require(
            "metrics",
            !HOSTS.iter().any(|own| name.starts_with(own)),
            format_args!("holds {name:?}, which begins as the host's own do"),
        )?;
        require(
            "metrics",
            !self.help.trim().is_empty() && !self.help.contains('\n'),
            format_args!("says nothing on one line of what {name:?} counts"),
        )?;
        for (label, values) in &self.labels {
            require(
                "metrics",
                is_name(label) && !HOSTS_LABELS.contains(&label.as_str()),
                format_args!(
                    "gives {name:?} the label {label:?}, which is no name or the host's own"
                ),
            )?;
            require(
                "metrics",
                !values.is_empty() && values.iter().all(|value| is_value(value)) && is_set(values),
                format_args!(
                    "gives the label {label:?} of {name:?} no value, one twice, or a long one"
                ),
            )?;
        }
        require(
            "metrics",
            self.declared().series() <= MOST_SERIES,
            format_args!("gives {name:?} more than {MOST_SERIES} series"),
        )
    }
}

pub(super) fn check(metrics: &Metrics) -> Result<(), ManifestError> {
    require(
        "metrics",
        metrics.len() <= MOST_METRICS,
        format_args!("holds more than {MOST_METRICS} counters"),
    )?;
    metrics
        .iter()
        .try_for_each(|(name, metric)| metric.check(name))
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(plain)
}

fn is_value(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && !text.contains(char::is_control)
}

fn is_set(values: &[String]) -> bool {
    let known: BTreeSet<&String> = values.iter().collect();
    known.len() == values.len()
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;

    const SMALLEST: &str =
        "name = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\nroutes = [\"/a\"]\n";

    fn refusal(rest: &str) -> String {
        let manifest = Manifest::parse(&format!("{SMALLEST}{rest}"));
        manifest.map(drop).expect_err(rest).to_string()
    }

    #[test]
    fn counters_are_named_and_bounded() {
        let good = "[metrics.shop_things_total]\nhelp = \"Things.\"\n\
                    labels = { outcome = [\"good\", \"bad\"] }";
        let manifest = Manifest::parse(&format!("{SMALLEST}{good}")).expect("valid");
        assert_eq!(manifest.metrics["shop_things_total"].declared().series(), 2);

        let many: Vec<String> = (0..11).map(|value| format!("\"{value}\"")).collect();
        let many = many.join(", ");
        let wrong = [
            "[metrics.things]\nhelp = \"x\"",
            "[metrics.Things_total]\nhelp = \"x\"",
            "[metrics.edge_things_total]\nhelp = \"x\"",
            "[metrics.a_total]\nhelp = \"\"",
            "[metrics.a_total]\nhelp = \"x\"\nlabels = { plugin = [\"b\"] }",
            "[metrics.a_total]\nhelp = \"x\"\nlabels = { b = [] }",
            "[metrics.a_total]\nhelp = \"x\"\nlabels = { b = [\"c\", \"c\"] }",
            &format!("[metrics.a_total]\nhelp = \"x\"\nlabels = {{ b = [{many}], c = [{many}] }}"),
        ];
        for rest in wrong {
            assert!(refusal(rest).contains("`metrics`"), "{rest}");
        }
        assert!(refusal("[metrics.a_total]\nhelp = \"x\"\nlabel = {}").contains("label"));
    }
}
