//! How the end of a request's body is told.

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;

/// Whether the body is in no transfer coding but `chunked`, once (RFC 9112
/// section 6.1): two servers in a row could tell the end of any other
/// differently.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}
