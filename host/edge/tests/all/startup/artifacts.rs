//! Compiled code is kept, and never trusted further than its signature.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::harness::{TestNode, empty_data_folder, fixture};

/// The one compiled component of `data`.
fn compiled(data: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(data.join("cache"))
        .expect("the cache")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// Start a node, let it answer, stop it; returns the inode of its artifact.
async fn run_once(data: &Path) -> u64 {
    let node = TestNode::start_in(data, &[fixture("hello")], |_| {}).await;
    assert_eq!(node.get("/hello").await.status, 200);
    node.stop().await;
    fs::metadata(compiled(data)).expect("an artifact").ino()
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let data = empty_data_folder();
    let first = run_once(data.path()).await;
    assert_eq!(run_once(data.path()).await, first, "it was written again");
}

#[tokio::test]
async fn what_does_not_match_its_signature_is_compiled_anew() {
    let data = empty_data_folder();
    run_once(data.path()).await;
    let artifact = compiled(data.path());
    let good = fs::read(&artifact).expect("the artifact");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let half = good[..good.len() / 2].to_vec();
    for bad in [flipped, half, Vec::new(), b"short".to_vec()] {
        fs::remove_file(&artifact).expect("the artifact");
        fs::write(&artifact, &bad).expect("the artifact");
        run_once(data.path()).await;
        assert_ne!(fs::read(&artifact).expect("the artifact"), bad);
    }
}

#[tokio::test]
async fn the_cache_and_the_secrets_are_the_users_alone() {
    let data = empty_data_folder();
    run_once(data.path()).await;
    for folder in ["cache", "secrets"] {
        let path = data.path().join(folder);
        let mode = fs::metadata(&path).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

#[tokio::test]
async fn a_cache_that_others_can_enter_is_not_used() {
    let data = empty_data_folder();
    run_once(data.path()).await;
    let cache = data.path().join("cache");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).expect("chmod");
    let artifact = compiled(data.path());
    fs::write(&artifact, "somebody's own code").expect("the artifact");
    assert_ne!(run_once(data.path()).await, 0);
    let kept = fs::read(&artifact).expect("the artifact");
    assert_eq!(kept, b"somebody's own code", "neither read nor written");
}
