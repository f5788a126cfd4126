//! Reasons for which the host itself answers a request with a status from 400 on.

use http::StatusCode;
use strum::{IntoStaticStr, VariantArray};

/// Reason of a refusal. One status has several reasons: an alert on one of them has to lead to the
/// fault that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RefusalReason {
    /// The request is not HTTP, or ended early.
    Malformed,
    /// No plugin has a route for the path.
    NoRoute,
    /// The plugin of the path should be served and is not.
    PluginMissing,
    /// The method is not supported.
    Method,
    /// The head or the body took too long to arrive.
    TooSlow,
    /// The body is longer than its plugin accepts.
    BodyTooLarge,
    /// The request target is too long.
    TargetTooLong,
    /// The body has a content coding.
    EncodedBody,
    /// The header fields are too large.
    HeadersTooLarge,
    /// A rate limit was exceeded.
    RateLimit,
    /// All instances of the plugin are busy, and its queue is full.
    Overload,
    /// No instance of the plugin became free within `queue_timeout`.
    QueueTimeout,
    /// The plugin failed, by a trap or by exceeding one of its limits.
    PluginFailed,
    /// The plugin exceeded its deadline or its processor time.
    PluginTooSlow,
    /// Another plugin, which the plugin called, did not answer.
    CallFailed,
    /// The control database does not answer, so it is unknown which tokens are revoked.
    TokensUnknown,
    /// The plugin reported that a store or a service that it needs does not answer.
    DependencyUnavailable,
    /// The plugin reported that a store or a service did not answer in time.
    DependencyTimeout,
    /// Any other reason.
    Other,
}

impl RefusalReason {
    /// Returns the value of the metric's label.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the reason of a refusal whose status has only one. 503 has many, so it maps to none
    /// of them.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::Malformed,
            StatusCode::NOT_FOUND => Self::NoRoute,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::REQUEST_TIMEOUT => Self::TooSlow,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::URI_TOO_LONG => Self::TargetTooLong,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::EncodedBody,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimit,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            StatusCode::INTERNAL_SERVER_ERROR => Self::PluginFailed,
            StatusCode::GATEWAY_TIMEOUT => Self::PluginTooSlow,
            _ => Self::Other,
        }
    }

    /// Returns the reason of an error that a plugin reports with a code of the platform.
    #[must_use]
    pub fn of_plugin(status: StatusCode) -> Self {
        match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::DependencyUnavailable,
            StatusCode::GATEWAY_TIMEOUT => Self::DependencyTimeout,
            status => Self::of_status(status),
        }
    }
}
