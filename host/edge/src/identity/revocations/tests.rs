//! Tests with two nodes on one control database.

use std::path::Path;

use super::*;
use crate::config::Settings;

async fn node(folder: &Path) -> Revocations {
    let settings = Settings::defaults(folder).expect("the defaults");
    let databases = Databases::new(settings.databases.lifetimes);
    let opened = Revocations::open(&databases, &settings.control_url, Arc::default()).await;
    opened.expect("the control database")
}

impl Revocations {
    /// Returns the present second of the database's clock.
    async fn now(&self) -> u64 {
        self.inner.store.newest().await.expect("read").now
    }

    /// Sets the age of the copy.
    fn age(&self, age: Duration) {
        let read_at = Instant::now().checked_sub(age).expect("some time ago");
        self.inner.write(|copy| copy.read_at = read_at);
    }
}

#[tokio::test]
async fn a_revocation_holds_at_once_where_it_was_made_and_elsewhere_when_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (node(folder.path()).await, node(folder.path()).await);
    let issued_at = one.now().await;
    assert!(!one.is_revoked(7, issued_at).await.expect("known"));
    one.revoke(7).await.expect("revoked");
    assert!(one.is_revoked(7, issued_at).await.expect("known"));
    assert!(!one.is_revoked(8, issued_at).await.expect("known"));
    // The other node may use its copy until it is too old, and no longer.
    assert!(!other.is_known_as_revoked(7, issued_at));
    other.age(MAX_AGE);
    assert!(other.is_revoked(7, issued_at).await.expect("known"));
    let third = node(folder.path()).await;
    assert!(third.is_known_as_revoked(7, issued_at));
}

#[tokio::test]
async fn a_copy_is_refreshed_before_anybody_has_to_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (node(folder.path()).await, node(folder.path()).await);
    one.revoke(7).await.expect("revoked");
    let issued_at = one.now().await;
    other.age(REFRESH_AGE);
    // This call is still answered from the copy, and starts a refresh.
    assert!(!other.is_revoked(7, issued_at).await.expect("known"));
    while !other.is_known_as_revoked(7, issued_at) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tokens_issued_after_a_revocation_hold_even_in_its_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let mut earlier = vec![node.issue_second(7).await.expect("known")];
    for _ in 0..5 {
        node.revoke(7).await.expect("revoked");
        let next = node.issue_second(7).await.expect("known");
        assert!(!node.is_revoked(7, next).await.expect("known"));
        for issued_at in &earlier {
            assert!(node.is_revoked(7, *issued_at).await.expect("known"));
        }
        earlier.push(next);
    }
}

#[tokio::test]
async fn revocations_at_once_are_all_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let many = (0..8).map(|_| {
        let node = node.clone();
        tokio::spawn(async move { node.revoke(7).await })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("revoked");
    }
    let stored = node.inner.store.read_since(0).await.expect("read");
    assert_eq!(stored.len(), 8, "{stored:?}");
}

#[tokio::test]
async fn a_node_that_cannot_read_says_that_it_does_not_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    node.revoke(7).await.expect("revoked");
    let issued_at = node.now().await;
    node.inner.store.close().await;
    node.age(MAX_AGE);
    assert!(node.is_revoked(8, issued_at).await.is_err());
    assert!(node.is_revoked(7, issued_at).await.expect("known"));
    // Within its age limit, the copy answers.
    node.age(REFRESH_AGE);
    assert!(!node.is_revoked(8, issued_at).await.expect("known"));
}

/// Revocations do not depend on the nodes' clocks, and hold if the database's clock is set back.
#[tokio::test]
async fn a_clock_that_is_set_back_hides_no_revocation() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (node(folder.path()).await, node(folder.path()).await);
    other.inner.write(|copy| copy.second += 100_000);
    one.revoke(7).await.expect("revoked");
    other.age(MAX_AGE);
    let issued_at = one.now().await;
    assert!(other.is_revoked(7, issued_at).await.expect("known"));
}

#[tokio::test]
async fn long_lists_are_read_to_their_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let store = &node.inner.store;
    for principal in 0..12 {
        assert!(store.append(principal, 100).await.expect("added"));
    }
    assert!(!store.append(3, 100).await.expect("known"));
    assert_eq!(store.read_pages(100, 5).await.expect("read").len(), 12);
    assert_eq!(store.read_pages(101, 5).await.expect("read").len(), 0);
    store.prune(101).await.expect("pruned");
    assert!(store.read_since(0).await.expect("read").is_empty());
}
