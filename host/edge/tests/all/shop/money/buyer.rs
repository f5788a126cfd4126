//! A customer of a shop that fails, who asks again until they know, and
//! remembers what they were told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::ledger_audit::Books;
use super::retries;
use crate::harness::{Reply, exchange, in_time};
use crate::shop::shopper::cents;

/// How long they wait before they ask again.
const PAUSE: Duration = Duration::from_millis(20);

/// What they buy.
pub const PRODUCTS: std::ops::RangeInclusive<i64> = 1..=3;

/// A customer who shops for as long as the test goes on.
pub struct Buyer {
    token: String,
    address: watch::Receiver<SocketAddr>,
    client: Client<HttpConnector, Full<Bytes>>,
    random: StdRng,
}

/// What a customer knows of a purchase.
pub struct Purchase {
    order: i64,
    cart: String,
    /// Pieces of each product that the shop has said are in the cart.
    acknowledged: BTreeMap<i64, u64>,
    /// Those of which nobody knows.
    unknown: BTreeMap<i64, u64>,
}

impl Buyer {
    /// Who shows `token`, at whatever address the shop has by then.
    pub fn new(token: String, address: watch::Receiver<SocketAddr>, seed: u64) -> Self {
        Self {
            token,
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Buy one thing after the other.
    pub async fn shop(mut self, is_over: Arc<AtomicBool>) -> Vec<Purchase> {
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
            _ => {
                tokio::time::sleep(PAUSE).await;
                &mut purchase.unknown
            }
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
                    _ => tokio::time::sleep(PAUSE).await,
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
    pub fn check(&self, books: &Books) {
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
