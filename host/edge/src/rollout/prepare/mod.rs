//! Makes a release ready to serve: its bundle, grants, tables, component and first instance.

pub(super) mod activate_error;
pub(super) mod activator;
pub(super) mod adoption;
mod health;
pub(super) mod load;
pub(super) mod load_error;
pub(super) mod migration;
mod prepared;
pub(super) mod production;
pub(super) mod seed;
pub(super) mod source;
