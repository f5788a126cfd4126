//! Somebody at the shop, and what such people do.

use std::sync::atomic::{AtomicU32, Ordering};

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Encoding, Shop};
use crate::harness::Reply;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// A guest, a customer or a merchant.
pub struct Shopper<'a> {
    shop: &'a Shop,
    /// The name.
    pub name: String,
    /// The e-mail address, which nobody else of these tests has.
    pub email: String,
    /// What `user-key` is to be, once it is known.
    pub token: Option<String>,
    /// How bodies are written.
    pub encoding: Encoding,
}

impl<'a> Shopper<'a> {
    /// Somebody new, whom the shop does not know yet.
    pub fn new(shop: &'a Shop) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            shop,
            name: format!("Shopper {number}"),
            email: format!("shopper-{number}@example.com"),
            token: None,
            encoding: Encoding::Json,
        }
    }

    /// GET `path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// POST these fields to `path`.
    pub async fn post(&self, path: &str, fields: &Value) -> Reply {
        self.ask(Method::POST, path, fields).await
    }

    /// PUT these fields to `path`.
    pub async fn put(&self, path: &str, fields: &Value) -> Reply {
        self.ask(Method::PUT, path, fields).await
    }

    /// DELETE `path`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.ask(Method::DELETE, path, &Value::Null).await
    }

    /// Any request: with these fields, or without a body for null.
    pub async fn ask(&self, method: Method, path: &str, fields: &Value) -> Reply {
        self.ask_with(method, path, &[], fields).await
    }

    /// The same with more headers.
    pub async fn ask_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        fields: &Value,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(self.shop.node.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("user-key", token);
        }
        if fields.is_null() {
            return self.shop.node.send(request, "").await;
        }
        let (content_type, body) = self.encoding.encode(fields);
        let request = request.header("content-type", content_type);
        self.shop.node.send(request, body).await
    }

    /// The JSON of a reply, which has to be a success.
    #[track_caller]
    pub fn success(&self, reply: &Reply) -> Value {
        assert_eq!(reply.status, 200, "{:?}: {reply:?}", self.shop.store());
        reply.json()
    }

    /// Register and be logged in. Returns the reply.
    pub async fn register(&mut self) -> Value {
        let fields = json!({ "name": self.name, "email": self.email, "password": PASSWORD });
        let reply = self.post("/customers", &fields).await;
        self.enter(&reply)
    }

    /// Log in. Returns the reply.
    pub async fn login(&mut self) -> Value {
        let fields = json!({ "email": self.email, "password": PASSWORD });
        let reply = self.post("/customers/login", &fields).await;
        self.enter(&reply)
    }

    fn enter(&mut self, reply: &Reply) -> Value {
        let session = self.success(reply);
        let token = session["accessToken"].as_str().expect("a token");
        self.token = Some(token.to_owned());
        session
    }

    /// The id of a new cart.
    pub async fn new_cart(&self) -> String {
        let made = self.success(&self.get("/shoppingcart/generateUniqueId").await);
        made["cart_id"].as_str().expect("an id").to_owned()
    }

    /// Put one more of a product into a cart. Returns the whole cart.
    pub async fn add(&self, cart: &str, product: i64, attributes: &str) -> Value {
        let fields = json!({ "cart_id": cart, "product_id": product, "attributes": attributes });
        self.success(&self.post("/shoppingcart/add", &fields).await)
    }

    /// Order what is in a cart, sent and taxed in the first way there is.
    /// Returns the order's id.
    pub async fn order(&self, cart: &str) -> i64 {
        let fields = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let made = self.success(&self.post("/orders", &fields).await);
        made["orderId"].as_i64().expect("an id")
    }

    /// An order of one piece of a product. Returns its id.
    pub async fn order_of(&self, product: i64) -> i64 {
        let cart = self.new_cart().await;
        self.add(&cart, product, "L, Red").await;
        self.order(&cart).await
    }

    /// What an order's goods cost, in cents.
    pub async fn total(&self, order: i64) -> u64 {
        self.amount(order, "total_amount").await
    }

    /// What an order costs with shipping and tax, in cents.
    pub async fn grand_total(&self, order: i64) -> u64 {
        self.amount(order, "grand_total").await
    }

    async fn amount(&self, order: i64, field: &str) -> u64 {
        let path = format!("/orders/shortDetail/{order}");
        let detail = self.success(&self.get(&path).await);
        cents(&detail[field])
    }

    /// Pay what an order costs with a token of Stripe's.
    pub async fn charge(&self, order: i64, stripe_token: &str) -> Reply {
        let amount = self.total(order).await;
        self.charge_amount(order, stripe_token, amount).await
    }

    /// Pay so many cents for an order with a token of Stripe's.
    pub async fn charge_amount(&self, order: i64, stripe_token: &str, amount: u64) -> Reply {
        let fields = json!({
            "stripeToken": stripe_token,
            "order_id": order,
            "description": format!("Order {order}"),
            "amount": amount,
        });
        self.post("/stripe/charge", &fields).await
    }
}

/// The cents of an amount such as `"14.99"`.
pub fn cents(amount: &Value) -> u64 {
    let text = amount.as_str().expect("text");
    let (whole, rest) = text.split_once('.').expect("a point");
    assert_eq!(rest.len(), 2, "{text}");
    format!("{whole}{rest}").parse().expect("digits")
}
