//! The database capability, on every database that there is: each test runs
//! once on SQLite, once on MariaDB and once on MySQL.

mod bounds;
mod column_types;
mod congestion;
mod connections;
mod contention;
mod deadlock;
mod endless;
mod generated;
mod grants;
mod lexing;
mod migrations;
mod outage;
mod pool;
mod replica;
mod transactions;
mod users;
mod values;

use edge::config::Settings;
use http::{Method, Request};
use serde_json::{Value, json};
use test_servers::MariaDb;
use url::form_urlencoded;

use crate::harness::{Reply, TestNode, data_folder, fixture, variant};

/// A database of its own for each test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Sqlite,
    MariaDb,
    MySql,
    /// MariaDB, on whichever server the others run.
    MariaDbAlways,
}

impl Store {
    /// The URL of a new database of a server; none of a file.
    fn server_url(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::MariaDb => Some(MariaDb::shared().database()),
            Self::MySql => Some(MariaDb::shared_mysql().database()),
            Self::MariaDbAlways => Some(MariaDb::shared_mariadb().database()),
        }
    }
}

/// Make each of the named functions, which take a [`Store`], a test on SQLite,
/// one on MariaDB and one on MySQL.
macro_rules! on_all_stores {
    ($($test:ident),* $(,)?) => {
        on_all_stores! { sqlite Sqlite $($test)* }
        on_all_stores! { mariadb MariaDb $($test)* }
        on_all_stores! { mysql MySql $($test)* }
    };
    ($module:ident $store:ident $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(crate::sql::Store::$store).await;
                }
            )*
        }
    };
}
use on_all_stores;

/// A node with the ledger on a database of its own.
struct Ledger {
    node: TestNode,
}

impl Ledger {
    /// The ledger with `changes` made to its manifest.
    async fn start(store: Store, changes: &str) -> Self {
        let plugins = [fixture("hello"), variant("ledger", changes)];
        let node = TestNode::start(&plugins, |settings| {
            if let Some(url) = store.server_url() {
                settings.database_url = url;
            }
        });
        Self { node: node.await }
    }

    /// The ledger on a table that it may only read, and which is there; on
    /// SQLite in the folder.
    async fn start_reading(store: Store) -> (Self, tempfile::TempDir) {
        let data = data_folder();
        let file = || format!("sqlite://{}", data.path().join("shop.sqlite").display());
        let url = store.server_url().unwrap_or_else(file);
        let start = async |plugin| {
            let set = |settings: &mut Settings| settings.database_url.clone_from(&url);
            TestNode::start_in(data.path(), &[plugin], set).await
        };
        start(variant("ledger", "")).await.stop().await;
        let reading = variant("ledger", "[grants.database]\nwrite = []");
        std::fs::remove_dir_all(reading.path().join("migrations")).expect("it was there");
        let node = start(reading).await;
        (Self { node }, data)
    }

    /// Add an entry with these fields besides those that every entry needs.
    async fn add(&self, name: &str, fields: Value) -> Reply {
        let mut entry = json!({
            "name": name, "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z",
        });
        for (key, value) in fields.as_object().expect("fields") {
            entry[key] = value.clone();
        }
        self.node.post("/ledger/entries", entry.to_string()).await
    }

    /// Every entry, oldest first.
    async fn entries(&self) -> Vec<Value> {
        let reply = self.node.get("/ledger/entries").await;
        reply.assert_status(200);
        reply.json().as_array().expect("a list").clone()
    }

    /// The names of all entries, oldest first.
    async fn names(&self) -> Vec<String> {
        let name = |entry: &Value| entry["name"].as_str().expect("a name").to_owned();
        self.entries().await.iter().map(name).collect()
    }

    /// Two entries in a transaction that ends as told.
    async fn two(&self, name: &str, then: &str) -> Reply {
        let target = format!("/ledger/two?name={name}&then={then}");
        self.node.request(Method::POST, &target).await
    }

    /// What a SELECT finds: columns and rows, or an error.
    async fn query(&self, sql: &str) -> Value {
        self.run(Method::GET, sql).await
    }

    /// What a change did, or an error.
    async fn execute(&self, sql: &str) -> Value {
        self.run(Method::POST, sql).await
    }

    async fn run(&self, method: Method, sql: &str) -> Value {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("sql", sql)
            .finish();
        let target = self.node.url(&format!("/ledger/run?{query}"));
        let request = Request::builder().method(method).uri(target);
        let reply = self.node.send(request, "").await;
        reply.assert_status(200);
        reply.json()
    }
}
