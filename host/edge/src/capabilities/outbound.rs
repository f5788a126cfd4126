//! Outgoing `wasi:http` calls of a plugin to the origins that its manifest grants, for components
//! with any handler.
//!
//! The interface is linked for every plugin, because the toolchains of several languages import it
//! into every component, used or not.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, Uri};
use opentelemetry::KeyValue;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::open_body::OpenBody;
use crate::egress::http::HttpClient;
use crate::guest::{AsOutcome, BODY_CHUNK, HostCall, Operation, Outcome, Session};
use crate::telemetry::traces::text;

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Session {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _outcome: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let mut counting = self.begin_operation(Operation::SendRequest, "");
        let admitted = self.admit(request.uri());
        // No request was sent, as this error code tells the guest.
        let permit = self.open_call().ok_or(Error::ConnectionLimitReached);
        self.trace(&mut counting, &mut request);
        Box::new(async move {
            let sent = async {
                let (client, deadline) = admitted?;
                let permit = permit?;
                let options = options.unwrap_or_default();
                let response = client.send(request, options, deadline.into()).await?;
                Ok(response.map(|body| OpenBody::boxed(body, permit)))
            };
            let sent: Result<Response<WasiBody>, Error> = sent.await;
            if let (Some(span), Ok(response)) = (counting.span(), &sent) {
                let status = i64::from(response.status().as_u16());
                span.set_attributes([KeyValue::new("http.response.status_code", status)]);
            }
            let response = counting.with(sent)?;
            // The connection is driven by a task of its own, so this future has nothing to do.
            let done = async { Ok(()) };
            Ok((response, Box::new(done) as Box<_>))
        })
    }
}

impl AsOutcome for Error {
    fn as_outcome(&self) -> Outcome {
        match self {
            Self::HttpRequestDenied | Self::DestinationIpProhibited => Outcome::Denied,
            Self::ConnectionTimeout
            | Self::ConnectionReadTimeout
            | Self::ConnectionWriteTimeout
            | Self::HttpResponseTimeout
            | Self::DnsTimeout => Outcome::Timeout,
            Self::ConnectionLimitReached
            | Self::HttpRequestBodySize(_)
            | Self::HttpResponseBodySize(_) => Outcome::TooLarge,
            Self::HttpRequestMethodInvalid | Self::HttpRequestUriInvalid => Outcome::Invalid,
            _ => Outcome::Unavailable,
        }
    }
}

impl Session {
    /// Sets the method and the server on the span, and writes the trace context to the request's
    /// header fields. Path and query are left out of the span, since they may hold customers' data.
    fn trace(&self, counting: &mut HostCall, request: &mut Request<WasiBody>) {
        if let Some(span) = counting.span() {
            let method = request.method().to_string();
            let host = request.uri().host().unwrap_or_default().to_owned();
            span.set_attributes([
                text("http.request.method", method),
                text("server.address", host),
            ]);
            span.context().write(request.headers_mut());
        } else if let Some(trace) = &self.call().trace {
            trace.write(request.headers_mut());
        }
    }

    /// Counts one host call, and returns the client for a call to `uri` with the deadline of the
    /// call, or an error if the origin is not granted.
    fn admit(&mut self, uri: &Uri) -> Result<(Arc<HttpClient>, Instant), Error> {
        // No request was sent, as this error code tells the guest.
        self.count_host_call()
            .map_err(|_| Error::ConnectionLimitReached)?;
        let outbound = self.granted().outbound.as_ref();
        let granted = outbound.filter(|out| out.origins.iter().any(|origin| origin.holds(uri)));
        let client = granted.ok_or(Error::HttpRequestDenied)?.client.clone();
        Ok((client, self.call().host_deadline()))
    }
}
