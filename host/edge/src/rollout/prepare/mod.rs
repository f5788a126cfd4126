//! Makes a release ready to serve: its bundle, grants, tables, component and first instance.

pub(super) mod activator;
pub(super) mod adoption;
pub(super) mod load;
pub(super) mod migration_job;
pub(super) mod migrator;
pub(super) mod production;
pub(super) mod seed;
pub(super) mod source;
pub(super) mod take_over;
