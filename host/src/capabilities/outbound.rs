//! `wasi:http` calls out of a plugin, to the origins that its manifest
//! grants, behind the fast door and behind both standard ones.
//!
//! The interface is linked for every plugin, because the toolchains of
//! several languages import it into every component, used or not.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, Uri};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::egress::http::{HttpClient, Origin};
use crate::runtime::Session;

/// Where a plugin may call, and with what.
#[derive(Clone)]
pub struct Outbound {
    /// The node's client.
    pub client: Arc<HttpClient>,
    /// What was granted.
    pub origins: Arc<[Origin]>,
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Session {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _outcome: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let admitted = self.admit(request.uri());
        Box::new(async move {
            let (client, deadline) = admitted?;
            let options = options.unwrap_or_default();
            let response = client.send(request, options, deadline.into()).await?;
            // The connection has a task of its own: there is nothing to drive.
            let done = async { Ok(()) };
            Ok((response, Box::new(done) as Box<_>))
        })
    }
}

impl Session {
    /// The client for a call to `uri`, if it is granted, and until when the
    /// call may take.
    fn admit(&mut self, uri: &Uri) -> Result<(Arc<HttpClient>, Instant), Error> {
        // Nothing was sent, and this code says so.
        self.count_host_call()
            .map_err(|_| Error::ConnectionLimitReached)?;
        let outbound = self.granted().outbound.as_ref();
        let granted = outbound.filter(|out| out.origins.iter().any(|origin| origin.holds(uri)));
        let client = granted.ok_or(Error::HttpRequestDenied)?.client.clone();
        Ok((client, self.call().host_deadline()))
    }
}
