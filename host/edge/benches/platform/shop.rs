//! The whole shop under TPC-W's Shopping mix: which rate of requests a node
//! sustains, and what its customers wait meanwhile.
//!
//! Requests are sent when they are due, whether or not those before them were
//! answered, and each one's latency counts from when it was due: a server that
//! stalls is charged for everybody who would have come meanwhile.

pub mod client;
pub mod load;
pub mod mix;
pub mod shopper;
mod tally;
pub mod visits;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::node::{Node, Server};
use crate::report::shop::{ShopReport, Step, sustained};
use crate::stores::Store;
use load::Offer;
use mix::SHOPPING;
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
pub const PLUGINS: [&str; 4] = ["customer", "order", "payment", "product"];

/// The first rate that is offered, in requests a second.
const FIRST_RATE: f64 = 100.0;

/// How long requests are sent at one rate.
const ROUND: Duration = Duration::from_secs(6);

/// Rates that are tried for each shop.
const STEPS: usize = 8;

/// Connections at once when twice as much is asked for as can be answered.
const OVERLOAD_CONNECTIONS: usize = 1024;

/// What the node answers once it is ready.
pub const PROBE: &str = "/products?page=3";

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
            reply_cache: "128MiB",
            config: &[],
        };
        node.seed(products)?;
        node.add_merchant(shopper::MERCHANT, shopper::PASSWORD)?;
        let server = node.start(PROBE)?;
        let runtime = runtime()?;
        eprintln!("{}: its first customers", self.title);
        let mut shop = Arc::new(runtime.block_on(Shop::open(server.address()))?);
        let steps = self.search(&runtime, &shop, &server)?;
        let overload = match sustained(&steps) {
            Some(rate) => {
                // Their number must not be what keeps the overload from the node.
                let shop = Arc::get_mut(&mut shop).context("somebody is still in the shop")?;
                shop.allow(OVERLOAD_CONNECTIONS);
                Some(2.0 * rate)
            }
            None => None,
        };
        let overload = overload.map(|rate| self.step(&runtime, &shop, &server, rate));
        let overload = overload.transpose()?;
        let memory = server.peak_memory()?;
        Ok(ShopReport::new(self.title, steps, overload, memory))
    }

    /// What comes of `rate` requests a second.
    fn step(
        &self,
        runtime: &Runtime,
        shop: &Arc<Shop>,
        server: &Server,
        rate: f64,
    ) -> anyhow::Result<Step> {
        eprintln!("{}: {rate:.0} requests a second", self.title);
        let before = server.cpu_time()?;
        let offer = Offer {
            mix: &SHOPPING,
            rate,
            duration: ROUND,
        };
        let tally = offer.make(runtime, shop)?;
        let worked = server.cpu_time()?.saturating_sub(before);
        Ok(tally.step(rate, worked))
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
            let step = self.step(runtime, shop, server, rate)?;
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
pub fn runtime() -> anyhow::Result<Runtime> {
    runtime_of(|| {})
}

/// The same, whose thread does `first` before anything else.
pub fn runtime_of(first: impl Fn() + Send + Sync + 'static) -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).enable_all();
    let builder = builder.on_thread_start(first);
    builder.build().context("a runtime for the clients")
}
