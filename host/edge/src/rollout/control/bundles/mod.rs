//! Bundles of all releases in the control database: their records, their content and its garbage
//! collection.

mod blobs;
mod gc;
mod record;
mod store;

pub use gc::Collection;
pub use record::BundleRecord;
