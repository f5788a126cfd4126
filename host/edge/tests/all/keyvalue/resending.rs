//! A change whose answer is lost is made once: it is an error for whoever asked
//! for it, and is not sent again.

use std::time::Duration;

use stores::keyvalue::{Bucket, Error, KeyValue, Swap};
use stores::limiter::{Limiter, OnFailure, Policy};
use test_servers::Redis;

use super::bucket;
use crate::harness::Proxy;

/// A server, or a cluster of one node, that is reached by a proxy alone.
struct Place {
    redis: Redis,
    proxy: Proxy,
    urls: String,
}

impl Place {
    async fn server() -> Self {
        let redis = Redis::start().expect("a server");
        let proxy = Proxy::before(redis.port()).await;
        let urls = format!("redis://{}", proxy.address());
        Self { redis, proxy, urls }
    }

    async fn cluster() -> Self {
        let redis = Redis::start_cluster().expect("a cluster");
        let proxy = Proxy::before(redis.port()).await;
        let port = proxy.address().port();
        // The node names itself by this port to whoever asks for the slots.
        let announced = redis.run(&format!("CONFIG SET cluster-announce-port {port}"));
        assert_eq!(announced, "+");
        let urls = format!("redis-cluster://{}", proxy.address());
        Self { redis, proxy, urls }
    }

    fn bucket(&self) -> Bucket {
        let store = KeyValue::redis(&self.urls, "test").unwrap();
        bucket(&store, "order", "carts")
    }

    /// What is there, by a way without the proxy.
    async fn value(&self, key: &str) -> Option<String> {
        let store = KeyValue::redis(&self.redis.url(), "test").unwrap();
        let value = bucket(&store, "order", "carts").get(key).await.unwrap();
        value.map(|value| String::from_utf8(value).expect("text"))
    }
}

fn assert_unknown<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    let is_unknown = matches!(outcome, Err(Error::Unavailable(_) | Error::Timeout));
    assert!(is_unknown, "{outcome:?}");
}

/// Whether each change is made once, and never again.
async fn changes_are_made_once(place: Place) {
    let bucket = place.bucket();
    // The node and the scripts are known.
    bucket.increment("count", 1).await.unwrap();
    bucket.swap("swapped", None, b"a").await.unwrap();

    for expected in ["2", "3", "4"] {
        place.proxy.cut_next_reply();
        let lost = bucket.increment("count", 1).await;
        assert!(place.proxy.has_cut());
        assert_unknown(&lost);
        assert_eq!(place.value("count").await.as_deref(), Some(expected));
        assert_eq!(bucket.exists("count").await, Ok(true), "it goes on");
    }

    place.proxy.cut_next_reply();
    let lost = bucket.swap("swapped", Some(b"a"), b"b").await;
    // Sent again, it would have lost against itself.
    assert_unknown(&lost);
    assert_eq!(place.value("swapped").await.as_deref(), Some("b"));
    assert_eq!(bucket.exists("swapped").await, Ok(true), "it goes on");
    let next = bucket.swap("swapped", Some(b"b"), b"c").await;
    assert_eq!(next, Ok(Swap::Done));

    place.proxy.cut_next_reply();
    assert_unknown(&bucket.set("set", b"x").await);
    assert_eq!(place.value("set").await.as_deref(), Some("x"));
    assert_eq!(bucket.exists("set").await, Ok(true), "it goes on");
}

#[tokio::test]
async fn a_server_makes_a_change_once_whose_answer_is_lost() {
    changes_are_made_once(Place::server().await).await;
}

#[tokio::test]
async fn a_cluster_makes_a_change_once_whose_answer_is_lost() {
    changes_are_made_once(Place::cluster().await).await;
}

/// A read costs nobody anything: in a cluster it is asked again.
#[tokio::test]
async fn a_cluster_is_asked_again_for_what_it_has() {
    let place = Place::cluster().await;
    let bucket = place.bucket();
    bucket.set("a", b"x").await.unwrap();
    place.proxy.cut_next_reply();
    assert_eq!(bucket.get("a").await, Ok(Some(b"x".to_vec())));
    assert!(place.proxy.has_cut());
}

/// Whether a check of a rate limit whose answer is lost counts once.
async fn checks_count_once(place: Place) {
    let limiter = Limiter::redis(&place.urls, "test").unwrap();
    let direct = Limiter::redis(&place.redis.url(), "test").unwrap();
    let policy = Policy::new("once", 1, Duration::from_hours(1), 10).unwrap();
    // Until both count in Redis: whoever is not connected in time counts alone.
    for limiter in [&limiter, &direct] {
        crate::harness::eventually("a count in Redis", async || {
            let before = limiter.decisions().fallbacks();
            limiter.check(&policy, "other", 0, OnFailure::Local).await;
            (limiter.decisions().fallbacks() == before).then_some(())
        })
        .await;
    }
    limiter.check(&policy, "key", 1, OnFailure::Local).await;
    place.proxy.cut_next_reply();
    limiter.check(&policy, "key", 1, OnFailure::Local).await;
    assert!(place.proxy.has_cut());
    let seen = direct.check(&policy, "key", 0, OnFailure::Local).await;
    assert_eq!(seen.remaining, 8, "{seen:?}");
}

#[tokio::test]
async fn a_server_counts_a_request_once_whose_answer_is_lost() {
    checks_count_once(Place::server().await).await;
}

#[tokio::test]
async fn a_cluster_counts_a_request_once_whose_answer_is_lost() {
    checks_count_once(Place::cluster().await).await;
}
