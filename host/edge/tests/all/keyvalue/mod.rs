//! The key-value stores behave the same: each test of the table runs on the
//! embedded store, on Redis, and on a Redis Cluster.

mod access;
mod cluster;
mod counting;
mod durability;
mod eviction;
mod keys;
mod lifetime;
mod outage;
mod refusing;
mod resending;
mod rotation;
mod swapping;
mod tls;
mod values;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stores::keyvalue::{Bucket, BucketOptions, KeyValue};
use tempfile::TempDir;

use test_servers::{Redis, RedisCluster};

/// Where values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Embedded,
    Redis,
    Cluster,
}

/// Make each of the named functions, which take a [`Kind`], a test of each
/// store.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        on_every_store! { embedded Embedded $($test)* }
        on_every_store! { redis Redis $($test)* }
        on_every_store! { cluster Cluster $($test)* }
    };
    ($module:ident $kind:ident $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::keyvalue::Kind::$kind).await;
                }
            )*
        }
    };
}
use on_every_store;

/// A store that no other test has.
struct Store {
    store: KeyValue,
    _folder: TempDir,
}

impl Store {
    async fn open(kind: Kind) -> Self {
        static TESTS: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("test-{}", TESTS.fetch_add(1, Ordering::Relaxed));
        Self::with_prefix(kind, &prefix).await
    }

    async fn with_prefix(kind: Kind, prefix: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keyvalue.sqlite");
        let store = match kind {
            Kind::Embedded => KeyValue::embedded(&file, prefix).await,
            Kind::Redis => KeyValue::redis(&Redis::shared().url(), prefix),
            Kind::Cluster => KeyValue::redis(&RedisCluster::shared().urls(), prefix),
        };
        Self {
            store: store.expect("a store"),
            _folder: folder,
        }
    }

    fn bucket(&self, plugin: &str, name: &str) -> Bucket {
        bucket(&self.store, plugin, name)
    }

    /// A bucket whose values live for `ttl`.
    fn bucket_for(&self, ttl: Duration) -> Bucket {
        let ttl = Some(ttl);
        let options = BucketOptions { ttl, ..UNBOUNDED };
        self.store.bucket("order", "short", options).expect("names")
    }
}

const UNBOUNDED: BucketOptions = BucketOptions {
    ttl: None,
    longest_value: 64 * 1024,
};

fn bucket(store: &KeyValue, plugin: &str, name: &str) -> Bucket {
    store.bucket(plugin, name, UNBOUNDED).expect("names")
}

/// A bucket that no other test has.
async fn fresh(kind: Kind) -> (Store, Bucket) {
    let store = Store::open(kind).await;
    let bucket = store.bucket("order", "carts");
    (store, bucket)
}
