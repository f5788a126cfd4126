//! The catalog as a node serves it.

use edge::config::Settings;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::database::{Database, Store};
use crate::harness::{PluginFolder, Reply, TestNode, fixture};

/// The content type of every reply with a body.
pub const JSON: &str = "application/json; charset=utf-8";

/// A node that serves the catalog from one database.
pub struct Shop {
    pub store: Store,
    pub node: TestNode,
    _database: Option<Database>,
}

impl Shop {
    /// A new shop on each kind of database.
    pub async fn both() -> [Self; 2] {
        let [one, other] = Database::both();
        [Self::new(one).await, Self::new(other).await]
    }

    /// A shop on an empty database.
    async fn new(database: Database) -> Self {
        let mut shop = Self::open(&database).await;
        shop._database = Some(database);
        shop
    }

    /// A shop on a database that outlives it.
    pub async fn open(database: &Database) -> Self {
        Self::open_with(database, |_| {}).await
    }

    /// The same with other settings.
    pub async fn open_with(database: &Database, change: impl FnOnce(&mut Settings)) -> Self {
        let change = |settings: &mut Settings| {
            settings.database_url.clone_from(&database.url);
            change(settings);
        };
        Self {
            store: database.store,
            node: TestNode::start(&[plugin()], change).await,
            _database: None,
        }
    }

    /// GET `path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.node.get(path).await
    }

    /// The JSON that GET `path` brings, which has to be a success.
    pub async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        let store = self.store;
        assert_eq!(reply.status, 200, "{store:?}: {path}: {reply:?}");
        let content_type = reply.header("content-type");
        assert_eq!(content_type, Some(JSON), "{store:?}: {path}");
        reply.json()
    }

    /// Check that GET `path` brings just this.
    pub async fn assert_json(&self, path: &str, expected: &Value) {
        let found = self.json(path).await;
        let store = self.store;
        assert_eq!(&found, expected, "{store:?}: {path}");
    }

    /// Check that `path` is refused with this envelope, and nothing more.
    pub async fn assert_refused(&self, method: Method, path: &str, expected: &Refusal) {
        let reply = self.node.request(method.clone(), path).await;
        expected.assert(&reply, &format!("{:?}: {method} {path}", self.store));
    }
}

/// How the shop refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: &'static str,
    pub field: Option<&'static str>,
}

impl Refusal {
    /// One that names no parameter.
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            field: None,
        }
    }

    /// Check that `reply` is this refusal, and nothing more.
    pub fn assert(&self, reply: &Reply, case: &str) {
        let case = format!("{case}: {reply:?}");
        assert_eq!(reply.status, self.status, "{case}");
        assert_eq!(reply.header("content-type"), Some(JSON), "{case}");
        let mut found = reply.json();
        if self.code.starts_with("HTTP_") {
            let id = found["error"]["request_id"].take();
            assert_eq!(id.as_str(), reply.header("edge-request-id"), "{case}");
        }
        assert_eq!(found, self.envelope(), "{case}");
    }

    /// The same, naming the parameter at fault.
    pub const fn of(self, field: &'static str) -> Self {
        let field = Some(field);
        Self { field, ..self }
    }

    fn envelope(self) -> Value {
        let mut error = json!({
            "status": self.status, "code": self.code, "message": self.message,
        });
        if let Some(field) = self.field {
            error["field"] = field.into();
        }
        if self.code.starts_with("HTTP_") {
            // Its value is another one each time.
            error["request_id"] = Value::Null;
        }
        json!({ "error": error })
    }
}

/// The catalog's plugin.
pub fn plugin() -> PluginFolder {
    fixture("../product")
}

/// Text as it stands in a path or a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
