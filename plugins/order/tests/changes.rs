//! What the statements do to the rows, on both databases: each change happens
//! from where it may, once, and from nowhere else.

use edge_sdk::sql::{Dialect, with_clock};
use order::orders::{allowance, changes, placed, stock};
use order::{idempotency, outbox, tasks};

/// The folder of the plugin.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Ages in seconds: what was just made is older than the first, and not as old
/// as the second.
const FRESH: i64 = -5;
const OLD: i64 = 3600;

/// Any time after these tests.
const LATER: &str = "2999-01-01 00:00:00";

/// The statement as the database of the dialect takes it.
macro_rules! own {
    ($text:expr, $dialect:expr) => {
        sqlx::AssertSqlSafe(with_clock($text, $dialect).unwrap().into_owned())
    };
}

/// Runs a change, and returns how many rows it changed; none is an error.
macro_rules! change {
    ($database:expr, $text:expr $(, $value:expr)*) => {{
        let (pool, dialect) = &$database;
        let query = sqlx::query(own!($text, *dialect));
        query$(.bind($value))*.execute(pool).await.ok().map(|done| done.rows_affected())
    }};
}

/// Runs a query of one column.
macro_rules! select {
    ($database:expr, $text:expr $(, $value:expr)*) => {{
        let (pool, dialect) = &$database;
        let query = sqlx::query_scalar::<_, i64>(own!($text, *dialect));
        query$(.bind($value))*.fetch_all(pool).await.unwrap()
    }};
}

/// Stores an order of a cart with its stock in this state, and returns its id.
macro_rules! order {
    ($database:expr, $cart:expr, $reserved:expr) => {{
        let added = change!(
            $database,
            placed::ADD,
            7,
            $cart,
            1_i64,
            $reserved,
            3_i64,
            "14.90",
            1,
            "4.95",
            1,
            "1.23",
            "usd"
        );
        match added {
            Some(_) => select!($database, "SELECT MAX(order_id) + 0 FROM orders").pop(),
            None => None,
        }
    }};
}

/// The status of an order, its stock, and whether it is held.
macro_rules! state {
    ($database:expr, $order:expr) => {{
        let text = "SELECT status * 100 + reserved * 10 + held FROM orders WHERE order_id = ?";
        select!($database, text, $order).first().copied()
    }};
}

macro_rules! a_cart_has_one_order {
    ($database:expr) => {
        let first = order!($database, "cart-1", 0).unwrap();
        assert_eq!(order!($database, "cart-1", 0), None);
        assert!(order!($database, "cart-2", 2).is_some());
        // Out of stock: the cart may be ordered again, and the first is deleted.
        assert_eq!(change!($database, stock::WITHDRAW, first), Some(1));
        assert_eq!(change!($database, stock::WITHDRAW, first), Some(0));
        assert_eq!(change!($database, stock::HOLD, first), Some(0));
        assert_eq!(state!($database, first), Some(240));
        let second = order!($database, "cart-1", 0).unwrap();
        assert_eq!(change!($database, stock::DELETE, second), Some(0));
        assert_eq!(change!($database, stock::DELETE, first), Some(1));
        assert_eq!(change!($database, stock::HOLD, second), Some(1));
        assert_eq!(change!($database, stock::WITHDRAW, second), Some(0));
        assert_eq!(state!($database, second), Some(10));
        // What is asked for, held or not needed is held until it is paid.
        assert_eq!(select!($database, allowance::UNPAID, 7), [3, 3]);
        assert_eq!(select!($database, allowance::UNPAID, 8), [0; 0]);
        let (asked, paid) = (
            order!($database, "cart-7", 0),
            order!($database, "cart-8", 2),
        );
        assert_eq!(select!($database, allowance::UNPAID, 7), [3; 4]);
        assert_eq!(change!($database, stock::WITHDRAW, asked), Some(1));
        assert_eq!(change!($database, stock::DELETE, asked), Some(1));
        assert_eq!(
            change!($database, changes::PAY, "ch_1", "ch_1", "14.90", paid),
            Some(1)
        );
        assert_eq!(select!($database, allowance::UNPAID, 7), [3, 3]);
        assert_eq!(change!($database, allowance::TAKE_TURN, 7), Some(0));
        assert_eq!(change!($database, allowance::FIRST_TURN, 7), Some(1));
        assert_eq!(change!($database, allowance::FIRST_TURN, 7), None);
        assert_eq!(change!($database, allowance::TAKE_TURN, 7), Some(1));
    };
}

macro_rules! an_order_is_paid_once {
    ($database:expr) => {
        let order = order!($database, "cart-3", 0).unwrap();
        // Not before its stock is taken, and by nobody else.
        assert_eq!(change!($database, changes::HOLD, order, 7), Some(0));
        assert_eq!(change!($database, stock::HOLD, order), Some(1));
        assert_eq!(change!($database, changes::HOLD, order, 8), Some(0));
        assert_eq!(change!($database, changes::HOLD, order, 7), Some(1));
        assert_eq!(change!($database, changes::HOLD, order, 7), Some(1));
        // While it is held it is not cancelled.
        assert_eq!(change!($database, changes::CANCEL, order), Some(0));
        assert!(!select!($database, tasks::UNPAID, FRESH).contains(&order));
        assert_eq!(change!($database, changes::RELEASE_HOLD, order), Some(1));
        assert!(select!($database, tasks::UNPAID, FRESH).contains(&order));
        assert!(!select!($database, tasks::UNPAID, OLD).contains(&order));
        assert_eq!(
            change!($database, changes::PAY, "ch_1", "ch_1", "14.90", order),
            Some(1)
        );
        assert_eq!(
            change!($database, changes::PAY, "ch_2", "ch_2", "14.90", order),
            Some(0)
        );
        assert_eq!(change!($database, changes::CANCEL, order), Some(0));
        assert_eq!(change!($database, changes::RELEASE_HOLD, order), Some(0));
        // It is sent, unless its charge is being given back.
        assert_eq!(change!($database, changes::HOLD_FOR_REFUND, order), Some(1));
        assert_eq!(change!($database, changes::SHIP, order), Some(0));
        assert_eq!(
            change!($database, changes::RELEASE_REFUND_HOLD, order),
            Some(1)
        );
        assert_eq!(change!($database, changes::SHIP, order), Some(1));
        assert_eq!(change!($database, changes::SHIP, order), Some(0));
        // What was sent does not go back into stock.
        assert_eq!(change!($database, changes::REFUND_UNSENT, order), Some(0));
        assert_eq!(change!($database, changes::REFUND_SENT, order), Some(1));
        assert_eq!(state!($database, order), Some(410));
    };
}

macro_rules! stock_goes_back_once {
    ($database:expr) => {
        let cancelled = order!($database, "cart-4", 1).unwrap();
        assert_eq!(change!($database, changes::CANCEL, cancelled), Some(1));
        assert_eq!(state!($database, cancelled), Some(230));
        assert!(select!($database, tasks::ASKED, FRESH).is_empty());
        assert_eq!(change!($database, stock::RETURNED, cancelled), Some(1));
        assert_eq!(change!($database, stock::RETURNED, cancelled), Some(0));
        assert_eq!(state!($database, cancelled), Some(220));

        // Nobody counts its stock: there is nothing to put back.
        let uncounted = order!($database, "cart-5", 2).unwrap();
        assert_eq!(change!($database, changes::CANCEL, uncounted), Some(1));
        assert_eq!(state!($database, uncounted), Some(220));

        let refunded = order!($database, "cart-6", 1).unwrap();
        // By a payment release that does not tell the amount.
        let unknown = None::<&str>;
        assert_eq!(
            change!($database, changes::PAY, "ch_3", "ch_3", unknown, refunded),
            Some(1)
        );
        let untold = "SELECT order_id + 0 FROM orders WHERE order_id = ? AND paid_amount IS NULL";
        assert_eq!(select!($database, untold, refunded), [refunded]);
        assert_eq!(
            change!($database, changes::REFUND_UNSENT, refunded),
            Some(1)
        );
        assert_eq!(state!($database, refunded), Some(430));
        assert_eq!(change!($database, changes::CANCEL_PAID, refunded), Some(1));
        assert_eq!(state!($database, refunded), Some(230));
    };
}

macro_rules! a_key_is_claimed_once {
    ($database:expr) => {
        let (add, by) = (idempotency::ADD, 7);
        assert_eq!(change!($database, add, by, "hash", "print", 1_i64), Some(1));
        assert_eq!(change!($database, add, by, "hash", "print", 2_i64), None);
        let id = select!(
            $database,
            "SELECT MAX(idempotency_id) + 0 FROM order_idempotency"
        )[0];
        assert_eq!(
            change!($database, idempotency::TAKE_OVER, 3_i64, id, 1_i64),
            Some(1)
        );
        assert_eq!(
            change!($database, idempotency::TAKE_OVER, 4_i64, id, 1_i64),
            Some(0)
        );
        assert_eq!(
            change!($database, idempotency::NOTE, 99, id, 1_i64),
            Some(0)
        );
        assert_eq!(
            change!($database, idempotency::NOTE, 99, id, 3_i64),
            Some(1)
        );
        assert_eq!(
            change!($database, idempotency::COMPLETE, 200, "{}", id, 3_i64),
            Some(1)
        );
        assert_eq!(
            change!($database, idempotency::TAKE_OVER, 5_i64, id, 3_i64),
            Some(0)
        );
        assert_eq!(change!($database, idempotency::FORGET_REST, OLD), Some(0));
        assert_eq!(change!($database, idempotency::FORGET_REST, FRESH), Some(1));
    };
}

macro_rules! a_mail_is_tried_by_one {
    ($database:expr) => {
        assert_eq!(change!($database, changes::CONFIRM, 1), Some(1));
        assert_eq!(change!($database, changes::CONFIRM, 1), None);
        let mail = select!($database, "SELECT MAX(mail_id) + 0 FROM mail_outbox")[0];
        assert_eq!(change!($database, outbox::ATTEMPT, OLD, mail, 0), Some(1));
        assert_eq!(change!($database, outbox::ATTEMPT, OLD, mail, 0), Some(0));
        assert_eq!(change!($database, outbox::SENT, mail), Some(1));
        assert_eq!(change!($database, outbox::ATTEMPT, OLD, mail, 1), Some(0));
        assert_eq!(change!($database, outbox::GIVE_UP, mail), Some(0));
        assert_eq!(change!($database, outbox::FORGET_REST, OLD), Some(0));
        assert_eq!(change!($database, outbox::FORGET, LATER), Some(1));
    };
}

macro_rules! all {
    ($database:expr) => {
        let database = $database;
        a_cart_has_one_order!(database);
        an_order_is_paid_once!(database);
        stock_goes_back_once!(database);
        a_key_is_claimed_once!(database);
        a_mail_is_tried_by_one!(database);
    };
}

#[tokio::test]
async fn changes_happen_once_on_sqlite() {
    all!((test_databases::sqlite(FOLDER).await, Dialect::Sqlite));
}

#[tokio::test]
async fn changes_happen_once_on_mysql() {
    all!((test_databases::mysql(FOLDER).await, Dialect::Mysql));
}

/// The tables of an older shop: no transactions, no emoji.
const OLDER_SHOP: [&str; 3] = [
    "CREATE TABLE orders (order_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
     total_amount DECIMAL(10, 2) NOT NULL DEFAULT 0.00, created_on DATETIME NOT NULL, \
     shipped_on DATETIME, status INT NOT NULL DEFAULT 0, comments VARCHAR(255), customer_id INT, \
     auth_code VARCHAR(50), reference VARCHAR(50), shipping_id INT, tax_id INT, \
     KEY idx_orders_customer_id (customer_id)) ENGINE = MyISAM DEFAULT CHARSET = utf8mb3",
    "CREATE TABLE order_detail (item_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
     order_id INT NOT NULL, product_id INT NOT NULL, attributes VARCHAR(1000) NOT NULL, \
     product_name VARCHAR(100) NOT NULL, quantity INT NOT NULL, unit_cost DECIMAL(10, 2) NOT NULL, \
     KEY idx_order_detail_order_id (order_id)) ENGINE = MyISAM DEFAULT CHARSET = latin1",
    "INSERT INTO orders (created_on, customer_id) VALUES ('2020-01-01 00:00:00', 7)",
];

#[tokio::test]
async fn the_tables_of_an_older_shop_are_taken_over() {
    let database = (test_databases::empty_mysql().await, Dialect::Mysql);
    for text in OLDER_SHOP {
        assert!(change!(database, text).is_some(), "{text}");
    }
    test_databases::migrations(FOLDER, "mysql")
        .await
        .run(&database.0)
        .await
        .unwrap();
    // Its customers see the order, and nobody cancels it.
    assert_eq!(state!(database, 1), Some(20));
    assert!(select!(database, tasks::UNPAID, FRESH).is_empty());
    let engines = "SELECT COUNT(*) FROM information_schema.tables \
                   WHERE table_schema = DATABASE() AND engine = 'MyISAM'";
    assert_eq!(select!(database, engines), [0]);
    let text = placed::add_lines_text(1);
    let line = change!(database, &text, 1, 1, "👕", "Arc d'Triomphe", 1, "14.90");
    assert_eq!(line, Some(1));
}
