//! The rules that statements and unique keys keep by themselves, whoever comes
//! first and however often.

use edge_sdk::sql::{Dialect, with_clock};
use payment::attempts::{
    BEGIN, CAPTURE, CURRENT, FAIL, NOTIFIED, NOTIFIED_FAILURE, POSTPONE, REFUND, TAKE,
};

use crate::FOLDER;

/// Seconds for which an attempt is had: as long as the tests take and longer,
/// or no longer at all.
const LONG: i64 = 3600;
const OVER: i64 = -1;

/// Runs a statement of a dialect, and tells the rows that it changed.
macro_rules! run {
    ($database:expr, $text:expr, $($value:expr),*) => {{
        let (database, dialect) = $database;
        let text = with_clock($text, dialect).unwrap().into_owned();
        sqlx::query(sqlx::AssertSqlSafe(text))$(.bind($value))*
            .execute(database)
            .await
            .map(|done| done.rows_affected())
    }};
}

macro_rules! begin {
    ($database:expr, $order:expr, $number:expr) => {
        run!(
            $database,
            BEGIN,
            $order,
            $number,
            $order,
            3_i64,
            "s1",
            "stripe+shop",
            "tok_visa",
            1499_i64,
            "usd",
            "An order",
            OVER,
            OVER
        )
    };
}

/// How many attempts keep others from being begun.
macro_rules! current {
    ($database:expr, $order:expr) => {{
        let (database, dialect) = $database;
        let text = with_clock(CURRENT, dialect).unwrap().into_owned();
        sqlx::query(sqlx::AssertSqlSafe(text))
            .bind($order)
            .fetch_all(database)
            .await
            .unwrap()
            .len()
    }};
}

macro_rules! check {
    ($pool:expr, $dialect:expr) => {
        let pool = &$pool;
        let database = (pool, $dialect);
        // The first attempt has the first id.
        let (order, attempt) = (7_i64, 1_i64);
        assert_eq!(begin!(database, order, 1_i64).unwrap(), 1);

        // One attempt at a time, and each number once.
        assert!(begin!(database, order, 2_i64).is_err());
        assert!(begin!(database, 8_i64, 1_i64).is_ok());
        assert!(begin!(database, 8_i64, 1_i64).is_err());

        // One has it at a time.
        assert_eq!(run!(database, TAKE, OVER, attempt).unwrap(), 1);
        assert_eq!(run!(database, TAKE, LONG, attempt).unwrap(), 1);
        assert_eq!(run!(database, TAKE, LONG, attempt).unwrap(), 0);
        assert_eq!(run!(database, POSTPONE, LONG, attempt).unwrap(), 1);
        assert_eq!(run!(database, TAKE, LONG, attempt).unwrap(), 1);

        // A failure is recorded once, and then nothing else; the order is free
        // when the order service knows.
        assert_eq!(run!(database, NOTIFIED_FAILURE, attempt).unwrap(), 0);
        assert_eq!(
            run!(database, FAIL, "lost_card", LONG, attempt, "open").unwrap(),
            1
        );
        assert_eq!(
            run!(database, FAIL, "lost_card", LONG, attempt, "open").unwrap(),
            0
        );
        assert_eq!(
            run!(database, CAPTURE, "ch_1", "{}", LONG, attempt).unwrap(),
            0
        );
        assert!(begin!(database, order, 2_i64).is_err());
        assert_eq!(run!(database, NOTIFIED_FAILURE, attempt).unwrap(), 1);
        assert_eq!(current!(database, order), 0);
        assert!(begin!(database, order, 2_i64).is_ok());

        // A captured charge keeps the order for ever, even when it is given back.
        let order = 8_i64;
        let ids = sqlx::query_scalar("SELECT attempt_id FROM payment_attempt WHERE order_id = ?");
        let attempt: i64 = ids.bind(order).fetch_one(pool).await.unwrap();
        assert_eq!(
            run!(database, CAPTURE, "ch_2", "{}", LONG, attempt).unwrap(),
            1
        );
        assert_eq!(
            run!(database, CAPTURE, "ch_3", "{}", LONG, attempt).unwrap(),
            0
        );
        assert_eq!(
            run!(database, FAIL, "late", LONG, attempt, "open").unwrap(),
            0
        );
        assert_eq!(run!(database, NOTIFIED, attempt).unwrap(), 1);
        assert_eq!(run!(database, TAKE, LONG, attempt).unwrap(), 0);
        assert_eq!(run!(database, REFUND, "re_1", attempt).unwrap(), 1);
        assert_eq!(run!(database, REFUND, "re_2", attempt).unwrap(), 0);
        assert!(begin!(database, order, 2_i64).is_err());
        assert_eq!(current!(database, order), 1);

        // Settled attempts keep no token.
        let kept =
            "SELECT attempt_id FROM payment_attempt WHERE state <> 'open' AND token IS NOT NULL";
        assert!(sqlx::query(kept).fetch_all(pool).await.unwrap().is_empty());
    };
}

#[tokio::test]
async fn an_order_has_one_attempt_that_may_charge_on_sqlite() {
    check!(test_databases::sqlite(FOLDER).await, Dialect::Sqlite);
}

#[tokio::test]
async fn an_order_has_one_attempt_that_may_charge_on_mysql() {
    check!(test_databases::mysql(FOLDER).await, Dialect::Mysql);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_begins() {
    let database = test_databases::mysql(FOLDER).await;
    let many = (0..20).map(|_| {
        let database = database.clone();
        tokio::spawn(async move { begin!((&database, Dialect::Mysql), 9_i64, 1_i64).is_ok() })
    });
    let mut begun = 0;
    for one in many.collect::<Vec<_>>() {
        begun += u32::from(one.await.unwrap());
    }
    assert_eq!(begun, 1);
}
