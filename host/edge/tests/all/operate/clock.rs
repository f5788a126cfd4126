//! Nodes whose clocks are wrong, beside one whose clock is right.

use std::process::Command;

use serde_json::Value;
use test_servers::MariaDb;

use super::estate::{Estate, Member};
use crate::harness::{data_folder, edge, edge_with_clock, eventually};
use crate::observability::metrics::Metrics;

const DAY: i64 = 24 * 60 * 60;

/// A node whose clock is wrong by this much, such as `+40d`, in a region of its
/// own.
async fn join_with_clock(estate: &Estate, offset: &str, region: &str) -> Member {
    let data = data_folder();
    let mut command = edge_with_clock(offset, data.path());
    estate.configure(&mut command, data.path());
    command
        .env("EDGE_REGION", region)
        .env("UNPAID_ORDER_MINUTES", "5");
    Member::start(command, data).await
}

async fn skew_seconds(member: &Member) -> f64 {
    let metrics = Metrics::at(&member.operator()).await;
    let skew = metrics.value("edge_clock_skew_seconds", &[]);
    skew.expect("a measured clock")
}

async fn clock_of(member: &Member) -> Value {
    member.get("/readyz?verbose", "").await["clock"].clone()
}

/// The last line of what a query prints.
fn select(database: &str, query: &str) -> String {
    let (_, name) = database.rsplit_once('/').expect("a name");
    let printed = MariaDb::shared().run(&format!("USE {name}; {query}"));
    printed.lines().last().unwrap_or_default().to_owned()
}

/// How often the regions' nodes took on periodic work of the orders.
fn pieces(database: &str, region: &str) -> i64 {
    let query =
        format!("SELECT COUNT(*) FROM edge_schedule WHERE region = '{region}' AND next_at > 0");
    select(database, &query).parse().expect("a number")
}

/// One is forty days ahead, and one as many behind: each order that waits for
/// payment would be cancelled, and each token would have expired or hold too
/// long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_wrong_clocks_cancel_no_order_and_end_no_session() {
    let estate = Estate::new();
    let right = estate.join(&[("UNPAID_ORDER_MINUTES", "5")]).await;
    let ahead = join_with_clock(&estate, "+40d", "ahead").await;
    let behind = join_with_clock(&estate, "-40d", "behind").await;

    // Each knows how wrong it is, and does no periodic work.
    for (member, days) in [(&right, 0), (&ahead, 40), (&behind, -40)] {
        let expected = (days * DAY) as f64;
        let seconds = skew_seconds(member).await;
        assert!((seconds - expected).abs() < 3600.0, "{days}: {seconds}");
        let clock = clock_of(member).await;
        assert_eq!(clock["periodic_work"], days == 0, "{clock}");
    }

    // Whoever logs in at one is known to the others.
    let mut tokens = Vec::new();
    for (number, member) in [&right, &ahead, &behind].into_iter().enumerate() {
        let email = format!("clock-{number}@example.com");
        member.register(&email).await;
        tokens.push(right.login(&email).await);
        tokens.push(member.login(&email).await);
    }
    let mut orders = Vec::new();
    for token in &tokens {
        for member in [&right, &ahead, &behind] {
            member.get("/customer", token).await;
            orders.push((token, member.order(token).await));
        }
    }
    let late = "SELECT COUNT(*) FROM orders \
         WHERE ABS(TIMESTAMPDIFF(SECOND, created_on, UTC_TIMESTAMP())) > 600";
    assert_eq!(select(&estate.database, late), "0");

    // The right one looks after the orders: only what was made to be old goes.
    let (token, old) = orders.remove(0);
    let age = format!(
        "UPDATE orders SET created_on = UTC_TIMESTAMP() - INTERVAL 6 MINUTE WHERE order_id = {old}"
    );
    select(&estate.database, &format!("{age}; SELECT 1"));
    eventually("an order that nobody paid is cancelled", async || {
        (right.status_of(old, token).await == 2).then_some(())
    })
    .await;
    for (token, order) in orders {
        assert_eq!(right.status_of(order, token).await, 0, "order {order}");
    }
    assert!(pieces(&estate.database, "local") > 0);
    assert_eq!(pieces(&estate.database, "ahead"), 0);
    assert_eq!(pieces(&estate.database, "behind"), 0);

    // Operators are told, by each way that they look.
    let shown = status(&estate, &right);
    for wrong in [" s ahead of ", " s behind "] {
        let warning = format!("{wrong}the control database's; it does no periodic work");
        assert!(shown.contains(&warning), "{shown}");
    }
    for member in [ahead, behind] {
        let (_, written) = member.end().await;
        let said = written.matches("it does no periodic work").count();
        assert_eq!(said, 1, "{written}");
    }
    let (_, written) = right.end().await;
    assert!(!written.contains("it does no periodic work"), "{written}");
}

/// What `edge status` prints of the node.
fn status(estate: &Estate, member: &Member) -> String {
    let mut command: Command = edge(member.data.path());
    estate.configure(&mut command, member.data.path());
    let url = format!("http://{}", member.process.admin_address());
    let output = command.arg("status").env("EDGE_ADMIN_URL", url).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}
