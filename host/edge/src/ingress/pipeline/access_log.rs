//! The access log, with one line for each request.

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, StatusCode};

use crate::config::AccessLog;
use crate::rollout::Release;
use crate::telemetry::traces::SpanContext;

/// Fields of an access log line, known when the reply begins.
pub(super) struct Line<'a> {
    pub(super) request_id: &'a str,
    pub(super) trace: Option<SpanContext>,
    pub(super) method: &'a Method,
    /// Path without the query, which may hold secrets, and without the values of secret parameters.
    pub(super) path: &'a str,
    pub(super) route: &'a str,
    pub(super) release: Option<&'a Release>,
    pub(super) status: StatusCode,
    pub(super) began: Instant,
    pub(super) client: IpAddr,
}

impl Line<'_> {
    pub(super) fn write(&self, which: AccessLog) {
        let wanted = match which {
            AccessLog::All => true,
            AccessLog::Errors => self.status.is_server_error(),
            AccessLog::Off => false,
        };
        if !wanted {
            return;
        }
        let manifest = self.release.map(|release| &release.manifest);
        tracing::info!(
            target: "access",
            request_id = self.request_id,
            trace_id = self.trace.as_ref().map(SpanContext::id),
            method = self.method.as_str(),
            path = self.path,
            route = self.route,
            plugin = manifest.map_or("", |manifest| manifest.name.as_str()),
            version = self.release.map_or("", |release| release.version.as_str()),
            status = self.status.as_u16(),
            duration_ms = self.began.elapsed().as_secs_f64() * 1e3,
            client = %self.client,
        );
    }
}
