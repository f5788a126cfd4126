//! Components of many parts: the limits are for the instance, whatever it is
//! made of, and what does not fit into the pool is refused before it serves.

use crate::harness::{
    PluginFolder, Running, TestNode, composed, data_folder, edge, fixture, get, start_error,
    variant,
};
use crate::rollout::failures::refusal_of;

/// A component with a linear memory of so many pages.
fn memory(pages: u32) -> String {
    format!(
        "(component (core module $m (memory {pages}))
                    (core instance (instantiate $m)))"
    )
}

/// A component whose memory grows by so many pages, as far as it may, and is
/// written to.
fn growing(pages: u32) -> String {
    format!(
        "(component
           (core module $m
             (memory 1)
             (func $s
               (drop (memory.grow (i32.const {pages})))
               (memory.fill
                 (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536))))
             (start $s))
           (core instance (instantiate $m)))"
    )
}

/// A component with a table of so many entries.
fn table(entries: u32) -> String {
    format!(
        "(component (core module $m (table {entries} funcref))
                    (core instance (instantiate $m)))"
    )
}

/// A component without anything.
const NOTHING: &str = "(component (core module $m) (core instance (instantiate $m)))";

/// A component that makes 20,000 handles of a resource of its own.
const HANDLES: &str = r#"(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (func $s (local $i i32)
      (loop $l
        (drop (call $new (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 20000)))))
    (start $s))
  (core instance (instantiate $m (with "" (instance (export "new" (func $new)))))))"#;

const NEXT: &str = "version = '0.9.0'\n";

fn hello(inner: &str, copies: u32, changes: &str) -> PluginFolder {
    composed("hello", inner, copies, &format!("{NEXT}{changes}"))
}

async fn refusal(plugin: &PluginFolder) -> String {
    refusal_of(&[fixture("hello")], "/hello", plugin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_limit_is_for_all_memories_together() {
    let reason = refusal(&hello(&memory(512), 10, "")).await;
    assert!(reason.contains("memory limit"), "{reason}");
    let node = TestNode::start(&[hello(&memory(32), 10, "")], |_| {}).await;
    node.get("/hello").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_count_as_memory() {
    let small = "[limits]\nmemory = '8 MiB'";
    let reason = refusal(&hello(&table(99_999), 5, small)).await;
    assert!(reason.contains("memory limit"), "{reason}");
    let node = TestNode::start(&[hello(&table(99_999), 5, "")], |_| {}).await;
    node.get("/hello").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_parts_than_an_instance_may_have_are_refused() {
    for (inner, copies, what) in [
        (memory(1), 23, "core module instances"),
        (table(1), 9, "tables"),
        (NOTHING.to_owned(), 17, "core module instances"),
    ] {
        let reason = refusal(&hello(&inner, copies, "")).await;
        assert!(reason.contains(what), "{reason}");
    }
}

/// A backtrace holds one for each of its frames.
#[tokio::test]
async fn names_of_functions_are_short() {
    let named = |length: usize| {
        let name = "n".repeat(length);
        let inner =
            format!("(component (core module $m (func ${name})) (core instance (instantiate $m)))");
        hello(&inner, 1, "")
    };
    let reason = start_error(&[named(70_000)], |_| {}).await;
    assert!(reason.contains("names a function"), "{reason}");
    let node = TestNode::start(&[named(1000)], |_| {}).await;
    node.get("/hello").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_of_own_resources_are_bounded() {
    let reason = refusal(&hello(HANDLES, 1, "")).await;
    assert!(reason.contains("handle"), "{reason}");
}

/// The pool has as many memories as the plugins ask for instances, twice, and
/// those that are spare.
#[tokio::test]
async fn a_pool_is_shared_out_before_anybody_serves() {
    let many = |instances: u32| {
        let changes =
            format!("name = 'many'\nroutes = ['/many']\n[limits]\ninstances = {instances}");
        composed("hello", &memory(1), 7, &changes)
    };
    let neighbour = || variant("hostile", "[limits]\ninstances = 16");
    let none = |settings: &mut edge::config::Settings| settings.releases.spare_instances = 0;
    let reason = start_error(&[many(16), neighbour()], none).await;
    assert!(reason.contains("linear memories"), "{reason}");

    let node = TestNode::start(&[many(2), neighbour()], none).await;
    let asking: Vec<_> = (0..16)
        .map(|_| node.spawn_get("/hostile/sleep?ms=500"))
        .chain((0..2).map(|_| node.spawn_get("/many")))
        .collect();
    for reply in asking {
        let reply = reply.await.expect("a reply");
        assert!([200, 404].contains(&reply.status), "{reply:?}");
    }
}

/// Ten memories that grow by 25 MiB each, in instances that are made anew for
/// each request.
#[tokio::test]
async fn growth_of_many_memories_stays_within_the_limit() {
    let greedy = composed("hello", &growing(400), 10, "isolation = 'request'");
    let folder = data_folder();
    let mut command = edge(folder.path());
    command.env("EDGE_PLUGINS", greedy.path());
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    let before = node.resident_bytes();
    let mut wire = node.wire().await;
    for _ in 0..20 {
        wire.send(get("/hello")).await;
        wire.reply().await.assert_status(200);
    }
    let grown = node.peak_bytes().saturating_sub(before);
    assert!(grown < 160 << 20, "{} MiB", grown >> 20);
}
