//! What a catalog feels of a plugin that misbehaves beside it, and of logins
//! by the hundred.
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

use anyhow::{anyhow, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

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
const ROUND: Duration = Duration::from_secs(5);

/// Products in the catalog.
const PRODUCTS: u64 = 2000;

/// Those who misbehave at once.
const OFFENDERS: usize = 8;

/// Something to do again and again.
struct Misdeed {
    name: &'static str,
    method: Method,
    path: &'static str,
}

const fn get(name: &'static str, path: &'static str) -> Misdeed {
    let method = Method::GET;
    Misdeed { name, method, path }
}

const fn post(name: &'static str, path: &'static str) -> Misdeed {
    let method = Method::POST;
    Misdeed { name, method, path }
}

#[rustfmt::skip]
static MISDEEDS: [Misdeed; 15] = [
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
        config: &[],
    };
    node.seed(PRODUCTS)?;
    node.add_merchant(shopper::MERCHANT, shopper::PASSWORD)?;
    let server = node.start(PROBE)?;
    let watching = || {
        Policy::First.try_set();
        let clients = |policy: Policy| shop::runtime_of(move || policy.try_set());
        let (customers, offenders) = (clients(Policy::First)?, clients(Policy::Last)?);
        let shop = Arc::new(customers.block_on(Shop::open(server.address()))?);
        let reports = MISDEEDS
            .iter()
            .map(|misdeed| misdeed.beside(&customers, &offenders, &shop, &server));
        reports.collect()
    };
    // On a thread of its own, which ends with it.
    thread::scope(|scope| scope.spawn(watching).join())
        .map_err(|_| anyhow!("whoever watches the catalog panicked"))?
}

impl Misdeed {
    fn beside(
        &self,
        customers: &Runtime,
        outside: &Runtime,
        shop: &Arc<Shop>,
        server: &Server,
    ) -> anyhow::Result<NeighbourReport> {
        eprintln!("{TITLE}: {}", self.name);
        let alone = browse(customers, shop, server)?;
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let client = Arc::new(Client::new(server.address()));
        let offenders: Vec<_> = (0..OFFENDERS)
            .map(|_| outside.spawn(self.repeat(client.clone(), over.clone(), answered.clone())))
            .collect();
        let beside = browse(customers, shop, server)?;
        let rate = answered.load(Relaxed) as f64 / ROUND.as_secs_f64();
        over.store(true, Relaxed);
        for offender in offenders {
            outside.block_on(offender)?;
        }
        let (name, errors) = (self.name, &beside.errors);
        ensure!(errors.is_empty(), "{name}: the catalog fails: {errors:?}");
        Ok(NeighbourReport {
            misdeed: self.name,
            rate,
            alone,
            beside,
        })
    }

    fn repeat(
        &self,
        client: Arc<Client>,
        over: Arc<AtomicBool>,
        answered: Arc<AtomicU64>,
    ) -> impl Future<Output = ()> + use<> {
        let (method, path) = (self.method.clone(), self.path);
        // Only logins look at it.
        let guess = json!({ "email": shopper::MERCHANT, "password": "a wrong horse" });
        let fields: Option<Value> = (method == Method::POST).then_some(guess);
        async move {
            while !over.load(Relaxed) {
                let sent = client.send(method.clone(), path, None, fields.as_ref());
                // Most are refused, as they should be.
                let _ = sent.await;
                answered.fetch_add(1, Relaxed);
            }
        }
    }
}

fn browse(runtime: &Runtime, shop: &Arc<Shop>, server: &Server) -> anyhow::Result<Step> {
    let before = server.cpu_time()?;
    let offer = Offer {
        mix: &BROWSING,
        rate: RATE,
        duration: ROUND,
    };
    let tally = offer.make(runtime, shop)?;
    let worked = server.cpu_time()?.saturating_sub(before);
    Ok(tally.step(RATE, worked))
}
