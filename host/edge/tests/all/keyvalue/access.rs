//! A user of Redis with no more rights than a node needs.

use std::time::Duration;

use stores::keyvalue::{Error, KeyValue};
use stores::limiter::{Limiter, OnFailure, Policy};
use stores::wakeups::Wakeups;
use test_servers::Redis;

use super::bucket;
use crate::harness::eventually;

/// What the documentation tells operators to give the user.
const DOCUMENTED: &str = include_str!("../../../../../docs/settings.md");

/// The rule in the documentation.
fn rights() -> String {
    let line = DOCUMENTED
        .lines()
        .find(|line| line.starts_with("ACL SETUSER edge"));
    line.expect("a rule").replace("PASSWORD", "secret")
}

fn url_for_user(redis: &Redis) -> String {
    redis.url().replace("redis://", "redis://edge:secret@")
}

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let redis = Redis::start().expect("a server");
    assert_eq!(redis.run(&rights()), "+");
    let url = url_for_user(&redis);
    let store = KeyValue::redis(&url, "edge").unwrap();
    let carts = bucket(&store, "order", "carts");
    let entries = [("a", "1"), ("b", "2")];
    carts.set_many(&entries).await.unwrap();
    assert_eq!(carts.exists("a").await, Ok(true));
    assert_eq!(carts.get("a").await, Ok(Some(b"1".to_vec())));
    assert_eq!(carts.increment("a", 1).await, Ok(2));
    carts.swap("b", Some(b"2"), b"3").await.unwrap();
    assert_eq!(carts.get_many(&["b"]).await, Ok(vec![Some(b"3".to_vec())]));
    assert_eq!(carts.list_keys(None).await.unwrap().keys.len(), 2);
    carts.delete_many(&["a", "b"]).await.unwrap();
    store.ping().await.unwrap();

    let limiter = Limiter::redis(&url, "edge").unwrap();
    let other = Limiter::redis(&url, "edge").unwrap();
    let policy = Policy::new("one", 1, Duration::from_hours(1), 1).unwrap();
    // Counted in Redis, and not by each for itself.
    eventually("a common count", async || {
        limiter.check(&policy, "k", 1, OnFailure::Local).await;
        let verdict = other.check(&policy, "k", 1, OnFailure::Local).await;
        (!verdict.allowed).then_some(())
    })
    .await;

    let wakeups = Wakeups::open(&url, "edge").unwrap();
    let (heard, mut words) = tokio::sync::mpsc::unbounded_channel();
    let listening = wakeups.listen(move |_| {
        let _ = heard.send(());
    });
    tokio::select! {
        ended = listening => panic!("{ended:?}"),
        () = async {
            words.recv().await.expect("it listens");
            wakeups.tell("").await.expect("it may");
            words.recv().await.expect("a word");
        } => {}
    }
}

#[tokio::test]
async fn what_is_not_granted_is_refused() {
    let redis = Redis::start().expect("a server");
    assert_eq!(redis.run(&rights()), "+");
    let store = KeyValue::redis(&url_for_user(&redis), "other").unwrap();
    let refused = bucket(&store, "order", "carts").get("a").await;
    let is_refusal =
        matches!(&refused, Err(Error::Unavailable(why)) if why.contains("no permissions"));
    assert!(is_refusal, "{refused:?}");
}
