//! Replies to HEAD: the header fields of the reply to GET, without its body.

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use http_body_util::{Either, Full};

use crate::runtime::Body;

/// Removes the body of a reply and sets its length as `Content-Length`. The length of a body that
/// the plugin left out is unknown, and an empty body needs none.
pub(super) fn drop_body(response: &mut Response<Body>) {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Either::Left(Full::new(Bytes::new()));
}
