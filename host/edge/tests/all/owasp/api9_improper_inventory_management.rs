//! API9:2023 Improper Inventory Management: what is served is what is
//! documented, in one version, and every reply says which release it is of.
//!
//! Also: each plugin's `tests/openapi` (its routes are its document's, and the
//! reverse), `shop/openapi` and `catalog/openapi` (every reply is as
//! documented, and every documented one is seen). Here: the mounts, versions
//! that are none, and the operators' API.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::method;
use crate::harness::{TestNode, fixture};
use crate::shop::Shop;
use crate::shop::documents::{Documents, with_ids};

/// Where no version of the API is.
const NO_MOUNTS: [&str; 9] = [
    "/api",
    "/v1",
    "/v2",
    "/api/v0",
    "/api/v2",
    "/api/v1.0",
    "/apiv1",
    "/beta",
    "/internal",
];

#[tokio::test]
async fn the_api_has_one_version_and_every_reply_names_its_release() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let guest = shop.guest();
        for operation in documents.operations() {
            let path = with_ids(operation.template);
            let ask = async |mount: &str| {
                let path = format!("{mount}{path}");
                guest.ask(method(operation), &path, &Value::Null).await
            };
            let (plain, mounted) = (ask("").await, ask("/api/v1").await);
            assert_eq!(plain.status, mounted.status, "{operation:?}");
            assert_ne!(
                code_of_missing(&plain.body),
                Some(true),
                "{operation:?}: {plain:?}"
            );
            for reply in [&plain, &mounted] {
                let release = reply.header("edge-release").expect("its release");
                assert!(release.ends_with("@0.1.0"), "{operation:?}: {release}");
            }
        }
        for mount in NO_MOUNTS {
            for path in ["/products", "/tax", "/customers/login"] {
                let reply = shop.node.get(&format!("{mount}{path}")).await;
                reply.assert_status(404);
                assert_eq!(reply.header("edge-release"), None, "{mount}{path}");
            }
        }
    }
}

/// Whether a body says that there is no such path.
fn code_of_missing(body: &[u8]) -> Option<bool> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body["message"] == "Endpoint not found.")
}

/// The operators' routes, by their document.
fn documented() -> BTreeSet<(Method, String)> {
    let text = include_str!("../../../src/admin/openapi.yaml");
    let document: Value = serde_saphyr::from_str(text).expect("YAML");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("an item").keys();
        methods.map(|method| {
            (
                method.to_uppercase().parse().expect("a method"),
                path.clone(),
            )
        })
    });
    operations.collect()
}

#[tokio::test]
async fn the_operators_port_serves_its_document_and_no_more() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    let documented = documented();
    assert!(documented.len() >= 14, "{documented:?}");
    let paths: BTreeSet<_> = documented.iter().map(|(_, path)| path).collect();
    for path in paths {
        // Names that nothing has, so that nothing is done.
        let target = path.replace("{plugin}", "nobody").replace("{id}", "0");
        let target = target.replace("{digest}", "sha256:0");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let reply = operator.send(method.clone(), &target, "{}").await;
            let known = documented.contains(&(method.clone(), path.clone()));
            assert_eq!(reply.status != 405, known, "{method} {target}: {reply:?}");
            assert!(reply.status < 500, "{method} {target}: {reply:?}");
        }
    }
    for path in [
        "/",
        "/v1",
        "/v2/status",
        "/v1/",
        "/debug",
        "/openapi.yaml",
        "/products",
    ] {
        operator
            .send(Method::GET, path, "")
            .await
            .assert_status(404);
    }
}
