//! A reply's body that counts its request as in flight until it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::timed_io::InFlightGuard;
use crate::runtime;

/// Body of a reply. Size hint and end of stream are those of the inner body, so that hyper can send
/// `Content-Length`.
pub(super) struct ReplyBody {
    body: runtime::Body,
    _busy: InFlightGuard,
}

impl ReplyBody {
    pub(super) fn new(body: runtime::Body, busy: InFlightGuard) -> Self {
        Self { body, _busy: busy }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = <runtime::Body as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
