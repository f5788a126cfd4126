//! Framing of request bodies.

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;

/// Returns whether the body has no transfer coding except `chunked`, once (RFC 9112 section 6.1).
/// Two servers in a row could disagree about the end of a body with any other.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}
