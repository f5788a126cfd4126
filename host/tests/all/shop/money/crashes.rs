//! `edge serve`, killed again and again while people shop. Stripe and the
//! customers live on: they ask again until they know, and in the end everybody
//! has what they were told they have.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::super::{SECRET, TOKEN_KEYS};
use super::books::{self, Books};
use super::{Checkout, plugins, retries};
use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, Reply, Running, data_folder, edge, exchange, in_time};
use crate::shop::shopper::cents;
use crate::shop::stripe::Stripe;

/// How often the node is killed, and how long that may take: on a slow machine
/// it is killed less often.
const KILLS: usize = 50;
const ENOUGH: Duration = Duration::from_secs(60);

/// The longest life of a node from the moment it serves, in milliseconds.
const LONGEST_LIFE: u64 = 400;

/// Customers who shop at the same time.
const BUYERS: usize = 4;

/// What they buy, and how many there are of each.
const PRODUCTS: std::ops::RangeInclusive<i64> = 1..=3;
const STOCK: u64 = 100_000;

/// Names a seed, to have the same random choices again.
const SEED: &str = "EDGE_TEST_SEED";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_node_is_killed_orders_and_money_agree() {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("{SEED}={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let checkout = Checkout::new(Store::Sqlite).await;
    for product in PRODUCTS {
        checkout.stock(product, STOCK.cast_signed()).await;
    }
    let tokens = tokens(&checkout).await;
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

async fn tokens(checkout: &Checkout) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..BUYERS {
        let token = checkout.shop.customer().await.token;
        tokens.push(token.expect("a customer has one"));
    }
    tokens
}

/// What a node had to itself when it died, others may have by now: nobody
/// waits here until that has run out.
async fn pass_time(database: &Database) {
    let leases = "UPDATE edge_schedule SET next_at = 0, held_until = 0";
    let locks = "UPDATE order_idempotency SET locked_on = '2000-01-01T00:00:00.000Z' \
         WHERE status IS NULL";
    for update in [leases, locks] {
        database.execute(update).await;
    }
    books::make_due(database).await;
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

/// A customer who shops for as long as the test goes on.
struct Buyer {
    token: String,
    address: watch::Receiver<SocketAddr>,
    client: Client<HttpConnector, Full<Bytes>>,
    random: StdRng,
}

/// What a customer knows of a purchase.
struct Purchase {
    order: i64,
    cart: String,
    /// Pieces of each product that the shop has said are in the cart.
    acknowledged: BTreeMap<i64, u64>,
    /// Those of which nobody knows.
    unknown: BTreeMap<i64, u64>,
}

impl Buyer {
    fn new(token: String, address: watch::Receiver<SocketAddr>, seed: u64) -> Self {
        Self {
            token,
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    async fn shop(mut self, is_over: Arc<AtomicBool>) -> Vec<Purchase> {
        let mut bought = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            bought.push(self.buy().await);
        }
        bought
    }

    async fn buy(&mut self) -> Purchase {
        let made = self.get("/shoppingcart/generateUniqueId").await;
        let mut purchase = Purchase {
            order: 0,
            cart: made["cart_id"].as_str().expect("an id").to_owned(),
            acknowledged: BTreeMap::new(),
            unknown: BTreeMap::new(),
        };
        let pieces = self.random.random_range(1..=4);
        while purchase.acknowledged.values().sum::<u64>() < pieces {
            self.add(&mut purchase).await;
        }
        let items = self.get(&format!("/shoppingcart/{}", purchase.cart)).await;
        purchase.check_pieces(&pieces_of(&items));
        purchase.order = self.order(&purchase.cart).await;
        self.pay(purchase.order).await;
        purchase
    }

    async fn add(&mut self, purchase: &mut Purchase) {
        let product = self.random.random_range(PRODUCTS);
        let cart = purchase.cart.as_str();
        let fields = json!({ "cart_id": cart, "product_id": product, "attributes": "L" });
        let reply = self.try_once(Method::POST, "/shoppingcart/add", "", &fields);
        let count = match reply.await {
            Some(reply) if reply.status == 200 => &mut purchase.acknowledged,
            _ => &mut purchase.unknown,
        };
        *count.entry(product).or_default() += 1;
    }

    async fn order(&self, cart: &str) -> i64 {
        let fields = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let reply = self.ask(Method::POST, "/orders", cart, &fields).await;
        reply.assert_status(200);
        reply.json()["orderId"].as_i64().expect("an id")
    }

    async fn pay(&self, order: i64) {
        let detail = self.get(&format!("/orders/shortDetail/{order}")).await;
        let fields = json!({
            "stripeToken": "tok_visa",
            "order_id": order,
            "description": format!("Order {order}"),
            "amount": cents(&detail["total_amount"]),
        });
        let reply = self.ask(Method::POST, "/stripe/charge", "", &fields).await;
        let is_paid = reply.status == 200 || retries::code(&reply) == "PAY_03";
        assert!(is_paid, "{reply:?}");
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.ask(Method::GET, path, "", &Value::Null).await;
        reply.assert_status(200);
        reply.json()
    }

    /// Ask until there is an answer that is final.
    async fn ask(&self, method: Method, path: &str, key: &str, fields: &Value) -> Reply {
        in_time(path, async {
            loop {
                let reply = self.try_once(method.clone(), path, key, fields).await;
                match reply {
                    Some(reply) if !retries::is_temporary(&reply) => return reply,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        })
        .await
    }

    /// Ask once; nothing if there is no answer.
    async fn try_once(
        &self,
        method: Method,
        path: &str,
        key: &str,
        fields: &Value,
    ) -> Option<Reply> {
        let address = *self.address.borrow();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header("user-key", &self.token)
            .header("content-type", "application/json");
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let body = match fields {
            Value::Null => Full::default(),
            fields => Full::from(fields.to_string()),
        };
        let request = request.body(body).expect("a request");
        exchange(&self.client, request).await.ok()
    }
}

/// How many pieces of each product a cart's items are.
fn pieces_of(items: &Value) -> BTreeMap<i64, u64> {
    let items = items.as_array().expect("items").iter();
    let pieces = items.map(|item| {
        let product = item["product_id"].as_i64().expect("an id");
        (product, item["quantity"].as_u64().expect("a number"))
    });
    pieces.collect()
}

impl Purchase {
    /// Check what was ordered.
    fn check(&self, books: &Books) {
        let order = books.order(self.order);
        assert!(order.is_paid(), "{order:?}");
        assert_eq!(order.cart, self.cart);
        let lines = books.lines.iter().filter(|line| line.order == order.id);
        let pieces = lines.map(|line| (line.product, line.quantity)).collect();
        self.check_pieces(&pieces);
    }

    /// Check that everything acknowledged is there, and nothing unheard of.
    fn check_pieces(&self, pieces: &BTreeMap<i64, u64>) {
        for product in PRODUCTS {
            let of = |pieces: &BTreeMap<i64, u64>| pieces.get(&product).copied().unwrap_or(0);
            let least = of(&self.acknowledged);
            let most = least + of(&self.unknown);
            assert!(
                (least..=most).contains(&of(pieces)),
                "cart {}: {pieces:?}, of product {product} {least} to {most}",
                self.cart
            );
        }
    }
}
