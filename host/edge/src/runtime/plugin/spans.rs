//! Spans of requests and calls that a release answers.

use super::Plugin;
use crate::guest::call::{Call, CallError};
use crate::guest::shared::Shared;
use crate::telemetry::traces::{Span, text};

impl Plugin {
    /// Opens the span of a call of this plugin.
    pub(super) fn begin_span(
        &self,
        call: &mut Call,
        name: impl FnOnce() -> String,
    ) -> Option<Span> {
        let mut span = call.enter(name)?;
        let Shared { name, version, .. } = &*self.shared;
        span.set_attributes([
            text("edge.plugin", name.to_string()),
            text("edge.release", format!("{name}@{version}")),
        ]);
        Some(span)
    }

    /// Counts the reason of a failed call, and ends the call's span.
    pub(super) fn record_outcome(&self, span: Option<Span>, error: Option<&CallError>) {
        let Some(error) = error else { return };
        self.stats().count_reason(error.reason());
        if let Some(mut span) = span {
            span.set_error(error.reason());
        }
    }
}
