//! A Redis that is gone costs an error in time, and comes back by itself.

use std::time::{Duration, Instant};

use stores::breaker::Circuit;
use stores::keyvalue::{Bucket, Error, KeyValue};
use test_servers::Redis;

use super::bucket;
use crate::harness::{Mode, Proxy, eventually};

/// Longer than the store may take.
const LIMIT: Duration = Duration::from_secs(4);

async fn assert_fails_in_time(bucket: &Bucket) {
    let began = Instant::now();
    let outcome = bucket.get("a").await;
    let is_outage = matches!(outcome, Err(Error::Unavailable(_) | Error::Timeout));
    assert!(is_outage, "{outcome:?}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}

async fn until_it_works(bucket: &Bucket) {
    eventually("an answer", async || bucket.set("a", b"again").await.ok()).await;
    assert_eq!(bucket.get("a").await, Ok(Some(b"again".to_vec())));
}

async fn is_survived(mut redis: Redis, urls: &str) {
    let store = KeyValue::redis(urls, "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set("a", b"x").await.unwrap();
    redis.stop().unwrap();
    assert_fails_in_time(&bucket).await;
    assert_fails_in_time(&bucket).await;
    redis.restart().unwrap();
    until_it_works(&bucket).await;
}

#[tokio::test]
async fn a_server_that_dies_is_survived() {
    let redis = Redis::start().unwrap();
    let url = redis.url();
    is_survived(redis, &url).await;
}

#[tokio::test]
async fn a_cluster_that_dies_is_survived() {
    let redis = Redis::start_cluster().unwrap();
    let urls = redis.cluster_urls();
    is_survived(redis, &urls).await;
}

#[tokio::test]
async fn a_server_need_not_be_there_at_first() {
    let mut redis = Redis::start().unwrap();
    redis.stop().unwrap();
    for urls in [redis.url(), redis.cluster_urls()] {
        let store = KeyValue::redis(&urls, "test").unwrap();
        assert_fails_in_time(&bucket(&store, "order", "carts")).await;
    }
    let store = KeyValue::redis(&redis.url(), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    assert_fails_in_time(&bucket).await;
    redis.restart().unwrap();
    // What was never sent is tried again, so not even the first fails.
    bucket.set("a", b"x").await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_costs_a_timeout() {
    let redis = Redis::start().unwrap();
    let store = KeyValue::redis(&redis.url(), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set("a", b"x").await.unwrap();
    redis.pause().unwrap();
    let began = Instant::now();
    assert_eq!(bucket.get("a").await, Err(Error::Timeout));
    assert!(began.elapsed() < LIMIT);
    redis.resume().unwrap();
    until_it_works(&bucket).await;
}

fn circuit(store: &KeyValue) -> Option<Circuit> {
    store.health().map(|health| health.circuit)
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone_until_it_answers() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::before(redis.port()).await;
    let store = KeyValue::redis(&format!("redis://{}", proxy.address()), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set("a", b"x").await.unwrap();
    assert_eq!(circuit(&store), Some(Circuit::Closed));
    // After a black hole, the old connection leads nowhere for ever.
    for mode in [Mode::BlackHole, Mode::Refuse, Mode::Reset, Mode::Cut] {
        proxy.set(mode).await;
        eventually("the store to be left alone", async || {
            assert_fails_in_time(&bucket).await;
            (circuit(&store) == Some(Circuit::Open)).then_some(())
        })
        .await;
        assert!(matches!(bucket.get("a").await, Err(Error::Unavailable(_))));
        proxy.set(Mode::Pass).await;
        until_it_works(&bucket).await;
        assert_eq!(circuit(&store), Some(Circuit::Closed), "{mode:?}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_changes_shows_what_it_has() {
    let redis = Redis::start().unwrap();
    let store = KeyValue::redis(&redis.url(), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set("a", b"x").await.unwrap();
    let refusals = [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ];
    for (begin, end) in refusals {
        assert_eq!(redis.run(begin), "+");
        for _ in 0..7 {
            let old = Some(b"x".as_slice());
            let refused = [
                bucket.set("a", b"y").await,
                bucket.swap("a", old, b"y").await.map(drop),
                bucket.increment("n", 1).await.map(drop),
            ];
            for refused in refused {
                assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
            }
            assert_eq!(bucket.get("a").await, Ok(Some(b"x".to_vec())), "{begin}");
            assert_eq!(bucket.get("n").await, Ok(None), "{begin}");
        }
        assert_eq!(circuit(&store), Some(Circuit::Closed), "it answers");
        assert_eq!(redis.run(end), "+");
        bucket.set("a", b"x").await.unwrap();
    }
}

#[tokio::test]
async fn a_fail_over_is_followed() {
    let (old, new) = (Redis::start().unwrap(), Redis::start().unwrap());
    let proxy = Proxy::before(old.port()).await;
    let store = KeyValue::redis(&format!("redis://{}", proxy.address()), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set("a", b"x").await.unwrap();
    // The old one still answers the connection that there is.
    let follow = format!("REPLICAOF 127.0.0.1 {}", new.port());
    assert_eq!(old.run(&follow), "+");
    proxy.lead_to(new.port());
    eventually("the new one", async || bucket.set("b", b"y").await.ok()).await;
    let direct = KeyValue::redis(&new.url(), "test").unwrap();
    let there = super::bucket(&direct, "order", "carts").get("b").await;
    assert_eq!(there, Ok(Some(b"y".to_vec())));
}
