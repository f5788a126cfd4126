//! A key is any text, and belongs to one bucket of one plugin of one shop.

use std::collections::BTreeSet;

use stores::keyvalue::{Bucket, Error};

use super::{Kind, Store, bucket, fresh, on_every_store};

on_every_store! {
    keys_are_any_text,
    keys_have_a_length,
    buckets_share_no_key,
    prefixes_share_no_key,
    every_key_is_listed,
    a_listing_goes_on_only_from_its_own_cursors,
}

/// Keys that mean something to one store, protocol or pattern or another.
const NASTY: [&str; 16] = [
    "*",
    "?[a-z]",
    "\\",
    "{tag}x",
    "{}",
    "%2A",
    "%",
    "a:b",
    ":",
    " ",
    "\r\nFLUSHALL\r\n",
    "\0",
    "a\0b",
    "'; DROP TABLE entries; --",
    "ключ🛒",
    "\u{feff}",
];

async fn keys_are_any_text(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    for key in NASTY {
        bucket.set(key, key.as_bytes()).await.unwrap();
    }
    for key in NASTY {
        let value = bucket.get(key).await.unwrap();
        assert_eq!(value.as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    let expected: BTreeSet<_> = NASTY.map(str::to_owned).into();
    assert_eq!(all_keys(&bucket).await, expected);
    bucket.delete_many(&NASTY).await.unwrap();
    assert_eq!(all_keys(&bucket).await, BTreeSet::new());
}

async fn keys_have_a_length(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let longest = "ü".repeat(128);
    bucket.set(&longest, b"x").await.unwrap();
    assert_eq!(bucket.exists(&longest).await, Ok(true));
    for key in [String::new(), longest + "x"] {
        let refusal = Error::InvalidKey { length: key.len() };
        assert_eq!(bucket.get(&key).await, Err(refusal.clone()));
        assert_eq!(bucket.set(&key, b"").await, Err(refusal.clone()));
        assert_eq!(bucket.increment(&key, 1).await, Err(refusal.clone()));
        assert_eq!(bucket.swap(&key, None, b"").await, Err(refusal.clone()));
        assert_eq!(bucket.delete_many(&[&key]).await, Err(refusal));
    }
}

async fn buckets_share_no_key(kind: Kind) {
    let store = Store::open(kind).await;
    let names = [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("b", "a")];
    let buckets = names.map(|(plugin, name)| store.bucket(plugin, name));
    for (bucket, (plugin, name)) in buckets.iter().zip(names) {
        let value = format!("{plugin}/{name}");
        bucket.set("c:key", value.as_bytes()).await.unwrap();
    }
    for (bucket, (plugin, name)) in buckets.iter().zip(names) {
        let value = format!("{plugin}/{name}").into_bytes();
        assert_eq!(bucket.get("c:key").await, Ok(Some(value)));
        assert_eq!(all_keys(bucket).await.len(), 1);
    }
    buckets[0].delete("c:key").await.unwrap();
    assert_eq!(buckets[1].exists("c:key").await, Ok(true));
}

async fn prefixes_share_no_key(kind: Kind) {
    let one = Store::with_prefix(kind, "one").await;
    let two = Store::with_prefix(kind, "two").await;
    let (one, two) = (
        bucket(&one.store, "order", "x"),
        bucket(&two.store, "order", "x"),
    );
    one.set("a", b"one").await.unwrap();
    assert_eq!(two.get("a").await, Ok(None));
    assert_eq!(all_keys(&two).await, BTreeSet::new());
}

async fn every_key_is_listed(kind: Kind) {
    let store = Store::open(kind).await;
    let (bucket, other) = (store.bucket("order", "many"), store.bucket("order", "more"));
    let keys: Vec<_> = (0..1000).map(|n| format!("key {n}")).collect();
    for part in keys.chunks(250) {
        let entries: Vec<_> = part.iter().map(|key| (key, "value")).collect();
        bucket.set_many(&entries).await.unwrap();
        other.set_many(&entries[..1]).await.unwrap();
    }
    assert_eq!(all_keys(&bucket).await, keys.into_iter().collect());
    assert_eq!(all_keys(&other).await.len(), 4);
}

async fn a_listing_goes_on_only_from_its_own_cursors(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    bucket.set("a", b"").await.unwrap();
    let long = "x".repeat(1000);
    for cursor in ["", long.as_str()] {
        let page = bucket.list_keys(Some(cursor)).await;
        assert_eq!(page, Err(Error::InvalidCursor), "{cursor}");
    }
}

async fn all_keys(bucket: &Bucket) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor.as_deref()).await.unwrap();
        keys.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            return keys;
        }
    }
}
