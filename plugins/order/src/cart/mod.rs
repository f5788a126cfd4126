//! Carts: what is in them, and where they are kept.

pub mod id;
pub mod item_id;
pub mod shelf;
pub mod store;
pub mod view;

pub use id::{CartId, Handle};
pub use item_id::ItemIds;
pub use shelf::{Cart, Item, Ordered, Refusal, Shelf};
