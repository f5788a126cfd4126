//! Rate limits before a plugin is asked.

use std::time::Duration;

use edge::config::{Rate, Settings};
use http::Request;
use test_servers::Redis;

use crate::harness::{PluginFolder, Reply, TestNode, fixture, variant};

/// Three at once, and then so slowly that none comes back within a test.
const RATE: Rate = Rate {
    quota: 1,
    window: Duration::from_secs(3600),
    burst: 3,
};

fn limited(settings: &mut Settings) {
    settings.rate_limit = Some(RATE);
}

fn trusting(settings: &mut Settings) {
    limited(settings);
    settings.trusted_proxies = "127.0.0.0/8".parse().expect("a network");
}

/// The greeter, with a limit of two an hour for `subject`.
fn greeter(subject: &str) -> PluginFolder {
    let limit = format!(
        "[[rate-limit]]\nname = 'greetings'\nmethods = ['POST']\npath = '/hello/you'\n\
         by = '{subject}'\nquota = 2\nwindow = '1h'"
    );
    variant("hello", &limit)
}

async fn from(node: &TestNode, client: &str, target: &str) -> Reply {
    let request = Request::get(node.url(target)).header("x-forwarded-for", client);
    node.send(request, "").await
}

async fn login(node: &TestNode, target: &str, content_type: &str, body: &str) -> u16 {
    let request = Request::post(node.url(target)).header("content-type", content_type);
    node.send(request, body.to_owned()).await.status
}

#[tokio::test]
async fn an_address_has_a_burst_and_is_told_when_to_come_back() {
    let node = TestNode::start(&[fixture("hello")], limited).await;
    for left in [2, 1, 0] {
        let reply = node.get("/hello").await;
        reply.assert_status(200);
        assert_eq!(
            reply.header("ratelimit-policy"),
            Some("\"default\";q=1;w=3600")
        );
        let told = reply.header("ratelimit").expect("what is left");
        assert!(
            told.starts_with(&format!("\"default\";r={left};t=")),
            "{told}"
        );
    }
    let reply = node.get("/hello").await;
    reply.assert_refusal(429);
    let wait: u32 = reply
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((3590..=3600).contains(&wait), "{wait}");
    node.get("/nowhere").await.assert_status(429);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_the_client_is() {
    let node = TestNode::start(&[fixture("hello")], limited).await;
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    for address in &addresses[..3] {
        from(&node, address, "/hello").await.assert_status(200);
    }
    from(&node, addresses[3], "/hello").await.assert_status(429);

    let node = TestNode::start(&[fixture("hello")], trusting).await;
    for _ in 0..3 {
        from(&node, "forged, 192.0.2.1", "/hello")
            .await
            .assert_status(200);
    }
    from(&node, "other, 192.0.2.1", "/hello")
        .await
        .assert_status(429);
    from(&node, "192.0.2.2", "/hello").await.assert_status(200);
    // Addresses of one network of IPv6 are one client's.
    for host in 1..=3 {
        let address = format!("2001:db8:0:1::{host}");
        from(&node, &address, "/hello").await.assert_status(200);
    }
    from(&node, "2001:db8:0:1:ffff::4", "/hello")
        .await
        .assert_status(429);
    from(&node, "2001:db8:0:2::1", "/hello")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_manifest_limits_a_route_by_address() {
    let node = TestNode::start(&[greeter("address")], |_| {}).await;
    for target in ["/hello/you", "/api/v1/hello/%79ou/there?x"] {
        let reply = node.post(target, "{}").await;
        // The plugin was asked, and knows no POST.
        reply.assert_status(405);
        assert_eq!(
            reply.header("ratelimit-policy"),
            Some("\"greetings\";q=2;w=3600")
        );
    }
    node.post("/hello/you", "{}").await.assert_refusal(429);
    node.post("/hello/yours", "{}").await.assert_status(405);
    let other_method = node.get("/hello/you").await;
    other_method.assert_status(200);
    assert_eq!(other_method.header("ratelimit"), None);
}

#[tokio::test]
async fn a_manifest_limits_a_route_by_a_field_however_it_is_written() {
    let node = TestNode::start(&[greeter("field:email")], |_| {}).await;
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let asked = [
        (form, "email=Ada%40example.com", 405),
        (json, r#"{"email": " ada@EXAMPLE.com "}"#, 405),
        (json, r#"{"email": "ada@example.com"}"#, 429),
        (form, "email=ada@example.com", 429),
        (form, "email=bob@example.com", 405),
        // Without the field, the plugin says what is wrong.
        (json, "{}", 405),
        (json, "{", 405),
        // Whatever the type says: a plugin may read it all the same.
        ("text/plain", "email=ada@example.com", 429),
        (
            "application/vnd.api+json",
            r#"{"email": "ada@example.com"}"#,
            429,
        ),
        ("text/plain", r#"{"email": "ann@example.com"}"#, 405),
        ("text/plain", "ada@example.com", 405),
    ];
    for (content_type, body, status) in asked {
        let answered = login(&node, "/hello/you", content_type, body).await;
        assert_eq!(answered, status, "{content_type} {body}");
    }
}

#[tokio::test]
async fn nodes_with_one_redis_count_a_routes_limit_together() {
    let redis = Redis::shared().database();
    let start = || {
        let url = redis.clone();
        async move {
            let plugins = [greeter("address")];
            TestNode::start(&plugins, |settings| settings.redis_url = Some(url)).await
        }
    };
    let (one, two) = (start().await, start().await);
    let mut passed = 0;
    for node in [&one, &two, &one, &two] {
        let status = node.post("/hello/you", "{}").await.status;
        passed += u32::from(status == 405);
    }
    assert_eq!(passed, 2);
}
