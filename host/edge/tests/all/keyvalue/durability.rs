//! What the embedded store has acknowledged is there after kill -9.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use stores::keyvalue::{Bucket, KeyValue, Swap};

use super::bucket;

/// Names the file to the process that writes.
const FILE: &str = "EDGE_TEST_KEYVALUE_FILE";

/// The line with which that process acknowledges a write.
const WRITTEN: &str = "written: ";

/// Writes before it is killed.
const WRITES: usize = 300;

async fn open(file: &Path) -> (KeyValue, Bucket) {
    let store = KeyValue::embedded(file, "test").await.unwrap();
    let bucket = bucket(&store, "order", "carts");
    (store, bucket)
}

#[tokio::test]
async fn an_acknowledged_write_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyvalue.sqlite");
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keyvalue::durability::writes_until_it_is_killed"])
        .args(["--ignored", "--nocapture"])
        .env(FILE, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let lines = output.lines().map_while(Result::ok);
    let written = lines.filter_map(|line| Some(line.split_once(WRITTEN)?.1.to_owned()));
    let mut written = written.fuse();
    let mut acknowledged: Vec<String> = written.by_ref().take(WRITES).collect();
    // The other process is at work on the file at this moment.
    let (store, bucket) = open(&file).await;
    bucket.set("from here", b"x").await.unwrap();
    writer.kill().unwrap();
    writer.wait().unwrap();
    acknowledged.extend(written);
    assert!(acknowledged.len() >= WRITES);
    store.close().await;
    let (_store, bucket) = open(&file).await;
    for key in &acknowledged {
        let value = bucket.get(key).await.unwrap();
        assert_eq!(value.as_deref(), Some(key.as_bytes()));
    }
    let count = bucket.increment("count", 0).await.unwrap();
    assert!(usize::try_from(count).unwrap() >= acknowledged.len());
    assert_eq!(bucket.exists("from here").await, Ok(true));
}

/// The process of the test above.
#[tokio::test]
#[ignore = "is run by the test above, and killed by it"]
async fn writes_until_it_is_killed() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let (_store, bucket) = open(Path::new(&file)).await;
    for number in 0.. {
        let key = format!("key-{number}");
        bucket.increment("count", 1).await.unwrap();
        let swapped = bucket.swap(&key, None, key.as_bytes()).await;
        assert_eq!(swapped, Ok(Swap::Done));
        println!("{WRITTEN}{key}");
    }
}

#[tokio::test]
async fn two_nodes_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyvalue.sqlite");
    let ((_, one), (_, two)) = tokio::join!(open(&file), open(&file));
    let count = async |bucket: &Bucket| {
        for _ in 0..100 {
            bucket.increment("count", 1).await.unwrap();
        }
    };
    tokio::join!(count(&one), count(&two));
    assert_eq!(one.get("count").await, Ok(Some(b"200".to_vec())));
}
