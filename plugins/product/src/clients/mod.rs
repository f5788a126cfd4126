//! Calls of other plugins, by the interfaces that the component imports.

pub mod customers;
