//! Search, by what it finds: the same on every kind of database.

mod crowd;
mod differential;
mod expected;
mod oracle;
mod paging;
mod signs;

use serde_json::Value;

use super::shop::{Shop, encoded};

/// What the longest queries of these tests need, in bytes of the target.
const LONG: usize = 64 * 1024;

/// Whether every word has to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    All,
    Any,
}

/// The path that asks for the first products; more parameters may follow it.
fn path(query: &str, words: Words) -> String {
    let all_words = match words {
        Words::All => "on",
        Words::Any => "off",
    };
    let query = encoded(query);
    format!("/products/search?query_string={query}&all_words={all_words}")
}

/// The ids that a query finds, in order; all of them, if no more than a
/// hundred.
async fn found(shop: &Shop, query: &str, words: Words) -> Vec<i64> {
    let page = shop.json(&(path(query, words) + "&limit=100")).await;
    let ids = ids(&page);
    let count = page["count"].as_u64().expect("a count");
    assert_eq!(count, ids.len() as u64, "{:?}: {query}", shop.store);
    ids
}

/// The ids of a page.
fn ids(page: &Value) -> Vec<i64> {
    let rows = page["rows"].as_array().expect("rows");
    let ids = rows.iter().map(|row| row["product_id"].as_i64());
    ids.map(|id| id.expect("an id")).collect()
}
