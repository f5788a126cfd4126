//! How a node starts, and what it says when it cannot.

mod artifacts;
mod binary;
mod descriptors;
mod disk;
mod errors;
mod logs;
mod memory;
mod partly;
mod production;
mod stores;
mod together;
