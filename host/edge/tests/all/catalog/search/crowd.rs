//! Words that begin alike, more of them than the index is read by at once.

use super::{Words, found};
use crate::catalog::database::{Database, Store};
use crate::catalog::shop::Shop;

/// Words of one description, which they fill.
const WORDS: usize = 100;

/// The products that have them.
const PRODUCTS: [i64; 7] = [201, 202, 203, 204, 205, 206, 207];

/// Fill a shop, then add products whose words are `crowd0000` and so on.
async fn crowded(database: &Database) -> Shop {
    assert!(Shop::open(database).await.node.stop().await);
    for (number, id) in PRODUCTS.into_iter().enumerate() {
        let words = (number * WORDS..).take(WORDS);
        let words: Vec<_> = words.map(|word| format!("crowd{word:04}")).collect();
        let description = words.join(" ");
        database
            .execute(&format!(
                "INSERT INTO product (product_id, name, description, price) \
                 VALUES ({id}, 'Crowd', '{description}', '9.99')"
            ))
            .await;
    }
    Shop::open(database).await
}

#[tokio::test]
async fn a_crowd_of_words_is_found_by_how_they_begin() {
    let cases: [(&str, &[i64]); 8] = [
        ("crowd", &PRODUCTS),
        ("crowd0", &PRODUCTS),
        ("crowd06", &[207]),
        ("crowd0699", &[207]),
        ("crowd0 crowd0500 crowd0599", &[206]),
        ("crowd -crowd0 moon", &[]),
        ("crowd -crowd00 -crowd03", &[202, 203, 205, 206, 207]),
        ("crowd \"crowd0450 crowd0451\"", &[205]),
    ];
    for database in Store::ALL.map(Database::new) {
        let shop = crowded(&database).await;
        for (query, expected) in cases {
            let found = found(&shop, query, Words::All).await;
            assert_eq!(found, expected, "{:?}: {query}", shop.store);
        }
    }
}
