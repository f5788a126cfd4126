//! Context of one request on its way through plugins, its limits and its errors.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use strum::{IntoStaticStr, VariantNames};

use super::cohort::Cohort;
use super::consistency::ReadConsistency;
use super::demotion::Demotion;
use super::ledger::Ledger;
use crate::bindings::context::Caller;
use crate::telemetry::traces::{Kind, Span, SpanContext};

/// Maximum depth of calls between plugins. A deeper chain is taken for a cycle.
pub(super) const MOST_DEPTH: u32 = 8;

/// Time by which a host call's deadline is earlier than the request's.
const MARGIN: Duration = Duration::from_millis(50);

/// Context of a request besides its HTTP message.
#[derive(Debug, Clone)]
pub struct Call {
    /// Id of the request in logs and replies.
    pub id: String,
    /// Time at which the host ends the request.
    pub deadline: Instant,
    /// Address of the client; `None` for work that no client asked for.
    pub client: Option<IpAddr>,
    /// Header fields of the request to this plugin; none for calls from other plugins.
    pub headers: Arc<HeaderMap>,
    /// Verified identity of the caller, or anonymous.
    pub caller: Caller,
    /// Cohort of the client, which decides on which side of each canary the request is.
    pub cohort: Cohort,
    /// Number of calls between plugins that led to this one.
    pub depth: u32,
    /// Name of the plugin that makes this call; `None` if the host makes it.
    pub calling_plugin: Option<Arc<str>>,
    /// Position in the trace; `None` if there is no trace.
    pub trace: Option<SpanContext>,
    /// Consistency of the request's queries.
    pub reads: ReadConsistency,
    /// Time limit for one call to a store, within the remaining time of the request; `None` for
    /// that alone.
    pub store_timeout: Option<Duration>,
    /// Flag that is set once the request is demoted to low priority.
    pub demotion: Demotion,
    /// Ledger of the request's effects.
    pub ledger: Arc<Ledger>,
}

impl Call {
    /// Returns the context of work that no client asked for, such as a scheduled task.
    #[must_use]
    pub fn internal(id: String, deadline: Instant) -> Self {
        Self {
            id,
            deadline,
            client: None,
            headers: Arc::default(),
            caller: Caller::Anonymous,
            cohort: Cohort::NONE,
            depth: 0,
            calling_plugin: None,
            trace: None,
            reads: ReadConsistency::current(),
            store_timeout: None,
            demotion: Demotion::default(),
            ledger: Arc::default(),
        }
    }

    /// Returns the trace's id for log lines; `None` if there is no trace.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(SpanContext::id)
    }

    /// Opens a span for the work on this call, and makes it the parent of later spans; `None` if
    /// the trace is not sampled.
    pub(crate) fn enter(&mut self, name: impl FnOnce() -> String) -> Option<Span> {
        let trace = self.trace.as_ref()?;
        let span = trace.child(Kind::Internal, || name().into())?;
        self.trace = Some(span.context().clone());
        Some(span)
    }

    /// Returns the deadline of a host call, 50 ms before the request's, so that the plugin can
    /// still answer after a timeout.
    #[must_use]
    pub fn host_deadline(&self) -> Instant {
        self.deadline - MARGIN
    }

    /// Returns the deadline of a call to a store that begins now: the end of `store_timeout` or
    /// [`host_deadline`](Self::host_deadline), whichever is earlier.
    #[must_use]
    pub fn store_deadline(&self) -> Instant {
        let whole = self.host_deadline();
        let own = self
            .store_timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        own.map_or(whole, |own| own.min(whole))
    }

    /// Returns the time until the deadline.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Reason why a plugin gave no answer. The caller turns it into a reply; the messages are for the
/// log.
#[derive(Debug, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum CallError {
    /// Every instance is busy, and the queue is full or its estimated wait too long.
    #[error("every instance is busy, and others wait already")]
    Busy,
    /// No instance became free within `queue_timeout`.
    #[error("no instance was free within the queue_timeout")]
    QueueTimeout,
    /// The deadline of the request passed.
    #[error("the deadline passed")]
    Deadline,
    /// The guest exceeded the processor time of one request.
    #[error("the processor time of one request is used up")]
    CpuTime,
    /// The guest exceeded the number of calls into the host for one request.
    #[error("the calls into the host of one request are used up")]
    HostCalls,
    /// The guest failed after it was refused memory past its limit.
    #[error("the memory limit of an instance was reached: {0:#}")]
    Memory(wasmtime::Error),
    /// The guest trapped.
    #[error("trap: {0:#}")]
    Trap(wasmtime::Error),
    /// An instance cannot be created.
    #[error("no instance could be made: {0:#}")]
    Instantiate(wasmtime::Error),
    /// A plugin that the guest called gave no answer, and the interface has no error case to report
    /// that.
    #[error("{0}")]
    Service(ServiceFailed),
    /// The guest's reply is not a valid HTTP response, or exceeds a limit.
    #[error("invalid reply: {0}")]
    InvalidReply(String),
}

impl CallError {
    /// All values that [`reason`](Self::reason) returns.
    pub const REASONS: &[&str] = Self::VARIANTS;

    /// Returns whether the plugin is at fault, as far as the host can tell.
    pub(crate) fn is_plugins(&self) -> bool {
        match self {
            Self::CpuTime
            | Self::HostCalls
            | Self::Memory(_)
            | Self::Trap(_)
            | Self::Instantiate(_)
            | Self::InvalidReply(_) => true,
            Self::Busy | Self::QueueTimeout | Self::Deadline | Self::Service(_) => false,
        }
    }

    /// Returns a short name of the error for metrics and tests.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.into()
    }
}

/// Trap that ends a guest whose processor time is used up.
#[derive(Debug, thiserror::Error)]
#[error("the processor time of one request is used up")]
pub(super) struct CpuTimeExceeded;

/// Error of a request that makes more host calls than its manifest allows, with that limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} calls into the host for one request")]
pub struct TooManyHostCalls(pub u32);

/// Trap that ends a guest with too many calls into the host, WASI's functions included; holds the
/// limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} calls into the host for one request, those of WASI included")]
pub(super) struct TooManyCrossings(pub(crate) u64);

/// Trap that ends a guest after a call of another plugin that gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{function} of {interface} gave no answer: {reason}")]
pub struct ServiceFailed {
    /// Name of the interface.
    pub interface: String,
    /// Name of the function.
    pub function: String,
    /// Short name of the reason: one of [`CallError::REASONS`], or `denied`.
    pub reason: String,
}
