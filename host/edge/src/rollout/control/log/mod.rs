//! The release log, an append-only table of what each region is to run of each plugin.
//!
//! Entries are never changed. The last entry of a region and a plugin says what the region's nodes
//! are to run.

// Declared first, since the other modules use its macros.
#[macro_use]
mod entry;

mod append;
mod earlier;
pub(super) mod heads;
mod history;
mod kind;
mod latest;
mod previous;

pub use entry::{DesiredCanary, DesiredState, Entry, NewEntry};
pub use history::is_of_entry;
pub use kind::{EntryKind, filled_from, reversal_for};
