//! Canary options of `edge deploy`.

use std::time::Duration;

use crate::admin::api::Deploy;
use crate::cli::canary::percent;
use crate::rollout::check::Check;

/// Canary options of `edge deploy`.
#[derive(clap::Args)]
pub(super) struct CanaryOptions {
    /// Give the release to this share of the clients first, such as `10%`; or
    /// to several shares with commas between, one after another.
    #[arg(long, value_delimiter = ',', value_parser = percent)]
    canary: Vec<u8>,
    /// How long each share but the last one is kept, such as `5m`.
    #[arg(long, value_parser = humantime::parse_duration, requires = "canary")]
    every: Option<Duration>,
    /// Promote the canary by itself, once it has been healthy for this long at
    /// its last share and enough requests were compared; without this, it waits
    /// for `edge promote`.
    #[arg(long, value_parser = humantime::parse_duration, requires = "canary")]
    promote_after: Option<Duration>,
    /// Query this Prometheus before each step; the nodes' setting
    /// `canary_check_urls` has to allow it.
    #[arg(long, requires_all = ["check_query", "canary"])]
    check_prometheus: Option<String>,
    /// Query for --check-prometheus: any value but 0 withdraws the canary, no
    /// value is fine.
    #[arg(long, requires = "check_prometheus")]
    check_query: Option<String>,
    /// POST the state of the canary to this URL before each step; the nodes'
    /// setting `canary_check_urls` has to allow it.
    #[arg(long, requires = "canary", conflicts_with = "check_prometheus")]
    check_webhook: Option<String>,
}

impl CanaryOptions {
    /// Returns whether the rollout ends without an operator.
    pub(super) fn is_promoted(&self) -> bool {
        self.promote_after.is_some()
    }

    /// Writes the canary options into a request to deploy.
    pub(super) fn write(self, order: &mut Deploy) {
        order.canary_percent = self.canary.first().copied().unwrap_or(0);
        order.canary_steps = match self.canary.len() {
            0 | 1 => Vec::new(),
            _ => self.canary,
        };
        order.every_ms = self.every.map_or(0, milliseconds);
        order.promote_after_ms = self.promote_after.map(milliseconds);
        let prometheus = self.check_prometheus.zip(self.check_query);
        let prometheus = prometheus.map(|(url, query)| Check::Prometheus { url, query });
        let webhook = self.check_webhook.map(|url| Check::Webhook { url });
        order.check = prometheus.or(webhook);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
