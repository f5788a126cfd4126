//! How much one call may return, and how many callers there may be.

use serde_json::json;

use super::{Ledger, Store, on_all_stores};

on_all_stores! {
    a_call_returns_so_many_rows_and_no_more,
    a_call_returns_so_many_bytes_and_no_more,
    many_writers_at_once_all_succeed,
    readers_are_answered_while_others_write,
    statements_are_prepared_once_and_no_error_stays_with_them,
}

async fn many(ledger: &Ledger, rows: u32) -> serde_json::Value {
    let reply = ledger.node.get(&format!("/ledger/many?n={rows}")).await;
    reply.assert_status(200);
    reply.json()
}

async fn a_call_returns_so_many_rows_and_no_more(store: Store) {
    let ledger = Ledger::start(store, "[grants.database]\nrows = 50").await;
    assert_eq!(many(&ledger, 50).await, json!({ "rows": 50 }));
    let answer = many(&ledger, 51).await;
    assert_eq!(answer["error"]["name"], "too-large", "{answer}");
    assert!(
        answer["error"]["text"]
            .as_str()
            .unwrap_or_default()
            .contains("50 rows"),
        "{answer}"
    );
    assert_eq!(many(&ledger, 3).await, json!({ "rows": 3 }), "afterwards");
}

async fn a_call_returns_so_many_bytes_and_no_more(store: Store) {
    let ledger = Ledger::start(store, "[grants.database]\nbytes = '16 KiB'").await;
    for name in ["a", "b", "c"] {
        let note = "x".repeat(7000);
        ledger
            .add(name, json!({ "note": note }))
            .await
            .assert_status(200);
    }
    let answer = ledger.query("SELECT note FROM ledger_entry LIMIT 2").await;
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(2), "{answer}");
    let answer = ledger.query("SELECT note FROM ledger_entry").await;
    assert_eq!(answer["error"]["name"], "too-large", "{answer}");
    let text = answer["error"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("16384 bytes"), "{answer}");
    assert_eq!(many(&ledger, 3).await, json!({ "rows": 3 }), "afterwards");
}

/// Waiting for one's turn to write is no failure. There are instances for all
/// of them, as waiting for one of those may be.
async fn many_writers_at_once_all_succeed(store: Store) {
    const WRITERS: usize = 40;
    let limits = format!("[limits]\ninstances = {WRITERS}");
    let ledger = Ledger::start(store, &limits).await;
    let adding = (0..WRITERS).map(|writer| {
        let ledger = &ledger;
        async move {
            if writer % 2 == 0 {
                ledger
                    .add(&format!("{writer}"), json!({}))
                    .await
                    .assert_status(200);
            } else {
                ledger
                    .two(&format!("{writer}"), "commit")
                    .await
                    .assert_status(200);
            }
        }
    });
    futures_util::future::join_all(adding).await;
    assert_eq!(ledger.names().await.len(), WRITERS / 2 * 3);
}

async fn readers_are_answered_while_others_write(store: Store) {
    let ledger = Ledger::start(store, "[limits]\ndeadline = '3s'").await;
    ledger.add("there", json!({})).await.assert_status(200);
    let writing = ledger.two("never", "sleep");
    let reading = async {
        for _ in 0..20 {
            assert_eq!(ledger.names().await, ["there"]);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let (written, ()) = tokio::join!(writing, reading);
    written.assert_refusal(504);
}

/// Statements are prepared once for each connection; what one request found
/// wrong with one does not stay with it.
async fn statements_are_prepared_once_and_no_error_stays_with_them(store: Store) {
    let ledger = Ledger::start(store, "[grants.database]\nconnections = 1").await;
    for round in 0..3 {
        let answer = ledger
            .query("SELECT no_such_column FROM ledger_entry")
            .await;
        assert_eq!(answer["error"]["name"], "invalid", "{answer}");
        ledger
            .add(&format!("{round}"), json!({}))
            .await
            .assert_status(200);
        assert_eq!(ledger.names().await.len(), round + 1);
    }
    // More texts than a connection keeps.
    for number in 0..300 {
        let answer = ledger.query(&format!("SELECT {number} AS n")).await;
        assert_eq!(answer["rows"], json!([[{ "integer": number }]]), "{answer}");
    }
}
