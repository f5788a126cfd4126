//! Operations in progress, each counted and traced until it ends.

use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::demotion::Demotion;
use super::ledger::{Effect, Ledger, Unshareable};
use super::operation::{AsOutcome, Interface, Operation, Outcome};
use super::stats::Stats;
use crate::telemetry::traces::{Kind, Span, SpanContext, text};

/// Operation in progress, counted when it is dropped: as [`Outcome::Cancelled`] unless another
/// outcome was set.
pub struct HostCall {
    stats: Arc<Stats>,
    demotion: Demotion,
    ledger: Arc<Ledger>,
    operation: Operation,
    began: Instant,
    span: Option<Span>,
    outcome: Outcome,
}

impl HostCall {
    /// Starts an operation of a plugin on behalf of `call`.
    pub(crate) fn begin(
        stats: &Arc<Stats>,
        call: &Call,
        operation: Operation,
        system: &'static str,
    ) -> Self {
        // What a query depends on is noted with its result.
        if operation != Operation::SqlQuery {
            let interface = operation.interface();
            call.ledger.note_unshareable(Unshareable::Used(interface));
        }
        Self {
            stats: stats.clone(),
            demotion: call.demotion.clone(),
            ledger: call.ledger.clone(),
            operation,
            began: Instant::now(),
            span: (call.trace.as_ref()).and_then(|trace| span(trace, operation, system)),
            outcome: Outcome::Cancelled,
        }
    }

    /// Returns the span of the operation; `None` if the trace is not sampled.
    pub fn span(&mut self) -> Option<&mut Span> {
        self.span.as_mut()
    }

    /// Ends the operation with this outcome.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Ends the operation with the outcome of this result, and returns the result.
    pub fn with<T, E: AsOutcome>(self, result: Result<T, E>) -> Result<T, E> {
        self.ended(
            result
                .as_ref()
                .err()
                .map_or(Outcome::Ok, AsOutcome::as_outcome),
        );
        result
    }
}

impl Drop for HostCall {
    fn drop(&mut self) {
        let effect = Effect {
            operation: self.operation,
            outcome: self.outcome,
            took: self.began.elapsed(),
        };
        self.stats.host_calls().count(effect);
        self.ledger.add(effect);
        if self.outcome.is_plugins() {
            self.demotion.set();
        }
        if let Some(span) = self.span.as_mut().filter(|_| self.outcome != Outcome::Ok) {
            span.set_error(self.outcome.name());
        }
    }
}

fn span(trace: &SpanContext, operation: Operation, system: &'static str) -> Option<Span> {
    let (interface, name) = (operation.interface(), operation.name());
    let is_database = matches!(interface, Interface::Sql | Interface::Keyvalue);
    let kind = if is_database || interface == Interface::Outbound {
        Kind::Client
    } else {
        Kind::Internal
    };
    let mut span = trace.child(kind, || format!("{} {name}", interface.name()).into())?;
    if is_database {
        span.set_attributes([
            text("db.system.name", system),
            text("db.operation.name", name),
        ]);
    }
    Some(span)
}
