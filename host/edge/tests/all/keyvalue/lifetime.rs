//! A value ends when its time is over, and each write begins that anew.

use std::time::Duration;

use stores::keyvalue::Swap;

use super::{Kind, Store, on_every_store};

on_every_store! {
    an_ended_value_is_gone_from_every_view,
    every_write_begins_the_time_anew,
    without_a_time_a_value_stays,
}

const TTL: Duration = Duration::from_millis(400);

async fn an_ended_value_is_gone_from_every_view(kind: Kind) {
    let store = Store::open(kind).await;
    let bucket = store.bucket_for(TTL);
    bucket.set("set", b"x").await.unwrap();
    bucket.increment("count", 41).await.unwrap();
    assert_eq!(bucket.swap("swap", None, b"x").await, Ok(Swap::Done));
    bucket.set_many(&[("many", "x")]).await.unwrap();
    tokio::time::sleep(TTL + Duration::from_millis(50)).await;
    let keys = ["set", "count", "swap", "many"];
    assert_eq!(bucket.get_many(&keys).await, Ok(vec![None; 4]));
    for key in keys {
        assert_eq!(bucket.get(key).await, Ok(None), "{key}");
        assert_eq!(bucket.exists(key).await, Ok(false), "{key}");
    }
    assert_eq!(bucket.list_keys(None).await.unwrap().keys.len(), 0);
    // What comes next finds nothing there.
    assert_eq!(bucket.increment("count", 1).await, Ok(1));
    let lost = bucket.swap("set", Some(b"x"), b"y").await;
    assert_eq!(lost, Ok(Swap::Lost(None)));
    assert_eq!(bucket.swap("set", None, b"y").await, Ok(Swap::Done));
    assert_eq!(bucket.get("set").await, Ok(Some(b"y".to_vec())));
}

async fn every_write_begins_the_time_anew(kind: Kind) {
    let store = Store::open(kind).await;
    // Long enough for a slow machine to come back within half of it.
    let ttl = Duration::from_secs(4);
    let bucket = store.bucket_for(ttl);
    bucket.set("set", b"1").await.unwrap();
    bucket.increment("count", 1).await.unwrap();
    bucket.swap("swap", None, b"1").await.unwrap();
    tokio::time::sleep(ttl / 2).await;
    bucket.set("set", b"2").await.unwrap();
    bucket.increment("count", 1).await.unwrap();
    bucket.swap("swap", Some(b"1"), b"2").await.unwrap();
    tokio::time::sleep(ttl / 2 + Duration::from_millis(100)).await;
    let values = bucket.get_many(&["set", "count", "swap"]).await;
    assert_eq!(values, Ok(vec![Some(b"2".to_vec()); 3]));
}

async fn without_a_time_a_value_stays(kind: Kind) {
    let store = Store::open(kind).await;
    store.bucket_for(TTL).set("a", b"x").await.unwrap();
    let lasting = store.bucket("order", "short");
    lasting.set("a", b"y").await.unwrap();
    tokio::time::sleep(TTL + Duration::from_millis(50)).await;
    assert_eq!(lasting.get("a").await, Ok(Some(b"y".to_vec())));
}
