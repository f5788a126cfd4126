//! Body of an incoming reply, with limits on its length and on the time between its parts.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::failure;

/// Body of a reply with its limits.
pub(super) struct BoundedBody {
    incoming: Incoming,
    most: u64,
    left: u64,
    between_bytes: Duration,
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
}

impl BoundedBody {
    /// Limits `incoming` to `most` bytes. Each part has to arrive within `between_bytes`, and the
    /// last one before `deadline`.
    pub(super) fn new(
        incoming: Incoming,
        most: u64,
        between_bytes: Duration,
        deadline: Instant,
    ) -> Self {
        let until = deadline.min(Instant::now() + between_bytes);
        Self {
            incoming,
            most,
            left: most,
            between_bytes,
            deadline,
            timer: Box::pin(tokio::time::sleep_until(until)),
        }
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(Error::HttpResponseBodySize(Some(self.most)))?;
        Ok(())
    }
}

impl Body for BoundedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let until = this.deadline.min(Instant::now() + this.between_bytes);
                this.timer.as_mut().reset(until);
                Poll::Ready(Some(this.count(&frame).map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(failure::from_body(&error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                ready!(this.timer.as_mut().poll(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
