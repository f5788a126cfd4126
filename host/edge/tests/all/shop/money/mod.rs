//! Orders and money, while many want the same thing at once, while Stripe
//! fails in every way it can, and while nodes die: afterwards the shop's books
//! and Stripe's agree.

mod buyer;
mod client_disconnect;
mod crashes;
mod due;
mod faults;
mod ledger_audit;
mod outages;
mod races;
mod retries;
mod shops;
mod unpaid;
mod webhooks;

use std::sync::Arc;

use edge::config::Settings;

use super::stripe::Stripe;
use super::{Shop, Stores};
use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, TestNode, fixture, variant};
use ledger_audit::Books;

/// The orders' periodic work, often enough for tests, and limits that these
/// customers do not meet.
const ORDER: &str = r#"
[[schedule]]
task = "mail"
every = "500ms"

[[schedule]]
task = "release"
every = "200ms"

[[rate-limit]]
name = "orders"
methods = ["POST"]
path = "/orders"
by = "principal"
quota = 10000
window = "1m"

[[rate-limit]]
name = "cart-growth"
by = "address"
quota = 10000
window = "1m"
"#;

/// The payments' periodic work, often enough for tests.
const PAYMENT: &str = r#"
[[schedule]]
task = "settle"
every = "200ms"
"#;

/// How many minutes these shops wait for payment.
const UNPAID_MINUTES: &str = "5";

/// How long a busy node may keep a request waiting for an instance: what it
/// would refuse, clients would only ask again.
const QUEUE: std::time::Duration = std::time::Duration::from_secs(4);

/// A shop whose cards are charged by a Stripe of its own.
struct Checkout {
    stripe: Stripe,
    shop: Shop,
}

impl Checkout {
    /// A new shop on each kind of stores.
    async fn both() -> [Self; 2] {
        let [one, other] = Store::ALL.map(Self::new);
        let (one, other) = tokio::join!(one, other);
        [one, other]
    }

    async fn new(store: Store) -> Self {
        Self::open(Stores::new(store), Stripe::start(), &plugins(), |_| {}).await
    }

    /// A new shop with these stores and these plugins.
    async fn open(
        stores: Stores,
        stripe: Stripe,
        plugins: &[PluginFolder],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let shop = open(Arc::new(stores), &stripe, plugins, change).await;
        Self { stripe, shop }
    }

    fn database(&self) -> &Database {
        &self.shop.stores.database
    }

    /// Have so many of a product in stock.
    async fn stock(&self, product: i64, stock: i64) {
        let set = format!("UPDATE product SET stock = {stock} WHERE product_id = {product}");
        self.database().execute(&set).await;
    }

    /// So many new customers' tokens.
    async fn customers(&self, number: usize) -> Vec<String> {
        let mut tokens = Vec::new();
        for _ in 0..number {
            let token = self.shop.customer().await.token;
            tokens.push(token.expect("a customer has one"));
        }
        tokens
    }

    /// Check, once nothing is left to be done, that the shop's books and
    /// Stripe's agree. Returns the shop's.
    async fn settled_books(&self) -> Books {
        let books = Books::settled(self.database()).await;
        books.check(&self.stripe);
        books
    }
}

/// A node of the shop with these stores, whose cards are charged by this Stripe.
async fn open(
    stores: Arc<Stores>,
    stripe: &Stripe,
    plugins: &[PluginFolder],
    change: impl FnOnce(&mut Settings),
) -> Shop {
    let change = |settings: &mut Settings| {
        stores.apply(settings);
        settings.queue_timeout = QUEUE;
        let config = &mut settings.plugin_config.0;
        config.extend(stripe.settings());
        config.insert("UNPAID_ORDER_MINUTES".into(), UNPAID_MINUTES.into());
        config.insert("MAX_UNPAID_ORDERS".into(), "100".into());
        config.insert("MAX_UNPAID_PIECES".into(), "10000".into());
        change(settings);
    };
    let node = TestNode::start(plugins, change).await;
    Shop { node, stores }
}

/// What a node had to itself when it died, others may have by now: nobody
/// waits here until that has run out.
async fn pass_time(database: &Database) {
    let leases = "UPDATE edge_schedule SET next_at = 0, held_until = 0";
    let locks = "UPDATE order_idempotency SET locked_on = '2000-01-01T00:00:00.000' \
         WHERE status IS NULL";
    for update in [leases, locks] {
        database.execute(update).await;
    }
    ledger_audit::make_due(database).await;
}

/// Names a seed, to have the same random choices again.
const SEED: &str = "EDGE_TEST_SEED";

/// The seed of a test's random choices, which it prints.
fn seed() -> u64 {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("{SEED}={seed}");
    seed
}

/// The shop's own four, whose periodic work comes sooner.
fn plugins() -> [PluginFolder; 4] {
    [
        fixture("../customer"),
        variant("../order", ORDER),
        variant("../payment", PAYMENT),
        fixture("../product"),
    ]
}
