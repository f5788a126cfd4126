//! A value is replaced only if it still is the one that was read.

use futures_util::future::join_all;
use stores::keyvalue::{Bucket, Swap};

use super::{Kind, fresh, on_every_store};

on_every_store! {
    only_the_expected_value_is_replaced,
    no_change_of_many_writers_is_lost,
}

async fn only_the_expected_value_is_replaced(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let lost = |value: &[u8]| Ok(Swap::Lost(Some(value.to_vec())));
    assert_eq!(
        bucket.swap("a", Some(b"x"), b"1").await,
        Ok(Swap::Lost(None))
    );
    assert_eq!(
        bucket.swap("a", Some(b""), b"1").await,
        Ok(Swap::Lost(None))
    );
    assert_eq!(bucket.swap("a", None, b"").await, Ok(Swap::Done));
    assert_eq!(bucket.swap("a", None, b"2").await, lost(b""));
    assert_eq!(bucket.swap("a", Some(b""), b"\0\xff").await, Ok(Swap::Done));
    assert_eq!(bucket.swap("a", Some(b"\0"), b"3").await, lost(b"\0\xff"));
    assert_eq!(
        bucket.swap("a", Some(b"\0\xff"), b"4").await,
        Ok(Swap::Done)
    );
    assert_eq!(bucket.get("a").await, Ok(Some(b"4".to_vec())));
    // A number is compared by its text, like any value.
    bucket.increment("n", 7).await.unwrap();
    assert_eq!(bucket.swap("n", Some(b"07"), b"8").await, lost(b"7"));
    assert_eq!(bucket.swap("n", Some(b"7"), b"8").await, Ok(Swap::Done));
}

async fn no_change_of_many_writers_is_lost(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let writing = (0..50_u8).map(|writer| tokio::spawn(append(bucket.clone(), writer)));
    for done in join_all(writing).await {
        done.unwrap();
    }
    let mut written = bucket.get("list").await.unwrap().expect("a value");
    written.sort_unstable();
    assert_eq!(written, (0..50).collect::<Vec<_>>());
}

/// Add one byte to a list, however many others do.
async fn append(bucket: Bucket, byte: u8) {
    let mut current = bucket.get("list").await.unwrap();
    loop {
        let mut longer = current.clone().unwrap_or_default();
        longer.push(byte);
        match bucket
            .swap("list", current.as_deref(), &longer)
            .await
            .unwrap()
        {
            Swap::Done => return,
            Swap::Lost(newer) => current = newer,
        }
    }
}
