//! What Prometheus finds.

mod fleet;
mod http;
mod plugins;
mod rollouts;
mod shop;
mod stores;

use ::http::Method;

use super::promtool::promtool;
use crate::harness::{Operator, TestNode, fixture};

/// What a node shows.
pub struct Metrics(String);

impl Metrics {
    /// Ask for them, as an operator.
    pub async fn of(node: &TestNode) -> Self {
        Self::at(&node.operator()).await
    }

    /// Ask for them at an operators' port.
    pub async fn at(operator: &Operator) -> Self {
        let reply = operator.send(Method::GET, "/metrics", "").await;
        reply.assert_status(200);
        Self(reply.text().to_owned())
    }

    /// The values of all series with this name and these labels, in any order.
    fn values(&self, name: &str, labels: &[&str]) -> impl Iterator<Item = f64> {
        let lines = self.0.lines().filter(move |line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
                && labels.iter().all(|label| line.contains(label))
        });
        let values = lines.map(|line| line.rsplit(' ').next().expect("a value"));
        values.map(|value| value.parse().expect("a number"))
    }

    /// Their sum; none where there is no such series.
    pub fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        self.values(name, labels).reduce(|sum, value| sum + value)
    }

    /// The value of a series that has to be there.
    #[track_caller]
    pub fn assert(&self, name: &str, labels: &[&str], expected: f64) {
        let found = self.value(name, labels);
        assert_eq!(found, Some(expected), "{name} {labels:?} in {}", self.0);
    }

    /// Whether there is a series with this name.
    pub fn has(&self, name: &str) -> bool {
        self.values(name, &[]).next().is_some()
    }

    /// A series that has to be there, with at least this value.
    #[track_caller]
    pub fn assert_at_least(&self, name: &str, labels: &[&str], least: f64) {
        let found = self.value(name, labels);
        let is_enough = found.is_some_and(|value| value >= least);
        assert!(is_enough, "{name} {labels:?} is {found:?} in {}", self.0);
    }

    /// Prometheus has to be content with all of them.
    #[track_caller]
    pub fn assert_sound(&self) {
        promtool(&["check", "metrics"], &self.0);
    }
}

#[tokio::test]
async fn the_process_is_there_and_all_is_explained() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let metrics = Metrics::of(&node).await;
    metrics.assert_at_least("process_resident_memory_bytes", &[], 1e6);
    metrics.assert_at_least("process_open_fds", &[], 3.0);
    metrics.assert("edge_build_info", &[], 1.0);
    for line in metrics.0.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(metrics.0.contains(&format!("# HELP {name} ")), "{line}");
    }
    let series = metrics.0.lines().filter(|line| !line.starts_with('#'));
    for line in series {
        assert!(line.contains("region=\"local\""), "{line}");
    }
    metrics.assert_sound();
}
