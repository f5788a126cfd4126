//! Requests, as plugins read them: target, content type and body. Nothing but
//! an answer or a refusal by the client's fault comes out, and where a plugin
//! reads a field, the host has counted the same.
//!
//! Of the input, the first line is the target, the second the content type, and
//! all else the body.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use edge_sdk::{Failure, Request, Response, Result, Router, testing};
use libfuzzer_sys::fuzz_target;
use stores::limiter::body_field;

const UNFIT: Failure = Failure::malformed("unfit");

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .post("/rows", fields)
        .post("/rows/{row_id}", one)
        .post("/rows/{row_id}/parts/{part}", one)
});

#[derive(serde::Deserialize)]
struct Form {
    email: String,
    #[serde(rename = "rating")]
    _rating: Option<u8>,
    #[serde(rename = "price")]
    _price: Option<f64>,
    #[serde(rename = "accepted")]
    _accepted: Option<bool>,
}

fn fields(request: &Request) -> Result<Response> {
    request.page().ok();
    request.order_by(&["name", "row_id"]).ok();
    request.query("email").ok();
    let fields = request.fields()?;
    fields.required(&["email"])?;
    let form: Form = fields.parse()?;
    assert_eq!(fields.get("email"), Some(form.email.as_str()));
    let content_type = request.header("content-type").unwrap_or_default();
    let body = Bytes::copy_from_slice(request.body());
    let host = body_field(Some(content_type), &body, "email");
    assert_eq!(
        host.as_deref(),
        Some(form.email.as_str()),
        "counted as another"
    );
    Response::json(&form.email)
}

fn one(request: &Request) -> Result<Response> {
    let id = request.id_param("row_id")?;
    assert!(id > 0, "an id of no row");
    let part = request.param("part")?;
    if part.is_empty() {
        Err(UNFIT)
    } else {
        Response::json(part)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == b'\n');
    let mut text = || String::from_utf8(parts.next().unwrap_or_default().to_vec());
    let (Ok(target), Ok(content_type)) = (text(), text()) else {
        return;
    };
    // Nothing else is a header's value, and so comes to a plugin.
    if content_type.parse::<http::HeaderValue>().is_err() {
        return;
    }
    let body = parts.next().unwrap_or_default();
    let request = testing::post(&target, &content_type, body);
    match ROUTER.dispatch(request) {
        Ok(response) => assert_eq!(response.status, 200),
        Err(failure) => assert!((400..500).contains(&failure.status), "{failure:?}"),
    }
});
