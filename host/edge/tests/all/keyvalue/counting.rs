//! Adding to whole numbers.

use futures_util::future::join_all;
use stores::keyvalue::Error;

use super::{Kind, fresh, on_every_store};

on_every_store! {
    a_sum_is_exact,
    what_is_no_number_stays_as_it_is,
    no_increment_is_lost,
}

async fn a_sum_is_exact(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    assert_eq!(bucket.increment("a", 5).await, Ok(5));
    assert_eq!(bucket.increment("a", -7).await, Ok(-2));
    assert_eq!(bucket.increment("a", 0).await, Ok(-2));
    assert_eq!(bucket.get("a").await, Ok(Some(b"-2".to_vec())));
    bucket.set("a", b"9007199254740993").await.unwrap();
    assert_eq!(bucket.increment("a", 1).await, Ok(9_007_199_254_740_994));
    assert_eq!(bucket.increment("least", i64::MIN).await, Ok(i64::MIN));
    assert_eq!(bucket.increment("least", i64::MAX).await, Ok(-1));
}

async fn what_is_no_number_stays_as_it_is(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let greatest = i64::MAX.to_string();
    let too_great = "9223372036854775808";
    let texts = [
        "", "x", "1x", "1.5", " 1", "1 ", "+1", "-0", "01", "1e3", "-", "1\0", &greatest, too_great,
    ];
    for text in texts {
        bucket.set("a", text.as_bytes()).await.unwrap();
        let sum = bucket.increment("a", 1).await;
        assert_eq!(sum, Err(Error::NotANumber), "{text:?}");
        let value = bucket.get("a").await.unwrap();
        assert_eq!(value.as_deref(), Some(text.as_bytes()));
    }
    bucket.set("a", b"\xff1").await.unwrap();
    assert_eq!(bucket.increment("a", 1).await, Err(Error::NotANumber));
    bucket.increment("b", i64::MIN).await.unwrap();
    assert_eq!(bucket.increment("b", -1).await, Err(Error::NotANumber));
}

async fn no_increment_is_lost(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let counting = (0..50).map(|_| {
        let bucket = bucket.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                bucket.increment("a", 2).await.unwrap();
            }
        })
    });
    for done in join_all(counting).await {
        done.unwrap();
    }
    assert_eq!(bucket.get("a").await, Ok(Some(b"1000".to_vec())));
}
