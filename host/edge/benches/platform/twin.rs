//! The native twin: the same answers from the same crates and queries, by the
//! same HTTP server, without any Wasm, limits or log. What it is faster by is
//! the price of the platform.

mod counts;
mod database;
mod hello;
mod products;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use products::Shop;

/// Be the twin: `ADDRESS [DATABASE-URL CONNECTIONS]`.
pub fn run(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let address = arguments.next().context("no address")?.parse()?;
    let url = arguments.next();
    let connections = arguments
        .next()
        .map(|text| text.parse())
        .transpose()?
        .unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let shop = match url {
            Some(url) => Some(Arc::new(Shop::open(&url, connections).await?)),
            None => None,
        };
        serve(address, shop).await
    })
}

async fn serve(address: SocketAddr, shop: Option<Arc<Shop>>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let builder = Arc::new(builder());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (builder, shop) = (builder.clone(), shop.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let shop = shop.clone();
                async move { Ok::<_, Infallible>(reply(&request, shop.as_deref()).await) }
            });
            // Ends when the client leaves, in whatever way.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The node's settings of hyper.
fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(128 * 1024);
    builder
}

/// The fields that a node adds to every reply, as long as there.
const REQUEST_ID: HeaderName = HeaderName::from_static("edge-request-id");
const RELEASE: HeaderName = HeaderName::from_static("edge-release");

async fn reply(request: &Request<Incoming>, shop: Option<&Shop>) -> Response<Full<Bytes>> {
    let (status, content_type, body) = match answer(request, shop).await {
        Ok((content_type, body)) => (StatusCode::OK, content_type, body),
        Err(error) => {
            let text = Bytes::from(format!("{error:#}\n"));
            (StatusCode::INTERNAL_SERVER_ERROR, hello::TEXT, text)
        }
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(REQUEST_ID, HeaderValue::from_static("0123456789abcdef"));
    headers.insert(RELEASE, HeaderValue::from_static("product@0.1.0"));
    response
}

/// A content type and a body.
async fn answer(
    request: &Request<Incoming>,
    shop: Option<&Shop>,
) -> anyhow::Result<(&'static str, Bytes)> {
    match (request.uri().path(), shop) {
        ("/hello" | "/hello-fresh", _) => Ok((hello::TEXT, hello::greeting())),
        (path, Some(shop)) => {
            let query = request.uri().query().unwrap_or_default();
            let body = shop.answer(path, query).await?;
            Ok((products::JSON, Bytes::from(body)))
        }
        (path, None) => anyhow::bail!("the twin has no {path}"),
    }
}
