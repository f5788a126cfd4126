//! What the shop's database says about orders, and whether that is sound.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::catalog::database::Database;
use crate::harness::PATIENCE;
use crate::shop::shopper::cents;
use crate::shop::stripe::Stripe;

/// An order, as its row has it.
#[derive(Debug)]
pub struct Order {
    pub id: i64,
    pub status: u8,
    /// The price of its goods, in cents.
    pub total: u64,
    /// With shipping and tax, in cents.
    pub grand_total: u64,
    /// What its charge was made for, in cents.
    pub paid: Option<u64>,
    /// 1 while stock is taken for it.
    pub reserved: u8,
    /// 1 while it is being paid for.
    pub held: u8,
    pub cart: String,
}

/// A line of an order.
#[derive(Debug)]
pub struct Line {
    pub order: i64,
    pub product: i64,
    pub quantity: u64,
    /// In cents.
    pub unit_cost: u64,
}

/// Every order that customers can see.
#[derive(Debug)]
pub struct Books {
    pub orders: Vec<Order>,
    pub lines: Vec<Line>,
}

const ORDERS: &str = "SELECT CONCAT_WS('|', order_id, status, total_amount, reserved, held, cart_id, \
     shipping_cost, tax_amount, COALESCE(paid_amount, '')) FROM orders ORDER BY order_id";
const LINES: &str = "SELECT CONCAT_WS('|', order_id, product_id, quantity, unit_cost) \
     FROM order_detail ORDER BY item_id";

/// Payments and orders that periodic work still has to see to.
const UNFINISHED: &str = "SELECT CONCAT('attempt ', attempt_id) FROM payment_attempt \
     WHERE next_try_on IS NOT NULL \
     UNION ALL SELECT CONCAT('order ', order_id) FROM orders WHERE reserved IN (0, 3, 4)";

const WAITING: &str =
    "SELECT CONCAT('', attempt_id) FROM payment_attempt WHERE next_try_on IS NOT NULL";

impl Order {
    /// Whether the shop has the customer's money: paid, or shipped.
    pub fn is_paid(&self) -> bool {
        matches!(self.status, 1 | 3)
    }

    fn read(row: &str) -> Self {
        let fields: Vec<_> = row.split('|').collect();
        let amount = |at: usize| cents(&fields[at].into());
        Self {
            id: number(fields[0]),
            status: number(fields[1]),
            total: amount(2),
            grand_total: amount(2) + amount(6) + amount(7),
            paid: (!fields[8].is_empty()).then(|| amount(8)),
            reserved: number(fields[3]),
            held: number(fields[4]),
            cart: fields[5].to_owned(),
        }
    }
}

impl Line {
    fn read(row: &str) -> Self {
        let fields: Vec<_> = row.split('|').collect();
        Self {
            order: number(fields[0]),
            product: number(fields[1]),
            quantity: number(fields[2]),
            unit_cost: cents(&fields[3].into()),
        }
    }
}

impl Books {
    pub async fn read(database: &Database) -> Self {
        let orders = database.texts(ORDERS).await;
        let lines = database.texts(LINES).await;
        Self {
            orders: orders.iter().map(|row| Order::read(row)).collect(),
            lines: lines.iter().map(|row| Line::read(row)).collect(),
        }
    }

    /// The books, once the plugins have done all that is left to be done. What
    /// they put off is made due.
    pub async fn settled(database: &Database) -> Self {
        let settled = tokio::time::timeout(PATIENCE, async {
            while !database.texts(UNFINISHED).await.is_empty() {
                make_due(database).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        if settled.await.is_err() {
            let unfinished = database.texts(UNFINISHED).await;
            panic!("{:?}: unfinished: {unfinished:?}", database.store);
        }
        Self::read(database).await
    }

    pub fn order(&self, id: i64) -> &Order {
        let order = self.orders.iter().find(|order| order.id == id);
        order.unwrap_or_else(|| panic!("no order {id} in {self:?}"))
    }

    /// Check that every rule about orders and money holds.
    pub fn check(&self, stripe: &Stripe) {
        assert_eq!(stripe.complaints(), [""; 0]);
        let mut carts = BTreeMap::new();
        for order in &self.orders {
            let lines = self.lines.iter().filter(|line| line.order == order.id);
            let sum: u64 = lines.map(|line| line.quantity * line.unit_cost).sum();
            assert_eq!(sum, order.total, "lines of {order:?}");
            assert_eq!(order.held, 0, "{order:?}");
            let charges = stripe.captured(order.id);
            assert!(charges.len() <= 1, "{order:?}: {charges:?}");
            let charged = charges.first().map(|charge| charge.amount);
            let paid = order.paid.filter(|_| order.is_paid());
            assert_eq!(charged, paid, "{order:?}");
            if let Some(paid) = paid {
                assert!(
                    [order.total, order.grand_total].contains(&paid),
                    "{order:?}"
                );
            }
            let earlier = carts.insert(&order.cart, order);
            assert!(earlier.is_none(), "one cart: {earlier:?}, {order:?}");
        }
        for charge in stripe.charges() {
            let order_id = charge.order_id().expect("the shop writes it on charges");
            self.order(order_id);
        }
    }

    /// Check that what was in stock of a product is in stock now or in orders.
    pub async fn check_stock(&self, database: &Database, product: i64, before: u64) {
        let holding =
            |line: &&Line| line.product == product && self.order(line.order).reserved == 1;
        let sold: u64 = self
            .lines
            .iter()
            .filter(holding)
            .map(|line| line.quantity)
            .sum();
        assert_eq!(stock(database, product).await + sold, before, "{self:?}");
    }
}

/// How many of a product are in stock.
pub async fn stock(database: &Database, product: i64) -> u64 {
    let query = format!("SELECT CONCAT('', stock) FROM product WHERE product_id = {product}");
    number(&database.texts(&query).await[0])
}

/// Let whatever payments have been put off be due, and nobody have them.
pub async fn make_due(database: &Database) {
    for attempt in database.texts(WAITING).await {
        let long_ago = "'2000-01-01T00:00:00.000'";
        let update = format!(
            "UPDATE payment_attempt SET next_try_on = {long_ago}, busy_until = {long_ago} \
             WHERE attempt_id = {attempt} AND next_try_on IS NOT NULL"
        );
        database.execute(&update).await;
    }
}

/// Let a row of an order have been made so long ago.
pub async fn age(database: &Database, table: &str, order: i64, age: Duration) {
    let then = humantime::format_rfc3339_millis(SystemTime::now() - age).to_string();
    let then = then.trim_end_matches('Z');
    let update = format!("UPDATE {table} SET created_on = '{then}' WHERE order_id = {order}");
    database.execute(&update).await;
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    let number = text.parse();
    number.unwrap_or_else(|_| panic!("not a number: {text:?}"))
}
