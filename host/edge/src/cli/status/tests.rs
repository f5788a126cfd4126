//! Texts of `edge status`, for a shop of two regions with a problem of each
//! kind.

use bundle::Digest;
use serde_json::{Value, json};

use super::{connections, text};
use crate::admin::api::Status;

fn release(version: &str, requests: u64, errors: u64) -> Value {
    json!({
        "digest": Digest::of(version.as_bytes()),
        "version": version,
        "requests": requests,
        "errors": errors,
        "p50_us": 840,
        "p99_us": 12_500,
        "per_second": 41.5,
    })
}

fn plugin(state: &str, active: Value, canary: Value) -> Value {
    json!({
        "revision": 7,
        "state": state,
        "for_ms": 1000,
        "active": active,
        "canary": canary,
        "before": null,
    })
}

fn node(name: &str, region: &str, age_ms: i64, plugins: Value) -> Value {
    json!({
        "node": name,
        "region": region,
        "age_ms": age_ms,
        "version": "0.1.0",
        "address": "127.0.0.1:8080",
        "plugins": plugins,
        "connections": [{
            "store": "database of order", "system": "mysql",
            "used": 2, "idle": 6, "waiting": 1, "most": 8,
        }],
    })
}

fn status() -> Status {
    let mut failed = plugin("failed", Value::Null, Value::Null);
    failed["reason"] = json!("no component\u{1b}[2J");
    let mut slow = node(
        "aaaa0001",
        "eu",
        900,
        json!({
            "order": plugin("serving", release("1.0.0", 1000, 3), release("1.1.0", 100, 0)),
            "payment": failed,
        }),
    );
    slow["clock_skew_ms"] = json!(90_000);
    slow["warnings"] = json!(["the log cannot be written"]);
    let status = json!({
        "node": "aaaa0001",
        "nodes": [
            slow,
            node("bbbb0002", "us", 100, json!({
                "order": plugin("preparing", release("1.0.0", 0, 0), Value::Null),
            })),
            node("cccc0003", "us", 3_600_000, json!({})),
        ],
        "rollouts": [{
            "id": "r1", "plugin": "order", "digest": Digest::of(b"1.1.0"),
            "regions": ["eu", "us"], "canary_percent": 10, "pause_ms": 500, "phase": "canary",
            "reason": "", "author": "operator (ada@laptop)",
            "started_at": 1_700_000_000_000_i64, "changed_at": 1_700_000_000_000_i64,
        }],
        "progress": [{
            "rollout": "r1", "plugin": "order", "paused_by": "operator (bob@desk)",
            "canary": {
                "percent": 10, "steps": [10, 50], "healthy_ms": 61_000, "nodes": 1,
                "compared": 90, "compared_at_step": 90, "needed": 50, "p_value": 0.5,
                "evidence": "no difference", "routes": {}, "waits_for": "a decision",
            },
        }],
        "migrations": [{
            "id": "m1", "plugin": "product", "version": "2.0.0",
            "digest": Digest::of(b"2.0.0"), "node": "bbbb0002", "region": "us",
            "database": "mysql://db/shop", "author": "operator", "state": "running",
            "statement": 2, "statements": 5, "doing": "ALTER TABLE product", "reason": "",
            "started_at": 1_700_000_000_000_i64, "changed_at": 1_700_000_000_000_i64,
            "age_ms": 500, "since_ms": 75_000,
        }],
    });
    serde_json::from_value(status).expect("a status")
}

#[test]
fn a_summary_has_a_line_for_each_release_of_a_region() {
    insta::assert_snapshot!(text(&status(), false));
}

#[test]
fn a_wide_table_has_a_line_for_each_release_of_a_node() {
    insta::assert_snapshot!(text(&status(), true));
}

#[test]
fn connections_have_a_line_for_each_pool_of_a_live_node() {
    insta::assert_snapshot!(connections::table(&status()));
}
