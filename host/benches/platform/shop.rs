//! The whole shop under TPC-W's Shopping mix: which rate of requests a node
//! sustains, and what its customers wait meanwhile.
//!
//! Requests are sent when they are due, whether or not those before them were
//! answered, and each one's latency counts from when it was due: a server that
//! stalls is charged for everybody who would have come meanwhile.

mod client;
mod load;
pub mod mix;
mod shopper;
mod tally;
mod visits;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::node::{Node, Server};
use crate::report::shop::{ShopReport, Step};
use crate::stores::Store;
use visits::Shop;

/// A shop, and where it keeps everything.
pub struct Case {
    pub title: &'static str,
    store: Store,
}

pub const CASES: [Case; 2] = [
    Case {
        title: "shop on MariaDB and Redis",
        store: Store::MariaDbAndRedis,
    },
    Case {
        title: "shop on SQLite and files",
        store: Store::Sqlite,
    },
];

/// The shop's plugins.
const PLUGINS: [&str; 4] = ["customer", "order", "payment", "product"];

/// The first rate that is offered, in requests a second.
const FIRST_RATE: f64 = 100.0;

/// Rates that are tried for each shop.
const STEPS: usize = 8;

/// What the node answers once it is ready.
const PROBE: &str = "/products?page=3";

impl Case {
    /// Look for the rate that the shop sustains, with the node's files in
    /// `data` and so many `products` in its catalog.
    pub fn measure(&self, data: &Path, products: u64) -> anyhow::Result<ShopReport> {
        let open = self.store.open(data)?;
        let node = Node {
            plugins: &PLUGINS,
            data,
            database: open.database.as_deref(),
            redis: open.redis.as_deref(),
            access_log: "off",
        };
        node.seed(products)?;
        node.add_merchant(shopper::MERCHANT, shopper::PASSWORD)?;
        let server = node.start(PROBE)?;
        let runtime = runtime()?;
        eprintln!("{}: its first customers", self.title);
        let shop = runtime.block_on(Shop::open(server.address()))?;
        let steps = self.search(&runtime, &Arc::new(shop), &server)?;
        Ok(ShopReport::new(self.title, steps, server.peak_memory()?))
    }

    /// Double the rate until it is too much, then close in on what is not.
    fn search(
        &self,
        runtime: &Runtime,
        shop: &Arc<Shop>,
        server: &Server,
    ) -> anyhow::Result<Vec<Step>> {
        let mut steps = Vec::new();
        let (mut least, mut most) = (None, None);
        for _ in 0..STEPS {
            let rate = between(least, most);
            eprintln!("{}: {rate:.0} requests a second", self.title);
            let before = server.cpu_time()?;
            let tally = load::offer(runtime, shop, rate)?;
            let worked = server.cpu_time()?.saturating_sub(before);
            let step = tally.step(rate, worked);
            let bound = if step.sustained {
                &mut least
            } else {
                &mut most
            };
            *bound = Some(rate);
            steps.push(step);
        }
        Ok(steps)
    }
}

/// The next rate to try, above the greatest that was sustained and below the
/// least that was not.
fn between(least: Option<f64>, most: Option<f64>) -> f64 {
    match (least, most) {
        (None, None) => FIRST_RATE,
        (Some(least), None) => least * 2.0,
        (None, Some(most)) => most / 2.0,
        (Some(least), Some(most)) => (least * most).sqrt(),
    }
}

/// One thread for all clients: like `wrk`, it leaves the most to the server.
fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).enable_all();
    builder.build().context("a runtime for the clients")
}
