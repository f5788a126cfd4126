//! The shop's port: what it takes, what it refuses and how, and how it ends.

mod bodies;
mod bounds;
mod closing;
mod limits;
mod malformed;
mod protocol;
mod routing;
mod smuggling;
mod stop;
mod timeouts;

use crate::harness::{TestNode, fixture};

/// A node with a plugin that answers, and one that shows what it was asked.
async fn node() -> TestNode {
    TestNode::start(&[fixture("hello"), fixture("hostile")], |_| {}).await
}
