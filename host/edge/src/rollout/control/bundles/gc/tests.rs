use bundle::Digest;
use stores::sql::Value;

use crate::rollout::control::testing;
use crate::rollout::control::text;

const ADD: &str = "INSERT INTO edge_bundle \
    (digest, plugin, version, parts, signature, author, added_at) VALUES";

fn bundle(plugin: &str, number: usize) -> Vec<Value> {
    vec![
        text(Digest::of(format!("{plugin} {number}").as_bytes())),
        text(plugin),
        text(format!("0.1.{number}")),
        Value::Integer(1),
        text(""),
        text("tester"),
        // Several bundles have the same time.
        Value::Integer(i64::try_from(number / 3).expect("a number")),
    ]
}

#[tokio::test]
async fn more_bundles_are_collected_than_one_query_returns() {
    const BUNDLES: usize = 10_500;
    let (_folder, control) = testing::control().await;
    let mut rows: Vec<_> = (0..BUNDLES).map(|number| bundle("busy", number)).collect();
    rows.extend((0..3).map(|number| bundle("calm", number)));
    testing::insert(&control, ADD, &rows).await;
    let garbage = control.garbage(2).await.expect("garbage");
    assert_eq!(garbage.kept, 4, "two of each plugin");
    assert_eq!(garbage.collected.len(), BUNDLES - 2 + 1);
    let mut digests: Vec<_> = garbage.collected.iter().map(|it| it.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), BUNDLES - 2 + 1, "each once");
}
