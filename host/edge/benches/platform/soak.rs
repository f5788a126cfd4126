//! The soak: a steady shop for a long time, orders and payments included, and
//! whether the node's memory, descriptors and threads stay as they are.
//!
//! `SOAK_RATE` sets the requests in a second, and `SOAK_STORE=mariadb` keeps
//! the shop in MariaDB and Redis instead of SQLite and files.

mod vitals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::node::{Node, Server};
use crate::report::shop::Step;
use crate::shop::load::Offer;
use crate::shop::mix::{Interaction, What, of};
use crate::shop::visits::Shop;
use crate::shop::{self, PLUGINS, PROBE, shopper};
use crate::stores::Store;
use vitals::{Vital, Vitals};

/// What is done, in parts of a hundred: logins and registrations as many as
/// one processor has time to hash for at ten times the usual rate, and more orders
/// than payments, so that there is always one to pay.
#[rustfmt::skip]
const MIX: [Interaction; 10] = [
    of(What::Home, "Home", 20, "GET /products"),
    of(What::NewProducts, "New Products", 5, "GET /products/inDepartment/{id}"),
    of(What::ProductDetail, "Product Detail", 20, "GET /products/{id}"),
    of(What::SearchResults, "Search Results", 20, "GET /products/search"),
    of(What::ShoppingCart, "Shopping Cart", 15, "POST /shoppingcart/add"),
    of(What::BuyConfirm, "Buy Confirm", 6, "POST /orders"),
    of(What::Payment, "Payment", 4, "POST /stripe/charge"),
    of(What::OrderDisplay, "Order Display", 5, "GET /orders/{id}"),
    of(What::BuyRequest, "Buy Request", 4, "POST /customers/login"),
    of(What::CustomerRegistration, "Customer Registration", 1, "POST /customers"),
];

/// Requests in a second, unless `SOAK_RATE` says otherwise.
const RATE: f64 = 100.0;

/// Products in the catalog.
const PRODUCTS: u64 = 2000;

/// Time between two looks at the node.
const LOOK: Duration = Duration::from_secs(2);

/// Unpaid orders are kept for longer than any soak takes: what a customer comes
/// back to pay is there.
const CONFIG: [(&str, &str); 1] = [("UNPAID_ORDER_MINUTES", "10080")];

/// Soak for `MINUTES`, the first of `arguments`.
///
/// # Errors
/// When a request was not answered by 200, or the node did not stay as it was.
pub fn run(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let minutes = arguments.next().context("for how many minutes?")?;
    let minutes: f64 = minutes.parse().context("the minutes are no number")?;
    let rate = match std::env::var("SOAK_RATE") {
        Ok(text) => text.parse().context("SOAK_RATE is not a number")?,
        Err(_) => RATE,
    };
    let store = match std::env::var("SOAK_STORE").as_deref() {
        Ok("mariadb") => Store::MariaDbAndRedis,
        Ok("sqlite") | Err(_) => Store::Sqlite,
        Ok(other) => bail!("SOAK_STORE is {other:?}, and not sqlite or mariadb"),
    };
    let duration = Duration::try_from_secs_f64(minutes * 60.0)?;
    ensure!(duration > 8 * LOOK, "that is too short to see anything");

    let scratch = tempfile::tempdir()?;
    let data = scratch.path().join("data");
    let open = store.open(&data)?;
    let node = Node {
        plugins: &PLUGINS,
        data: &data,
        database: open.database.as_deref(),
        redis: open.redis.as_deref(),
        access_log: "all",
        reply_cache: "128MiB",
        config: &CONFIG,
    };
    node.seed(PRODUCTS)?;
    node.add_merchant(shopper::MERCHANT, shopper::PASSWORD)?;
    let server = node.start(PROBE)?;
    let offer = Offer {
        mix: &MIX,
        rate,
        duration,
    };
    let (step, vitals) = soak(&offer, &server)?;
    println!("\n{minutes} minutes at {rate:.0} requests/s, {PRODUCTS} products");
    print(&step);
    println!("{vitals}");
    judge(&step, &vitals)
}

fn soak(offer: &Offer, server: &Server) -> anyhow::Result<(Step, Vitals)> {
    let runtime = shop::runtime()?;
    let shop = Arc::new(runtime.block_on(Shop::open(server.address()))?);
    let over = AtomicBool::new(false);
    let before = server.cpu_time()?;
    let (tally, vitals) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| look(server, &over));
        let tally = offer.make(&runtime, &shop);
        over.store(true, Relaxed);
        let vitals = looking.join();
        (tally, vitals)
    });
    let worked = server.cpu_time()?.saturating_sub(before);
    let vitals = vitals.map_err(|_| anyhow::anyhow!("the thread that looks panicked"))??;
    Ok((tally?.step(offer.rate, worked), vitals))
}

/// Look at the node now and then, until it is over.
fn look(server: &Server, over: &AtomicBool) -> anyhow::Result<Vitals> {
    let began = Instant::now();
    let mut vitals = Vitals::default();
    while !over.load(Relaxed) {
        sleep(LOOK);
        let vital = Vital {
            minutes: began.elapsed().as_secs_f64() / 60.0,
            memory: server.memory()? as f64,
            descriptors: server.descriptors()? as f64,
            threads: server.threads()? as f64,
        };
        eprintln!("{vital}");
        vitals.add(vital);
    }
    Ok(vitals)
}

fn print(step: &Step) {
    println!(
        "  {:<23}{:<33}{:>16}{:>9}{:>9}",
        "", "", "", "p50 ms", "p99 ms"
    );
    for interaction in &step.interactions {
        println!("  {interaction}");
    }
    let failed: u64 = step.errors.values().sum();
    println!(
        "  {} requests, {failed} not answered by 200: {:?}",
        step.sent, step.errors
    );
}

fn judge(step: &Step, vitals: &Vitals) -> anyhow::Result<()> {
    ensure!(step.errors.is_empty(), "requests failed: {:?}", step.errors);
    let growing = vitals.growing();
    ensure!(growing.is_empty(), "the node grows: {}", growing.join(", "));
    Ok(())
}
