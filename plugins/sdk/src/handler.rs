//! Handling of requests: routes, requests and responses.

pub(crate) mod given;
pub(crate) mod path;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod urlencoded;
