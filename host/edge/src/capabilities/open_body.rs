//! Response body of an outgoing call, which counts as open until the plugin drops the body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

/// Response body with the permit of an open call, released when the body is dropped.
pub(super) struct OpenBody {
    body: WasiBody,
    _permit: OwnedSemaphorePermit,
}

impl OpenBody {
    /// Wraps `body` so that it holds the `permit` until it is dropped.
    pub(super) fn boxed(body: WasiBody, permit: OwnedSemaphorePermit) -> WasiBody {
        let open = Self {
            body,
            _permit: permit,
        };
        open.boxed_unsync()
    }
}

impl Body for OpenBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
