//! Metric of the skew between the clocks of the node and the control database.

use prometheus::proto::MetricFamily;

use super::families::{single, time};
use crate::admin::AdminState;

pub(super) fn families(state: &AdminState) -> Vec<MetricFamily> {
    let skew = state.control.clock().skew();
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
    let seconds = |milliseconds: i64| milliseconds as f64 / 1000.0;
    vec![time(
        "edge_clock_skew_seconds",
        "How far this node's clock is ahead of the control database's; negative if it is behind.",
        single(skew.map(|skew| seconds(skew.milliseconds))),
    )]
}
