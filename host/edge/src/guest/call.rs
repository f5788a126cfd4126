//! One request on its way through a plugin: what bounds it, and how it can
//! fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cohort::Cohort;
use super::consistency::ReadConsistency;
use super::demotion::Demotion;
use crate::bindings::context::Caller;
use crate::telemetry::traces::{Kind, Trace, Work};

/// Plugins that may call each other in a row: more is a circle.
pub(super) const MOST_DEPTH: u32 = 8;

/// How much earlier than the work itself a call into the host ends.
const MARGIN: Duration = Duration::from_millis(50);

/// What a request carries besides HTTP.
#[derive(Debug, Clone)]
pub struct Call {
    /// Names the request in logs and replies.
    pub id: String,
    /// When the host ends it.
    pub deadline: Instant,
    /// Address of the client.
    pub client: String,
    /// Who asks, as far as it was verified.
    pub caller: Caller,
    /// Which side of a trial the client meets.
    pub draw: Cohort,
    /// How many plugins have called each other on the way here.
    pub depth: u32,
    /// Name of the plugin that makes this call; none when it began in the host.
    pub calling_plugin: Option<Arc<str>>,
    /// Where in a trace this stands, if there is one.
    pub trace: Option<Trace>,
    /// Where its queries may go.
    pub reads: ReadConsistency,
    /// How long one call to a store may take, where there is more time; as
    /// long as there is time when absent.
    pub store_timeout: Option<Duration>,
    /// Whether others go before it by now.
    pub demotion: Demotion,
}

impl Call {
    /// Work that nobody outside asked for.
    #[must_use]
    pub fn internal(id: String, deadline: Instant) -> Self {
        Self {
            id,
            deadline,
            client: String::new(),
            caller: Caller::Anonymous,
            draw: Cohort::NONE,
            depth: 0,
            calling_plugin: None,
            trace: None,
            reads: ReadConsistency::current(),
            store_timeout: None,
            demotion: Demotion::default(),
        }
    }

    /// The trace's id, for log lines.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(Trace::id)
    }

    /// Begin a span for what is done about this, and let what comes of it
    /// stand below that; none where the trace is not sampled.
    pub(crate) fn enter(&mut self, name: impl FnOnce() -> String) -> Option<Work> {
        let trace = self.trace.as_ref()?;
        let work = trace.begin(Kind::Internal, || name().into())?;
        self.trace = Some(work.trace().clone());
        Some(work)
    }

    /// When a call into the host ends: a little before the work itself, so
    /// that the plugin can still answer for the failure.
    #[must_use]
    pub fn host_deadline(&self) -> Instant {
        self.deadline - MARGIN
    }

    /// When a call to a store ends that begins now.
    #[must_use]
    pub fn store_deadline(&self) -> Instant {
        let whole = self.host_deadline();
        let own = self
            .store_timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        own.map_or(whole, |own| own.min(whole))
    }

    /// Time that is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Why a plugin gave no answer. The caller turns it into a reply; the reasons
/// are for the log.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Every instance is busy, and by the pace of late the queue is too long to
    /// wait in.
    #[error("every instance is busy, and others wait already")]
    Busy,
    /// No instance was free for as long as a request may wait.
    #[error("no instance was free within the queue_timeout")]
    QueueTimeout,
    /// The request's deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// The guest used up its processor time.
    #[error("the processor time of one request is used up")]
    CpuTime,
    /// The guest called into the host too often.
    #[error("the calls into the host of one request are used up")]
    HostCalls,
    /// The guest was refused memory, and gave up.
    #[error("the memory limit of an instance was reached: {0:#}")]
    Memory(wasmtime::Error),
    /// The guest trapped.
    #[error("trap: {0:#}")]
    Trap(wasmtime::Error),
    /// No instance could be made.
    #[error("no instance could be made: {0:#}")]
    Instantiate(wasmtime::Error),
    /// A plugin that the guest called gave no answer, and the interface has no
    /// way to say so.
    #[error("{0}")]
    Service(ServiceFailed),
    /// The guest's reply is no HTTP response, or passes a limit.
    #[error("invalid reply: {0}")]
    InvalidReply(String),
}

impl CallError {
    /// Every short name there is.
    pub const REASONS: [&'static str; 10] = [
        "busy",
        "queue-timeout",
        "deadline",
        "cpu-time",
        "host-calls",
        "memory",
        "trap",
        "instantiate",
        "service",
        "invalid-reply",
    ];

    /// Whether the plugin is to blame, as far as the host can tell.
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

    /// A short name that metrics and tests can match on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::QueueTimeout => "queue-timeout",
            Self::Deadline => "deadline",
            Self::CpuTime => "cpu-time",
            Self::HostCalls => "host-calls",
            Self::Memory(_) => "memory",
            Self::Trap(_) => "trap",
            Self::Instantiate(_) => "instantiate",
            Self::Service(_) => "service",
            Self::InvalidReply(_) => "invalid-reply",
        }
    }
}

/// Raised inside a guest whose processor time is used up.
#[derive(Debug, thiserror::Error)]
#[error("the processor time of one request is used up")]
pub(super) struct CpuTimeExceeded;

/// A guest called into the host too often.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} calls into the host for one request")]
pub struct TooManyHostCalls(pub u32);

/// Raised inside a guest that called into the host too often, WASI's functions
/// included.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} calls into the host for one request, those of WASI included")]
pub(super) struct TooManyCrossings(pub(crate) u64);

/// Raised inside a guest that called a plugin which gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{function} of {interface} gave no answer: {reason}")]
pub struct ServiceFailed {
    /// The interface.
    pub interface: String,
    /// Its function.
    pub function: String,
    /// Why.
    pub reason: String,
}
