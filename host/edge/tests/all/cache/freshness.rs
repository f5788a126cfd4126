//! Kept replies against those of the plugin, while everything changes.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use futures_util::future::join_all;
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use serde_json::{Value, json};

use super::{shop, status};
use crate::harness::variant;
use crate::shop::{Shop, Shopper};

/// Steps of the run by chance; `CACHE_STEPS` sets another number, and `CACHE_SEED` repeats a run.
const STEPS: u32 = 300;

fn product(name: &str, price: u32) -> Value {
    json!({ "name": name, "description": "A shirt.", "price": format!("{price}.00") })
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_request() {
    let shop = shop().await;
    let merchant = shop.merchant().await;
    let paths = [
        "/products/1",
        "/products?limit=5",
        "/products/search?query_string=narwhal",
    ];
    for path in paths {
        shop.node.get(path).await;
        assert_eq!(status(&shop.node.get(path).await), "hit", "{path}");
    }
    let change = merchant
        .put("/admin/products/1", &product("Narwhal", 7))
        .await;
    merchant.success(&change);
    for path in paths {
        let reply = shop.node.get(path).await;
        assert_ne!(status(&reply), "hit", "{path}");
        assert!(reply.text().contains("Narwhal"), "{path}: {}", reply.text());
    }
    // What does not depend on it stays.
    shop.node.get("/products/2").await;
    shop.node.get("/departments").await;
    merchant.success(&merchant.put("/admin/products/1", &product("Orca", 8)).await);
    for path in ["/products/2", "/departments"] {
        assert_eq!(status(&shop.node.get(path).await), "hit", "{path}");
    }
}

#[tokio::test]
async fn another_program_that_writes_to_the_file_is_noticed() {
    let shop = shop().await;
    shop.node.get("/products/1").await;
    assert_eq!(status(&shop.node.get("/products/1").await), "hit");
    let database = &shop.stores.database;
    let rename = "UPDATE product SET name = 'Beluga' WHERE product_id = 1";
    database.execute(rename).await;
    // The node's own scheduled work may be writing, and the file is looked at after that.
    for _ in 0..100 {
        let reply = shop.node.get("/products/1").await;
        if reply.text().contains("Beluga") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the change is not noticed");
}

#[tokio::test]
async fn kept_replies_are_those_of_the_plugin() {
    let variable = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = variable("CACHE_SEED").unwrap_or_else(rand::random);
    let steps = variable("CACHE_STEPS").map_or(STEPS, |steps| steps as u32);
    println!("CACHE_SEED={seed}");
    let shop = shop().await;
    let (merchant, customer) = (shop.merchant().await, shop.customer().await);
    let mut chance = StdRng::seed_from_u64(seed);
    let mut hits = 0;
    for _ in 0..steps {
        if chance.random_range(0..4) == 0 {
            change(&merchant, &customer, &mut chance).await;
        }
        let path = path(&mut chance);
        let kept = shop.node.get(&path).await;
        let fresh = merchant.get(&path).await;
        assert_eq!(status(&fresh), "fwd=bypass; detail=role");
        let is_error = kept.status != 200;
        let same = kept.status == fresh.status && (is_error || kept.text() == fresh.text());
        assert!(same, "CACHE_SEED={seed}: {path}: {kept:?}\n{fresh:?}");
        hits += u32::from(status(&kept) == "hit");
    }
    assert!(
        hits > steps / 20,
        "only {hits} hits: the cache forgets too much"
    );
}

fn path(chance: &mut StdRng) -> String {
    let id = chance.random_range(1..6);
    match chance.random_range(0..9) {
        0 => format!("/products?limit=5&page={id}"),
        1 => format!("/products/inCategory/{id}"),
        2 => format!("/products/inDepartment/{id}"),
        3 => format!("/products/{id}/reviews"),
        4 => format!("/products/{id}/locations"),
        5 => format!("/categories/inProduct/{id}"),
        6 => "/products/search?query_string=shirt&limit=5".to_owned(),
        7 => format!("/products/{id}/details"),
        _ => format!("/products/{id}"),
    }
}

async fn change(merchant: &Shopper<'_>, customer: &Shopper<'_>, chance: &mut StdRng) {
    let (id, other) = (chance.random_range(1..6), chance.random_range(1..5));
    let price = chance.random_range(1..100);
    let name = ["Narwhal", "Orca", "Beluga shirt"][chance.random_range(0..3)];
    let reply = match chance.random_range(0..8) {
        0 => {
            merchant
                .post("/admin/products", &product(name, price))
                .await
        }
        1 => {
            let path = format!("/admin/products/{id}/categories/{other}");
            merchant.ask(Method::PUT, &path, &Value::Null).await
        }
        2 => {
            let path = format!("/admin/products/{id}/categories/{other}");
            merchant.delete(&path).await
        }
        3 => {
            let stock = json!({ "stock": price });
            let path = format!("/admin/products/{id}/stock");
            merchant.put(&path, &stock).await
        }
        4 => {
            let review = json!({ "review": name, "rating": 1 + price % 5 });
            customer
                .post(&format!("/products/{id}/reviews"), &review)
                .await
        }
        5 => {
            let fields = json!({ "name": name, "description": "Some.", "department_id": 1 });
            let path = format!("/admin/categories/{other}");
            merchant.put(&path, &fields).await
        }
        6 => {
            merchant
                .delete(&format!("/admin/products/{}", 100 + id))
                .await
        }
        _ => {
            let path = format!("/admin/products/{id}");
            merchant.put(&path, &product(name, price)).await
        }
    };
    assert!(reply.status < 500, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reply_is_older_than_an_acknowledged_change() {
    const CHANGES: u32 = 100;
    let shop = shop().await;
    let merchant = shop.merchant().await;
    let acknowledged = AtomicU32::new(0);
    let changing = async {
        for price in 1..=CHANGES {
            let change = product("Narwhal", price);
            merchant.success(&merchant.put("/admin/products/1", &change).await);
            acknowledged.store(price, SeqCst);
        }
    };
    let reading = join_all((0..3).map(|_| read_until(&shop, &acknowledged, CHANGES)));
    let ((), hits) = tokio::join!(changing, reading);
    println!("hits: {hits:?}");
    shop.node.get("/products/1").await;
    assert_eq!(status(&shop.node.get("/products/1").await), "hit");
}

/// Reads a product until all its changes are acknowledged, and returns how many replies were kept
/// ones.
async fn read_until(shop: &Shop, acknowledged: &AtomicU32, last: u32) -> u32 {
    let mut hits = 0;
    loop {
        let known = acknowledged.load(SeqCst);
        let reply = shop.node.get("/products/1").await;
        let price = reply.json()["price"].as_str().expect("a price").to_owned();
        let price: f64 = price.parse().expect("a number");
        assert!(
            known == 0 || price >= f64::from(known),
            "{price} after {known}"
        );
        hits += u32::from(status(&reply) == "hit");
        if known == last {
            return hits;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_leaves_no_reply_of_another_release() {
    const SWAPS: u32 = 20;
    let shop = shop().await;
    let operator = shop.node.operator();
    for swap in 1..=SWAPS {
        let kept = shop.node.get("/products/1").await;
        let again = shop.node.get("/products/1").await;
        assert_eq!(status(&again), "hit");
        assert_eq!(kept.header("edge-release"), again.header("edge-release"));
        let version = format!("0.1.{swap}");
        let next = variant("../product", &format!("version = \"{version}\""));
        operator.deploy(&next).await;
        let after = shop.node.get("/products/1").await;
        assert_eq!(status(&after), "fwd=miss; stored");
        assert_eq!(
            after.header("edge-release"),
            Some(&*format!("product@{version}"))
        );
    }
}
