//! What Prometheus finds.

use http::Method;

use crate::harness::{TestNode, fixture};

/// The value of the series with this name and these labels, in any order.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.next()?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn what_a_plugin_did_is_counted() {
    let node = TestNode::start(&[fixture("hello"), fixture("hostile")], |_| {}).await;
    for _ in 0..7 {
        node.get("/hello").await.assert_status(200);
    }
    node.get("/hostile/trap").await.assert_status(500);
    let reply = node.operator().send(Method::GET, "/metrics", "").await;
    reply.assert_status(200);
    let text = reply.text();
    let hello = |name: &str| value(text, name, &["plugin=\"hello\"", "role=\"active\""]);
    assert_eq!(hello("edge_plugin_requests_total"), Some(7.0), "{text}");
    assert_eq!(hello("edge_plugin_errors_total"), Some(0.0));
    assert_eq!(hello("edge_plugin_duration_seconds_count"), Some(7.0));
    assert!(hello("edge_plugin_duration_seconds_sum").is_some_and(|sum| sum > 0.0));
    assert_eq!(hello("edge_plugin_instances_busy"), Some(0.0));
    let trapped = ["plugin=\"hostile\"", "reason=\"trap\""];
    assert_eq!(
        value(text, "edge_plugin_failures_total", &trapped),
        Some(1.0)
    );
    assert!(value(text, "process_resident_memory_bytes", &[]).is_some_and(|bytes| bytes > 1e6));
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(text.contains(&format!("# HELP {name} ")), "{line}");
    }
}
