//! Single words, against the plainest search there is: reading everything.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use product::search::text::units;

use super::{Words, ids, path};
use crate::catalog::shop::Shop;

/// Requests at once.
const AT_ONCE: usize = 4;

/// Which products have a word.
type Index = BTreeMap<String, BTreeSet<i64>>;

/// Read every product as the shop shows it.
async fn read(shop: &Shop) -> Index {
    let mut index = Index::new();
    for page in 1.. {
        let path = format!("/products?page={page}&limit=100&description_length=4294967295");
        let page = shop.json(&path).await;
        let rows = page["rows"].as_array().expect("rows");
        for row in rows {
            let id = row["product_id"].as_i64().expect("an id");
            for field in [&row["name"], &row["description"]] {
                for unit in units(field.as_str().expect("text")) {
                    for word in unit.parts.into_iter().chain(unit.joined) {
                        index.entry(word).or_default().insert(id);
                    }
                }
            }
        }
        if rows.is_empty() {
            break;
        }
    }
    index
}

/// The products with a word that begins like this.
fn beginning(index: &Index, start: &str) -> BTreeSet<i64> {
    let words = index.range(start.to_owned()..);
    let words = words.take_while(|(word, _)| word.starts_with(start));
    words.flat_map(|(_, products)| products).copied().collect()
}

/// All that a query finds, be it more than a page.
async fn all(shop: &Shop, query: &str) -> BTreeSet<i64> {
    let path = path(query, Words::All) + "&limit=100";
    let mut page = shop.json(&path).await;
    let count = page["count"].as_u64().expect("a count");
    let mut found = ids(&page);
    if count > 100 {
        page = shop.json(&format!("{path}&page=2")).await;
        found.extend(ids(&page));
    }
    assert_eq!(count, found.len() as u64, "{:?}: {query}", shop.store);
    found.into_iter().collect()
}

#[tokio::test]
async fn every_word_of_the_catalog_finds_what_reading_everything_finds() {
    for shop in Shop::both().await {
        let index = read(&shop).await;
        let words = index.iter().filter(|(word, _)| word.chars().count() >= 3);
        assert!(words.clone().count() > 1500, "{}", index.len());
        let checks = words.map(|(word, whole)| {
            let (shop, index) = (&shop, &index);
            async move {
                let store = shop.store;
                let found = all(shop, word).await;
                assert_eq!(found, beginning(index, word), "{store:?}: {word}");
                let found = all(shop, &format!("\"{word}\"")).await;
                assert_eq!(found, *whole, "{store:?}: \"{word}\"");
            }
        });
        stream::iter(checks)
            .buffer_unordered(AT_ONCE)
            .collect::<()>()
            .await;
    }
}
