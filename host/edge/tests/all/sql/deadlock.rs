//! A transaction that the server undid by itself is over: what its plugin does
//! next does not stand alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stores::sql::{CallLimits, DatabaseAccess, Databases, OpenTransaction, TableGrant};
use stores::sql::{Error, Rows};
use test_servers::MariaDb;

use crate::catalog::database::Database;

const LIMITS: CallLimits = CallLimits {
    rows: 1000,
    bytes: 1 << 20,
};

const ADD: &str = "INSERT INTO orders (order_id, name) VALUES (3, 'alone')";

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_deadlock_does_nothing_more() {
    let database = Database::of(MariaDb::shared());
    for statement in [
        "CREATE TABLE orders (order_id INT PRIMARY KEY, name VARCHAR(100))",
        "INSERT INTO orders (order_id, name) VALUES (1, 'a'), (2, 'a')",
    ] {
        database.execute(statement).await;
    }
    let access = Arc::new(open(&database.url).await);
    let mut one = access.begin(deadline()).await.expect("a transaction");
    let mut two = access.begin(deadline()).await.expect("a transaction");
    update(&mut one, 1).await.expect("a row");
    update(&mut two, 2).await.expect("a row");
    let (first, second) = tokio::join!(update(&mut one, 2), update(&mut two, 1));
    let (lost, winner, mut loser) = match (first, second) {
        (Err(lost), Ok(())) => (lost, two, one),
        (Ok(()), Err(lost)) => (lost, one, two),
        both => panic!("no deadlock: {both:?}"),
    };
    assert!(matches!(lost, Error::Unavailable(_)), "{lost:?}");
    let added = loser.execute(ADD, Vec::new(), deadline()).await;
    assert!(matches!(added, Err(Error::Unavailable(_))), "{added:?}");
    let asked = loser
        .query::<Rows>("SELECT name FROM orders", Vec::new(), deadline())
        .await;
    assert!(matches!(asked, Err(Error::Unavailable(_))), "{asked:?}");
    let kept = loser.commit(deadline()).await;
    assert!(matches!(kept, Err(Error::Unavailable(_))), "{kept:?}");
    winner.commit(deadline()).await.expect("a commit");

    let rows = access
        .query::<Rows>("SELECT name FROM orders", Vec::new(), deadline())
        .await;
    assert_eq!(rows.expect("rows").rows.len(), 2);
}

async fn open(url: &str) -> DatabaseAccess {
    let grant = TableGrant {
        read: Default::default(),
        write: ["orders".to_owned()].into(),
    };
    let opened = Databases::default().open(url, grant, 2, LIMITS).await;
    opened.expect("the database")
}

async fn update(transaction: &mut OpenTransaction, order: i64) -> Result<(), Error> {
    let text = format!("UPDATE orders SET name = 'b' WHERE order_id = {order}");
    let done = transaction.execute(&text, Vec::new(), deadline()).await;
    done.map(|_| ())
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
