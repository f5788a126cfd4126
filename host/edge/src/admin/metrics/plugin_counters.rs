//! Metrics that plugins count themselves, under the names in their manifests.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;

use super::families::{Labels, counter, label, labels};
use crate::telemetry::counters::{Counter, Owner, Registry};

type Series = Vec<(Labels, u64)>;

pub(super) fn families(counters: &Registry) -> Vec<MetricFamily> {
    let mut families: BTreeMap<String, (String, Series)> = BTreeMap::new();
    for (name, owner, counter) in counters.all() {
        let help = || (counter.declared().help.clone(), Series::new());
        let (_, series) = families.entry(name).or_insert_with(help);
        series.extend(of_counter(&owner, &counter));
    }
    families
        .into_iter()
        .map(|(name, (help, series))| counter(&name, &help, series.into_iter()))
        .collect()
}

fn of_counter(owner: &Owner, counter: &Counter) -> Series {
    let series = counter.iter().map(|(own, count)| {
        let mut labels = labels([("plugin", &*owner.plugin), ("version", &*owner.version)]);
        labels.extend(own.into_iter().map(|(name, value)| label(name, value)));
        (labels, count)
    });
    series.collect()
}
