//! `edge serve`, killed again and again while people shop. Stripe and the
//! customers live on: they ask again until they know, and in the end everybody
//! has what they were told they have.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::sync::watch;

use super::super::{SECRET, TOKEN_KEYS};
use super::buyer::{Buyer, PRODUCTS};
use super::ledger_audit::Books;
use super::{Checkout, pass_time, plugins, seed};
use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, Running, data_folder, edge, in_time};
use crate::shop::stripe::Stripe;

/// How often the node is killed, and how long that may take: on a slow machine
/// it is killed less often.
const KILLS: usize = 50;
const ENOUGH: Duration = Duration::from_secs(60);

/// The longest life of a node from the moment it serves, in milliseconds.
const LONGEST_LIFE: u64 = 400;

/// Customers who shop at the same time.
const BUYERS: usize = 4;

/// How many there are of each product that they buy.
const STOCK: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_node_is_killed_orders_and_money_agree() {
    let mut random = StdRng::seed_from_u64(seed());

    let checkout = Checkout::new(Store::Sqlite).await;
    for product in PRODUCTS {
        checkout.stock(product, STOCK.cast_signed()).await;
    }
    let tokens = checkout.customers(BUYERS).await;
    let Checkout { stripe, shop } = checkout;
    assert!(shop.node.stop().await);
    let database = &shop.stores.database;

    let mut house = House::new(database, &stripe);
    let (moved, address) = watch::channel(house.open().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let buyers: Vec<_> = tokens
        .into_iter()
        .map(|token| Buyer::new(token, address.clone(), random.random()))
        .map(|buyer| tokio::spawn(buyer.shop(is_over.clone())))
        .collect();
    let start = Instant::now();
    let mut kills = 0;
    while kills < KILLS && start.elapsed() < ENOUGH {
        let life = Duration::from_millis(random.random_range(0..LONGEST_LIFE));
        tokio::time::sleep(life).await;
        house.kill();
        pass_time(database).await;
        moved.send_replace(house.open().await);
        kills += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut bought = Vec::new();
    for buyer in buyers {
        let finished = in_time("the last purchase", buyer).await;
        bought.extend(finished.expect("a buyer"));
    }
    println!("{kills} kills, {} orders", bought.len());

    let books = Books::settled(database).await;
    books.check(&stripe);
    for product in PRODUCTS {
        books.check_stock(database, product, STOCK).await;
    }
    assert_eq!(books.orders.len(), bought.len());
    for purchase in &bought {
        purchase.check(&books);
    }
}

/// Where one `edge serve` runs after the other.
struct House<'a> {
    database: &'a Database,
    stripe: &'a Stripe,
    folder: TempDir,
    plugins: [PluginFolder; 4],
    node: Option<Running>,
}

impl<'a> House<'a> {
    fn new(database: &'a Database, stripe: &'a Stripe) -> Self {
        Self {
            database,
            stripe,
            folder: data_folder(),
            plugins: plugins(),
            node: None,
        }
    }

    /// Start a node, and say where it serves.
    async fn open(&mut self) -> SocketAddr {
        let folders = self
            .plugins
            .each_ref()
            .map(|plugin| plugin.path().display());
        let folders = folders.map(|folder| folder.to_string()).join(",");
        let mut command = edge(self.folder.path());
        command
            .arg("serve")
            .env("EDGE_PLUGINS", folders)
            .env("EDGE_DATA_DIR", self.folder.path())
            .env("EDGE_SECRET", SECRET)
            .env("EDGE_TOKEN_KEYS", TOKEN_KEYS)
            .env("EDGE_RATE_LIMIT", "off")
            .env("EDGE_LOG_FILTER", "off")
            .env("EDGE_ACCESS_LOG", "off")
            .env("DATABASE_URL", &self.database.url)
            .envs(self.stripe.settings());
        let started = tokio::task::spawn_blocking(move || {
            let mut node = Running::start(&mut command);
            node.banner();
            node
        });
        let node = self.node.insert(started.await.expect("a node"));
        node.address()
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.node = None;
    }
}
