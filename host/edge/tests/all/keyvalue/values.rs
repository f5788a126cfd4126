//! Values come back as they were written.

use stores::keyvalue::{BucketOptions, Error, MOST_KEYS};

use super::{Kind, Store, UNBOUNDED, fresh, on_every_store};

on_every_store! {
    a_value_is_there_until_it_is_deleted,
    values_are_any_bytes,
    many_values_at_once,
    a_value_has_a_longest_length,
    a_call_has_a_highest_number_of_keys,
}

async fn a_value_is_there_until_it_is_deleted(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    assert_eq!(bucket.get("a").await, Ok(None));
    assert_eq!(bucket.exists("a").await, Ok(false));
    bucket.set("a", b"one").await.unwrap();
    bucket.set("a", b"two").await.unwrap();
    assert_eq!(bucket.get("a").await, Ok(Some(b"two".to_vec())));
    assert_eq!(bucket.exists("a").await, Ok(true));
    bucket.delete("a").await.unwrap();
    bucket.delete("a").await.unwrap();
    assert_eq!(bucket.get("a").await, Ok(None));
    assert_eq!(bucket.exists("a").await, Ok(false));
}

async fn values_are_any_bytes(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    for value in [&b""[..], b"\0", b"\r\n$-1\r\n", &every_byte, &[0xff; 65536]] {
        bucket.set("a", value).await.unwrap();
        assert_eq!(bucket.get("a").await, Ok(Some(value.to_vec())));
        assert_eq!(bucket.exists("a").await, Ok(true));
    }
}

async fn many_values_at_once(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let entries: Vec<_> = (0..100)
        .map(|n| (format!("key {n}"), format!("value {n}")))
        .collect();
    bucket.set_many(&entries).await.unwrap();
    let asked = ["key 7", "no key", "key 99", "key 7"];
    let found = bucket.get_many(&asked).await.unwrap();
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    let seven = Some(&b"value 7"[..]);
    assert_eq!(found, [seven, None, Some(&b"value 99"[..]), seven]);
    bucket.delete_many(&asked).await.unwrap();
    let left = bucket.get_many(&["key 7", "key 8", "key 99"]).await;
    assert_eq!(left, Ok(vec![None, Some(b"value 8".to_vec()), None]));
    let (no_keys, no_entries): ([&str; 0], [(&str, &str); 0]) = ([], []);
    assert_eq!(bucket.get_many(&no_keys).await, Ok(vec![]));
    assert_eq!(bucket.set_many(&no_entries).await, Ok(()));
    assert_eq!(bucket.delete_many(&no_keys).await, Ok(()));
}

async fn a_value_has_a_longest_length(kind: Kind) {
    let store = Store::open(kind).await;
    let options = BucketOptions {
        longest_value: 3,
        ..UNBOUNDED
    };
    let bucket = store.store.bucket("order", "small", options).unwrap();
    let refusal = Error::TooLarge { length: 4, most: 3 };
    bucket.set("a", b"abc").await.unwrap();
    assert_eq!(bucket.set("a", b"abcd").await, Err(refusal.clone()));
    let swapped = bucket.swap("a", Some(b"abc"), b"abcd").await;
    assert_eq!(swapped, Err(refusal.clone()));
    let both = [("b", &b"x"[..]), ("a", b"abcd")];
    assert_eq!(bucket.set_many(&both).await, Err(refusal));
    assert_eq!(bucket.get("a").await, Ok(Some(b"abc".to_vec())));
    assert_eq!(bucket.get("b").await, Ok(None));
}

async fn a_call_has_a_highest_number_of_keys(kind: Kind) {
    let (_store, bucket) = fresh(kind).await;
    let mut keys: Vec<_> = (0..MOST_KEYS).map(|n| n.to_string()).collect();
    assert_eq!(bucket.get_many(&keys).await, Ok(vec![None; MOST_KEYS]));
    keys.push("one more".into());
    let refusal = Error::TooManyKeys(MOST_KEYS + 1);
    assert_eq!(bucket.get_many(&keys).await, Err(refusal.clone()));
    assert_eq!(bucket.delete_many(&keys).await, Err(refusal.clone()));
    let entries: Vec<_> = keys.iter().map(|key| (key, "")).collect();
    assert_eq!(bucket.set_many(&entries).await, Err(refusal));
}
