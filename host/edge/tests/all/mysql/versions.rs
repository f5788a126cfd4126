//! Servers with which a node cannot work say so when it starts.

use test_servers::MariaDb;

use super::fake::{Answer, FakeMySql, asks_for_facts, facts};
use super::refusal;
use crate::harness::{data_folder, edge, fixture};

/// A server of this version that refuses all that is not asked of its version.
fn server(version: &'static str) -> FakeMySql {
    FakeMySql::start(version, move |statement| match asks_for_facts(statement) {
        true => facts(version),
        false => Answer::Refused(1064, "no such statement"),
    })
}

#[tokio::test]
async fn versions_with_which_no_node_works_are_named_before_anything_else() {
    for (version, part) in [
        ("5.6.51", "MySQL 8.0 or newer is needed"),
        ("5.7.44-log", "MySQL 8.0 or newer is needed"),
        ("5.5.5-10.4.30-MariaDB", "MariaDB 10.5 or newer"),
        ("8.0.11-TiDB-v7.5", "it is TiDB"),
    ] {
        let server = server(version);
        let message = refusal(&server.url()).await;
        for part in [version, part] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
        let asked = server.statements();
        assert!(asked.iter().all(|one| asks_for_facts(one)), "{asked:?}");

        for command in [&["serve"][..], &["secret", "status"]] {
            let data = data_folder();
            let told = crate::harness::refusal(
                edge(data.path())
                    .args(command)
                    .env("EDGE_DATA_DIR", data.path())
                    .env("EDGE_PLUGINS", fixture("ledger").path())
                    .env("DATABASE_URL", server.url()),
            );
            for part in [version, part, "cannot be used"] {
                assert!(told.contains(part), "{command:?}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn versions_that_only_look_old_are_used() {
    for version in ["8.0.mysql_aurora.3.04.0", "5.5.5-11.4.2-MariaDB-log"] {
        let server = server(version);
        let message = refusal(&server.url()).await;
        assert!(!message.contains("newer"), "{message}");
        let asked = server.statements();
        let is_used = asked.iter().any(|one| one.starts_with("SET autocommit"));
        assert!(is_used, "{version}: {asked:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_named() {
    let server = MariaDb::start_mariadb("version=10.4.34-MariaDB").expect("a server");
    let message = refusal(&server.database()).await;
    assert!(message.contains("10.4.34"), "{message}");
    assert!(message.contains("MariaDB 10.5 or newer"), "{message}");
}

#[tokio::test]
async fn a_server_of_small_packets_is_named() {
    for start in [MariaDb::start_mariadb, MariaDb::start_mysql] {
        let server = start("max_allowed_packet=512K").expect("a server");
        let message = refusal(&server.database()).await;
        assert!(message.contains("max_allowed_packet"), "{message}");
        assert!(message.contains("524288"), "{message}");
    }
}
