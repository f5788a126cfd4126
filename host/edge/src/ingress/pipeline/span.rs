//! Span attributes of a request: the fields of its access log line, under OpenTelemetry's names.

use opentelemetry::KeyValue;

use super::access_log::Line;
use crate::telemetry::method_name;
use crate::telemetry::traces::{Work, text};

/// Sets the attributes of the span for the request of `line`.
pub(super) fn describe(work: &mut Work, line: &Line<'_>) {
    let method = method_name(line.method);
    work.set([
        text("http.request.method", method),
        text("url.path", line.path.to_owned()),
        text("edge.request_id", line.request_id.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(line.status.as_u16())),
    ]);
    if !line.route.is_empty() {
        work.set([text("http.route", line.route.to_owned())]);
    }
    work.rename(format!("{method} {}", line.route).trim_end().to_owned());
    if let Some(release) = line.release {
        let (name, version) = (&release.manifest.name, &release.version);
        work.set([
            text("edge.plugin", name.clone()),
            text("edge.release", format!("{name}@{version}")),
        ]);
    }
    if line.status.is_server_error() {
        work.fail("5xx");
    }
}
