//! Login by Facebook, against a Graph API of the tests' own.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use edge::config::Settings;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Shop, Shopper};
use crate::harness::Reply;

/// The only app whose tokens the shop takes.
const APP: &str = "app-of-the-shop";

/// Serve the Graph API for as long as the test runs.
async fn graph() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            // The node hangs up when its test ends.
            tokio::spawn(async { serving.await.ok() });
        }
    });
    address
}

/// What the Graph API says of a token, which tells what it is for.
async fn answer(request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let token = request.headers().get(AUTHORIZATION);
    let token = token.and_then(|token| token.to_str().ok()).unwrap_or("");
    let token = token.strip_prefix("Bearer ").unwrap_or("").to_owned();
    let refusal = |code: i64| (400, json!({ "error": { "message": "no", "code": code } }));
    let (status, body) = match (request.uri().path(), token.as_str()) {
        (_, "forged") => refusal(190),
        (_, "busy") => refusal(4),
        ("/v21.0/app", "of-another-app") => (200, json!({ "id": "another" })),
        ("/v21.0/app", _) => (200, json!({ "id": APP })),
        ("/v21.0/me", "without-email") => (200, json!({ "id": "11", "name": "Nameless" })),
        ("/v21.0/me", "no-profile") => (200, json!([1, 2])),
        ("/v21.0/me", email) => (200, json!({ "id": "10", "name": "Ada", "email": email })),
        (path, _) => panic!("nobody asks for {path}"),
    };
    let response = Response::builder().status(status);
    Ok(response
        .body(Full::from(body.to_string()))
        .expect("a response"))
}

async fn log_in(shopper: &Shopper<'_>, token: &str) -> Reply {
    let fields = json!({ "access_token": token });
    shopper.post("/customers/facebook", &fields).await
}

async fn shops() -> [Shop; 2] {
    let base = format!("http://{}", graph().await);
    Shop::both_with(|settings: &mut Settings| {
        let config = &mut settings.plugin_config.0;
        config.insert("FACEBOOK_GRAPH_BASE".to_owned(), base.clone());
        config.insert("FACEBOOK_APP_ID".to_owned(), APP.to_owned());
    })
    .await
}

#[tokio::test]
async fn a_profile_is_one_customer_however_often_it_logs_in() {
    for shop in shops().await {
        let mut guest = shop.guest();
        let first = guest.success(&log_in(&guest, "ada@facebook.example").await);
        assert_eq!(first["customer"]["name"], "Ada");
        assert_eq!(first["customer"]["email"], "ada@facebook.example");
        assert_eq!(first["expires_in"], "24h");

        // Facebook's address may change; the person stays.
        let again = guest.success(&log_in(&guest, "new@facebook.example").await);
        let id = &first["customer"]["customer_id"];
        assert_eq!(&again["customer"]["customer_id"], id);

        guest.token = again["accessToken"].as_str().map(str::to_owned);
        let customer: Value = guest.success(&guest.get("/customer").await);
        assert_eq!(&customer["customer_id"], id);

        // There is no password to log in with.
        guest.token = None;
        let fields = json!({ "email": "ada@facebook.example", "password": "anything at all" });
        let reply = guest.post("/customers/login", &fields).await;
        assert_eq!(reply.json()["error"]["code"], "USR_01", "{reply:?}");
    }
}

/// A token that anybody's app got is nobody's login, so there has to be an app.
#[tokio::test]
async fn without_an_app_of_the_shop_nobody_logs_in() {
    let base = format!("http://{}", graph().await);
    for app in [None, Some(""), Some(" ")] {
        let shops = Shop::both_with(|settings: &mut Settings| {
            let config = &mut settings.plugin_config.0;
            config.insert("FACEBOOK_GRAPH_BASE".to_owned(), base.clone());
            config.remove("FACEBOOK_APP_ID");
            let app = app.map(str::to_owned);
            config.extend(app.map(|app| ("FACEBOOK_APP_ID".to_owned(), app)));
        });
        for shop in shops.await {
            let guest = shop.guest();
            let reply = log_in(&guest, "ada@facebook.example").await;
            reply.assert_refusal(503);
            let message = reply.json()["error"]["message"].to_string();
            assert!(message.contains("FACEBOOK_APP_ID"), "{message}");
            assert_eq!(shop.stores.database.count("customer").await, 0);
        }
    }
}

/// Whoever had got in by Facebook is out when the customer sets a password.
#[tokio::test]
async fn a_new_password_ends_the_login_through_facebook() {
    for shop in shops().await {
        let mut guest = shop.guest();
        let email = "ada@facebook.example";
        let session = guest.success(&log_in(&guest, email).await);
        guest.token = session["accessToken"].as_str().map(str::to_owned);
        let fields = json!({ "name": "Ada", "email": email, "password": "correct horse" });
        let changed = guest.success(&guest.put("/customer", &fields).await);
        let reply = log_in(&guest, email).await;
        assert_eq!(reply.json()["error"]["code"], "USR_04", "{reply:?}");
        guest.token = changed["accessToken"].as_str().map(str::to_owned);
        guest.success(&guest.get("/customer").await);
        let login = json!({ "email": email, "password": "correct horse" });
        guest.success(&guest.post("/customers/login", &login).await);
    }
}

#[tokio::test]
async fn what_facebook_does_not_vouch_for_is_refused() {
    for shop in shops().await {
        let customer = shop.customer().await;
        let guest = shop.guest();
        let cases = [
            ("forged", 401, "AUT_02"),
            ("of-another-app", 401, "AUT_02"),
            ("without-email", 400, "USR_03"),
            // Facebook does not prove whose address that is.
            (customer.email.as_str(), 400, "USR_04"),
            ("busy", 503, "HTTP_503"),
            ("no-profile", 503, "HTTP_503"),
        ];
        for (token, status, code) in cases {
            let reply = log_in(&guest, token).await;
            assert_eq!(reply.status, status, "{token}: {reply:?}");
            assert_eq!(reply.json()["error"]["code"], code, "{token}");
            let retry = reply.header("retry-after").is_some();
            assert_eq!(retry, status == 503, "{token}");
        }
    }
}
