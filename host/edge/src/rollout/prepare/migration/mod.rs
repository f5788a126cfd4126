//! Runs migrations: checks what is pending, runs it in a task of its own, and
//! takes over the runs of nodes that ended.

mod error;
mod job;
mod migrator;
mod recorder;
mod take_over;

pub use error::MigrationError;
pub use migrator::Migrator;
