//! What goes into a database comes out of it: the same on both.

use serde_json::{Value, json};

use super::{Ledger, Store, on_all_stores};

on_all_stores! {
    decimals_keep_their_scale,
    integers_keep_all_their_bits,
    absent_values_are_null,
    texts_keep_every_character,
    blobs_keep_every_byte,
    instants_are_utc_with_milliseconds,
    each_value_has_its_kind,
    what_is_no_instant_is_refused,
    a_change_tells_what_it_did,
    sums_are_exact,
}

async fn decimals_keep_their_scale(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let amounts = ["14.90", "0.00", "-3.50", "99999999.99", "0.10"];
    for amount in amounts {
        ledger
            .add(amount, json!({ "amount": amount }))
            .await
            .assert_status(200);
    }
    let stored: Vec<Value> = ledger
        .entries()
        .await
        .iter()
        .map(|e| e["amount"].clone())
        .collect();
    assert_eq!(stored, amounts);
}

async fn integers_keep_all_their_bits(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let numbers = [0, 1, -1, i64::MAX, i64::MIN, (1 << 53) + 1];
    for number in numbers {
        let reply = ledger
            .add(&number.to_string(), json!({ "big": number }))
            .await;
        reply.assert_status(200);
    }
    let stored: Vec<Value> = ledger
        .entries()
        .await
        .iter()
        .map(|e| e["big"].clone())
        .collect();
    assert_eq!(stored, numbers);
}

async fn absent_values_are_null(store: Store) {
    let ledger = Ledger::start(store, "").await;
    ledger.add("absent", json!({})).await.assert_status(200);
    ledger
        .add("empty", json!({ "note": "", "raw": "" }))
        .await
        .assert_status(200);
    let entries = ledger.entries().await;
    for field in ["note", "big", "raw"] {
        assert_eq!(entries[0][field], Value::Null, "{field}");
    }
    assert_eq!(entries[1]["note"], "");
    assert_eq!(entries[1]["raw"], "");
}

async fn texts_keep_every_character(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let texts = [
        "Grüße, 世界 👋🏽 \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "'; DROP TABLE ledger_entry; --",
        "back\\slash \"quotes\" `ticks` %_ ?",
        "line\r\nbreak\ttab \0 nul",
        " blanks around ",
        "\u{202e}right to left",
    ];
    for (index, text) in texts.iter().enumerate() {
        ledger
            .add(&index.to_string(), json!({ "note": text }))
            .await
            .assert_status(200);
    }
    let stored: Vec<Value> = ledger
        .entries()
        .await
        .iter()
        .map(|e| e["note"].clone())
        .collect();
    assert_eq!(stored, texts);
}

async fn blobs_keep_every_byte(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let bytes: String = (0..=255).map(|byte| format!("{byte:02x}")).collect();
    ledger
        .add("blob", json!({ "raw": bytes }))
        .await
        .assert_status(200);
    assert_eq!(ledger.entries().await[0]["raw"], bytes);
}

async fn instants_are_utc_with_milliseconds(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let instants = [
        ("2019-07-21T08:56:02.000Z", "2019-07-21T08:56:02.000Z"),
        ("2019-07-21T08:56:02Z", "2019-07-21T08:56:02.000Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ("2019-07-21T10:56:02.5+02:00", "2019-07-21T08:56:02.500Z"),
        ("1969-12-31T19:00:00-05:00", "1970-01-01T00:00:00.000Z"),
    ];
    for (sent, _) in instants {
        ledger
            .add(sent, json!({ "booked_on": sent }))
            .await
            .assert_status(200);
    }
    let stored: Vec<Value> = ledger
        .entries()
        .await
        .iter()
        .map(|e| e["booked_on"].clone())
        .collect();
    assert_eq!(stored, instants.map(|(_, stored)| stored));
}

async fn what_is_no_instant_is_refused(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for text in [
        "",
        "yesterday",
        "2019-07-21",
        "2019-02-30T00:00:00Z",
        "2019-07-21 08:56:02",
    ] {
        let reply = ledger.add("never", json!({ "booked_on": text })).await;
        reply.assert_refusal(500);
    }
    assert!(ledger.names().await.is_empty());
}

async fn each_value_has_its_kind(store: Store) {
    let ledger = Ledger::start(store, "").await;
    let fields = json!({ "amount": "14.90", "big": 7, "raw": "00ff" });
    ledger.add("kinds", fields).await.assert_status(200);
    let found = ledger.query("SELECT name, amount, booked_on, note, big, raw FROM ledger_entry");
    let expected = json!({
        "columns": ["name", "amount", "booked_on", "note", "big", "raw"],
        "rows": [[
            { "text": "kinds" },
            { "text": "14.90" },
            { "text": "2019-07-21T08:56:02.000Z" },
            null,
            { "integer": 7 },
            { "blob": "00ff" },
        ]],
    });
    assert_eq!(found.await, expected);

    let found = ledger.query("SELECT COUNT(*) AS many, 1.5e0 AS half, 'a' AS letter, NULL AS none");
    let row = json!([{ "integer": 1 }, { "real": 1.5 }, { "text": "a" }, null]);
    let found = found.await;
    assert_eq!(found["columns"], json!(["many", "half", "letter", "none"]));
    // Without FROM, COUNT(*) counts the one row there is.
    assert_eq!(found["rows"][0], row);
}

async fn a_change_tells_what_it_did(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for (index, name) in ["first", "second"].into_iter().enumerate() {
        let added = ledger.add(name, json!({})).await.json();
        assert_eq!(added, json!({ "entry_id": index + 1, "rows_affected": 1 }));
    }
    let changed = ledger
        .execute("UPDATE ledger_entry SET amount = '2.00' WHERE name = 'first'")
        .await;
    assert_eq!(changed["rows_affected"], 1);
    // The row has that value already: it counts all the same.
    let changed = ledger
        .execute("UPDATE ledger_entry SET amount = '2.00' WHERE name = 'first'")
        .await;
    assert_eq!(changed["rows_affected"], 1);
    let changed = ledger
        .execute("UPDATE ledger_entry SET amount = '2.00' WHERE name = 'none'")
        .await;
    assert_eq!(changed["rows_affected"], 0);
    let deleted = ledger.execute("DELETE FROM ledger_entry").await;
    assert_eq!(deleted["rows_affected"], 2);
}

async fn sums_are_exact(store: Store) {
    let ledger = Ledger::start(store, "").await;
    for name in ["a", "b", "c"] {
        ledger
            .add(name, json!({ "amount": "0.10" }))
            .await
            .assert_status(200);
    }
    let sum = ledger.node.get("/ledger/sum").await;
    assert_eq!(sum.json(), json!({ "count": 3, "cents": 30 }));
}
