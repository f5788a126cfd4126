//! Reviews: one of each customer, in pages.

use futures_util::future::join_all;
use serde_json::json;

use super::{WIDE, assert_code, insert, next, pages};
use crate::catalog::database::{Database, Store};
use crate::shop::Shop;

const PATH: &str = "/products/1/reviews";

/// A text of SQL. MariaDB's modes of these tests read a backslash as a sign of
/// its own, so texts here have none.
fn review(customer: usize, text: &str, edition: &str) -> String {
    format!("({customer}, 1, '{text}', 5, '2024-05-06 07:08:09', {edition})")
}

const COLUMNS: &str = "review (customer_id, product_id, review, rating, created_on, edition)";

/// Rows of SQLite keep their times as the platform writes them.
async fn mend_times(database: &Database) {
    if database.store == Store::Sqlite {
        database
            .execute("UPDATE review SET created_on = '2024-05-06T07:08:09.000Z' WHERE created_on LIKE '% %'")
            .await;
    }
}

#[tokio::test]
async fn no_reviews_keep_a_products_reviews_from_being_read() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        let guest = shop.guest();
        let before: usize = pages(&guest, PATH).await.iter().sum();
        for (first, text) in [(1000, WIDE.repeat(4000)), (2000, "👕".repeat(4000))] {
            let rows = (first..first + 280).map(|customer| review(customer, &text, "0"));
            insert(database, COLUMNS, rows).await;
        }
        mend_times(database).await;
        let reply = guest.get(PATH).await;
        assert_eq!(super::length(&guest.success(&reply)), 20);
        assert_eq!(next(&reply).as_deref(), Some("?page=2&limit=20"));
        let lengths = pages(&guest, &format!("{PATH}?limit=100")).await;
        assert_eq!(lengths[..5], [100; 5]);
        assert_eq!(lengths.iter().sum::<usize>(), before + 560);
        assert_code(
            &guest.get(&format!("{PATH}?limit=101")).await,
            400,
            "PAG_03",
        );
        // The mount answers the same, and its links lead within it.
        let mounted = format!("/api/v1{PATH}");
        assert_eq!(
            pages(&guest, &mounted).await.iter().sum::<usize>(),
            before + 560
        );
    }
}

/// Of an older shop, which had no limit.
#[tokio::test]
async fn a_review_of_an_older_shop_is_cut_to_what_one_may_have() {
    let shop = Shop::both()
        .await
        .into_iter()
        .find(|shop| shop.store() == Store::MariaDb);
    let shop = shop.expect("a shop on MariaDB");
    let database = &shop.stores.database;
    database
        .execute("ALTER TABLE review MODIFY review LONGTEXT NOT NULL")
        .await;
    let rows = (1000..1030).map(|customer| review(customer, &"long ".repeat(100_000), "NULL"));
    for row in rows {
        insert(database, COLUMNS, [row]).await;
    }
    let guest = shop.guest();
    let reply = guest.get(&format!("{PATH}?limit=100")).await;
    let reviews = guest.success(&reply);
    let cut = reviews.as_array().expect("an array").iter();
    let longest = cut
        .filter_map(|row| row["review"].as_str())
        .map(str::len)
        .max();
    assert_eq!(longest, Some(4000));
}

#[tokio::test]
async fn a_customer_has_one_review_of_a_product() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        let customer = shop.customer().await;
        let before = database.count("review").await;
        let fields = |review: &str| json!({ "review": review, "rating": 4 });
        // However many are written at once, one of them stays.
        let texts: Vec<_> = (0..15).map(|number| format!("Number {number}.")).collect();
        let bodies: Vec<_> = texts.iter().map(|text| fields(text)).collect();
        let replies = join_all(bodies.iter().map(|body| customer.post(PATH, body))).await;
        let written = replies.iter().filter(|reply| reply.status == 200).count();
        assert!(written > 0, "{replies:?}");
        assert_eq!(database.count("review").await, before + 1);

        customer.success(&customer.post(PATH, &fields("The last word.")).await);
        assert_eq!(database.count("review").await, before + 1);
        let reviews = customer.success(&customer.get(PATH).await);
        assert_eq!(reviews[0]["review"], "The last word.");
        let other = shop.customer().await;
        other.success(&other.post(PATH, &fields("Another's.")).await);
        other.success(
            &other
                .post("/products/2/reviews", &fields("Of another."))
                .await,
        );
        assert_eq!(database.count("review").await, before + 3);
    }
}

/// Rows that were there before there was one for each customer, or that a
/// release of before writes meanwhile.
#[tokio::test]
async fn what_a_customer_wrote_before_makes_way_for_what_is_written_now() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        let mut customer = shop.guest();
        let id = customer.register().await["customer"]["customer_id"].as_u64();
        let id = usize::try_from(id.expect("an id")).expect("a small one");
        let before = pages(&customer, PATH).await.iter().sum::<usize>();
        let rows = ["Once.", "Twice."].map(|text| review(id, text, "NULL"));
        insert(database, COLUMNS, rows).await;
        insert(database, COLUMNS, [review(id, "Long ago.", "77777")]).await;
        mend_times(database).await;
        let shown = |shown: Vec<usize>| shown.iter().sum::<usize>();
        assert_eq!(shown(pages(&customer, PATH).await), before + 2);
        let fields = json!({ "review": "Now.", "rating": 1 });
        customer.success(&customer.post(PATH, &fields).await);
        assert_eq!(shown(pages(&customer, PATH).await), before + 1);
        let own = format!("SELECT review FROM review WHERE customer_id = {id}");
        assert_eq!(database.texts(&own).await, ["Now."]);
    }
}

#[tokio::test]
async fn thirty_reviews_a_minute_are_let_through_for_a_customer() {
    for shop in Shop::both().await {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        for _ in 0..30 {
            let reply = customer.post(PATH, &json!({})).await;
            assert_code(&reply, 400, "USR_02");
        }
        let reply = customer.post("/products/2/reviews", &json!({})).await;
        reply.assert_refusal(429);
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
        assert_code(&other.post(PATH, &json!({})).await, 400, "USR_02");
    }
}
