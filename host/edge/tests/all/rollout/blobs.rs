//! Bundles in the control database: each file is stored once, and hosts that
//! know nothing of that are heeded.

use bundle::Bundle;
use http::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};
use test_servers::MariaDb;

use super::commands::{path, run};
use crate::harness::{Operator, PluginFolder, TestNode, eventually, variant};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

fn bundle(version: u32) -> Bundle {
    Bundle::pack(hello(version).path()).expect("a bundle")
}

/// A node on a shared control database, and a way into that.
async fn node() -> (TestNode, MySqlConnection) {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[hello(0)], |settings| {
        settings.control_url.clone_from(&database);
    })
    .await;
    let control = MySqlConnection::connect(&database).await.expect("MariaDB");
    (node, control)
}

async fn execute(control: &mut MySqlConnection, text: &str) -> u64 {
    let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(control)
        .await;
    done.expect("a statement").rows_affected()
}

async fn number(control: &mut MySqlConnection, text: &str) -> i64 {
    let found = sqlx::query_scalar(AssertSqlSafe(text.to_owned()))
        .fetch_one(control)
        .await;
    found.expect("a number")
}

/// Bytes that all bundles have in the database.
async fn stored(control: &mut MySqlConnection) -> i64 {
    let text = "SELECT CAST(COALESCE((SELECT SUM(LENGTH(content)) FROM edge_blob_part), 0) \
        + COALESCE((SELECT SUM(LENGTH(content)) FROM edge_bundle_part), 0) AS SIGNED)";
    number(control, text).await
}

/// Lets everything be older than what a collection leaves alone.
async fn grow_old(control: &mut MySqlConnection) {
    execute(
        control,
        "UPDATE edge_bundle SET added_at = added_at - 7200000; \
         UPDATE edge_blob SET used_at = used_at - 7200000; \
         UPDATE edge_blob_part SET written_at = written_at - 7200000",
    )
    .await;
}

/// What a host without blobs reads of a bundle.
async fn read_as_older(control: &mut MySqlConnection, bundle: &Bundle) -> Result<Vec<u8>, String> {
    let digest = bundle.digest().to_string();
    let parts: i64 = sqlx::query_scalar("SELECT parts FROM edge_bundle WHERE digest = ?")
        .bind(&digest)
        .fetch_one(&mut *control)
        .await
        .expect("a record");
    let mut archive = Vec::new();
    for part in 0..parts {
        let text = "SELECT content FROM edge_bundle_part WHERE digest = ? AND part = ?";
        let found = sqlx::query(text).bind(&digest).bind(part);
        let row = found
            .fetch_optional(&mut *control)
            .await
            .expect("an answer");
        let row = row.ok_or_else(|| format!("lacks part {part}"))?;
        archive.extend(row.get::<Vec<u8>, _>(0));
    }
    Ok(archive)
}

/// Stores a bundle as a host without blobs does.
async fn write_as_older(control: &mut MySqlConnection, bundle: &Bundle) {
    let digest = bundle.digest().to_string();
    let mut parts = 0_i64;
    for content in bundle.bytes().chunks(1 << 20) {
        sqlx::query("INSERT INTO edge_bundle_part (digest, part, content) VALUES (?, ?, ?)")
            .bind(&digest)
            .bind(parts)
            .bind(content)
            .execute(&mut *control)
            .await
            .expect("a part");
        parts += 1;
    }
    sqlx::query(
        "INSERT INTO edge_bundle (digest, plugin, version, parts, signature, author, added_at) \
         VALUES (?, ?, ?, ?, '', 'older', UNIX_TIMESTAMP() * 1000)",
    )
    .bind(&digest)
    .bind(&bundle.manifest.name)
    .bind(bundle.manifest.version.to_string())
    .bind(parts)
    .execute(&mut *control)
    .await
    .expect("a record");
}

/// A node without blobs beside the others, which counts as heard of for an hour.
async fn join_as_older(control: &mut MySqlConnection) {
    let join = "INSERT INTO edge_node (node, region, report, seen_at) \
        SELECT 'older', 'abroad', JSON_REMOVE(report, '$.reads_blobs'), seen_at + 3600000 \
        FROM edge_node LIMIT 1";
    eventually("a report to change", async || {
        (execute(control, join).await == 1).then_some(())
    })
    .await;
    let told = "SELECT COUNT(*) FROM edge_node WHERE report LIKE '%reads_blobs%'";
    assert_eq!(number(control, told).await, 1, "the other node says so");
}

async fn add(operator: &Operator, version: u32) -> Bundle {
    let bundle = bundle(version);
    operator.add(&bundle, "").await.assert_status(200);
    bundle
}

/// Begins a rollout of a bundle that was added, and waits for its end.
async fn roll_out(operator: &Operator, bundle: &Bundle) -> Value {
    let order = json!({ "digest": bundle.digest(), "pause_ms": 0 }).to_string();
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(200);
    let rollout = reply.json()["id"].as_str().expect("an id").to_owned();
    operator.end_of(&rollout).await
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_that_differ_in_their_manifest_share_the_rest() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let first = stored(&mut control).await;
    let whole = i64::try_from(bundle(0).bytes().len()).expect("a length");
    assert_eq!(first, whole, "the first is stored like any");
    for version in 1..20 {
        add(&operator, version).await;
    }
    let all = stored(&mut control).await;
    println!(
        "20 releases: {all} bytes, and {} if each were whole",
        20 * whole
    );
    assert!(all < whole + 20 * 4096, "{all} bytes, and {whole} for one");

    let (code, _, error) = run(&node, &["rollback", "hello", "--to", "0.7.0", "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.7.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_collected_with_the_last_bundle_that_has_them() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let unlike = variant("ticker", "name = \"hello\"\nversion = \"0.9.0\"");
    let unlike = Bundle::pack(unlike.path()).expect("a bundle");
    operator.add(&unlike, "").await.assert_status(200);
    for version in 1..=3 {
        add(&operator, version).await;
    }
    // What an upload left that was cut off.
    execute(
        &mut control,
        "INSERT INTO edge_blob_part (upload, part, written_at, content) VALUES \
         ('interrupted', 0, UNIX_TIMESTAMP() * 1000, 'content')",
    )
    .await;
    let full = stored(&mut control).await;
    let collect = async || {
        let (code, output, error) = run(&node, &["gc", "--keep", "1", "--json"]).await;
        assert_eq!(code, Some(0), "{error}");
        let found: Value = serde_json::from_str(&output).expect("JSON");
        found["collected"].as_array().expect("a list").len()
    };
    execute(
        &mut control,
        "UPDATE edge_bundle SET added_at = added_at - 7200000",
    )
    .await;
    assert_eq!(collect().await, 3);
    assert_eq!(
        stored(&mut control).await,
        full,
        "they were in use an hour ago"
    );
    let lists = "SELECT COUNT(DISTINCT bundle) FROM edge_bundle_blob";
    assert_eq!(number(&mut control, lists).await, 2);

    grow_old(&mut control).await;
    assert_eq!(collect().await, 0);
    let kept = stored(&mut control).await;
    let whole = i64::try_from(bundle(0).bytes().len()).expect("a length");
    assert!(
        kept < whole + 4096,
        "{kept} bytes for two bundles of {whole}"
    );
    let orphans = "SELECT COUNT(*) FROM edge_blob_part \
        WHERE upload NOT IN (SELECT upload FROM edge_blob)";
    assert_eq!(number(&mut control, orphans).await, 0);

    // Both ways back.
    operator.add(&unlike, "").await.assert_status(200);
    assert!(stored(&mut control).await > kept);
    assert_eq!(roll_out(&operator, &bundle(3)).await["phase"], "done");
}

/// The same content is collected and taken in again at once, as it is stored
/// beside an older host.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_takes_nothing_from_bundles_that_are_stored_whole() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    join_as_older(&mut control).await;
    let bundle = add(&operator, 1).await;
    for _ in 0..20 {
        let collected = "UPDATE edge_bundle SET parts = -1 WHERE version = '0.1.0'";
        assert_eq!(execute(&mut control, collected).await, 1);
        let collecting = async {
            let order = "{\"keep\":1}";
            let reply = operator.send(Method::POST, "/v1/gc", order).await;
            reply.assert_status(200);
        };
        let (added, ()) = tokio::join!(operator.add(&bundle, ""), collecting);
        added.assert_status(200);
        let read = read_as_older(&mut control, &bundle).await;
        assert_eq!(read.as_deref(), Ok(bundle.bytes().as_ref()));
    }
}

/// A collection finds nothing to leave alone but what it sees in use.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_takes_nothing_from_bundles_that_are_being_stored() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let component = |version: u32| {
        let changes = format!("name = \"late\"\nversion = \"0.{version}.0\"\nroutes = [\"/late\"]");
        Bundle::pack(variant("ticker", &changes).path()).expect("a bundle")
    };
    let collections = async || {
        for _ in 0..8 {
            let reply = operator.send(Method::POST, "/v1/gc", "{\"keep\":1}").await;
            reply.assert_status(200);
        }
    };
    for version in 0..10 {
        // Their files are there, and no bundle has them.
        execute(
            &mut control,
            "UPDATE edge_bundle SET parts = -1 WHERE plugin = 'late'; \
             DELETE FROM edge_bundle_blob WHERE bundle IN \
             (SELECT digest FROM edge_bundle WHERE plugin = 'late')",
        )
        .await;
        grow_old(&mut control).await;
        let bundles = [2 * version, 2 * version + 1].map(component);
        let adding =
            async { tokio::join!(operator.add(&bundles[0], ""), operator.add(&bundles[1], "")) };
        let ((one, other), ()) = tokio::join!(adding, collections());
        one.assert_status(200);
        other.assert_status(200);
        for bundle in &bundles {
            let lacks = "SELECT COUNT(*) FROM edge_bundle_blob s \
                LEFT JOIN edge_blob b ON b.digest = s.blob_digest \
                LEFT JOIN edge_blob_part p ON p.upload = b.upload \
                WHERE p.upload IS NULL AND s.bundle = ";
            let lacks = format!("{lacks}'{}'", bundle.digest());
            assert_eq!(number(&mut control, &lacks).await, 0);
            let found = format!(
                "SELECT COUNT(*) FROM edge_bundle_blob WHERE bundle = '{}'",
                bundle.digest()
            );
            assert!(number(&mut control, &found).await > 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_mended_by_any_bundle_that_has_it() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let old = add(&operator, 1).await;
    let changed = execute(
        &mut control,
        "UPDATE edge_blob_part SET content = CONCAT(content, 'x') WHERE LENGTH(content) > 4096",
    )
    .await;
    assert!(changed > 0);
    let order = json!({ "digest": old.digest() }).to_string();
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(422);
    assert!(reply.text().contains("was changed"), "{reply:?}");

    add(&operator, 2).await;
    assert_eq!(roll_out(&operator, &old).await["phase"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_that_an_older_host_stored_are_read_as_they_are() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let old = bundle(1);
    write_as_older(&mut control, &old).await;
    assert_eq!(roll_out(&operator, &old).await["phase"], "done");
    operator.add(&old, "").await.assert_status(200);
    let read = read_as_older(&mut control, &old).await;
    assert_eq!(
        read.as_deref(),
        Ok(old.bytes().as_ref()),
        "nothing was rewritten"
    );
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.1.0"));

    // It may be collected by this host, and brought back.
    operator.deploy(&hello(2)).await;
    let digest = old.digest();
    let parts = format!("SELECT COUNT(*) FROM edge_bundle_part WHERE digest = '{digest}'");
    execute(
        &mut control,
        &format!("UPDATE edge_bundle SET parts = -1 WHERE digest = '{digest}'"),
    )
    .await;
    assert_eq!(run(&node, &["gc"]).await.0, Some(0));
    assert_eq!(number(&mut control, &parts).await, 0);
    let (code, _, error) = run(&node, &["deploy", path(&hello(1)), "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_older_host_bundles_are_stored_whole() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let before = add(&operator, 1).await;
    let refused = read_as_older(&mut control, &before).await;
    assert_eq!(refused, Err("lacks part 0".to_owned()), "what it is told");
    join_as_older(&mut control).await;
    let after = add(&operator, 2).await;
    let read = read_as_older(&mut control, &after).await;
    assert_eq!(read.as_deref(), Ok(after.bytes().as_ref()));
    add(&operator, 1).await;
    let read = read_as_older(&mut control, &before).await;
    assert_eq!(
        read.as_deref(),
        Ok(before.bytes().as_ref()),
        "it was added again"
    );

    // One that is stopped in order may be started again within the hour.
    execute(&mut control, "DELETE FROM edge_node WHERE node = 'older'").await;
    let stopped = add(&operator, 3).await;
    let read = read_as_older(&mut control, &stopped).await;
    assert_eq!(read.as_deref(), Ok(stopped.bytes().as_ref()));
    let aged = "UPDATE edge_older_version SET seen_at = seen_at - 3600000";
    assert_eq!(execute(&mut control, aged).await, 1);
    let now = add(&operator, 4).await;
    let refused = read_as_older(&mut control, &now).await;
    assert_eq!(refused, Err("lacks part 0".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_stored_whole_before_going_back() {
    let (node, mut control) = node().await;
    let operator = node.operator();
    let bundles = [bundle(0), add(&operator, 1).await, add(&operator, 2).await];
    let (code, output, error) = run(&node, &["gc", "--whole"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("3 of them stored whole now"), "{output}");
    for bundle in &bundles {
        let read = read_as_older(&mut control, bundle).await;
        assert_eq!(read.as_deref(), Ok(bundle.bytes().as_ref()));
    }
    let (_, output, _) = run(&node, &["gc", "--whole"]).await;
    assert!(output.contains("0 of them stored whole now"), "{output}");
    let audit = operator.get("/v1/audit").await.to_string();
    assert!(audit.contains("store-whole"), "{audit}");
    assert_eq!(roll_out(&operator, &bundles[1]).await["phase"], "done");
}

/// The control database of a node alone is a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_house_with_the_same_statements() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let operator = node.operator();
    operator.deploy(&hello(1)).await;
    let (code, output, error) = run(&node, &["gc", "--whole"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("2 of them stored whole now"), "{output}");
    operator.deploy(&hello(0)).await;
    operator.deploy(&hello(2)).await;
}
