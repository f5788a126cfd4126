//! What is left of a transaction, however it ends.

use serde_json::json;

use super::{Ledger, Store, on_all_stores};

on_all_stores! {
    only_a_commit_keeps_anything,
    a_failed_statement_takes_the_others_back,
    a_conflict_is_told_from_other_errors,
    a_writer_waits_for_another_to_end,
}

/// One instance, so that what one request leaves behind meets the next.
const ONE: &str = "[limits]\ninstances = 1\ncpu-time = '500ms'\ndeadline = '2s'";

async fn only_a_commit_keeps_anything(store: Store) {
    let ledger = Ledger::start(store, ONE).await;
    let ends = [
        ("rollback", 409),
        ("drop", 200),
        ("leak", 200),
        ("trap", 500),
        ("spin", 504),
        ("sleep", 504),
    ];
    let mut kept = Vec::new();
    for (then, status) in ends {
        let reply = ledger.two(then, then).await;
        assert_eq!(reply.status, status, "{then}: {reply:?}");
        assert_eq!(ledger.names().await, kept, "after {then}");

        // Nothing is left that would keep the next one from its commit.
        let name = format!("after-{then}");
        ledger.two(&name, "commit").await.assert_status(200);
        kept.extend([format!("{name}-1"), format!("{name}-2")]);
        assert_eq!(ledger.names().await, kept, "after {then} and a commit");
    }
}

async fn a_failed_statement_takes_the_others_back(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("pair-2", json!({})).await.assert_status(200);
    ledger.two("pair", "commit").await.assert_refusal(409);
    assert_eq!(ledger.names().await, ["pair-2"]);
}

async fn a_conflict_is_told_from_other_errors(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("taken", json!({})).await.assert_status(200);
    ledger.add("taken", json!({})).await.assert_refusal(409);
    let insert = |name: &str, amount: &str| {
        format!(
            "INSERT INTO ledger_entry (name, amount, booked_on) VALUES ({name}, {amount}, '2019-07-21 08:56:02')"
        )
    };
    let refused = [
        (insert("'taken'", "'1.00'"), "conflict"),
        // Nobody else has this value: another one would be refused as well.
        (insert("NULL", "'1.00'"), "invalid"),
        (insert("'x'", "no_such_column"), "invalid"),
        ("UPDATE ledger_entry SET name = ?".to_owned(), "invalid"),
    ];
    for (statement, name) in refused {
        let answer = ledger.execute(&statement).await;
        assert_eq!(answer["error"]["name"], name, "{statement}: {answer}");
    }
    assert_eq!(ledger.names().await, ["taken"]);
}

async fn a_writer_waits_for_another_to_end(store: Store) {
    let ledger = Ledger::start(store, "[limits]\ndeadline = '3s'").await;
    let holding = ledger.two("holding", "sleep");
    let waiting = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        ledger.two("waiting", "commit").await
    };
    let (held, waited) = tokio::join!(holding, waiting);
    held.assert_refusal(504);
    waited.assert_status(200);
    assert_eq!(ledger.names().await, ["waiting-1", "waiting-2"]);
}
