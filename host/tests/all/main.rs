//! The node from the outside: real plugins, real databases, real sockets.
//!
//! One binary for all of it, so that the node is linked once.

mod harness;
mod ingress;
mod servers;
