//! What a plugin may take, and what it costs others when it takes more.

mod abuse;
mod composed;
mod host_calls;
mod host_memory;
mod instances;
mod isolation;
mod priority;
