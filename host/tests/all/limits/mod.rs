//! What a plugin may take, and what it costs others when it takes more.

mod host_calls;
mod instances;
mod misdeeds;
mod neighbours;
mod priority;
