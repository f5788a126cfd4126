//! What clients write may grow as it likes: every list is still answered, in
//! pages, and nobody fills the shop's stores or holds its stock alone.

mod carts;
mod lists;
mod pruning;
mod reviews;
mod unpaid;

use std::sync::Arc;

use edge::config::Settings;
use serde_json::Value;

use super::{Shop, Shopper, Stores};
use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, Reply, TestNode, fixture, variant};

/// What a reply may have, as the manifests have it by default.
const REPLY: usize = 4 * 1024 * 1024;

/// A character that takes six bytes of JSON, as many as any.
const WIDE: &str = "\u{1}";

/// A new shop on each kind of store, whose order service has these changes made
/// to its manifest.
async fn both_with_orders(manifest: &str, change: impl Fn(&mut Settings)) -> [Shop; 2] {
    let [one, other] = Store::ALL.map(|store| open(store, manifest, &change));
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

async fn open(store: Store, manifest: &str, change: &impl Fn(&mut Settings)) -> Shop {
    let stores = Arc::new(Stores::new(store));
    let plugins = plugins(variant("../order", manifest));
    let change = |settings: &mut Settings| {
        stores.apply(settings);
        change(settings);
    };
    let node = TestNode::start(&plugins, change).await;
    Shop { node, stores }
}

fn plugins(order: PluginFolder) -> [PluginFolder; 4] {
    let [customer, payment, product] =
        ["customer", "payment", "product"].map(|name| fixture(&format!("../{name}")));
    [customer, order, payment, product]
}

/// Add many rows to a table, some at a time.
async fn insert(database: &Database, table: &str, rows: impl IntoIterator<Item = String>) {
    let rows: Vec<_> = rows.into_iter().collect();
    for rows in rows.chunks(200) {
        let statement = format!("INSERT INTO {table} VALUES {}", rows.join(", "));
        database.execute(&statement).await;
    }
}

/// All pages of a list that is a plain array, each within what a reply may
/// have. Returns how many rows each has.
async fn pages(shopper: &Shopper<'_>, path: &str) -> Vec<usize> {
    let (list, _) = path.split_once('?').unwrap_or((path, ""));
    let mut lengths = Vec::new();
    let mut page = path.to_owned();
    loop {
        let reply = shopper.get(&page).await;
        let rows = shopper.success(&reply);
        assert!(reply.body.len() < REPLY, "{path}: {}", reply.body.len());
        lengths.push(length(&rows));
        match next(&reply) {
            Some(next) => page = format!("{list}{next}"),
            None => return lengths,
        }
    }
}

fn length(rows: &Value) -> usize {
    rows.as_array().expect("an array").len()
}

/// The query of the next page.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.header("link")?;
    let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(query.to_owned())
}

#[track_caller]
fn assert_code(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.json()["error"]["code"], code, "{reply:?}");
}
