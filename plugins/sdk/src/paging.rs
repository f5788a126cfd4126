//! Lists by pages, and their order.

pub(crate) mod array_page;
mod links;
pub(crate) mod page;
