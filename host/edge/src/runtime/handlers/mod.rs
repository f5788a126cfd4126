//! Handlers through which a request reaches a component.

pub(super) mod answer;
pub(super) mod record;
pub(super) mod reserved;
pub(super) mod wasi_http;
