//! `edge adopt --check`: what it says of each fork, and that it changes
//! nothing.

use std::process::Output;

use serde_json::Value;
use test_servers::MariaDb;

use super::fork::{COLUMNS, DJANGO, Fork, REQUIRED, UMLAUTS, WERKZEUG, everything};
use crate::catalog::database::Database;
use crate::harness::{PluginFolder, data_folder, edge};
use crate::shop::plugins;

/// What tells scripts that something is in the way.
const OBSTACLES: i32 = 7;

/// Run `edge adopt` with these arguments, and this database in its settings.
pub async fn adopt(database: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    adopt_with(plugins().into(), database, arguments).await
}

/// Run `edge adopt` for these plugins.
pub async fn adopt_with(
    plugins: Vec<PluginFolder>,
    database: &str,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let data = data_folder();
    let paths = plugins
        .iter()
        .map(|plugin| plugin.path().display().to_string());
    let paths: Vec<_> = paths.collect();
    let mut command = edge(data.path());
    command
        .arg("adopt")
        .args(arguments)
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_SECRET", crate::harness::SECRET)
        .env("EDGE_PLUGINS", paths.join(","))
        .env("DATABASE_URL", database);
    let running = tokio::task::spawn_blocking(move || {
        let output = command.output();
        drop((data, plugins));
        output
    });
    let Output {
        status,
        stdout,
        stderr,
    } = running.await.expect("a thread").expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// What a check finds, as JSON, and the code that it ends with.
pub async fn check(database: &Database) -> (Option<i32>, Value) {
    let (code, said, complained) = adopt(&database.url, &["--check", "--json"]).await;
    let found = serde_json::from_str(&said);
    (code, found.unwrap_or_else(|_| panic!("{said}{complained}")))
}

/// The findings of one kind, as `table.subject`.
pub fn places(checked: &Value, kind: &str) -> Vec<String> {
    let mut places = Vec::new();
    for plugin in checked.as_array().expect("plugins") {
        for finding in plugin["report"]["findings"].as_array().expect("findings") {
            if finding["kind"] == kind {
                let text = |field: &str| finding[field].as_str().expect("text").to_owned();
                places.push(format!("{}.{}", text("table"), text("subject")));
            }
        }
    }
    places.sort();
    places.dedup();
    places
}

/// The finding of one kind at one place.
pub fn finding<'a>(checked: &'a Value, kind: &str, place: &str) -> &'a Value {
    let plugins = checked.as_array().expect("plugins").iter();
    let mut findings =
        plugins.flat_map(|plugin| plugin["report"]["findings"].as_array().expect("findings"));
    let found = findings.find(|finding| {
        let at = format!(
            "{}.{}",
            finding["table"].as_str().expect("text"),
            finding["subject"].as_str().expect("text")
        );
        finding["kind"] == kind && at == place
    });
    found.unwrap_or_else(|| panic!("nothing of {kind} at {place}: {checked:#}"))
}

#[tokio::test]
async fn a_check_changes_nothing() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        for fork in [UMLAUTS, COLUMNS, WERKZEUG, REQUIRED, DJANGO] {
            let database = fork.restore(server).await;
            let before = everything(&database).await;
            let (code, checked) = check(&database).await;
            let expected = if fork.name == REQUIRED.name {
                OBSTACLES
            } else {
                0
            };
            assert_eq!(code, Some(expected), "{}: {checked:#}", fork.name);
            let (text_code, said, _) = adopt(&database.url, &["--check"]).await;
            assert_eq!(text_code, code, "{said}");
            assert_eq!(everything(&database).await, before, "{}", fork.name);
        }
    }
}

#[tokio::test]
async fn the_database_may_be_named() {
    let database = UMLAUTS.restore(MariaDb::shared()).await;
    let other = MariaDb::shared().database();
    let (code, said, complained) = adopt(&other, &["--check", &database.url]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
    assert!(said.contains("from MyISAM to InnoDB"), "{said}");
    assert!(said.ends_with("Nothing is in the way.\n"), "{said}");
    // Whatever is to be changed is named by the settings.
    let (code, _, complained) = adopt(&other, &[&database.url]).await;
    assert_eq!(code, Some(2), "{complained}");
}

#[tokio::test]
async fn a_check_says_what_is_converted_and_how_long_that_takes() {
    let checked = checked(UMLAUTS).await;
    let converted = places(&checked, "converts");
    for table in ["customer.", "orders.", "review.", "product.", "audit."] {
        assert!(converted.iter().any(|it| it == table), "{converted:?}");
    }
    for plugin in checked.as_array().expect("plugins") {
        for table in plugin["report"]["tables"].as_array().expect("tables") {
            assert!(table["conversion_seconds"].as_u64().is_some(), "{table}");
        }
    }
    let zero = finding(&checked, "note", "review.created_on");
    assert!(
        zero["text"]
            .as_str()
            .expect("text")
            .contains("zero dates in 1 row"),
        "{zero}"
    );
}

/// What a column means decides whether the plugins may have it: rights come
/// with a role.
#[tokio::test]
async fn a_check_shows_the_values_of_reused_columns() {
    let checked = checked(COLUMNS).await;
    let reused = places(&checked, "reuses");
    for column in [
        "customer.facebook_id",
        "customer.role",
        "orders.cart_id",
        "orders.currency",
        "product.stock",
        "review.reviewer",
    ] {
        assert!(reused.iter().any(|it| it == column), "{reused:?}");
    }
    let role = finding(&checked, "reuses", "customer.role");
    let values = role["values"].to_string();
    assert_eq!(values, r#"[["'customer'",1],["'staff'",1]]"#);
    let converted = places(&checked, "converts");
    for column in ["customer.role", "customer.facebook_id", "product.stock"] {
        assert!(converted.iter().any(|it| it == column), "{converted:?}");
    }
    // Long names of reviewers stay.
    let reviewer = finding(&checked, "converts", "review.reviewer");
    let text = reviewer["text"].as_str().expect("text");
    assert!(text.contains("to varchar(120) utf8mb4 NULL"), "{reviewer}");
}

#[tokio::test]
async fn a_check_counts_what_is_missing() {
    let checked = checked(WERKZEUG).await;
    let missing = finding(&checked, "note", "product.price");
    assert!(
        missing["text"]
            .as_str()
            .expect("text")
            .contains("NULL in 1 row"),
        "{missing}"
    );
    let sums = finding(&checked, "converts", "orders.total_amount");
    let text = sums["text"].as_str().expect("text");
    assert!(
        text.contains("from float") && text.contains("to decimal(10, 2)"),
        "{sums}"
    );
    finding(&checked, "adds", "product_category.product_id, category_id");
    // The password's 255 characters stay.
    let converted = finding(&checked, "converts", "customer.password");
    assert!(
        converted["text"]
            .as_str()
            .expect("text")
            .contains("to varchar(255)"),
        "{converted}"
    );
}

/// What a check finds in a fork on MariaDB.
async fn checked(fork: Fork) -> Value {
    let database = fork.restore(MariaDb::shared()).await;
    let (code, checked) = check(&database).await;
    assert_eq!(code, Some(0), "{checked:#}");
    checked
}
