//! Compression of replies, by brotli or gzip, as `accept-encoding` asks for.
//!
//! Only replies that are whole in memory are compressed: the compressor would hold back parts of a
//! stream.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderValue, VARY,
};
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{BodyExt, Either, Full};
use tower::service_fn;
use tower_http::compression::{Compression, CompressionLevel};
use tower_service::Service;

use crate::reply_cache::Entry;
use crate::runtime::Body;

/// Size in bytes from which a reply is compressed. A smaller one fits into a packet anyway.
const LEAST: u64 = 1024;

/// Size in bytes from which a reply is compressed on a thread for blocking work. Smaller ones take
/// less than a millisecond.
const LONG: u64 = 64 << 10;

/// Compression level, at which brotli makes JSON smaller than gzip does, in about equal time.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);

/// `Cache-Control` directive that forbids compressing a reply (RFC 9111 section 5.2.2.6).
const NO_TRANSFORM: &str = "no-transform";

/// Compresses `response` if its content can be compressed and the client, by the header fields of
/// its `request`, accepts that.
pub(super) async fn compress(
    method: &Method,
    request: &HeaderMap,
    mut response: Response<Body>,
    kept: Option<&Entry>,
) -> Response<Body> {
    let Either::Left(body) = response.body() else {
        return response;
    };
    let (body, size) = (body.clone(), body.size_hint().lower());
    // A plugin may have left out the body of a reply to HEAD.
    let is_long = size >= LEAST || (method == Method::HEAD && size == 0);
    if !is_long || !is_compressible(response.headers()) {
        return response;
    }
    let by_encoding = HeaderValue::from_static("accept-encoding");
    response.headers_mut().append(VARY, by_encoding);
    let Some(accepted) = accepted(request).filter(|_| size > 0) else {
        return response;
    };
    let encoded = match kept {
        Some(entry) => encode_once(entry, accepted, body, size).await,
        None => encode_sized(accepted, body, size).await,
    };
    if let Some((coding, bytes)) = encoded {
        response.headers_mut().insert(CONTENT_ENCODING, coding);
        weaken_tag(response.headers_mut());
        *response.body_mut() = Either::Left(Full::new(bytes));
    }
    response
}

/// Encodes the body of a reply that is kept, unless that was done before.
async fn encode_once(
    entry: &Entry,
    accepted: Request<()>,
    body: Full<Bytes>,
    size: u64,
) -> Option<(HeaderValue, Bytes)> {
    let mut values = accepted.headers().get_all(ACCEPT_ENCODING).iter();
    let (Some(value), None) = (values.next().cloned(), values.next()) else {
        return encode_sized(accepted, body, size).await;
    };
    if let Some(encoded) = entry.encoded(&value) {
        return encoded;
    }
    let encoded = encode_sized(accepted, body, size).await;
    entry.keep_encoded(value, encoded.clone());
    encoded
}

/// Encodes a body of `size` bytes, on a thread for blocking work if it is long.
async fn encode_sized(
    accepted: Request<()>,
    body: Full<Bytes>,
    size: u64,
) -> Option<(HeaderValue, Bytes)> {
    if size < LONG {
        return encode(accepted, body).await;
    }
    // The body is in memory, so encoding it never waits.
    let encoding = || encode(accepted, body).now_or_never().flatten();
    let encoded = tokio::task::spawn_blocking(encoding).await;
    encoded.unwrap_or_else(|error| {
        tracing::error!("a reply cannot be compressed: {error}");
        None
    })
}

/// Weakens the entity tag of a reply, since a strong one identifies its exact bytes (RFC 9110
/// section 8.8.3).
fn weaken_tag(headers: &mut HeaderMap) {
    let strong = headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak =
        strong.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

/// Returns a request with the client's `accept-encoding`, or `None` if it has none.
fn accepted(request: &HeaderMap) -> Option<Request<()>> {
    let mut accepted = Request::new(());
    for value in request.get_all(ACCEPT_ENCODING) {
        accepted
            .headers_mut()
            .append(ACCEPT_ENCODING, value.clone());
    }
    (!accepted.headers().is_empty()).then_some(accepted)
}

/// Returns whether the content of a reply is of a type that compression makes smaller.
fn is_compressible(headers: &HeaderMap) -> bool {
    if headers.contains_key(CONTENT_ENCODING) || headers.contains_key(CONTENT_RANGE) {
        return false;
    }
    let mut directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    if directives.any(|directive| directive.trim().eq_ignore_ascii_case(NO_TRANSFORM)) {
        return false;
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = essence.starts_with("text/") && essence != "text/event-stream";
    is_text
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || [
            "application/json",
            "application/javascript",
            "application/xml",
            "application/yaml",
        ]
        .contains(&essence.as_str())
}

/// Encodes the body in the coding that the client prefers. Returns `None` for a body that is sent
/// without encoding.
async fn encode(accepted: Request<()>, body: Full<Bytes>) -> Option<(HeaderValue, Bytes)> {
    let inner =
        service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(body.clone()))));
    let always = |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| true;
    let mut service = Compression::new(inner).quality(LEVEL).compress_when(always);
    let Ok(encoded) = service.call(accepted).await;
    let coding = encoded.headers().get(CONTENT_ENCODING)?.clone();
    match encoded.into_body().collect().await {
        Ok(collected) => Some((coding, collected.to_bytes())),
        Err(error) => {
            tracing::error!("a reply cannot be compressed: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(content_type: &str, bytes: usize) -> Response<Body> {
        let body = Bytes::from("a shirt, ".repeat(bytes / 9 + 1)).slice(..bytes);
        let mut response = Response::new(Either::Left(Full::new(body)));
        let content_type = HeaderValue::from_str(content_type).expect("a value");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    /// Returns the coding of a compressed reply, whether it has `Vary`, and its size in bytes.
    async fn compressed(accept: &str, response: Response<Body>) -> (String, bool, u64) {
        let accept = HeaderValue::from_str(accept).expect("a value");
        let request = HeaderMap::from_iter([(ACCEPT_ENCODING, accept)]);
        let response = compress(&Method::GET, &request, response, None).await;
        let coding = response.headers().get(CONTENT_ENCODING);
        let coding = coding.map_or("", |coding| coding.to_str().expect("text"));
        let varies = response.headers().contains_key(VARY);
        let size = response.body().size_hint().exact().expect("known");
        (coding.to_owned(), varies, size)
    }

    #[tokio::test]
    async fn what_the_client_prefers_is_sent() {
        for (accept, coding) in [
            ("gzip, deflate, br", "br"),
            ("br;q=0.5, gzip", "gzip"),
            ("gzip", "gzip"),
            ("*;q=0", ""),
            ("identity", ""),
            ("br;q=0, gzip;q=0", ""),
            ("snappy", ""),
        ] {
            let (sent, varies, size) = compressed(accept, reply("application/json", 2000)).await;
            assert_eq!(sent, coding, "{accept}");
            assert!(varies, "{accept}");
            assert_eq!(size < 200, !coding.is_empty(), "{accept}: {size}");
        }
    }

    #[tokio::test]
    async fn long_replies_are_compressed_whole() {
        let (coding, _, size) = compressed("br", reply("text/html; charset=utf-8", 1 << 20)).await;
        assert_eq!(coding, "br");
        assert!((10..10_000).contains(&size), "{size}");
    }

    #[tokio::test]
    async fn short_replies_and_other_kinds_stay_as_they_are() {
        for response in [
            reply("application/json", 1023),
            reply("image/png", 5000),
            reply("text/event-stream", 5000),
            reply("application/octet-stream", 5000),
        ] {
            assert_eq!(compressed("br, gzip", response).await.0, "");
        }
        let mut encoded = reply("text/css", 5000);
        let own = HeaderValue::from_static("zstd");
        encoded.headers_mut().insert(CONTENT_ENCODING, own);
        assert_eq!(compressed("br", encoded).await.0, "zstd");
    }

    #[tokio::test]
    async fn a_reply_that_must_not_be_transformed_stays_as_it_is() {
        for cache_control in ["no-transform", "public, No-Transform, max-age=60"] {
            let mut page = reply("text/html", 5000);
            let value = HeaderValue::from_static(cache_control);
            page.headers_mut().insert(CACHE_CONTROL, value);
            let (coding, varies, size) = compressed("br", page).await;
            assert_eq!((coding.as_str(), varies, size), ("", false, 5000));
        }
        let mut page = reply("text/html", 5000);
        let other = HeaderValue::from_static("max-age=60");
        page.headers_mut().insert(CACHE_CONTROL, other);
        assert_eq!(compressed("br", page).await.0, "br");
    }

    #[tokio::test]
    async fn the_tag_of_a_compressed_reply_is_weak() {
        for (accept, own, sent) in [
            ("br", "\"a\"", "W/\"a\""),
            ("br", "W/\"a\"", "W/\"a\""),
            ("identity", "\"a\"", "\"a\""),
        ] {
            let mut page = reply("text/html", 5000);
            page.headers_mut()
                .insert(ETAG, HeaderValue::from_static(own));
            let accept =
                HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            let page = compress(&Method::GET, &accept, page, None).await;
            assert_eq!(page.headers()[ETAG], sent);
        }
    }

    #[tokio::test]
    async fn a_reply_to_head_without_its_body_varies_too() {
        let accept = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("br"))]);
        let bare = compress(&Method::HEAD, &accept, reply("text/html", 0), None).await;
        assert_eq!(bare.headers()[VARY], "accept-encoding");
        assert!(!bare.headers().contains_key(CONTENT_ENCODING));
        let empty = compress(&Method::GET, &accept, reply("text/html", 0), None).await;
        assert!(!empty.headers().contains_key(VARY));
    }
}
