//! Nodes of one shop, each a process of its own, and a client of any of them.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_servers::{MariaDb, Redis};

use crate::harness::{
    Operator, PluginFolder, Reply, Running, SECRET, TOKENS, data_folder, edge, exchange, fixture,
    share, variant,
};

const PASSWORD: &str = "correct horse";

/// Orders are looked after often enough for tests.
const ORDER: &str = "[[schedule]]\ntask = \"mail\"\nevery = \"500ms\"\n\n\
    [[schedule]]\ntask = \"release\"\nevery = \"200ms\"\n";

/// Where the nodes of a shop keep what they share.
pub struct Estate {
    pub database: String,
    pub redis: String,
    plugins: Vec<PluginFolder>,
}

impl Estate {
    /// An empty database and an empty Redis.
    pub fn new() -> Self {
        Self::at(MariaDb::shared().database(), Redis::shared().database())
    }

    /// A database and a Redis of somebody's own.
    pub fn at(database: String, redis: String) -> Self {
        let plugins = vec![
            fixture("../customer"),
            variant("../order", ORDER),
            fixture("../payment"),
            fixture("../product"),
        ];
        Self {
            database,
            redis,
            plugins,
        }
    }

    /// Empty stores, for other plugins than the shop's.
    pub fn with(plugins: Vec<PluginFolder>) -> Self {
        Self {
            plugins,
            ..Self::new()
        }
    }

    /// Have `command`, an `edge` without settings, use what the nodes share.
    pub fn configure(&self, command: &mut Command, data: &Path) {
        let folders = self.plugins.iter().map(|plugin| plugin.path());
        let folders: Vec<_> = folders.map(|folder| folder.display().to_string()).collect();
        let folders = folders.join(",");
        command
            .env("EDGE_PLUGINS", folders)
            .env("EDGE_DATA_DIR", data)
            .env("EDGE_ADMIN_TOKENS", TOKENS)
            .env("EDGE_RATE_LIMITS", "off")
            .env("EDGE_RATE_LIMIT", "off")
            .env("EDGE_ACCESS_LOG", "off")
            .env("EDGE_LOG_FORMAT", "json")
            .env("EDGE_SECRET", SECRET)
            .env("DATABASE_URL", &self.database)
            .env("REDIS_URL", &self.redis);
    }

    /// Serve in a new data folder, with more variables.
    pub async fn join(&self, more: &[(&str, &str)]) -> Member {
        self.serve_in(data_folder(), more).await
    }

    /// Serve in this data folder, with more variables.
    pub async fn serve_in(&self, data: TempDir, more: &[(&str, &str)]) -> Member {
        let mut command = edge(data.path());
        command.arg("serve");
        self.configure(&mut command, data.path());
        command.envs(more.iter().copied());
        Member::start(command, data).await
    }
}

/// A node.
pub struct Member {
    pub process: Running,
    pub data: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Member {
    /// Run `command`, and wait until it serves.
    pub async fn start(mut command: Command, data: TempDir) -> Self {
        let started = tokio::task::spawn_blocking(move || {
            let mut process = Running::start(&mut command);
            process.banner();
            process
        });
        let process = started.await.expect("a node");
        drop(process.wire().await);
        share(data.path());
        Self {
            process,
            data,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// End it in order, and return its data folder and all that it wrote.
    pub async fn end(self) -> (TempDir, String) {
        (self.data, self.process.end().await)
    }

    pub fn operator(&self) -> Operator {
        Operator::at(self.process.admin_address())
    }

    /// A request of whoever has this token, with a JSON body unless it is null.
    pub async fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> Reply {
        self.try_ask(method, path, token, body)
            .await
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The same, where the node may be gone.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let uri = format!("http://{}{path}", self.process.address());
        let mut request = Request::builder().method(method).uri(uri);
        if !token.is_empty() {
            request = request.header("user-key", token);
        }
        let text = match body {
            Value::Null => String::new(),
            body => {
                request = request.header("content-type", "application/json");
                body.to_string()
            }
        };
        let request = request.body(Full::new(text.into())).expect("a request");
        exchange(&self.client, request).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Value {
        let reply = self.ask(Method::GET, path, token, &Value::Null).await;
        reply.assert_status(200);
        reply.json()
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        let reply = self.ask(Method::POST, path, token, &body).await;
        reply.assert_status(200);
        reply.json()
    }

    /// A new customer's token.
    pub async fn register(&self, email: &str) -> String {
        let fields = json!({ "name": "Ada", "email": email, "password": PASSWORD });
        token(&self.post("/customers", "", fields).await)
    }

    /// A customer's token.
    pub async fn login(&self, email: &str) -> String {
        let fields = json!({ "email": email, "password": PASSWORD });
        token(&self.post("/customers/login", "", fields).await)
    }

    /// A cart with one piece of a product: its id, and the item's.
    pub async fn fill_cart(&self) -> (String, i64) {
        let made = self.get("/shoppingcart/generateUniqueId", "").await;
        let cart = made["cart_id"].as_str().expect("an id").to_owned();
        let fields = json!({ "cart_id": cart, "product_id": 1, "attributes": "LG, red" });
        let items = self.post("/shoppingcart/add", "", fields).await;
        (cart, items[0]["item_id"].as_i64().expect("an id"))
    }

    /// A new order of one piece of a product.
    pub async fn order(&self, token: &str) -> i64 {
        let (cart, _) = self.fill_cart().await;
        let fields = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let made = self.post("/orders", token, fields).await;
        made["orderId"].as_i64().expect("an id")
    }

    /// The status of an order, as its customer sees it.
    pub async fn status_of(&self, order: i64, token: &str) -> i64 {
        let path = format!("/orders/shortDetail/{order}");
        self.get(&path, token).await["status"]
            .as_i64()
            .expect("a status")
    }
}

fn token(session: &Value) -> String {
    session["accessToken"].as_str().expect("a token").to_owned()
}
