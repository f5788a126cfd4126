//! Handling of requests: routes, requests, responses and failures.

pub(crate) mod failure;
pub(crate) mod header;
pub(crate) mod path;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod urlencoded;
