//! A Redis that is gone costs an error in time, and comes back by itself.

use std::time::{Duration, Instant};

use edge_host::stores::keyvalue::{Bucket, Error, KeyValue};
use rustix::process::{Pid, Signal, kill_process};

use super::bucket;
use crate::harness::eventually;
use crate::servers::Redis;

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
    let process = i32::try_from(redis.pid()).ok().and_then(Pid::from_raw);
    let process = process.expect("a process");
    kill_process(process, Signal::STOP).unwrap();
    let began = Instant::now();
    assert_eq!(bucket.get("a").await, Err(Error::Timeout));
    assert!(began.elapsed() < LIMIT);
    kill_process(process, Signal::CONT).unwrap();
    until_it_works(&bucket).await;
}
