//! Each part in each state: what works is what the table says, nothing waits
//! too long, and soon after the end everything works.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::table::{DEEDS, Row, TABLE};
use super::world::{LONGEST, Part, World};
use crate::harness::{Reply, eventually};
use crate::shop::{PASSWORD, Shopper};

/// How soon everything works again, after what failed does. The machine of a
/// test may be busy, so the test allows twice as much.
const RECOVERY: Duration = Duration::from_secs(5);

/// A product of the catalog, and how many there are of it.
const PRODUCT: i64 = 1;
const STOCK: u64 = 100_000;

/// How often everything is tried in one state.
const ROUNDS: usize = 2;

/// What somebody is about to do: all of it worked when it was made.
struct Errand<'a> {
    customer: &'a Shopper<'a>,
    cart: String,
    full_cart: String,
    order: i64,
    amount: u64,
}

impl<'a> Errand<'a> {
    async fn new(customer: &'a Shopper<'a>) -> Self {
        let full_cart = customer.new_cart().await;
        customer.add(&full_cart, PRODUCT, "L").await;
        let order = customer.order_of(PRODUCT).await;
        Self {
            customer,
            cart: customer.new_cart().await,
            full_cart,
            order,
            amount: customer.total(order).await,
        }
    }

    /// Do what `DEEDS` says.
    async fn run(&self, deed: &str) -> Reply {
        let customer = self.customer;
        let (path, fields) = match deed {
            "browse" => return customer.get("/products?limit=3").await,
            "search" => return customer.get("/products/search?query_string=arc").await,
            "cart" => ("/shoppingcart/add", item(&self.cart)),
            "login" => ("/customers/login", login(customer)),
            "order" => ("/orders", order(&self.full_cart)),
            "pay" => ("/stripe/charge", charge(self.order, self.amount)),
            _ => panic!("{deed}"),
        };
        customer.post(path, &fields).await
    }
}

fn item(cart: &str) -> Value {
    json!({ "cart_id": cart, "product_id": PRODUCT, "attributes": "L" })
}

fn login(customer: &Shopper<'_>) -> Value {
    json!({ "email": customer.email, "password": PASSWORD })
}

fn order(cart: &str) -> Value {
    json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 })
}

fn charge(order: i64, amount: u64) -> Value {
    json!({
        "stripeToken": "tok_visa", "order_id": order, "description": "A shirt", "amount": amount,
    })
}

/// Everything once, from an empty cart to a paid order; nothing if anything
/// is refused.
async fn whole_journey(customer: &Shopper<'_>) -> Option<()> {
    let good = |reply: Reply| (reply.status == 200).then(|| reply.json());
    for path in ["/products?limit=3", "/products/search?query_string=arc"] {
        good(customer.get(path).await)?;
    }
    good(customer.post("/customers/login", &login(customer)).await)?;
    let made = good(customer.get("/shoppingcart/generateUniqueId").await)?;
    let cart = made["cart_id"].as_str().expect("an id");
    good(customer.post("/shoppingcart/add", &item(cart)).await)?;
    let made = good(customer.post("/orders", &order(cart)).await)?;
    let id = made["orderId"].as_i64().expect("an id");
    let detail = good(customer.get(&format!("/orders/shortDetail/{id}")).await)?;
    let amount = crate::shop::shopper::cents(&detail["total_amount"]);
    good(customer.post("/stripe/charge", &charge(id, amount)).await)?;
    Some(())
}

/// What is done once, and then is done.
const ONCE: [&str; 2] = ["order", "pay"];

/// Try everything at once, in the state of `row`, but for what is done. What
/// was otherwise than it says is added to `surprises`.
async fn compare(
    errand: &Errand<'_>,
    row: &Row,
    done: &mut BTreeSet<&'static str>,
    surprises: &mut Vec<String>,
) {
    let deeds = DEEDS.into_iter().zip(row.cells);
    let tries = deeds.filter(|(deed, _)| !done.contains(deed));
    let tries = tries.map(|(deed, expected)| async move {
        let began = Instant::now();
        let reply = errand.run(deed).await;
        (deed, expected, reply, began.elapsed())
    });
    for (deed, expected, reply, took) in join_all(tries).await {
        let (part, state) = (row.part, row.state);
        if reply.status == 200 && ONCE.contains(&deed) {
            done.insert(deed);
        }
        if !expected.contains(&reply.status) {
            surprises.push(format!("{part:?} {state:?} {deed}: {reply:?}"));
        }
        if reply.status == 503 && reply.header("retry-after").is_none() {
            surprises.push(format!("{part:?} {state:?} {deed}: {reply:?}"));
        }
        if took > LONGEST {
            surprises.push(format!("{part:?} {state:?} {deed}: after {took:?}"));
        }
    }
}

async fn is_survived(part: Part) {
    let World {
        checkout,
        mut mysql,
        mut redis,
        mut stripe,
    } = World::new().await;
    let target = match part {
        Part::MySql => &mut mysql,
        Part::Redis => &mut redis,
        Part::Stripe => &mut stripe,
    };
    checkout.stock(PRODUCT, STOCK.cast_signed()).await;
    let customer = checkout.shop.customer().await;
    let mut surprises = Vec::new();
    for row in TABLE.iter().filter(|row| row.part == part) {
        let state = row.state;
        let errand = Errand::new(&customer).await;
        target.begin(state).await;
        let mut done = BTreeSet::new();
        for _ in 0..ROUNDS {
            compare(&errand, row, &mut done, &mut surprises).await;
        }
        target.end(state).await;
        let ended = Instant::now();
        eventually(&format!("{part:?} {state:?}: the end"), async || {
            whole_journey(&customer).await
        })
        .await;
        let took = ended.elapsed();
        println!("{part:?} {state:?}: everything works again after {took:?}");
        if took > RECOVERY * 2 {
            surprises.push(format!("{part:?} {state:?}: works again after {took:?}"));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    let books = checkout.settled_books().await;
    books.check_stock(checkout.database(), PRODUCT, STOCK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_fails() {
    is_survived(Part::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_fails() {
    is_survived(Part::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_fails() {
    is_survived(Part::Stripe).await;
}
