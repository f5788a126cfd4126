//! A cluster of several primaries, as managed ones are: found by one name,
//! changing while it works, and losing a primary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use futures_util::future::join_all;
use stores::keyvalue::{Bucket, KeyValue};
use test_servers::RedisCluster;

use super::bucket;
use crate::harness::eventually;

/// Enough for each primary to have some.
const KEYS: usize = 60;

fn entries() -> Vec<(String, String)> {
    let entry = |n| (format!("key {n}"), format!("value {n}"));
    (0..KEYS).map(entry).collect()
}

async fn all_keys(bucket: &Bucket) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = bucket.list_keys(cursor.as_deref()).await.unwrap();
        keys.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            keys.sort();
            return keys;
        }
    }
}

/// The values of all keys, if they can be had; an empty text for none.
async fn values(bucket: &Bucket) -> Option<Vec<String>> {
    let keys: Vec<_> = entries().into_iter().map(|(key, _)| key).collect();
    let found = bucket.get_many(&keys).await.ok()?.into_iter();
    let texts = found.map(|value| String::from_utf8(value.unwrap_or_default()));
    texts.collect::<Result<_, _>>().ok()
}

fn expected() -> Vec<String> {
    entries().into_iter().map(|(_, value)| value).collect()
}

#[tokio::test]
async fn one_name_is_enough_for_the_whole_cluster() {
    let cluster = RedisCluster::shared();
    let plain = cluster.url(1);
    let named = plain.replace("redis://", "redis-cluster://");
    for (prefix, url) in [("one", &plain), ("two", &named)] {
        let store = KeyValue::redis(url, prefix).unwrap();
        let bucket = bucket(&store, "order", "carts");
        bucket.set_many(&entries()).await.unwrap();
        assert_eq!(values(&bucket).await, Some(expected()));
        // Another node of the shop, whose first question is for the keys.
        let other = KeyValue::redis(url, prefix).unwrap();
        let other = super::bucket(&other, "order", "carts");
        let mut keys: Vec<_> = entries().into_iter().map(|(key, _)| key).collect();
        keys.sort();
        assert_eq!(all_keys(&other).await, keys, "{url}");
        other.delete_many(&keys).await.unwrap();
        assert!(all_keys(&bucket).await.is_empty(), "{url}");
    }
}

/// Also for those whose first question spans several nodes.
#[tokio::test]
async fn keys_of_several_nodes_tell_a_cluster_from_a_server() {
    let url = RedisCluster::shared().url(2);
    let store = KeyValue::redis(&url, "spans").unwrap();
    let bucket = bucket(&store, "order", "carts");
    let keys: Vec<_> = entries().into_iter().map(|(key, _)| key).collect();
    let found = bucket.get_many(&keys).await.unwrap();
    assert!(found.iter().all(Option::is_none), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_replaced_by_its_replica() {
    let mut cluster = RedisCluster::start(1).expect("a cluster");
    let store = KeyValue::redis(&cluster.urls(), "test").unwrap();
    let bucket = bucket(&store, "order", "carts");
    bucket.set_many(&entries()).await.unwrap();
    eventually("the replicas", async || {
        cluster.has_replicated().then_some(())
    })
    .await;

    cluster.stop(0).expect("it stops");
    // Until then, what cannot be had is an error, and nothing is taken for absent.
    eventually("all values again", async || {
        let values = values(&bucket).await?;
        assert_eq!(values, expected());
        Some(())
    })
    .await;
    // Every key takes changes, those of the new primary among them.
    for (key, value) in entries() {
        eventually(&key, async || bucket.set(&key, value.as_bytes()).await.ok()).await;
    }
    assert_eq!(values(&bucket).await, Some(expected()));
}

/// What was counted is what was acknowledged, while keys move to another node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_under_load_lose_and_double_nothing() {
    const COUNTERS: usize = 400;
    let cluster = Arc::new(RedisCluster::start(0).expect("a cluster"));
    let store = KeyValue::redis(&cluster.urls(), "test").unwrap();
    let bucket = &bucket(&store, "order", "carts");
    let (is_over, counted) = (&AtomicBool::new(false), &AtomicI64::new(0));
    let count = |worker: usize| async move {
        for n in (worker..).step_by(7) {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("counter {}", n % COUNTERS);
            let done = bucket.increment(&key, 1).await;
            done.unwrap_or_else(|error| panic!("{key}: {error}"));
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    let moving = async {
        let cluster = cluster.clone();
        let moved = tokio::task::spawn_blocking(move || {
            cluster.move_slots(0, 1, 500)?;
            cluster.move_slots(1, 2, 500)
        });
        let moved = moved.await.expect("no panic");
        is_over.store(true, Ordering::Relaxed);
        moved.expect("they move");
    };
    tokio::join!(join_all((0..4).map(count)), async {
        // The others have begun.
        while counted.load(Ordering::Relaxed) < 100 {
            tokio::task::yield_now().await;
        }
        moving.await;
    });
    let mut sum = 0;
    for n in 0..COUNTERS {
        let value = bucket.get(&format!("counter {n}")).await.unwrap();
        let text = value.map(|value| String::from_utf8(value).expect("digits"));
        sum += text.map_or(0, |text| text.parse().expect("a number"));
    }
    assert_eq!(sum, counted.load(Ordering::Relaxed));
}

/// One worker for each counter. It waits for each answer, and stops at the first
/// error, after which nobody knows whether the addition was made: so a counter
/// has what was acknowledged, or one more, and never two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_under_load_loses_and_doubles_nothing() {
    const COUNTERS: usize = 60;
    let cluster = Arc::new(RedisCluster::start(1).expect("a cluster"));
    eventually("the replicas", async || {
        cluster.has_replicated().then_some(())
    })
    .await;
    let store = KeyValue::redis(&cluster.urls(), "test").unwrap();
    let bucket = &bucket(&store, "order", "carts");
    let (is_over, begun) = (&AtomicBool::new(false), &AtomicI64::new(0));
    let at_work = &AtomicUsize::new(COUNTERS);
    let count = |worker: usize| async move {
        let key = format!("counter {worker}");
        let mut acknowledged = 0;
        while !is_over.load(Ordering::Relaxed) {
            match bucket.increment(&key, 1).await {
                Ok(sum) => {
                    acknowledged += 1;
                    assert_eq!(sum, acknowledged, "{key}");
                }
                Err(_) => {
                    at_work.fetch_sub(1, Ordering::Relaxed);
                    return (key, acknowledged, 1);
                }
            }
            begun.fetch_add(1, Ordering::Relaxed);
        }
        (key, acknowledged, 0)
    };
    let some_more = async |so_far: i64| {
        let has_enough = || begun.load(Ordering::Relaxed) >= so_far + 300;
        while !has_enough() && at_work.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
    };
    let workers = (0..COUNTERS).map(count);
    let failing_over = async {
        some_more(0).await;
        let cluster = cluster.clone();
        let done = tokio::task::spawn_blocking(move || cluster.fail_over());
        let done = done.await.expect("no panic");
        // Whoever goes on finds the new primaries.
        some_more(begun.load(Ordering::Relaxed)).await;
        is_over.store(true, Ordering::Relaxed);
        done.expect("it fails over");
    };
    let (counted, ()) = tokio::join!(join_all(workers), failing_over);
    for (key, acknowledged, unknown) in counted {
        let sum = eventually(&key, async || bucket.increment(&key, 0).await.ok()).await;
        let possible = acknowledged..=acknowledged + unknown;
        assert!(possible.contains(&sum), "{key}: {sum} of {possible:?}");
    }
}
