//! The shop's port.

mod routing;
