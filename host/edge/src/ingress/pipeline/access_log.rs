//! The access log, with one line for each request.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use http::{Method, StatusCode};
use strum::VariantArray;

use crate::config::AccessLog;
use crate::guest::{Interface, Ledger};
use crate::reply_cache::Outcome;
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
    pub(super) ledger: &'a Ledger,
    pub(super) cache: Option<&'a Outcome>,
}

impl Line<'_> {
    /// Returns the request and what it cost in one line, such as `GET /products/77 200 1.2 ms · cpu 64
    /// µs · 1 sql 0.3 ms · 1.1 MiB · cache hit`.
    fn costs(&self) -> String {
        let (method, path, status) = (self.method, self.path, self.status.as_u16());
        let mut line = format!("{method} {path} {status} {}", short(self.began.elapsed()));
        let (cpu, memory) = self.ledger.usage();
        if !cpu.is_zero() {
            line += &format!(" · cpu {}", short(cpu));
        }
        for interface in Interface::VARIANTS {
            let (count, took) = self.ledger.total(*interface);
            if count > 0 {
                line += &format!(" · {count} {} {}", interface.name(), short(took));
            }
        }
        if memory > 0 {
            line += &format!(" · {}", ByteSize(memory as u64));
        }
        if let Some(cache) = self.cache {
            line += &format!(" · cache {}", cache.summary());
        }
        line
    }

    pub(super) fn write(&self, which: AccessLog) {
        let wanted = match which {
            AccessLog::Costs => {
                tracing::info!(target: "access", "{}", self.costs());
                return;
            }
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

/// Returns a time in microseconds below a millisecond, and in milliseconds above.
fn short(time: Duration) -> String {
    match time < Duration::from_millis(1) {
        true => format!("{} µs", time.as_micros()),
        false => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (micros, text) in [(64, "64 µs"), (999, "999 µs"), (1240, "1.2 ms")] {
            assert_eq!(short(Duration::from_micros(micros)), text);
        }
    }
}
