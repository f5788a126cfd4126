//! Calls of other plugins, by the interfaces that the component imports.

pub mod catalog;
pub mod customers;
pub mod payments;
