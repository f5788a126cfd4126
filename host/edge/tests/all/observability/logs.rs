//! Logs at their most talkative hold no secret of anybody: a node of the
//! binary meets a shopper, mistakes and refusals, and then every word that it
//! wrote is searched for all that was to be kept.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use std::net::SocketAddr;
use std::time::Duration;
use test_servers::{MariaDb, Redis};

use crate::harness::{Reply, Running, data_folder, edge, exchange, fixture, leaks};
use crate::mail::server::MailServer;
use crate::shop::stripe::{SECRET_KEY, Stripe, WEBHOOK_SECRET};

const PASSWORD: &str = "battery staple of Ada";
const WRONG_PASSWORD: &str = "battery staple of Eve";
const EMAIL: &str = "ada.lovelace@analytical.example";
const CARD: &str = "4242424242424242";
const CVC: &str = "90817263";
const DATABASE_PASSWORD: &str = "hunter2ofthedatabase";
const SMTP_PASSWORD: &str = "hunter2ofthepost";
const ADMIN_TOKEN: &str = "hunter2-of-the-operators";
const WRONG_ADMIN_TOKEN: &str = "hunter2-of-somebody-else";
const COLLECTORS_KEY: &str = "hunter2-of-the-collector";
const SHOPS_SECRET: &str = "hunter2 of the shop that is long enough";
const TOKEN_SECRET: &str = "hunter2 of the tokens that is long enough";

/// All there is to log, but for the compiler's own: it knows no secrets, and
/// says more than a disk holds.
const FILTER: &str = "trace,cranelift_codegen=info,cranelift_frontend=info,regalloc2=info,\
    wasmtime=info,wasmtime_environ=info,wasmtime_internal_cranelift=info,wasmparser=info";

/// Everything that was told in confidence.
const SECRETS: [&str; 14] = [
    PASSWORD,
    WRONG_PASSWORD,
    EMAIL,
    CARD,
    CVC,
    DATABASE_PASSWORD,
    SMTP_PASSWORD,
    ADMIN_TOKEN,
    WRONG_ADMIN_TOKEN,
    COLLECTORS_KEY,
    SHOPS_SECRET,
    TOKEN_SECRET,
    SECRET_KEY,
    WEBHOOK_SECRET,
];

/// Somebody with a plain HTTP client.
struct Visitor {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    token: Option<String>,
}

impl Visitor {
    fn of(address: SocketAddr) -> Self {
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            token: None,
        }
    }

    async fn ask(&self, method: Method, target: &str, fields: &Value) -> Reply {
        let request = Request::builder().method(method);
        self.send(request, target, fields.to_string()).await
    }

    async fn send(&self, request: http::request::Builder, target: &str, body: String) -> Reply {
        let mut request = request
            .uri(format!("http://{}{target}", self.address))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("user-key", token);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let reply = exchange(&self.client, request).await;
        reply.unwrap_or_else(|error| panic!("{error:#}"))
    }

    async fn post(&self, target: &str, fields: Value) -> Reply {
        self.ask(Method::POST, target, &fields).await
    }
}

/// A database whose user has a password.
async fn database() -> String {
    let url = MariaDb::shared().database();
    let mut root = MySqlConnection::connect(&url).await.expect("a connection");
    let name = url.rsplit('/').next().expect("a name");
    let statements = [
        format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{DATABASE_PASSWORD}'"),
        format!("GRANT ALL ON {name}.* TO '{name}'@'%'"),
    ];
    for statement in statements {
        let made = root.execute(AssertSqlSafe(statement)).await;
        made.expect("a user");
    }
    url.replace("root@", &format!("{name}:{DATABASE_PASSWORD}@"))
}

/// From registration to a paid order, with what goes wrong on the way.
async fn shop_around(visitor: &mut Visitor) -> Vec<String> {
    let account = json!({ "name": "Ada", "email": EMAIL, "password": PASSWORD, "cvc": CVC });
    visitor
        .post("/customers", account.clone())
        .await
        .assert_status(200);
    visitor.post("/customers", account).await.assert_status(400);
    let wrong = json!({ "email": EMAIL, "password": WRONG_PASSWORD });
    visitor
        .post("/customers/login", wrong)
        .await
        .assert_status(400);
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let session = visitor.post("/customers/login", right).await.json();
    let token = session["accessToken"].as_str().expect("a token").to_owned();

    visitor.token = Some(format!("{token}x"));
    visitor
        .ask(Method::GET, "/customer", &Value::Null)
        .await
        .assert_status(401);
    visitor.token = Some(token.clone());
    let card = json!({ "credit_card": CARD, "cvc": CVC });
    visitor
        .ask(Method::PUT, "/customers/creditCard", &card)
        .await
        .assert_status(200);
    let cut = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","credit_card":"{CARD}"#);
    for target in ["/customers", "/customers/login", "/stripe/charge"] {
        let reply = visitor
            .send(Request::builder().method(Method::POST), target, cut.clone())
            .await;
        assert!(reply.status >= 400, "{reply:?}");
    }
    let query = format!("/products?email={EMAIL}&card={CARD}&password=hunter2&key={SECRET_KEY}");
    visitor.ask(Method::GET, &query, &Value::Null).await;

    let cart = visitor
        .ask(Method::GET, "/shoppingcart/generateUniqueId", &Value::Null)
        .await;
    let cart = cart.json()["cart_id"].clone();
    let item = json!({ "cart_id": cart, "product_id": 2, "attributes": "L" });
    visitor
        .post("/shoppingcart/add", item)
        .await
        .assert_status(200);
    let cart_id = cart.as_str().expect("an id").to_owned();
    // A cart's id is the key to it, wherever in a path it stands.
    for target in [
        format!("/shoppingcart/{cart_id}"),
        format!("/api/v1/shoppingcart/totalAmount/{cart_id}"),
        format!("/shoppingcart/nonsense/{cart_id}/x"),
        format!("/shoppingcart/{cart_id}/"),
        format!("/ShoppingCart/{cart_id}"),
    ] {
        visitor.ask(Method::GET, &target, &Value::Null).await;
    }
    let order = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
    let order = visitor.post("/orders", order).await.json()["orderId"].clone();
    let detail = visitor
        .ask(
            Method::GET,
            &format!("/orders/shortDetail/{order}"),
            &Value::Null,
        )
        .await
        .json();
    let total = detail["total_amount"]
        .as_str()
        .expect("an amount")
        .replace('.', "");
    for (stripe_token, status) in [("tok_chargeDeclined", 402), ("tok_visa", 200)] {
        let charge = json!({
            "stripeToken": stripe_token, "order_id": order, "description": EMAIL,
            "amount": total.parse::<u64>().expect("cents"),
        });
        visitor
            .post("/stripe/charge", charge)
            .await
            .assert_status(status);
    }
    let event = json!({ "id": "evt_1", "secret": WEBHOOK_SECRET });
    visitor
        .post("/stripe/webhooks", event)
        .await
        .assert_status(400);
    vec![token, cart_id]
}

/// An operator, and somebody who is none.
async fn operate(address: SocketAddr) {
    let visitor = Visitor::of(address);
    for (token, status) in [(WRONG_ADMIN_TOKEN, 401), (ADMIN_TOKEN, 200)] {
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        let reply = visitor.send(request, "/v1/status", String::new()).await;
        reply.assert_status(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_however_talkative_the_log() {
    let mail = MailServer::start().await;
    let stripe = Stripe::start();
    let folder = data_folder();
    let plugins = ["customer", "order", "payment", "product"]
        .map(|name| fixture(&format!("../{name}")).path().display().to_string());
    let mut command = edge(folder.path());
    command
        .envs(stripe.settings())
        // Where the components are compiled already.
        .env("EDGE_DATA_DIR", folder.path())
        .env("EDGE_PLUGINS", plugins.join(","))
        .env("EDGE_LOG_FILTER", FILTER)
        .env("EDGE_LOG_FORMAT", "json")
        .env("EDGE_RATE_LIMITS", "off")
        .env("EDGE_ADMIN_TOKENS", format!("tester:{ADMIN_TOKEN}"))
        .env("EDGE_SECRET", SHOPS_SECRET)
        .env("EDGE_TOKEN_KEYS", format!("test:{TOKEN_SECRET}"))
        .env("DATABASE_URL", database().await)
        .env("REDIS_URL", Redis::shared().database())
        .env(
            "SMTP_URL",
            mail.url()
                .replace("smtp://", &format!("smtp://ada:{SMTP_PASSWORD}@")),
        )
        // Nobody is there.
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            format!("api-key={COLLECTORS_KEY}"),
        )
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    node.wire().await;
    let mut visitor = Visitor::of(node.address());
    let tokens = shop_around(&mut visitor).await;
    operate(node.admin_address()).await;
    // The confirmation of the payment is sent by the schedule, or is not.
    node.line(|line| line.contains("\"task\":\"mail\"") || line.contains("mail "));
    tokio::time::sleep(Duration::from_secs(1)).await;

    let written = node.end().await;
    assert!(
        written.contains("\"level\":\"TRACE\""),
        "nothing was traced"
    );
    assert!(written.contains("/customers/login"), "nothing was logged");
    for path in ["/shoppingcart/***", "/shoppingcart/totalAmount/***"] {
        assert!(written.contains(path), "{path} is missing");
    }
    for secret in SECRETS
        .iter()
        .copied()
        .chain(tokens.iter().map(String::as_str))
    {
        let line = written.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret:?} was logged");
    }
    let found = written
        .lines()
        .find_map(|line| Some((leaks::leak(line)?, line)));
    assert_eq!(found, None);
}
