//! Bundles in a real registry, through the commands.

use bundle::{Bundle, SecretKey};
use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use serde_json::json;
use test_servers::{LOGIN, Registry};

use super::commands::{path, run, run_with};
use crate::harness::{PluginFolder, TestNode, component, fixture, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

fn digest_of(plugin: &PluginFolder) -> String {
    let bundle = Bundle::pack(plugin.path()).expect("a bundle");
    bundle.digest().to_string()
}

fn registry() -> Registry {
    Registry::start().unwrap_or_else(|error| panic!("docker-registry: {error}"))
}

/// The last line of what a command said.
fn last(output: &str) -> String {
    output.lines().last().expect("a line").to_owned()
}

/// Push, and return where the bundle is for good.
async fn push(node: &TestNode, plugin: &PluginFolder, location: &str) -> String {
    let (code, output, error) = run(node, &["push", path(plugin), location]).await;
    assert_eq!(code, Some(0), "{error}");
    let pinned = last(&output);
    assert!(
        pinned.starts_with(&format!("{location}@sha256:")),
        "{output}"
    );
    pinned
}

async fn serves(node: &TestNode, release: &str) {
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some(release));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_is_what_is_deployed() {
    let registry = registry();
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let location = format!("oci://{}/shop/hello:0.1.0", registry.host());
    let pinned = push(&node, &hello(1), &location).await;
    // The same bundle makes the same artifact.
    assert_eq!(push(&node, &hello(1), &location).await, pinned);

    let (code, output, error) = run(&node, &["deploy", &location, "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<_> = output.lines().collect();
    let release = digest_of(&hello(1));
    assert_eq!(lines[0], pinned);
    assert_eq!(lines[1], format!("hello@0.1.0  {release}"));
    serves(&node, "hello@0.1.0").await;

    let audit = node.operator().get("/v1/audit").await;
    let records = audit.as_array().expect("a list").iter();
    let mut deployments = records.filter(|record| record["action"] == "deploy");
    let detail = deployments.next().expect("one")["detail"].to_string();
    assert!(
        detail.contains(&release) && detail.contains(&pinned),
        "{detail}"
    );
}

/// Other tools pull components so: one layer, and none of a kind that they do
/// not know.
#[tokio::test(flavor = "multi_thread")]
async fn other_tools_can_pull_the_component() {
    let registry = registry();
    let node = TestNode::start(&[], |_| {}).await;
    let location = format!("oci://{}/shop/hello:0.1.0", registry.host());
    push(&node, &hello(1), &location).await;

    let client = Client::try_from(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    });
    let reference = location.trim_start_matches("oci://");
    let reference = reference.parse().expect("a reference");
    let pulled = client.expect("a client");
    let pulled = pulled
        .pull(
            &reference,
            &RegistryAuth::Anonymous,
            vec!["application/wasm"],
        )
        .await
        .expect("an artifact");
    assert_eq!(pulled.layers.len(), 1);
    assert_eq!(*pulled.layers[0].data, component("hello"));
    assert_eq!(
        pulled.config.media_type,
        "application/vnd.wasm.config.v0+json"
    );
    let config: serde_json::Value = serde_json::from_slice(&pulled.config.data).expect("JSON");
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(config["os"], "wasip2");
    assert_eq!(
        config["layerDigests"],
        json!([pulled.layers[0].sha256_digest()])
    );
    let exports = config["component"]["exports"].to_string();
    assert!(exports.contains("edge:platform/handler"), "{exports}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_the_same_bundle_wherever_its_tag_has_gone() {
    let registry = registry();
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let location = format!("oci://{}/hello:latest", registry.host());
    let first = push(&node, &hello(1), &location).await;
    let second = push(&node, &hello(2), &location).await;
    assert_ne!(first, second);

    let (code, output, error) = run(&node, &["deploy", &first, "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("hello@0.1.0"), "{output}");
    serves(&node, "hello@0.1.0").await;
    let (code, output, error) = run(&node, &["deploy", &location, "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.starts_with(&second), "{output}");
    serves(&node, "hello@0.2.0").await;

    // From one place to another, and into none that is fixed already.
    let copy = format!("oci://{}/copies/hello:2", registry.host());
    let (code, _, error) = run(&node, &["push", &first, &copy]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(&node, &["push", &copy, &first]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("push to a tag"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_goes_where_its_bundle_goes() {
    let registry = registry();
    let key = SecretKey::generate();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("release.key");
    std::fs::write(&file, key.to_text()).expect("the key");
    let file = file.to_str().expect("text");
    let node = TestNode::start(&[], |settings| {
        settings.releases.trusted_keys = vec![key.public().to_string()];
    })
    .await;
    let location = |tag: &str| format!("oci://{}/shop/hello:{tag}", registry.host());
    push(&node, &hello(1), &location("unsigned")).await;
    let (code, _, error) = run(&node, &["deploy", &location("unsigned"), "--wait"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("not signed"), "{error}");

    let plugin = hello(1);
    let signed = location("signed");
    let (code, _, error) = run(&node, &["push", path(&plugin), &signed, "--key", file]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(&node, &["deploy", &signed, "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    serves(&node, "hello@0.1.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_logins_is_used_with_one() {
    let registry = Registry::start_guarded();
    let registry = registry.unwrap_or_else(|error| panic!("docker-registry: {error}"));
    let node = TestNode::start(&[], |_| {}).await;
    let (plugin, host) = (hello(1), registry.host());
    let location = format!("oci://{host}/shop/hello:0.1.0");
    let push = ["push", path(&plugin), &location];
    let (code, _, error) = run(&node, &push).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("without a login"), "{error}");

    let wrong = [("EDGE_REGISTRY_LOGIN", "ops:another")];
    let (code, _, error) = run_with(&node, &push, &wrong).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("does not let ops use shop/hello"), "{error}");
    assert!(!error.contains("another"), "{error}");

    let login = [("EDGE_REGISTRY_LOGIN", LOGIN)];
    let (code, _, error) = run_with(&node, &push, &login).await;
    assert_eq!(code, Some(0), "{error}");

    // As `docker login` leaves it behind.
    let docker = tempfile::tempdir().expect("a folder");
    let (user, password) = LOGIN.split_once(':').expect("a login");
    let auths = json!({ "auths": { host: { "username": user, "password": password } } });
    let file = docker.path().join("config.json");
    std::fs::write(&file, auths.to_string()).expect("docker's file");
    let folder = [("DOCKER_CONFIG", docker.path().to_str().expect("text"))];
    let deploy = ["deploy", location.as_str(), "--wait"];
    let (code, _, error) = run_with(&node, &deploy, &folder).await;
    assert_eq!(code, Some(0), "{error}");
    serves(&node, "hello@0.1.0").await;
    let (code, _, error) = run(&node, &deploy).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("without a login"), "{error}");

    std::fs::write(&file, "no JSON").expect("docker's file");
    let (code, _, error) = run_with(&node, &deploy, &folder).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("config.json"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named() {
    let registry = registry();
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let host = registry.host();
    push(&node, &hello(1), &format!("oci://{host}/shop/hello:0.1.0")).await;
    let absent = "0".repeat(64);
    for location in [
        format!("oci://{host}/shop/hello:9.9.9"),
        format!("oci://{host}/shop/nothing:0.1.0"),
        format!("oci://{host}/shop/hello@sha256:{absent}"),
    ] {
        let (code, _, error) = run(&node, &["deploy", &location]).await;
        assert_eq!(code, Some(1));
        assert_eq!(error.trim_end(), format!("edge: there is no {location}"));
    }
    drop(registry);
    let gone = format!("oci://{host}/shop/hello:0.1.0");
    let (code, _, error) = run(&node, &["deploy", &gone]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot be reached"), "{error}");
    assert!(error.contains("refused"), "{error}");

    let (code, _, error) = run(&node, &["deploy", "oci://registry.example/hello"]).await;
    assert_eq!(code, Some(2));
    assert!(error.contains("neither a tag nor a digest"), "{error}");
    serves(&node, "hello@0.1.0").await;
}
