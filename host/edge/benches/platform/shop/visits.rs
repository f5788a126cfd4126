//! What each interaction asks of the shop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use super::client::{Client, Failure, json};
use super::mix::What;
use super::shopper::{MERCHANT, Shopper, login, register};

/// Connections to the node at once; more requests wait for their turn, and
/// the wait counts.
const CONNECTIONS: usize = 128;

/// Customers who come again: more than can be busy at once.
const SHOPPERS: u64 = 2 * CONNECTIONS as u64;

/// Customers who register at once before the start: fewer than the node lets
/// wait for a hash.
const REGISTERING: usize = 8;

/// Departments and categories of the catalog, whose ids begin with 1.
const DEPARTMENTS: u64 = 3;
const CATEGORIES: u64 = 7;

/// What people search for: one of the first and one of the second.
const HOW: [&str; 8] = [
    "little", "quiet", "lucky", "golden", "silver", "dusty", "sunlit", "moonlit",
];
const WHAT: [&str; 8] = [
    "lighthouse",
    "pigeon",
    "bicycle",
    "teapot",
    "tomato",
    "moon",
    "piano",
    "sextant",
];

/// A shop that is open, and those who come to it.
pub struct Shop {
    client: Client,
    connections: Semaphore,
    /// How many there are; ids begin with 1.
    products: u64,
    shoppers: Vec<Mutex<Shopper>>,
    /// Whose turn it is among them.
    turn: AtomicUsize,
    /// How many have registered.
    registered: AtomicU64,
    merchant: String,
    /// The product that the merchant looked at last.
    on_the_desk: Mutex<Value>,
}

impl Shop {
    /// Get to know the shop at `address`, and let customers register.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let client = Client::new(address);
        let listed = json(&client.get("/products?limit=1", None).await?)?;
        let count = listed.get("count").and_then(Value::as_u64);
        let products = count.filter(|&count| count > 0).context("no products")?;
        let merchant = login(&client, MERCHANT).await.context("the merchant")?;
        let desk = client.get("/admin/products/1", Some(&merchant)).await?;
        let shoppers = stream::iter(1..=SHOPPERS)
            .map(|number| Shopper::new(&client, number, number % products + 1))
            .buffer_unordered(REGISTERING)
            .map_ok(Mutex::new)
            .try_collect()
            .await
            .context("the first customers")?;
        Ok(Self {
            connections: Semaphore::new(CONNECTIONS),
            products,
            shoppers,
            turn: AtomicUsize::new(0),
            registered: AtomicU64::new(SHOPPERS),
            merchant,
            on_the_desk: Mutex::new(json(&desk)?),
            client,
        })
    }

    /// Let there be so many connections at once, and no longer those of before.
    pub fn allow(&mut self, connections: usize) {
        self.connections = Semaphore::new(connections);
    }

    /// Do one interaction; `number`, drawn at random, chooses products and
    /// words.
    pub async fn visit(&self, what: What, number: u64) -> Result<(), Failure> {
        let _turn = self.connections.acquire().await;
        let client = &self.client;
        let product = number % self.products + 1;
        match what {
            What::Home => self.look("/products").await,
            What::NewProducts => {
                let department = number % DEPARTMENTS + 1;
                self.look(&format!("/products/inDepartment/{department}"))
                    .await
            }
            What::BestSellers => {
                let category = number % CATEGORIES + 1;
                self.look(&format!("/products/inCategory/{category}")).await
            }
            What::ProductDetail => self.look(&format!("/products/{product}")).await,
            What::SearchRequest => self.look("/departments").await,
            What::SearchResults => self.look(&search(number)).await,
            What::ShoppingCart => self.anybody()?.add(client, product).await,
            What::CustomerRegistration => {
                let newcomer = self.registered.fetch_add(1, Relaxed) + 1;
                register(client, newcomer).await.map(drop)
            }
            What::BuyRequest => self.anybody()?.login(client).await,
            What::BuyConfirm => self.shopper(|shopper| shopper.laden)?.buy(client).await,
            What::OrderInquiry => self.anybody()?.look_at_orders(client).await,
            What::OrderDisplay => self.anybody()?.look_at_last_order(client).await,
            What::AdminRequest => self.manage(product).await,
            What::AdminConfirm => self.change(number % 1000).await,
            What::Payment => self.shopper(|shopper| shopper.owes)?.pay(client).await,
        }
    }

    async fn look(&self, path: &str) -> Result<(), Failure> {
        self.client.get(path, None).await.map(drop)
    }

    async fn manage(&self, product: u64) -> Result<(), Failure> {
        let path = format!("/admin/products/{product}");
        let found = self.client.get(&path, Some(&self.merchant)).await?;
        *self.on_the_desk.lock().await = json(&found)?;
        Ok(())
    }

    /// Give what is on the merchant's desk a new price, in cents above 40.00.
    async fn change(&self, cents: u64) -> Result<(), Failure> {
        let mut product = self.on_the_desk.lock().await.clone();
        let id = product.get("product_id").and_then(Value::as_u64);
        let path = format!("/admin/products/{}", id.ok_or(Failure::Reply)?);
        let fields = product.as_object_mut().ok_or(Failure::Reply)?;
        let price = format!("{}.{:02}", 40 + cents / 100, cents % 100);
        fields.insert("price".to_owned(), price.into());
        let token = Some(self.merchant.as_str());
        let sent = self.client.send(Method::PUT, &path, token, Some(&product));
        sent.await.map(drop)
    }

    fn anybody(&self) -> Result<MutexGuard<'_, Shopper>, Failure> {
        self.shopper(|_| true)
    }

    /// The next customer in turn who is not busy, and who `fits`.
    fn shopper(&self, fits: fn(&Shopper) -> bool) -> Result<MutexGuard<'_, Shopper>, Failure> {
        let first = self.turn.fetch_add(1, Relaxed) % self.shoppers.len();
        let from_first = self.shoppers.iter().cycle().skip(first);
        let mut free = from_first
            .take(self.shoppers.len())
            .filter_map(|shopper| shopper.try_lock().ok());
        free.find(|shopper| fits(shopper)).ok_or(Failure::Nobody)
    }
}

fn search(number: u64) -> String {
    let one_of = |words: &[&'static str], number: u64| {
        let place = usize::try_from(number).unwrap_or_default() % words.len().max(1);
        words.get(place).copied().unwrap_or_default()
    };
    let (how, what) = (
        one_of(&HOW, number),
        one_of(&WHAT, number / HOW.len() as u64),
    );
    format!("/products/search?query_string={how}+{what}")
}
