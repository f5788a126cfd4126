//! What a catalog feels of a plugin that misbehaves beside it, of logins by the
//! hundred, and of its own deployments.
//!
//! The same requests at the same instants, without the misdeed and then beside
//! it. That none of them fails is checked; how much slower they are is for
//! people to judge. The catalog's customers go before the node where they share
//! processors with it, and those who misbehave after it, or what is measured is
//! mostly how they wait for one another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::deployments::Releases;
use crate::node::{Node, Server};
use crate::priority::Policy;
use crate::report::neighbours::NeighbourReport;
use crate::report::shop::Step;
use crate::shop::client::Client;
use crate::shop::load::Offer;
use crate::shop::mix::{Interaction, What, of};
use crate::shop::visits::Shop;
use crate::shop::{self, PROBE, shopper};
use crate::stores::Store;

/// What chooses this part.
pub const TITLE: &str = "neighbours of a plugin that misbehaves";

/// The shop's plugins, and those that misbehave.
const PLUGINS: [&str; 8] = [
    "customer",
    "order",
    "payment",
    "product",
    "fixtures/hostile",
    "fixtures/ledger",
    "fixtures/buckets",
    "fixtures/fetch",
];

#[rustfmt::skip]
const BROWSING: [Interaction; 4] = [
    of(What::Home, "Home", 3, "GET /products"),
    of(What::ProductDetail, "Product Detail", 3, "GET /products/{id}"),
    of(What::SearchRequest, "Search Request", 2, "GET /departments"),
    of(What::SearchResults, "Search Results", 2, "GET /products/search"),
];

/// Requests to the catalog in a second: little enough for it to have time.
const RATE: f64 = 150.0;

/// How long each of the two is looked at.
const ROUND: Duration = Duration::from_secs(10);

/// Products in the catalog.
const PRODUCTS: u64 = 2000;

/// Those who make requests that misbehave, at once.
const OFFENDERS: usize = 8;

/// Something to do again and again.
struct Misdeed {
    name: &'static str,
    what: Deed,
}

enum Deed {
    /// Make a request.
    Ask(Method, &'static str),
    /// Deploy another release of this plugin.
    Deploy(&'static str),
}

const fn get(name: &'static str, path: &'static str) -> Misdeed {
    let what = Deed::Ask(Method::GET, path);
    Misdeed { name, what }
}

const fn post(name: &'static str, path: &'static str) -> Misdeed {
    let what = Deed::Ask(Method::POST, path);
    Misdeed { name, what }
}

const fn deploy(name: &'static str, plugin: &'static str) -> Misdeed {
    let what = Deed::Deploy(plugin);
    Misdeed { name, what }
}

#[rustfmt::skip]
static MISDEEDS: [Misdeed; 16] = [
    get("nothing", "/livez"),
    get("a trap", "/hostile/trap"),
    get("an endless loop", "/hostile/spin"),
    get("a memory bomb", "/hostile/memory"),
    get("a recursion without end", "/hostile/recurse"),
    get("a reply of a gigabyte", "/hostile/huge?bytes=1073741824"),
    get("a log without end", "/hostile/log?bytes=1048576"),
    get("10,000 calls into the host", "/ledger/calls?n=10000"),
    get("a million rows", "/ledger/many?n=1000000"),
    get("a table that is not granted", "/ledger/run?sql=SELECT%20*%20FROM%20customer"),
    get("a bucket that is not granted", "/buckets/others/carts"),
    get("a host that is not granted", "/fetch?url=http://169.254.169.254/&times=100"),
    post("a transaction left open", "/ledger/two?name=open&then=leak"),
    post("a transaction that sleeps", "/ledger/two?name=open&then=sleep"),
    post("logins", "/customers/login"),
    deploy("deployments of the catalog", "product"),
];

/// Measure all of them, with the node's files in `data`.
///
/// # Errors
/// When a request of the catalog's is not answered by 200.
pub fn measure(data: &Path) -> anyhow::Result<Vec<NeighbourReport>> {
    let open = Store::Sqlite.open(data)?;
    let node = Node {
        plugins: &PLUGINS,
        data,
        database: open.database.as_deref(),
        redis: None,
        access_log: "off",
        reply_cache: "128MiB",
        config: &[],
    };
    node.seed(PRODUCTS)?;
    node.add_merchant(shopper::MERCHANT, shopper::PASSWORD)?;
    let server = node.start(PROBE)?;
    let watching = || {
        Policy::First.try_set();
        let customers = shop::runtime_of(|| Policy::First.try_set())?;
        let watch = Watch {
            shop: Arc::new(customers.block_on(Shop::open(server.address()))?),
            customers,
            node: &node,
            server: &server,
        };
        MISDEEDS
            .iter()
            .map(|misdeed| watch.beside(misdeed))
            .collect()
    };
    // On a thread of its own, which ends with it.
    thread::scope(|scope| scope.spawn(watching).join())
        .map_err(|_| anyhow!("whoever watches the catalog panicked"))?
}

/// Where all of it happens.
struct Watch<'a> {
    node: &'a Node<'a>,
    server: &'a Server,
    customers: Runtime,
    shop: Arc<Shop>,
}

impl Watch<'_> {
    fn beside(&self, misdeed: &Misdeed) -> anyhow::Result<NeighbourReport> {
        let name = misdeed.name;
        eprintln!("{TITLE}: {name}");
        let alone = self.browse()?;
        let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let (beside, rate) = thread::scope(|scope| {
            let offending = scope.spawn(|| self.offend(&misdeed.what, &over, &done));
            let beside = self.browse();
            let rate = done.load(Relaxed) as f64 / ROUND.as_secs_f64();
            over.store(true, Relaxed);
            let penalize = offending.join();
            penalize.map_err(|_| anyhow!("whoever misbehaves panicked"))??;
            anyhow::Ok((beside?, rate))
        })
        .context(name)?;
        let errors = &beside.errors;
        ensure!(errors.is_empty(), "{name}: the catalog fails: {errors:?}");
        Ok(NeighbourReport {
            misdeed: name,
            rate,
            alone,
            beside,
        })
    }

    /// Do it until it is over, and count how often it is done.
    fn offend(&self, what: &Deed, over: &AtomicBool, done: &AtomicU64) -> anyhow::Result<()> {
        Policy::Last.try_set();
        match what {
            Deed::Ask(method, path) => {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let client = Client::new(self.server.address());
                let asking = (0..OFFENDERS).map(|_| ask(&client, method, path, over, done));
                runtime.block_on(join_all(asking));
            }
            Deed::Deploy(plugin) => {
                let folder = self.node.data.join("releases").join(plugin);
                let mut releases = Releases::of(plugin, &folder)?;
                while !over.load(Relaxed) {
                    releases.deploy(self.node, self.server)?;
                    done.fetch_add(1, Relaxed);
                }
            }
        }
        Ok(())
    }

    fn browse(&self) -> anyhow::Result<Step> {
        let before = self.server.cpu_time()?;
        let offer = Offer {
            mix: &BROWSING,
            rate: RATE,
            duration: ROUND,
        };
        let tally = offer.make(&self.customers, &self.shop)?;
        let worked = self.server.cpu_time()?.saturating_sub(before);
        Ok(tally.step(RATE, worked))
    }
}

async fn ask(
    client: &Client,
    method: &Method,
    path: &'static str,
    over: &AtomicBool,
    done: &AtomicU64,
) {
    // Only logins look at it.
    let guess = json!({ "email": shopper::MERCHANT, "password": "a wrong horse" });
    let fields: Option<Value> = (*method == Method::POST).then_some(guess);
    while !over.load(Relaxed) {
        // Most are refused, as they should be.
        let _ = (client.send(method.clone(), path, None, fields.as_ref())).await;
        done.fetch_add(1, Relaxed);
    }
}
