//! Makes a release ready to serve: its bundle, grants, tables, component and first instance.

pub(super) mod activator;
pub(super) mod adoption;
pub(super) mod load;
pub(super) mod load_error;
pub(super) mod migration;
pub(super) mod production;
pub(super) mod seed;
pub(super) mod source;
