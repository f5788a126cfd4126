//! Pages of what was found: put together, they are the whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Words, ids, path};
use crate::catalog::shop::Shop;

/// Queries that find many products, with many alike in worth.
const QUERIES: [(&str, Words); 5] = [
    ("the", Words::All),
    ("the and of", Words::Any),
    ("shirt", Words::All),
    ("moon train cat", Words::Any),
    ("shirt -moon \"dark shirt\"", Words::Any),
];

async fn page(shop: &Shop, (query, words): (&str, Words), page: usize, limit: usize) -> Value {
    let path = path(query, words);
    shop.json(&format!("{path}&page={page}&limit={limit}"))
        .await
}

#[tokio::test]
async fn pages_joined_are_the_whole_list() {
    for shop in Shop::both().await {
        for query in QUERIES {
            let first = page(&shop, query, 1, 100).await;
            let second = page(&shop, query, 2, 100).await;
            let whole = [ids(&first), ids(&second)].concat();
            let count = whole.len();
            assert_eq!(first["count"], count, "{:?}: {query:?}", shop.store);
            let distinct: BTreeSet<_> = whole.iter().collect();
            assert_eq!(distinct.len(), count, "{:?}: {query:?}", shop.store);
            for limit in [1, 7, 20, 99] {
                assert_joined(&shop, query, limit, &whole).await;
            }
            for far in [count + 1, 9_999_999] {
                let beyond = page(&shop, query, far, 1).await;
                assert_eq!(ids(&beyond), [0; 0], "{:?}: {query:?}", shop.store);
                assert_eq!(beyond["count"], count, "{:?}: {query:?}", shop.store);
            }
        }
    }
}

async fn assert_joined(shop: &Shop, query: (&str, Words), limit: usize, whole: &[i64]) {
    let mut joined = Vec::new();
    for number in 1..=whole.len().div_ceil(limit) {
        let page = page(shop, query, number, limit).await;
        assert_eq!(page["count"], whole.len(), "{:?}: {query:?}", shop.store);
        joined.extend(ids(&page));
    }
    assert_eq!(joined, whole, "{:?}: {query:?} by {limit}", shop.store);
}
