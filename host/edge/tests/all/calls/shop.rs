//! What the shop's services do for each other, and for nobody else: pay for an
//! order, give a charge back, tell an e-mail address, return stock.

use serde_json::json;

use crate::harness::{PluginFolder, TestNode, fixture, start_error, variant};
use crate::shop::plugins;

/// Every interface of the shop, and the plugin whose it is.
const INTERFACES: [(&str, &str); 5] = [
    ("shop:catalog/catalog", "product"),
    ("shop:customers/customers", "customer"),
    ("shop:customers/names", "customer"),
    ("shop:orders/orders", "order"),
    ("shop:payments/payments", "payment"),
];

/// A stranger whose manifest names these interfaces.
fn stranger(calls: &[&str]) -> PluginFolder {
    variant("stranger", &format!("[grants]\ncalls = {calls:?}"))
}

/// The shop with somebody else beside its own four.
fn shop_and(other: PluginFolder) -> Vec<PluginFolder> {
    plugins().into_iter().chain([other]).collect()
}

#[tokio::test]
async fn a_plugin_without_any_grant_calls_no_service_of_the_shop() {
    let error = start_error(&shop_and(fixture("stranger")), |_| {}).await;
    assert!(
        error.contains("plugin stranger") && error.contains("`calls` in [grants]"),
        "{error}"
    );
}

/// A grant that a plugin gives itself is not enough.
#[tokio::test]
async fn no_service_of_the_shop_is_called_by_a_plugin_that_it_does_not_name() {
    let all = INTERFACES.map(|(interface, _)| interface);
    let error = start_error(&shop_and(stranger(&all)), |_| {}).await;
    let refused = INTERFACES.iter().any(|(interface, provider)| {
        error.contains(&format!("plugin stranger imports {interface}"))
            && error.contains(&format!(
                "`callers` in [exports] of {provider} does not name"
            ))
    });
    assert!(refused, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_is_deployed_is_refused_for_every_service() {
    let node = TestNode::start(&plugins(), |_| {}).await;
    let all = INTERFACES.map(|(interface, _)| interface);
    for (open, provider) in INTERFACES {
        let calls: Vec<_> = all.into_iter().filter(|name| *name != open).collect();
        let reply = node
            .operator()
            .try_deploy(&stranger(&calls), json!({}))
            .await;
        reply.assert_status(422);
        let reason = reply.json()["detail"].to_string();
        assert!(reason.contains(open), "{provider}: {reason}");
    }
    let reply = node.operator().try_deploy(&stranger(&all), json!({})).await;
    reply.assert_status(422);
    node.get("/stranger/pay/1").await.assert_status(404);
    node.get("/products?limit=1").await.assert_status(200);
}

/// A shop whose services all name the stranger.
async fn shop_open_to_a_stranger() -> TestNode {
    let callers = "['order', 'payment', 'product', 'stranger']";
    let open = ["customer", "order", "payment", "product"].map(|plugin| {
        let own = INTERFACES.iter().filter(|(_, owner)| *owner == plugin);
        let rules = own.map(|(name, _)| format!("[exports.'{name}']\ncallers = {callers}\n"));
        variant(&format!("../{plugin}"), &rules.collect::<String>())
    });
    let all = INTERFACES.map(|(interface, _)| interface);
    let folders: Vec<_> = open.into_iter().chain([stranger(&all)]).collect();
    TestNode::start(&folders, |_| {}).await
}

/// The stranger does what it says where everybody lets it, so the tests above
/// refuse something that works.
#[tokio::test]
async fn a_stranger_that_every_service_names_calls_them_all() {
    let node = shop_open_to_a_stranger().await;
    let answers = [
        ("/stranger/email/1", json!({ "email": { "Ok": null } })),
        (
            "/stranger/pay/1",
            json!({ "paid": { "Err": "Error::NotFound" } }),
        ),
        (
            "/stranger/refund/1",
            json!({ "refunded": { "Err": "Error::NotFound" } }),
        ),
        (
            "/stranger/release/order-1",
            json!({ "released": { "Ok": null } }),
        ),
    ];
    for (target, expected) in answers {
        assert_eq!(node.get(target).await.json(), expected, "{target}");
    }
}

/// Whoever may ask for names learns nothing else of customers.
#[tokio::test]
async fn names_of_customers_come_without_their_addresses() {
    let node = shop_open_to_a_stranger().await;
    for name in ["Ada", "Bea"] {
        let fields = json!({
            "name": name, "email": format!("{name}@example.com"), "password": "correct horse",
        });
        let reply = node.post("/customers", fields.to_string()).await;
        reply.assert_status(200);
    }
    let reply = node.get("/stranger/names/100").await;
    let names = reply.json()["names"]["Ok"].clone();
    let mut names: Vec<_> = names.as_array().expect("names").clone();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, [json!([1, "Ada"]), json!([2, "Bea"])]);
    assert!(!reply.text().contains("example.com"), "{reply:?}");
    let reply = node.get("/stranger/names/101").await;
    assert_eq!(
        reply.json(),
        json!({ "names": { "Err": "Error::TooMany" } })
    );
}
