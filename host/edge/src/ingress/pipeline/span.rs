//! Span attributes of a request: the fields of its access log line, under OpenTelemetry's names.

use opentelemetry::KeyValue;

use super::access_log::Line;
use crate::telemetry::method_name;
use crate::telemetry::traces::{Span, text};

/// Sets the attributes of the span for the request of `line`.
pub(super) fn describe(span: &mut Span, line: &Line<'_>) {
    let method = method_name(line.method);
    span.set_attributes([
        text("http.request.method", method),
        text("url.path", line.path.to_owned()),
        text("edge.request_id", line.request_id.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(line.status.as_u16())),
    ]);
    if !line.route.is_empty() {
        span.set_attributes([text("http.route", line.route.to_owned())]);
    }
    span.rename(format!("{method} {}", line.route).trim_end().to_owned());
    if let Some(release) = line.release {
        let (name, version) = (&release.manifest.name, &release.version);
        span.set_attributes([
            text("edge.plugin", name.clone()),
            text("edge.release", format!("{name}@{version}")),
        ]);
    }
    if line.status.is_server_error() {
        span.set_error("5xx");
    }
}
